package exposition

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"github.com/signalbox-ci/signalbox/internal/series"
)

var _ = Describe("A page of histograms with exemplars", func() {
	var store *series.Store
	BeforeEach(func() {
		store = newStore()
		f := add(store, series.FamilyOptions{Name: "build_seconds", Help: "How long.", Type: series.Histogram, Labels: []string{"job"}, Bounds: []float64{60, 600}})
		update(f, series.Observe, 1, "lint")
		observe(f, 90, "unit", series.Label{Name: "trace_id", Value: "4bf92f"}, series.Label{Name: "build_id", Value: "7"})
		observe(f, 1000.5, "unit", series.Label{Name: "trace_id", Value: ""}, series.Label{Name: "build_id", Value: `"8"`})
	})

	It("has the exemplars after their buckets in OpenMetrics", func() {
		page := written(Page{Store: store}, openMetricsFormat)
		Expect(page).To(Equal(`# HELP build_seconds How long.
# TYPE build_seconds histogram
build_seconds_bucket{job="lint",le="60.0"} 1
build_seconds_bucket{job="lint",le="600.0"} 1
build_seconds_bucket{job="lint",le="+Inf"} 1
build_seconds_sum{job="lint"} 1.0
build_seconds_count{job="lint"} 1
build_seconds_bucket{job="unit",le="60.0"} 0
build_seconds_bucket{job="unit",le="600.0"} 1 # {trace_id="4bf92f",build_id="7"} 90.0 1.7000000005e+09
build_seconds_bucket{job="unit",le="+Inf"} 2 # {build_id="\"8\""} 1000.5 1.7000000005e+09
build_seconds_sum{job="unit"} 1090.5
build_seconds_count{job="unit"} 2
# EOF
`))
		Expect(checkStrict(page)).To(Succeed())
	})

	It("has no exemplars in the text format", func() {
		Expect(written(Page{Store: store}, textFormat)).NotTo(ContainSubstring(" # "))
	})

	It("has the exemplars in protobuf, and a +Inf bucket only with an exemplar", func() {
		families := decode(written(Page{Store: store}, protobufFormat))
		Expect(families[0].Metric[0].Histogram.Bucket).To(HaveLen(2))
		buckets := families[0].Metric[1].Histogram.Bucket
		Expect(buckets).To(HaveLen(3))
		Expect(buckets[0].Exemplar).To(BeNil())
		Expect(labelText(buckets[1].Exemplar.Label)).To(Equal(`trace_id="4bf92f",build_id="7"`))
		Expect(buckets[1].Exemplar.GetValue()).To(Equal(90.0))
		Expect(buckets[1].Exemplar.Timestamp.AsTime()).To(BeTemporally("==", epoch))
		Expect(buckets[2].GetCumulativeCount()).To(Equal(uint64(2)))
		Expect(labelText(buckets[2].Exemplar.Label)).To(Equal(`build_id="\"8\""`))
	})

	It("also has the exemplars of a metric to which series were pushed", func() {
		pushed := series.NewOpenStore(func(int64) {})
		pushed.Lock()
		s := pushed.AddFamily("build_seconds", "", series.Histogram).Join(`job="pushed"`, nil, nil, series.Alone)
		s.Fill(&dto.Metric{Histogram: &dto.Histogram{}})
		s.LiveUntil(series.Never)
		pushed.Unlock()
		page := written(Page{Store: store, Pushed: func() *Pushed { return &Pushed{Store: pushed, Clock: store.Clock()} }}, openMetricsFormat)
		Expect(page).To(ContainSubstring(`# {trace_id="4bf92f",build_id="7"} 90.0 1.7000000005e+09`))
		Expect(page).To(ContainSubstring(`build_seconds_count{job="pushed"} 0`))
		Expect(checkStrict(page)).To(Succeed())
	})

	// Changes of exemplars or series while the page is written must not change the
	// length of the message.
	DescribeTable("is a complete protobuf message if, while it is written,",
		func(change func(now *time.Time, store *series.Store, f *series.Family)) {
			const n = 2000
			now := epoch
			store := series.NewStore(series.Options{Clock: series.NewExactClock(func() time.Time { return now })})
			f := add(store, series.FamilyOptions{Name: "h", Type: series.Histogram, Labels: []string{"a"}, Bounds: []float64{1, 2}, IdleTTL: time.Minute})
			for i := range n {
				if i%2 == 0 {
					observe(f, 1, fmt.Sprint(i), series.Label{Name: "id", Value: fmt.Sprint(i)})
				} else {
					update(f, series.Observe, 1, fmt.Sprint(i))
				}
			}
			var b bytes.Buffer
			changed := false
			Expect((&Page{Store: store}).Write(writerFunc(func(p []byte) (int, error) {
				if !changed {
					changed = true
					change(&now, store, f)
				}
				return b.Write(p)
			}), protobufFormat)).To(Succeed())

			families := decode(b.String())
			Expect(families).To(HaveLen(1))
			Expect(families[0].Metric).To(HaveLen(n))
			exemplars := 0
			for _, m := range families[0].Metric {
				Expect(m.Histogram.Bucket).To(HaveLen(2))
				if e := m.Histogram.Bucket[0].Exemplar; e != nil {
					exemplars++
					Expect(e.Label[0].GetValue()).To(Equal(m.Label[0].GetValue()))
				}
			}
			Expect(exemplars).To(Equal(n / 2))
		},
		Entry("exemplars are replaced", func(now *time.Time, _ *series.Store, f *series.Family) {
			*now = now.Add(time.Second)
			for i := range 2000 {
				values := series.Plain(fmt.Sprint(i), strings.Repeat("x", 50))
				values.Order, values.Exemplar = values.Order[:1], &series.ExemplarLabels{Names: []string{"id"}, From: []uint8{1}}
				for _, v := range []float64{1, 2, 3} {
					f.Update(series.Observe, values, "", v, series.Instant(now.UnixNano()))
				}
			}
		}),
		Entry("the series are swept", func(now *time.Time, store *series.Store, _ *series.Family) {
			*now = now.Add(time.Hour)
			store.Sweep(store.Clock().Now(), 0)
		}),
	)
})

