package exposition

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/signalbox-ci/signalbox/internal/series"
)

// A pusher adds pushed series to a store, which uses the pusher's clock.
type pusher struct {
	now   time.Time
	store *series.OpenStore
	clock *series.Clock
}

func newPusher() *pusher {
	p := &pusher{now: epoch, store: series.NewOpenStore(func(int64) {})}
	p.clock = series.NewExactClock(func() time.Time { return p.now })
	return p
}

// join adds a series that expires after a minute, and its family if necessary. labels
// are names and values, alternating, sorted by name.
func (p *pusher) join(name, help string, typ series.Type, labels ...string) *series.OpenSeries {
	var ls []series.Label
	for i := 0; i < len(labels); i += 2 {
		ls = append(ls, series.Label{Name: labels[i], Value: labels[i+1]})
	}
	p.store.Lock()
	defer p.store.Unlock()
	f := p.store.Family(name)
	if f == nil {
		f = p.store.AddFamily(name, help, typ)
	}
	s := f.Join(series.LabelText(ls), p, nil, series.Alone)
	s.LiveUntil(series.Instant(p.now.Add(time.Minute).UnixNano()))
	return s
}

func (p *pusher) set(v float64, name string, typ series.Type, labels ...string) {
	p.join(name, "", typ, labels...).Set(v)
}

func (p *pusher) fill(m *dto.Metric, name string, typ series.Type, labels ...string) {
	p.join(name, "", typ, labels...).Fill(m)
}

func (p *pusher) page(own *series.Store) *Page {
	return &Page{Store: own, Pushed: func() *Pushed { return &Pushed{Store: p.store, Clock: p.clock} }, Created: true}
}

func (p *pusher) instant() series.Instant { return series.Instant(p.now.UnixNano()) }

// gathered returns the pushed families in client_golang's data model.
func (p *pusher) gathered() (families []*dto.MetricFamily) {
	for _, f := range p.store.Families() {
		if mf := f.Gather(p.instant()); len(mf.Metric) > 0 {
			families = append(families, mf)
		}
	}
	return families
}

// encoded returns the families as client_golang's encoder writes them.
func encoded(families []*dto.MetricFamily, as expfmt.Format) string {
	GinkgoHelper()
	var b bytes.Buffer
	encoder := expfmt.NewEncoder(&b, as, expfmt.WithCreatedLines())
	for _, f := range families {
		Expect(encoder.Encode(f)).To(Succeed(), "%s", f)
	}
	Expect(encoder.(expfmt.Closer).Close()).To(Succeed())
	return b.String()
}

// pageOf returns the page, and the error of writing it.
func pageOf(page *Page, as expfmt.Format) (string, error) {
	var b bytes.Buffer
	err := page.Write(&b, as)
	return b.String(), err
}

// A generator generates random metrics. If valid is true, all of them are valid in
// OpenMetrics with their types.
type generator struct {
	*rand.Rand
	valid bool
}

var edgeNumbers = []float64{
	0, 1, -1, math.Copysign(0, -1), math.NaN(), math.Inf(1), math.Inf(-1), .1, -2.5, 999_999, 1e6, 1_234_567, 1e15,
	1 << 53, 1e21, 1e-7, 5e-324, math.MaxFloat64, 123456.789,
}

func (r *generator) number() float64 {
	v := edgeNumbers[r.IntN(len(edgeNumbers))]
	if r.valid && !(v >= 0) {
		return 1.5
	}
	return v
}

func (r *generator) oneIn(n int) bool { return r.IntN(n) == 0 }

func (r *generator) time() *timestamppb.Timestamp {
	if r.oneIn(2) {
		return nil
	}
	return timestamppb.New(epoch.Add(time.Duration(r.IntN(1e9)) * 1001))
}

