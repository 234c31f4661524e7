package emitter_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"code.cloudfoundry.org/lager/v3"
	"code.cloudfoundry.org/lager/v3/lagertest"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"github.com/signalbox-ci/signalbox/emitter"
	"github.com/signalbox-ci/signalbox/metric"
)

// linesOf returns the lines of the emitter's own page that start with the prefix.
func linesOf(p *emitter.Prometheus, format expfmt.FormatType, prefix string) (lines []string) {
	GinkgoHelper()
	var b bytes.Buffer
	Expect(emitter.WritePage(p, &b, expfmt.NewFormat(format))).To(Succeed())
	for line := range strings.Lines(b.String()) {
		if strings.HasPrefix(line, prefix) {
			lines = append(lines, strings.TrimSuffix(line, "\n"))
		}
	}
	return lines
}

// protobufOf returns a family of the emitter's page in protobuf format.
func protobufOf(p *emitter.Prometheus, name string) *dto.MetricFamily {
	GinkgoHelper()
	var b bytes.Buffer
	format := expfmt.NewFormat(expfmt.TypeProtoDelim)
	Expect(emitter.WritePage(p, &b, format)).To(Succeed())
	for decoder := expfmt.NewDecoder(&b, format); ; {
		var mf dto.MetricFamily
		Expect(decoder.Decode(&mf)).To(Succeed(), "looking for %s", name)
		if mf.GetName() == name {
			return &mf
		}
	}
}

func buildFinished(more attributes) metric.Event {
	a := attributes{"build_status": "failed", "team_name": "main", "pipeline": "p", "job": "unit"}
	for name, value := range more {
		a[name] = value
	}
	return event("build finished", 90_000, a)
}

const (
	buildDuration      = "concourse_builds_duration_seconds"
	bucketOf90Seconds  = buildDuration + `_bucket{job="unit",pipeline="p",team="main",le="180.0"}`
	exemplarOfTheTrace = ` # {trace_id="4bf92f",build_id="7"} 90.0 1.7e+09`
	exemplarOfTheBuild = ` # {build_id="7"} 90.0 1.7e+09`
)

var _ = Describe("Exemplars of builds", func() {
	var (
		now    time.Time
		p      *emitter.Prometheus
		logger *lagertest.TestLogger
	)
	BeforeEach(func() {
		now = time.UnixMilli(1_700_000_000_000)
		logger = lagertest.NewTestLogger("emitter")
		p = start(&emitter.PrometheusConfig{GCInterval: time.Hour, Clock: func() time.Time { return now }}, nil)
	})

	DescribeTable("identify the build in the bucket of its duration",
		func(more attributes, exemplar string) {
			p.Emit(logger, buildFinished(more))
			Expect(linesOf(p, expfmt.TypeOpenMetrics, bucketOf90Seconds)).To(ConsistOf(bucketOf90Seconds + " 1" + exemplar))
			Expect(linesOf(p, expfmt.TypeTextPlain, buildDuration)).NotTo(ContainElement(ContainSubstring("build_id")))
			Expect(logger.Logs()).To(BeEmpty())
		},
		Entry("with its trace", attributes{"build_id": "7", "trace_id": "4bf92f"}, exemplarOfTheTrace),
		Entry("without a trace", attributes{"build_id": "7"}, exemplarOfTheBuild),
		Entry("with an empty trace", attributes{"build_id": "7", "trace_id": ""}, exemplarOfTheBuild),
		Entry("but not if the event has neither a build ID nor a trace", nil, ""),
		Entry("but not with labels that are too long", attributes{"build_id": "7", "trace_id": strings.Repeat("f", 120)}, ""),
		Entry("but not with a label that is not UTF-8", attributes{"build_id": "\xff"}, ""),
	)

	DescribeTable("are also created by prepared events",
		func(names, values []string, exemplar string) {
			p.Prepare(metric.EventType{Name: "build finished", Attributes: names}).EmitValues(logger, 90_000, values)
			Expect(linesOf(p, expfmt.TypeOpenMetrics, bucketOf90Seconds)).To(ConsistOf(bucketOf90Seconds + " 1" + exemplar))
		},
		Entry("with all attributes, in another order",
			[]string{"build_id", "job", "team_name", "trace_id", "pipeline", "build_status"},
			[]string{"7", "unit", "main", "4bf92f", "p", "failed"}, exemplarOfTheTrace),
		Entry("without a trace",
			[]string{"build_id", "job", "team_name", "pipeline", "build_status"},
			[]string{"7", "unit", "main", "p", "failed"}, exemplarOfTheBuild),
	)

	It("are replaced by the next event once they are a second old", func() {
		p.Emit(logger, buildFinished(attributes{"build_id": "7"}))
		now = now.Add(999 * time.Millisecond)
		p.Emit(logger, buildFinished(attributes{"build_id": "8"}))
		Expect(linesOf(p, expfmt.TypeOpenMetrics, bucketOf90Seconds)).To(ConsistOf(HaveSuffix(exemplarOfTheBuild)))
		now = now.Add(time.Millisecond)
		p.Emit(logger, buildFinished(attributes{"build_id": "9"}))
		Expect(linesOf(p, expfmt.TypeOpenMetrics, bucketOf90Seconds)).To(ConsistOf(HaveSuffix(`{build_id="9"} 90.0 1.700000001e+09`)))
	})

	It("reach scrapers of protobuf, and registries that collect the emitter", func() {
		p.Emit(logger, buildFinished(attributes{"build_id": "7"}))
		registry := prometheus.NewRegistry()
		registry.MustRegister(p)
		for name, gather := range map[string]func() *dto.MetricFamily{
			"protobuf": func() *dto.MetricFamily { return protobufOf(p, buildDuration) },
			"registry": func() *dto.MetricFamily { return gathered(registry, buildDuration) },
			"gatherer": func() *dto.MetricFamily { return gathered(p, buildDuration) },
		} {
			buckets := gather().Metric[0].Histogram.Bucket
			Expect(buckets).To(HaveLen(13), name)
			for _, b := range buckets {
				if b.GetUpperBound() != 180 {
					Expect(b.Exemplar).To(BeNil(), name)
					continue
				}
				Expect(b.Exemplar.GetValue()).To(Equal(90.0), name)
				Expect(b.Exemplar.Timestamp.AsTime()).To(BeTemporally("==", now), name)
				Expect(b.Exemplar.Label).To(HaveLen(1), name)
				Expect(b.Exemplar.Label[0].GetName()+"="+b.Exemplar.Label[0].GetValue()).To(Equal("build_id=7"), name)
			}
		}
	})
})