var _ = Describe("A page of native histograms", func() {
	newFamily := func(store *series.Store, native bool) {
		f := add(store, series.FamilyOptions{Name: "h", Type: series.Histogram, Labels: []string{"a"}, Bounds: []float64{1, 60}, Native: native, IdleTTL: time.Hour})
		for i := range 1000 {
			observe(f, float64(i*i%1000)/7-1, fmt.Sprint(i%10), series.Label{Name: "id", Value: fmt.Sprint(i)})
		}
	}

	It("equals a page of classic histograms in the text formats", func() {
		classic, native := newStore(), newStore()
		newFamily(classic, false)
		newFamily(native, true)
		for _, format := range []expfmt.Format{textFormat, openMetricsFormat} {
			Expect(written(Page{Store: native, Created: true}, format)).To(Equal(written(Page{Store: classic, Created: true}, format)))
		}
	})

	It("has consistent native and classic buckets in protobuf", func() {
		store := newStore()
		newFamily(store, true)
		families := decode(written(Page{Store: store}, protobufFormat))
		Expect(families[0].Metric).To(HaveLen(10))
		for _, m := range families[0].Metric {
			h := m.Histogram
			Expect(h.GetSchema()).To(Equal(int32(3)))
			Expect(h.GetZeroThreshold()).To(Equal(0x1p-128))
			n := h.GetZeroCount() + observationsIn(h.NegativeSpan, h.NegativeDelta) + observationsIn(h.PositiveSpan, h.PositiveDelta)
			Expect(n).To(Equal(h.GetSampleCount()))
			Expect(h.GetSampleCount()).To(Equal(uint64(100)))
			Expect(h.Bucket[1].GetCumulativeCount()).To(And(BeNumerically(">", 0), BeNumerically("<=", 100)))
			Expect(h.Bucket[1].Exemplar).NotTo(BeNil())
			Expect(h.CreatedTimestamp.AsTime()).To(BeTemporally("==", epoch))
		}
	})

	It("does not show swept histograms, and stops after a write error", func() {
		now := epoch
		store := series.NewStore(series.Options{Clock: series.NewExactClock(func() time.Time { return now })})
		newFamily(store, true)
		f := store.Families()[0]
		for i := range 1000 {
			observe(f, 1, fmt.Sprint("more", i), series.Label{Name: "id", Value: fmt.Sprint(i)})
		}
		w := &brokenWriter{}
		Expect((&Page{Store: store}).Write(w, protobufFormat)).To(MatchError(io.ErrClosedPipe))
		Expect(w.writes).To(Equal(1))
		now = now.Add(time.Hour)
		store.Sweep(store.Clock().Now(), 0)
		Expect(written(Page{Store: store}, protobufFormat)).To(BeEmpty())
	})
})

// observationsIn returns the number of observations in native buckets.
func observationsIn(spans []*dto.BucketSpan, deltas []int64) (n uint64) {
	GinkgoHelper()
	length, count := 0, int64(0)
	for _, s := range spans {
		length += int(s.GetLength())
	}
	Expect(deltas).To(HaveLen(length))
	for _, d := range deltas {
		count += d
		n += uint64(count)
	}
	return n
}