func (r *generator) exemplar() *dto.Exemplar {
	if r.oneIn(2) {
		return nil
	}
	e := &dto.Exemplar{Value: proto.Float64(r.number()), Timestamp: r.time()}
	lengths := []int{0, 1, 16, 60, 119}
	if !r.valid {
		lengths = append(lengths, 200)
	}
	for range r.IntN(2) {
		e.Label = append(e.Label, labelPair("trace_id", strings.Repeat("ü", lengths[r.IntN(len(lengths))])))
	}
	if !r.valid && r.oneIn(5) {
		e.Label = append(e.Label, labelPair("trace_id", "again"), labelPair("not legacy", "\xff"))
	}
	if !r.valid && r.oneIn(5) {
		e.Timestamp = &timestamppb.Timestamp{Nanos: -5}
	}
	return e
}

func labelPair(name, value string) *dto.LabelPair {
	return &dto.LabelPair{Name: proto.String(name), Value: proto.String(value)}
}

func (r *generator) counter() *dto.Metric {
	return &dto.Metric{Counter: &dto.Counter{Value: proto.Float64(r.number()), Exemplar: r.exemplar(), CreatedTimestamp: r.time()}}
}

func (r *generator) summary() *dto.Metric {
	s := &dto.Summary{SampleCount: proto.Uint64(r.Uint64N(1 << 40)), SampleSum: proto.Float64(r.number()), CreatedTimestamp: r.time()}
	for _, q := range []float64{0, .5, .99, 1} {
		if !r.oneIn(4) {
			s.Quantile = append(s.Quantile, &dto.Quantile{Quantile: proto.Float64(q), Value: proto.Float64(r.number())})
		}
	}
	if !r.valid && r.oneIn(4) {
		s.Quantile = append(s.Quantile, &dto.Quantile{Quantile: proto.Float64(edgeNumbers[r.IntN(len(edgeNumbers))]), Value: proto.Float64(1)}, &dto.Quantile{Quantile: proto.Float64(.5)})
	}
	s.Quantile = distinct(s.Quantile, (*dto.Quantile).GetQuantile)
	return &dto.Metric{Summary: s}
}

// distinct removes the elements with a number that is NaN or that of an earlier
// element: pushes that contain them are rejected.
func distinct[T any](list []T, number func(T) float64) []T {
	seen := map[float64]bool{}
	return slices.DeleteFunc(list, func(x T) bool {
		n := number(x)
		remove := seen[n] || math.IsNaN(n)
		seen[n] = true
		return remove
	})
}

func (r *generator) histogram() *dto.Metric {
	h := &dto.Histogram{SampleSum: proto.Float64(r.number()), CreatedTimestamp: r.time()}
	floats := !r.valid && r.oneIn(3)
	n, last := uint64(0), 0.0
	if !r.oneIn(4) { // otherwise there are no classic buckets
		for _, bound := range []float64{0, .005, 1, 60, 1e6, math.Inf(1)} {
			if r.oneIn(5) {
				continue
			}
			n += r.Uint64N(3_000_000) * r.Uint64N(2)
			b := &dto.Bucket{UpperBound: proto.Float64(bound), Exemplar: r.exemplar()}
			if floats {
				b.CumulativeCountFloat = proto.Float64(float64(n) / 3)
			} else {
				b.CumulativeCount = proto.Uint64(n)
			}
			last = bound
			h.Bucket = append(h.Bucket, b)
		}
		if !r.valid && r.oneIn(4) {
			h.Bucket = append(h.Bucket, &dto.Bucket{UpperBound: proto.Float64(r.number()), CumulativeCount: proto.Uint64(1)},
				&dto.Bucket{UpperBound: proto.Float64(1), CumulativeCount: proto.Uint64(2)})
		}
	}
	h.Bucket = distinct(h.Bucket, (*dto.Bucket).GetUpperBound)
	if !math.IsInf(last, 1) || !r.valid {
		n += r.Uint64N(10)
	}
	if floats {
		h.SampleCountFloat = proto.Float64(float64(n) / 3)
	} else {
		h.SampleCount = proto.Uint64(n)
	}
	if r.oneIn(2) { // native buckets, too
		h.Schema, h.ZeroThreshold, h.ZeroCount = proto.Int32(3), proto.Float64(1e-128), proto.Uint64(2)
		h.PositiveSpan = []*dto.BucketSpan{{Offset: proto.Int32(-4), Length: proto.Uint32(2)}}
		h.PositiveDelta = []int64{5, -3}
		h.Exemplars = []*dto.Exemplar{{Label: []*dto.LabelPair{labelPair("trace_id", "x")}, Value: proto.Float64(2)}}
	}
	return &dto.Metric{Histogram: h}
}

