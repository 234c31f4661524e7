package exposition

import (
	"bytes"
	"net/http"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"google.golang.org/protobuf/proto"

	"github.com/signalbox-ci/signalbox/internal/pagetest"
	"github.com/signalbox-ci/signalbox/internal/series"
)

var _ = Describe("A page with UTF-8 names", func() {
	var p *pusher
	negotiated := func(accept string) expfmt.Format {
		return expfmt.NegotiateAccept(http.Header{"Accept": {accept}}, expfmt.DefaultOpenMetricsAcceptedFormats()...)
	}
	page := func(accept string) (string, error) {
		GinkgoHelper()
		var b bytes.Buffer
		format := negotiated(accept)
		err := p.page(newStore()).Write(&b, format)
		Expect(pagetest.Check(b.Bytes(), string(format))).To(Succeed(), "%s:\n%s", format, b.String())
		return b.String(), err
	}

	BeforeEach(func() {
		p = newPusher()
		p.join("ci.jobs_total", "Jobs.", series.Counter, "instance", "", "team.name", `a"\`).Set(3)
		p.join("größe", "", series.Untyped).Set(1)
		p.join("h.x", "", series.Histogram, "a:b", "1").Fill(&dto.Metric{Histogram: &dto.Histogram{
			SampleCount: proto.Uint64(1), SampleSum: proto.Float64(1), Bucket: []*dto.Bucket{{UpperBound: proto.Float64(1), CumulativeCount: proto.Uint64(1)}}}})
		p.join("s.x", "", series.Summary).Fill(&dto.Metric{Summary: &dto.Summary{
			SampleCount: proto.Uint64(1), SampleSum: proto.Float64(1), Quantile: []*dto.Quantile{{Quantile: proto.Float64(.5), Value: proto.Float64(1)}}}})
		p.join(`q"uo\te`, "", series.Gauge, "line\nfeed", "1").Set(1)
	})

	It("is valid in all formats", func() {
		for _, accept := range pagetest.Formats {
			_, err := page(accept)
			Expect(err).NotTo(HaveOccurred(), accept)
		}
	})

	It("has quoted names if the scraper supports them", func() {
		text, _ := page("text/plain;version=1.0.0;escaping=allow-utf-8")
		Expect(text).To(And(
			ContainSubstring("# HELP \"ci.jobs_total\" Jobs.\n# TYPE \"ci.jobs_total\" counter\n{\"ci.jobs_total\",instance=\"\",\"team.name\"=\"a\\\"\\\\\"} 3\n"),
			ContainSubstring("# TYPE \"größe\" untyped\n{\"größe\"} 1\n"),
			ContainSubstring("{\"h.x_bucket\",\"a:b\"=\"1\",le=\"+Inf\"} 1\n{\"h.x_sum\",\"a:b\"=\"1\"} 1\n"),
			ContainSubstring("{\"s.x\",quantile=\"0.5\"} 1\n{\"s.x_sum\"} 1\n"),
			ContainSubstring("{\"q\\\"uo\\\\te\",\"line\\nfeed\"=\"1\"} 1\n"),
		))
		text, _ = page("application/openmetrics-text;version=1.0.0;escaping=allow-utf-8")
		Expect(text).To(ContainSubstring("# TYPE \"ci.jobs\" counter\n{\"ci.jobs_total\",instance=\"\",\"team.name\"="))
	})

	It("has escaped names if it does not", func() {
		text, _ := page("text/plain;version=0.0.4")
		Expect(text).To(And(
			ContainSubstring("# TYPE ci_jobs_total counter\nci_jobs_total{instance=\"\",team_name=\"a\\\"\\\\\"} 3\n"),
			ContainSubstring("gr__e 1\n"),
			ContainSubstring("h_x_bucket{a_b=\"1\",le=\"+Inf\"} 1\n"),
		))
		text, _ = page("text/plain;version=1.0.0;escaping=values")
		Expect(text).To(ContainSubstring("U__ci_2e_jobs__total{U__team_2e_name="))
		text, _ = page("application/openmetrics-text;version=1.0.0")
		Expect(text).To(ContainSubstring("# TYPE ci_jobs counter\nci_jobs_total{"))
	})

	It("omits what is the same as something else once it is escaped", func() {
		p.join("ci_jobs_total", "", series.Gauge).Set(1)             // a family with the same name
		p.join("h_x_count", "", series.Gauge).Set(1)                 // a sample of another family
		p.join("x", "", series.Gauge, "a.b", "1").Set(1)             // a series with the same labels
		p.join("x", "", series.Gauge, "a-b", "1").Set(2)             //
		p.join("x", "", series.Gauge, "a-b", "2", "a.b", "2").Set(3) // two labels with the same name
		for _, accept := range pagetest.Formats {
			text, err := page(accept)
			if negotiated(accept).ToEscapingScheme() == negotiated("text/plain;version=0.0.4").ToEscapingScheme() {
				Expect(err).To(MatchError(And(ContainSubstring(`"ci.jobs_total" is omitted`), ContainSubstring("h_x"), ContainSubstring("2 series of pushed metric"))), text)
			} else {
				Expect(err).NotTo(HaveOccurred(), accept)
			}
		}
	})
})
