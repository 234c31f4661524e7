package pushgateway_test

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"google.golang.org/protobuf/proto"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/pushgateway"
	"github.com/signalbox-ci/signalbox/emitter/aggregator"
)

// The expected responses are those of Pushgateway 1.11.3, except for keys that begin
// with "signalbox.".
var _ = Describe("API", func() {
	var (
		f       *fixture
		pushed  = time.Date(2026, 8, 7, 10, 11, 12, 123456789, time.FixedZone("", 7200))
		failed  = pushed.Add(-time.Minute)
		expires = pushed.Add(time.Hour)
	)

	BeforeEach(func() { f = newFixture() })

	// group returns a group with the families of the text. The text must contain the
	// grouping labels.
	group := func(text string, labels ...string) aggregator.Group {
		GinkgoHelper()
		parser := expfmt.NewTextParser(model.LegacyValidation)
		families, err := parser.TextToMetricFamilies(strings.NewReader(text))
		Expect(err).NotTo(HaveOccurred())

		g := aggregator.Group{Labels: labelsOf(labels...), Pushed: pushed}
		for _, family := range families {
			g.Families = append(g.Families, groupFamily(family, pushed.Add(-time.Second)))
		}
		return g
	}

	It("escapes characters that are invisible or change the direction of text", func() {
		const hidden = "\u202e\u2066\u009b\u200b\ufeff"
		f.store.groups = []aggregator.Group{group("# HELP g "+hidden+"\n# TYPE g gauge\ng{x=\""+hidden+"\"} 1\n", "job", hidden)}
		f.options.Flags = map[string]string{"x": hidden}
		for path, n := range map[string]int{"/api/v1/metrics": 5, "/api/v1/status": 1} {
			body := f.do(http.MethodGet, path, nil).Body.String()
			Expect(strings.ContainsAny(body, hidden)).To(BeFalse(), path)
			Expect(strings.Count(body, `\u202e\u2066\u009b\u200b\ufeff`)).To(Equal(n), path)
		}
	})

	It("shows groups like the Pushgateway", func() {
		all := group(`# HELP h Some <help>.
# TYPE h histogram
h_bucket{instance="i",job="j",le="1"} 1
h_bucket{instance="i",job="j",le="+Inf"} 3
h_sum{instance="i",job="j"} 5.5
h_count{instance="i",job="j"} 3
# TYPE s summary
s{instance="i",job="j",quantile="0.5"} 1e9
s_sum{instance="i",job="j"} 2
s_count{instance="i",job="j"} 7
# TYPE g gauge
g{a="b",instance="i",job="j"} NaN
g{a="c",instance="i",job="j"} 1e21
# TYPE c counter
c{instance="i",job="j"} 2.5
u{instance="i",job="j"} 3
`, "instance", "i", "job", "j")
		all.TTL, all.Expires = time.Hour, expires
		failedGroup := group("", "job", "k")
		failedGroup.Pushed, failedGroup.Failed = time.Time{}, failed
		f.store.groups = []aggregator.Group{all, failedGroup}

		w := f.do(http.MethodGet, "/api/v1/metrics", nil)
		Expect(w.Code).To(Equal(http.StatusOK))
		Expect(w.Header()).To(Equal(http.Header{
			"Content-Type":  {"application/json"},
			"Cache-Control": {"no-cache, no-store, must-revalidate"},
		}))
		Expect(w.Body).To(MatchJSON(`{"status": "success", "data": [
			{
				"labels": {"instance": "i", "job": "j"},
				"last_push_successful": true,
				"signalbox.expiry": {"expires": "2026-08-07T09:11:12.123456789Z", "ttl_seconds": 3600},
				"c": {"time_stamp": "2026-08-07T08:11:11.123456789Z", "type": "COUNTER", "metrics": [
					{"labels": {"instance": "i", "job": "j"}, "value": "2.5"}
				]},
				"g": {"time_stamp": "2026-08-07T08:11:11.123456789Z", "type": "GAUGE", "metrics": [
					{"labels": {"a": "b", "instance": "i", "job": "j"}, "value": "NaN"},
					{"labels": {"a": "c", "instance": "i", "job": "j"}, "value": "1e+21"}
				]},
				"h": {"time_stamp": "2026-08-07T08:11:11.123456789Z", "type": "HISTOGRAM", "help": "Some <help>.", "metrics": [
					{"labels": {"instance": "i", "job": "j"}, "buckets": {"+Inf": "3", "1": "1"}, "count": "3", "sum": "5.5"}
				]},
				"s": {"time_stamp": "2026-08-07T08:11:11.123456789Z", "type": "SUMMARY", "metrics": [
					{"labels": {"instance": "i", "job": "j"}, "quantiles": {"0.5": "1e+09"}, "count": "7", "sum": "2"}
				]},
				"u": {"time_stamp": "2026-08-07T08:11:11.123456789Z", "type": "UNTYPED", "metrics": [
					{"labels": {"instance": "i", "job": "j"}, "value": "3"}
				]},
				"push_time_seconds": {"time_stamp": "2026-08-07T08:11:12.123456789Z", "type": "GAUGE",
					"help": "Last Unix time when changing this group in the Pushgateway succeeded.",
					"metrics": [{"labels": {"instance": "i", "job": "j"}, "value": "1.7860902721234567e+09"}]},
				"push_failure_time_seconds": {"time_stamp": "2026-08-07T08:11:12.123456789Z", "type": "GAUGE",
					"help": "Last Unix time when changing this group in the Pushgateway failed.",
					"metrics": [{"labels": {"instance": "i", "job": "j"}, "value": "0"}]}
			},
			{
				"labels": {"job": "k"},
				"last_push_successful": false,
				"signalbox.expiry": {"ttl_seconds": 0},
				"push_time_seconds": {"time_stamp": "2026-08-07T08:10:12.123456789Z", "type": "GAUGE",
					"help": "Last Unix time when changing this group in the Pushgateway succeeded.",
					"metrics": [{"labels": {"instance": "", "job": "k"}, "value": "0"}]},
				"push_failure_time_seconds": {"time_stamp": "2026-08-07T08:10:12.123456789Z", "type": "GAUGE",
					"help": "Last Unix time when changing this group in the Pushgateway failed.",
					"metrics": [{"labels": {"instance": "", "job": "k"}, "value": "1.7860902121234567e+09"}]}
			}
		]}`))
	})

	It("is incomplete if it would be too large, and says so", func() {
		f.options.ListBytes = 2000
		var text strings.Builder
		for i := range 100 {
			fmt.Fprintf(&text, "x{i=\"%d\",job=\"j\"} 1\n", i)
		}
		f.store.groups = []aggregator.Group{group("", "job", "a"), group(text.String()+"z{job=\"j\"} 1\n", "job", "j"), group("", "job", "k")}
		w := f.do(http.MethodGet, "/api/v1/metrics", nil)
		var answer struct {
			Status string
			Data   []struct {
				Labels map[string]string
				X      struct{ Metrics []any }
				Z      any
			}
			Warnings []string
		}
		Expect(json.Unmarshal(w.Body.Bytes(), &answer)).To(Succeed())
		Expect(w.Body.Len()).To(BeNumerically("<", 3000))
		Expect(answer.Status).To(Equal("success"))
		Expect(answer.Warnings).To(ConsistOf("the list is incomplete, because it exceeds the limit of 2000 bytes"))
		Expect(answer.Data).To(HaveLen(2))
		Expect(answer.Data[1].Labels).To(Equal(map[string]string{"job": "j"}))
		Expect(len(answer.Data[1].X.Metrics)).To(And(BeNumerically(">", 0), BeNumerically("<", 50)))
		Expect(answer.Data[1].Z).To(BeNil())
	})

	It("shows an empty list", func() {
		Expect(f.do(http.MethodGet, "/api/v1/metrics", nil).Body).To(MatchJSON(`{"status": "success", "data": []}`))
	})

	It("limits the number of concurrent requests for all groups", func() {
		f.handler = pushgateway.NewHandler(f.options)
		started, done := make(chan struct{}), make(chan struct{})
		f.store.listed = func() { started <- struct{}{}; <-done }
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				defer GinkgoRecover()
				Expect(f.do(http.MethodGet, "/api/v1/metrics", nil).Code).To(Equal(http.StatusOK))
			})
			<-started
		}
		Expect(f.do(http.MethodGet, "/api/v1/metrics", nil).Code).To(Equal(http.StatusServiceUnavailable))
		close(done)
		wg.Wait()
	})

	It("distinguishes metrics from the other keys of a group", func() {
		f.store.groups = []aggregator.Group{group("labels 1\nlast_push_successful 0\npush_time_seconds 1\n", "job", "j")}
		var answer struct {
			Data []map[string]json.RawMessage `json:"data"`
		}
		Expect(json.Unmarshal(f.do(http.MethodGet, "/api/v1/metrics", nil).Body.Bytes(), &answer)).To(Succeed())
		Expect(answer.Data[0]).To(HaveLen(7))
		Expect(answer.Data[0]["labels"]).To(MatchJSON(`{"job": "j"}`))
		Expect(answer.Data[0]["last_push_successful"]).To(MatchJSON(`true`))
		Expect(answer.Data[0]["signalbox.family.labels"]).To(ContainSubstring(`"UNTYPED"`))
		Expect(answer.Data[0]["signalbox.family.last_push_successful"]).To(ContainSubstring(`"UNTYPED"`))
		Expect(answer.Data[0]["push_time_seconds"]).To(ContainSubstring(`"GAUGE"`))
	})

	Describe("histograms", func() {
		// show returns how the API shows the histogram, without its labels.
		show := func(typ dto.MetricType, h *dto.Histogram) map[string]any {
			GinkgoHelper()
			f.store.groups = []aggregator.Group{{
				Labels:   labelsOf("job", "j"),
				Families: []aggregator.GroupFamily{groupFamily(familyOf("h", typ, histogramOf(h)), time.Time{})},
			}}
			var answer struct {
				Data []struct {
					H struct {
						Metrics []map[string]any `json:"metrics"`
					} `json:"h"`
				} `json:"data"`
			}
			Expect(json.Unmarshal(f.do(http.MethodGet, "/api/v1/metrics", nil).Body.Bytes(), &answer)).To(Succeed())
			metric := answer.Data[0].H.Metrics[0]
			delete(metric, "labels")
			return metric
		}

		It("are shown with their native buckets", func() {
			metric := show(dto.MetricType_HISTOGRAM, nativeOf())
			Expect(metric).To(HaveKeyWithValue("count", "9"))
			Expect(metric).To(HaveKeyWithValue("sum", "20.5"))

			// The Pushgateway computes bounds with tables, so the last digit may
			// differ.
			want := [][]any{
				{1.0, -0.8408964152537144, -0.7071067811865475, "1"},
				{1.0, -0.7071067811865475, -0.5946035575013605, "1"},
				{3.0, -0.001, 0.001, "1"},
				{0.0, 1.0, 1.189207115002721, "1"},
				{0.0, 1.189207115002721, 1.414213562373095, "3"},
				{0.0, 2.378414230005442, 2.82842712474619, "2"},
			}
			buckets := metric["buckets"].([]any)
			Expect(buckets).To(HaveLen(len(want)))
			for i, bucket := range buckets {
				bucket := bucket.([]any)
				for _, bound := range []int{1, 2} {
					value, err := strconv.ParseFloat(bucket[bound].(string), 64)
					Expect(err).NotTo(HaveOccurred())
					Expect(value).To(BeNumerically("~", want[i][bound], 1e-15))
					bucket[bound] = want[i][bound]
				}
				Expect(bucket).To(Equal(want[i]))
			}
		})

		It("are shown with native buckets with float counts, up to infinity", func() {
			Expect(show(dto.MetricType_HISTOGRAM, &dto.Histogram{
				SampleCountFloat: proto.Float64(4.5), SampleSum: proto.Float64(2.5),
				Schema: proto.Int32(-4), ZeroThreshold: proto.Float64(0.25), ZeroCountFloat: proto.Float64(0.5),
				PositiveSpan: []*dto.BucketSpan{{Offset: proto.Int32(64), Length: proto.Uint32(2)}}, PositiveCount: []float64{1.5, 2.5},
			})).To(Equal(map[string]any{
				"buckets": []any{
					[]any{3.0, "-0.25", "0.25", "0.5"},
					[]any{0.0, "2.7430620343968443e+303", "1.7976931348623157e+308", "1.5"},
					[]any{0.0, "1.7976931348623157e+308", "+Inf", "2.5"},
				},
				"count": "4.5", "sum": "2.5",
			}))
		})

		It("may have float counts or be gauge histograms", func() {
			Expect(show(dto.MetricType_GAUGE_HISTOGRAM, &dto.Histogram{
				SampleCountFloat: proto.Float64(1.5),
				Bucket:           []*dto.Bucket{{UpperBound: proto.Float64(math.Inf(1)), CumulativeCountFloat: proto.Float64(1.5)}},
			})).To(Equal(map[string]any{"buckets": map[string]any{"+Inf": "1.5"}, "count": "1.5", "sum": "0"}))
		})
	})

	It("shows the status", func() {
		f.options.Flags = map[string]string{"web.enable-admin-api": "true"}
		f.options.BuildInfo = map[string]string{"version": "1"}
		f.options.StartTime = pushed
		w := f.do(http.MethodGet, "/api/v1/status", nil)
		Expect(w.Code).To(Equal(http.StatusOK))
		Expect(w.Body).To(MatchJSON(`{"status": "success", "data": {
			"build_information": {"version": "1"},
			"flags": {"web.enable-admin-api": "true"},
			"start_time": "2026-08-07T10:11:12.123456789+02:00"
		}}`))
	})

	It("allows no other website to read or wipe", func() {
		f.options.Admin = true
		for _, path := range []string{"/api/v1/metrics", "/api/v1/status", "/api/v1/admin/wipe"} {
			w := f.do(http.MethodOptions, path, nil)
			Expect(w.Code).To(Equal(http.StatusOK))
			Expect(w.Header()).NotTo(HaveKey("Access-Control-Allow-Origin"))
		}
	})

	It("shows nothing while it is hidden, but accepts pushes", func() {
		why := "because"
		f.options.Hidden = func() string { return why }
		f.options.Page = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
		paths := []string{"/metrics", "/api/v1/metrics", "/api/v1/status"}
		for _, path := range paths {
			w := f.do(http.MethodGet, path, nil)
			Expect(w.Code).To(Equal(http.StatusForbidden))
			Expect(w.Body.String()).To(Equal("because\n"))
		}
		Expect(f.do(http.MethodPut, "/metrics/job/j", strings.NewReader("x 1\n")).Code).To(Equal(http.StatusOK))
		why = ""
		for _, path := range paths {
			Expect(f.do(http.MethodGet, path, nil).Code).To(Equal(http.StatusOK))
		}
	})
})