var edgeTexts = []string{"", "plain", `b\s "q"` + "\n", "ü€", "} # {", "a,b=\"c\"", strings.Repeat("long ", 300)}

func (r *generator) text() string { return edgeTexts[r.IntN(len(edgeTexts))] }

// push adds a random number of series of a family.
func (r *generator) push(p *pusher, name string, typ series.Type) {
	help := r.text()
	for i := range r.IntN(5) {
		labels := []string{"instance", r.text(), "job", fmt.Sprint(i)}[2*r.IntN(2):]
		s := p.join(name, help, typ, labels...)
		switch typ {
		case series.Counter:
			if s.Set(r.number()); r.oneIn(2) {
				s.Fill(r.counter())
			}
		case series.Gauge, series.Untyped:
			s.Set(edgeNumbers[r.IntN(len(edgeNumbers))])
		case series.Summary:
			s.Fill(r.summary())
		default:
			s.Fill(r.histogram())
		}
	}
}

var everyType = []series.Type{series.Counter, series.Gauge, series.Histogram, series.Untyped, series.Summary, series.GaugeHistogram}

var _ = Describe("A page of pushed metrics", func() {
	const rounds = 100
	var (
		own *series.Store
		p   *pusher
	)
	BeforeEach(func() { own, p = newStore(), newPusher() })

	// generate calls check for each of many generated sets of families.
	generate := func(valid bool, types []series.Type, check func()) {
		GinkgoHelper()
		for round := range rounds {
			By(fmt.Sprint("round ", round))
			p = newPusher()
			r := &generator{rand.New(rand.NewPCG(1, uint64(round))), valid}
			for i, typ := range types {
				name := fmt.Sprintf("m%d_%s", i, typ)
				if typ == series.Counter {
					name += "_total"
				}
				r.push(p, name, typ)
			}
			check()
		}
	}

	It("equals client_golang's output in the text format", func() {
		generate(false, everyType, func() {
			Expect(unsigned(written(*p.page(own), textFormat))).To(Equal(encoded(p.gathered(), textFormat)))
		})
	})

	It("equals client_golang's output in OpenMetrics if that is valid", func() {
		types := slices.DeleteFunc(slices.Clone(everyType), func(typ series.Type) bool { return typ == series.GaugeHistogram })
		generate(true, types, func() {
			page := written(*p.page(own), openMetricsFormat)
			Expect(unsigned(page)).To(Equal(encoded(p.gathered(), openMetricsFormat)))
			Expect(checkStrict(page)).To(Succeed())
		})
	})

	It("decodes to the pushed metrics in protobuf", func() {
		generate(false, everyType, func() {
			want := p.gathered()
			got := decode(written(*p.page(own), protobufFormat))
			Expect(got).To(HaveLen(len(want)))
			for i := range want {
				Expect(proto.Equal(got[i], want[i])).To(BeTrue(), "got  %v\nwant %v", got[i], want[i])
			}
		})
	})

	It("also supports the protobuf text formats", func() {
		r := &generator{rand.New(rand.NewPCG(1, 1)), false}
		r.push(p, "h", series.Histogram)
		unspaced := func(s string) string { return strings.ReplaceAll(s, " ", "") }
		for _, t := range []expfmt.FormatType{expfmt.TypeProtoText, expfmt.TypeProtoCompact} {
			Expect(unspaced(written(*p.page(own), expfmt.NewFormat(t)))).To(Equal(unspaced(encoded(p.gathered(), expfmt.NewFormat(t)))))
		}
	})

	It("is valid OpenMetrics for any pushed content and names", func() {
		bases := []string{"foo", "bar", "foo_count"}
		suffixes := []string{"", "", "_total", "_created", "_bucket", "_sum", "_count", "_gsum", "_total_total", "_created_total"}
		others := prometheus.NewRegistry()
		others.MustRegister(prometheus.NewCounter(prometheus.CounterOpts{Name: "bar_total"}))
		others.MustRegister(prometheus.NewHistogram(prometheus.HistogramOpts{Name: "bar_sum"}))
		update(add(own, series.FamilyOptions{Name: "foo_total", Type: series.Counter}), series.Add, 1)
		update(add(own, series.FamilyOptions{Name: "own_seconds", Type: series.Histogram, Bounds: []float64{1}}), series.Observe, 1)
		for round := range 5 * rounds {
			p = newPusher()
			r := &generator{rand.New(rand.NewPCG(2, uint64(round))), round%2 == 0}
			names := map[string]bool{}
			for range 8 {
				name := bases[r.IntN(len(bases))] + suffixes[r.IntN(len(suffixes))]
				if r.oneIn(8) {
					name = "own_seconds"
				}
				if !names[name] {
					names[name] = true
					r.push(p, name, everyType[r.IntN(len(everyType))])
				}
			}
			page := p.page(own)
			page.Others = others
			got, _ := pageOf(page, openMetricsFormat)
			Expect(checkStrict(got)).To(Succeed(), "round %d:\n%s", round, got)
		}
	})

	It("has no HELP line for an empty help text", func() {
		p.join("g", "", series.Gauge, "a", "b").Set(1)
		p.join("h", "Help.", series.Gauge).Set(2)
		Expect(written(*p.page(own), textFormat)).To(Equal("# TYPE g gauge\ng{a=\"b\"} 1\n# HELP h Help.\n# TYPE h gauge\nh 2\n"))
		Expect(written(*p.page(own), openMetricsFormat)).To(HavePrefix("# TYPE g gauge\ng{a=\"b\"} 1.0\n"))
		Expect(decode(written(*p.page(own), protobufFormat))[0].Help).To(BeNil())
	})

	It("omits series from the instant of their deadline", func() {
		for i, typ := range everyType {
			(&generator{rand.New(rand.NewPCG(3, 3)), true}).push(p, fmt.Sprint("m", i), typ)
		}
		p.now = p.now.Add(time.Minute - 1)
		Expect(p.gathered()).NotTo(BeEmpty())
		Expect(written(*p.page(own), textFormat)).To(Equal(encoded(p.gathered(), textFormat)))
		p.now = p.now.Add(1)
		for format, empty := range map[expfmt.Format]string{textFormat: "", openMetricsFormat: "# EOF\n", protobufFormat: "", expfmt.NewFormat(expfmt.TypeProtoText): ""} {
			Expect(written(*p.page(own), format)).To(Equal(empty))
		}
	})

	It("omits histograms and summaries without content", func() {
		p.join("h", "", series.Histogram)
		p.join("s", "", series.Summary)
		for format, empty := range map[expfmt.Format]string{textFormat: "", openMetricsFormat: "# EOF\n", protobufFormat: ""} {
			Expect(written(*p.page(own), format)).To(Equal(empty))
		}
	})

	It("is empty if nothing was pushed", func() {
		Expect(written(Page{Store: own, Pushed: func() *Pushed { return nil }}, textFormat)).To(BeEmpty())
	})

	It("does not allocate memory for each series", func() {
		for i := range 2000 {
			p.set(float64(i), "g", series.Gauge, "a", fmt.Sprint(i))
			p.set(float64(i), "c_total", series.Counter, "a", fmt.Sprint(i))
			p.fill((&generator{rand.New(rand.NewPCG(4, uint64(i))), true}).histogram(), "h", series.Histogram, "a", fmt.Sprint(i))
		}
		for _, format := range []expfmt.Format{textFormat, protobufFormat} {
			page := p.page(own)
			page.Write(&bytes.Buffer{}, format)
			discard := writerFunc(func(b []byte) (int, error) { return len(b), nil })
			Expect(allocationsOf(func() { page.Write(discard, format) })).To(BeNumerically("<", 100), "%s", format)
		}
	})

	It("stops writing after a write error", func() {
		for i := range 20_000 {
			p.set(1, "g", series.Gauge, "a", fmt.Sprint(i))
		}
		for _, format := range []expfmt.Format{textFormat, openMetricsFormat, protobufFormat} {
			w := &brokenWriter{}
			Expect(p.page(own).Write(w, format)).To(MatchError(io.ErrClosedPipe))
			Expect(w.writes).To(Equal(1))
		}
	})

	Describe("in addition to other families", func() {
		var others *prometheus.Registry
		var page *Page
		BeforeEach(func() {
			others = prometheus.NewRegistry()
			update(add(own, series.FamilyOptions{Name: "own", Help: "The own.", Type: series.Gauge, Labels: []string{"a"}}), series.Set, 1, "x")
			other := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "other", Help: "The other."}, []string{"a"})
			other.WithLabelValues("x").Set(2)
			others.MustRegister(other)
			page = p.page(own)
			page.Others = others
		})

		It("is sorted by name", func() {
			for _, name := range []string{"a", "oz", "p", "othes"} {
				p.set(3, name, series.Untyped)
			}
			Expect(written(*page, textFormat)).To(Equal(`# TYPE a untyped
a 3
# HELP other The other.
# TYPE other gauge
other{a="x"} 2
# TYPE othes untyped
othes 3
# HELP own The own.
# TYPE own gauge
own{a="x"} 1
# TYPE oz untyped
oz 3
# TYPE p untyped
p 3
`))
			Expect(checkStrict(written(*page, openMetricsFormat))).To(Succeed())
			Expect(decode(written(*page, protobufFormat))).To(HaveLen(6))
		})

		DescribeTable("combines two families with the same name and type",
			func(name string, value int) {
				p.join(name, "Another help.", series.Gauge, "job", "j").Set(3)
				for format, want := range map[expfmt.Format]string{
					textFormat:        fmt.Sprintf("# HELP %[1]s The %[1]s.\n# TYPE %[1]s gauge\n%[1]s{a=\"x\"} %[2]d\n%[1]s{job=\"j\"} 3\n", name, value),
					openMetricsFormat: fmt.Sprintf("# HELP %[1]s The %[1]s.\n# TYPE %[1]s gauge\n%[1]s{a=\"x\"} %[2]d.0\n%[1]s{job=\"j\"} 3.0\n", name, value),
				} {
					got := written(*page, format)
					Expect(got).To(ContainSubstring(want))
					Expect(strings.Count(got, "# TYPE "+name+" ")).To(Equal(1))
				}
				families := decode(written(*page, protobufFormat))
				Expect(families).To(HaveLen(2))
				i := slices.IndexFunc(families, func(f *dto.MetricFamily) bool { return f.GetName() == name })
				Expect(families[i].Metric).To(HaveLen(2))
				Expect(families[i].GetHelp()).To(Equal("The " + name + "."))
			},
			Entry(nil, "own", 1), Entry(nil, "other", 2))

		It("omits and reports pushed series whose labels exist", func() {
			p.set(7, "own", series.Gauge, "a", "x")
			p.set(8, "own", series.Gauge, "a", "y")
			got, err := pageOf(page, textFormat)
			Expect(err).To(MatchError(ContainSubstring("1 pushed series of metric own are omitted")))
			Expect(got).To(HaveSuffix("own{a=\"x\"} 1\nown{a=\"y\"} 8\n"))
		})

		It("omits and reports a pushed family of another type", func() {
			p.set(7, "own", series.Counter, "a", "y")
			p.set(7, "other", series.Untyped, "a", "y")
			for _, format := range []expfmt.Format{textFormat, openMetricsFormat, protobufFormat} {
				got, err := pageOf(page, format)
				Expect(err).To(MatchError(MatchRegexp("^pushed metric other is omitted: .* UNTYPED, .* GAUGE\n" +
					"pushed metric own is omitted: .* COUNTER, .* GAUGE$")))
				Expect(got).To(And(ContainSubstring("own"), ContainSubstring("other"), Not(ContainSubstring("y"))))
			}
			p.now = p.now.Add(time.Hour)
			_, err := pageOf(page, textFormat)
			Expect(err).NotTo(HaveOccurred())
		})

		It("combines a pushed family with that of the store if a gathered one has the same name", func() {
			update(add(own, series.FamilyOptions{Name: "other", Type: series.Gauge}), series.Set, 5)
			p.set(7, "other", series.Gauge, "a", "x")
			got, err := pageOf(page, textFormat)
			Expect(err).To(MatchError(ContainSubstring("metric other from another registry is omitted")))
			Expect(got).To(HavePrefix("# HELP other \n# TYPE other gauge\nother 5\nother{a=\"x\"} 7\n# HELP own"))
		})

		It("does not change the gathered families, and passes them to Gathered", func() {
			p.set(7, "other", series.Gauge, "a", "y")
			gathered, err := others.Gather()
			Expect(err).NotTo(HaveOccurred())
			gathered[0].Metric = slices.Grow(gathered[0].Metric, 1)
			page.Others = prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) { return gathered, nil })
			var passed []*dto.MetricFamily
			page.Gathered = func(families []*dto.MetricFamily) { passed = families }
			Expect(written(*page, textFormat)).To(ContainSubstring(`other{a="y"} 7`))
			Expect(passed).To(Equal(gathered))
			Expect(gathered[0].Metric[:2]).To(ConsistOf(Not(BeNil()), BeNil()))
		})

		It("omits and reports invalid pushed series of combined families in OpenMetrics", func() {
			summary := prometheus.NewSummary(prometheus.SummaryOpts{Name: "took_seconds"})
			others.MustRegister(summary)
			p.fill(&dto.Metric{Summary: summaryOf(-1)}, "took_seconds", series.Summary, "job", "bad")
			p.fill(&dto.Metric{Summary: summaryOf(1)}, "took_seconds", series.Summary, "job", "good")

			update(add(own, series.FamilyOptions{Name: "seconds", Type: series.Histogram, Bounds: []float64{1}}), series.Observe, 2)
			good := &dto.Metric{Histogram: &dto.Histogram{
				SampleCount: proto.Uint64(1), SampleSum: proto.Float64(1),
				Bucket: []*dto.Bucket{{UpperBound: proto.Float64(1), CumulativeCount: proto.Uint64(1), Exemplar: &dto.Exemplar{
					Label: []*dto.LabelPair{labelPair("a", strings.Repeat("x", 200))},
				}}},
			}}
			p.fill(good, "seconds", series.Histogram, "job", "good")
			p.fill(&dto.Metric{Histogram: histogramOf(1.5, 1)}, "seconds", series.Histogram, "job", "bad")
			p.fill(&dto.Metric{Histogram: histogramOf(2, 1)}, "seconds", series.Histogram, "job", "badly encoded")
			badBucket := histogramOf(0, 1, 1, 2)
			badBucket.SampleCount = proto.Uint64(2)
			p.fill(&dto.Metric{Histogram: badBucket}, "seconds", series.Histogram, "job", "badly encoded bucket")
			p.fill(&dto.Metric{Histogram: histogramOf(0, 1, inf, 0, 1, 1)}, "seconds", series.Histogram, "job", "badly ordered")
			p.join("seconds", "", series.Histogram, "job", "bad because it has no content")

			got, err := pageOf(page, openMetricsFormat)
			Expect(err).To(MatchError(MatchRegexp("^4 pushed series of metric seconds are omitted from OpenMetrics: .* HISTOGRAM.*\n" +
				"1 pushed series of metric took_seconds are omitted from OpenMetrics: .* SUMMARY.*$")))
			Expect(checkStrict(got)).To(Succeed())
			Expect(got).To(And(ContainSubstring(`took_seconds_count{job="good"} 0`), ContainSubstring(`seconds_count{job="good"} 1`), Not(ContainSubstring("bad"))))
			Expect(good.Histogram.Bucket[0].Exemplar.Label).To(HaveLen(1))

			got, err = pageOf(page, textFormat)
			Expect(err).NotTo(HaveOccurred())
			Expect(got).To(ContainSubstring(`seconds_count{job="bad"} 1.5`))
		})

		It("omits combined families without series", func() {
			add(own, series.FamilyOptions{Name: "seconds", Type: series.Histogram, Labels: []string{"a"}})
			p.join("seconds", "", series.Histogram)
			for _, format := range []expfmt.Format{textFormat, openMetricsFormat, protobufFormat} {
				got, err := pageOf(page, format)
				Expect(err).NotTo(HaveOccurred())
				Expect(got).NotTo(ContainSubstring("seconds"))
			}
		})

		It("keeps the types of combined families in OpenMetrics", func() {
			others.MustRegister(prometheus.NewCounter(prometheus.CounterOpts{Name: "builds_total"}))
			update(add(own, series.FamilyOptions{Name: "builds_total", Type: series.Counter}), series.Add, 2)
			p.set(3, "builds_total", series.Counter, "job", "j")
			got, _ := pageOf(page, openMetricsFormat)
			Expect(got).To(HavePrefix("# HELP builds \n# TYPE builds counter\nbuilds_total 2.0\nbuilds_created 1.7000000005e+09\nbuilds_total{job=\"j\"} 3.0\n"))
			Expect(checkStrict(got)).To(Succeed())
		})

		It("omits a pushed family in OpenMetrics if a family of the store reserves its name", func() {
			update(add(own, series.FamilyOptions{Name: "seconds", Type: series.Histogram, Bounds: []float64{1}}), series.Observe, 2)
			p.set(3, "seconds_created", series.Gauge)
			got, err := pageOf(page, openMetricsFormat)
			Expect(err).To(MatchError(ContainSubstring("pushed metric seconds_created is omitted: another metric already uses the name")))
			Expect(checkStrict(got)).To(Succeed())
		})

		It("writes a combined counter with a negative value as a family of unknown type", func() {
			update(add(own, series.FamilyOptions{Name: "builds_total", Type: series.Counter}), series.Add, 2)
			p.set(-1, "builds_total", series.Counter, "job", "j")
			Expect(written(*page, openMetricsFormat)).To(HavePrefix("# HELP builds_total \n# TYPE builds_total unknown\nbuilds_total 2.0\nbuilds_total{job=\"j\"} -1.0\n"))
		})
	})

	Describe("in OpenMetrics", func() {
		expectPage := func(want string) {
			GinkgoHelper()
			got, err := pageOf(p.page(own), openMetricsFormat)
			Expect(err).NotTo(HaveOccurred())
			Expect(got).To(Equal(want + "# EOF\n"))
			Expect(checkStrict(got)).To(Succeed())
		}

		It("has counters with their type if their names and values allow it", func() {
			p.set(1, "a_total", series.Counter)
			p.set(2, "b", series.Counter)
			p.set(-3, "c_total", series.Counter)
			p.set(math.NaN(), "d_total", series.Counter)
			p.set(4, "_total", series.Counter)
			expectPage("# TYPE _total unknown\n_total 4.0\n# TYPE a counter\na_total 1.0\n# TYPE b unknown\nb 2.0\n" +
				"# TYPE c_total unknown\nc_total -3.0\n# TYPE d_total unknown\nd_total NaN\n")
		})

		It("has counters of unknown type if another family uses their names", func() {
			update(add(own, series.FamilyOptions{Name: "own_total", Type: series.Counter}), series.Add, 1)
			p.set(2, "own_created", series.Gauge)
			p.set(3, "foo", series.Gauge)
			p.set(4, "foo_total", series.Counter)
			p.set(5, "bar_total", series.Gauge)
			expectPage("# TYPE bar_total gauge\nbar_total 5.0\n# TYPE foo gauge\nfoo 3.0\n# TYPE foo_total unknown\nfoo_total 4.0\n" +
				"# TYPE own_created gauge\nown_created 2.0\n# HELP own_total \n# TYPE own_total unknown\nown_total 1.0\n")
		})

		It("keeps the names of gauge histograms, with unknown type", func() {
			p.fill(&dto.Metric{Histogram: &dto.Histogram{SampleCountFloat: proto.Float64(2.5), SampleSum: proto.Float64(-1), Bucket: []*dto.Bucket{
				{UpperBound: proto.Float64(1), CumulativeCountFloat: proto.Float64(.5)},
				{UpperBound: proto.Float64(.5), CumulativeCountFloat: proto.Float64(.5)},
			}}}, "queue", series.GaugeHistogram, "a", "b")
			expectPage(`# TYPE queue_bucket unknown
queue_bucket{a="b",le="1.0"} 0.5
queue_bucket{a="b",le="0.5"} 0.5
queue_bucket{a="b",le="+Inf"} 2.5
# TYPE queue_sum unknown
queue_sum{a="b"} -1.0
# TYPE queue_count unknown
queue_count{a="b"} 2.5
`)
		})

		It("has summaries with negative values as families of unknown type", func() {
			p.fill(&dto.Metric{Summary: &dto.Summary{SampleCount: proto.Uint64(3), SampleSum: proto.Float64(1), CreatedTimestamp: timestamppb.New(epoch), Quantile: []*dto.Quantile{
				{Quantile: proto.Float64(.5), Value: proto.Float64(-1)},
			}}}, "s", series.Summary)
			expectPage("# TYPE s unknown\ns{quantile=\"0.5\"} -1.0\n# TYPE s_sum unknown\ns_sum 1.0\n# TYPE s_count unknown\ns_count 3\n")
		})

		It("has a histogram of unknown type if a gauge uses a name that its type reserves", func() {
			p.fill(&dto.Metric{Histogram: &dto.Histogram{SampleCount: proto.Uint64(3), SampleSum: proto.Float64(1)}}, "h", series.Histogram)
			p.set(1, "h_created", series.Gauge)
			expectPage("# TYPE h_bucket unknown\nh_bucket{le=\"+Inf\"} 3\n# TYPE h_sum unknown\nh_sum 1.0\n# TYPE h_count unknown\nh_count 3\n# TYPE h_created gauge\nh_created 1.0\n")
		})

		It("omits and reports a family whose name is that of another family's sample", func() {
			p.fill(&dto.Metric{Histogram: &dto.Histogram{}}, "h", series.Histogram)
			p.set(1, "h_count", series.Gauge)
			got, err := pageOf(p.page(own), openMetricsFormat)
			Expect(err).To(MatchError(ContainSubstring("pushed metric h_count is omitted: another metric already uses the name")))
			Expect(checkStrict(got)).To(Succeed())
			Expect(written(*p.page(own), textFormat)).To(HaveSuffix("# TYPE h_count gauge\nh_count 1\n"))
		})

		It("has exemplars that are not too long, and creation times", func() {
			exemplar := func(n int) *dto.Exemplar {
				return &dto.Exemplar{Label: []*dto.LabelPair{labelPair("id", strings.Repeat("ü", n))}, Value: proto.Float64(1), Timestamp: timestamppb.New(epoch)}
			}
			p.fill(&dto.Metric{Counter: &dto.Counter{Value: proto.Float64(1), Exemplar: exemplar(126), CreatedTimestamp: timestamppb.New(epoch)}}, "a_total", series.Counter)
			p.fill(&dto.Metric{Counter: &dto.Counter{Value: proto.Float64(2), Exemplar: exemplar(127)}}, "b_total", series.Counter)
			expectPage("# TYPE a counter\na_total 1.0 # {id=\"" + strings.Repeat("ü", 126) + "\"} 1.0 1.7000000005e+09\na_created 1.7000000005e+09\n# TYPE b counter\nb_total 2.0\n")
			page := p.page(own)
			page.Created = false
			Expect(written(*page, openMetricsFormat)).NotTo(ContainSubstring("_created"))
		})
	})
})