func gathered(from prometheus.Gatherer, name string) *dto.MetricFamily {
	GinkgoHelper()
	families, err := from.Gather()
	Expect(err).NotTo(HaveOccurred())
	for _, f := range families {
		if f.GetName() == name {
			return f
		}
	}
	Fail("there is no family " + name)
	return nil
}

var _ = Describe("Native histograms", func() {
	for _, on := range []bool{false, true} {
		It(map[bool]string{false: "are disabled by default", true: "are added to the classic buckets if enabled"}[on], func() {
			p := start(&emitter.PrometheusConfig{GCInterval: time.Hour, NativeHistograms: on}, nil)
			p.Emit(lager.NewLogger("test"), buildFinished(attributes{"build_id": "7"}))
			p.Emit(lager.NewLogger("test"), event("gc: volume collector duration (ms)", 0, nil))

			h := protobufOf(p, buildDuration).Metric[0].Histogram
			Expect(h.GetSampleCount()).To(Equal(uint64(1)))
			Expect(h.Bucket).To(HaveLen(13))
			Expect(h.Bucket[2].GetCumulativeCount()).To(Equal(uint64(1)))
			unlabeled := protobufOf(p, "concourse_gc_gc_volume_collector_duration").Metric[0].Histogram
			Expect(unlabeled.GetSampleCount()).To(Equal(uint64(1)))
			if !on {
				Expect(h.Schema).To(BeNil())
				Expect(unlabeled.Schema).To(BeNil())
				return
			}
			// 90 is more than 64·2^(3/8), and at most 64·2^(4/8).
			Expect(h.GetSchema()).To(Equal(int32(3)))
			Expect(h.GetZeroCount()).To(BeZero())
			Expect(h.PositiveSpan).To(HaveLen(1))
			Expect(h.PositiveSpan[0].GetOffset()).To(Equal(int32(6*8 + 4)))
			Expect(h.PositiveDelta).To(Equal([]int64{1}))
			Expect(unlabeled.GetZeroCount()).To(Equal(uint64(1)))
			Expect(protobufOf(p, "signalbox_scrape_duration_seconds").Metric[0].Histogram.Schema).To(BeNil())
			Expect(samplesOf(p)).To(HaveKeyWithValue(buildDuration+`_bucket{job="unit",pipeline="p",team="main",le="180"}`, "1"))
		})
	}
})

// The clock does not advance, so that no exemplar is old enough to be replaced.
func TestEmitDoesNotAllocateUnlessItReplacesAnExemplar(t *testing.T) {
	now := time.Now()
	config := &emitter.PrometheusConfig{BindIP: "127.0.0.1", BindPort: "0", NativeHistograms: true, Clock: func() time.Time { return now }}
	p := startFor(t, config, nil)
	logger := lager.NewLogger("test")
	finished := buildFinished(attributes{"build_id": "7", "trace_id": "4bf92f"})
	p.Emit(logger, finished)
	if n := testing.AllocsPerRun(100, func() { p.Emit(logger, finished) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
