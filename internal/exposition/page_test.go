package exposition

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"google.golang.org/protobuf/proto"

	"github.com/signalbox-ci/signalbox/internal/series"
)

var epoch = time.UnixMilli(1_700_000_000_500)

func newStore(constants ...series.Label) *series.Store {
	return series.NewStore(series.Options{
		Clock:      series.NewExactClock(func() time.Time { return epoch }),
		Constants:  constants,
		OwnerLimit: time.Minute,
	})
}

func add(store *series.Store, o series.FamilyOptions) *series.Family {
	GinkgoHelper()
	f, err := store.AddFamily(o)
	Expect(err).NotTo(HaveOccurred())
	return f
}

func update(f *series.Family, op series.Op, v float64, values ...string) {
	GinkgoHelper()
	Expect(f.Update(op, series.Plain(values...), "owner", v, series.Instant(epoch.UnixNano()))).To(Equal(series.OK))
}

// observe updates the histogram with label value a. The labels are those of the
// exemplar.
func observe(f *series.Family, v float64, a string, labels ...series.Label) {
	GinkgoHelper()
	values := series.Plain(a)
	values.Exemplar = &series.ExemplarLabels{}
	for i, l := range labels {
		values.All = append(values.All, l.Value)
		values.Exemplar.Names = append(values.Exemplar.Names, l.Name)
		values.Exemplar.From = append(values.Exemplar.From, uint8(i+1))
	}
	Expect(f.Update(series.Observe, values, "", v, series.Instant(epoch.UnixNano()))).To(Equal(series.OK))
}

// newVariedStore returns a store with families of all kinds, and with values and labels
// that are difficult to encode.
func newVariedStore() *series.Store {
	store := newStore(series.Label{Name: "node", Value: `quo"te`})
	counter := add(store, series.FamilyOptions{Name: "builds_total", Help: `A "help" \ text` + "\nof two lines", Type: series.Counter, Labels: []string{"job", "team"}})
	for i, v := range []float64{0, 1, 999_999, 1_000_000, 1_234_567, 1e15, 1 << 53, 1e21, .1, 1.5, 123456.789, 5e-324, math.MaxFloat64} {
		update(counter, series.Add, v, fmt.Sprint("job", i), []string{"", `b\s"q` + "\n", "ü", "x y"}[i%4])
	}
	add(store, series.FamilyOptions{Name: "unlabelled_total", Type: series.Counter})
	add(store, series.FamilyOptions{Name: "never_total", Type: series.Counter, Labels: []string{"job"}})
	gauge := add(store, series.FamilyOptions{Name: "gauge", Help: "A gauge.", Type: series.Gauge, Labels: []string{"a"}})
	for i, v := range []float64{-1, math.Copysign(0, -1), -999_999, -1e6, -1.25e-7} {
		update(gauge, series.Set, v, fmt.Sprint(i))
	}
	status := add(store, series.FamilyOptions{Name: "status", Help: "States.", Type: series.Gauge, Labels: []string{"job", "status"},
		States: &series.States{Label: "status", Values: []string{"failed", "pending", "running"}}})
	for i := range 3 {
		update(status, series.Set, float64(i+1), []string{`quo"te`, "x", ""}[i])
	}
	histogram := add(store, series.FamilyOptions{Name: "seconds", Help: "A histogram.", Type: series.Histogram, Labels: []string{"a"}, Bounds: []float64{.005, 1, 60, 1e6}})
	for i := range 500 {
		update(histogram, series.Observe, float64(i*i)/3, fmt.Sprint("v", i%2))
	}
	add(store, series.FamilyOptions{Name: "unlabelled_seconds", Type: series.Histogram, Bounds: []float64{1, 2}})
	exemplified := add(store, series.FamilyOptions{Name: "exemplified_seconds", Type: series.Histogram, Labels: []string{"a"}, Bounds: []float64{1, 60, 600}})
	native := add(store, series.FamilyOptions{Name: "native_seconds", Type: series.Histogram, Labels: []string{"a"}, Bounds: []float64{1, 60}, Native: true})
	for _, f := range []*series.Family{exemplified, native} {
		update(f, series.Observe, 90, "none")
		for i, v := range []float64{.25, 90, -1e-3, 1e300, 700} {
			observe(f, v, fmt.Sprint("v", i%2), series.Label{Name: "trace_id", Value: []string{"4bf92f", `q"\` + "\nü"}[i%2]}, series.Label{Name: "build_id", Value: fmt.Sprint(i)})
		}
	}
	for i := range 300 {
		update(native, series.Observe, math.Exp(float64(i*i%97)/10-3), "v0")
	}
	return store
}

// viaLibrary returns the page as client_golang's encoder writes it.
func viaLibrary(store *series.Store, as expfmt.Format) string {
	GinkgoHelper()
	families, err := store.Gather()
	Expect(err).NotTo(HaveOccurred())
	var b bytes.Buffer
	encoder := expfmt.NewEncoder(&b, as, expfmt.WithCreatedLines())
	for _, f := range families {
		Expect(encoder.Encode(f)).To(Succeed())
	}
	Expect(encoder.(expfmt.Closer).Close()).To(Succeed())
	return b.String()
}

func written(page Page, as expfmt.Format) string {
	GinkgoHelper()
	var b bytes.Buffer
	Expect(page.Write(&b, as)).To(Succeed())
	return b.String()
}

func decode(encoded string) (families []*dto.MetricFamily) {
	GinkgoHelper()
	decoder := expfmt.NewDecoder(strings.NewReader(encoded), protobufFormat)
	for {
		mf := &dto.MetricFamily{}
		err := decoder.Decode(mf)
		if err == io.EOF {
			return families
		}
		Expect(err).NotTo(HaveOccurred())
		families = append(families, mf)
	}
}

var (
	textFormat        = expfmt.NewFormat(expfmt.TypeTextPlain)
	protobufFormat    = expfmt.NewFormat(expfmt.TypeProtoDelim)
	openMetricsFormat = expfmt.NewFormat(expfmt.TypeOpenMetrics)
)

var negativeZero = regexp.MustCompile(`([ "])-(0(?:\.0)?[ "\n])`)

// unsigned returns the text with 0 in place of -0, as client_golang writes it.
func unsigned(text string) string { return negativeZero.ReplaceAllString(text, "$1$2") }

var _ = Describe("A page", func() {
	It("equals client_golang's output in the text format", func() {
		store := newVariedStore()
		Expect(unsigned(written(Page{Store: store}, textFormat))).To(Equal(viaLibrary(store, textFormat)))
	})

	It("equals client_golang's output in OpenMetrics if all counters end in _total", func() {
		store := newVariedStore()
		Expect(unsigned(written(Page{Store: store, Created: true}, openMetricsFormat))).To(Equal(viaLibrary(store, openMetricsFormat)))
	})

	It("has no _created samples in OpenMetrics unless Created is true", func() {
		Expect(written(Page{Store: newVariedStore()}, openMetricsFormat)).NotTo(ContainSubstring("_created"))
	})

	It("decodes to the result of Gather in protobuf", func() {
		store := newVariedStore()
		want, err := store.Gather()
		Expect(err).NotTo(HaveOccurred())
		got := decode(written(Page{Store: store}, protobufFormat))
		Expect(got).To(HaveLen(len(want)))
		for i := range want {
			Expect(proto.Equal(got[i], want[i])).To(BeTrue(), "got  %v\nwant %v", got[i], want[i])
		}
	})

	It("keeps the names of counters in OpenMetrics, with unknown type if necessary", func() {
		store := newStore()
		update(add(store, series.FamilyOptions{Name: "builds_finished", Type: series.Counter, Labels: []string{"job"}}), series.Add, 2, "unit")
		update(add(store, series.FamilyOptions{Name: "builds_finished_total", Type: series.Counter}), series.Add, 3)
		update(add(store, series.FamilyOptions{Name: "error_logs", Type: series.Counter}), series.Add, 4)
		update(add(store, series.FamilyOptions{Name: "queries_total", Type: series.Counter}), series.Add, 5)
		Expect(written(Page{Store: store, Created: true}, openMetricsFormat)).To(Equal(`# HELP builds_finished 
# TYPE builds_finished unknown
builds_finished{job="unit"} 2.0
# HELP builds_finished_total 
# TYPE builds_finished_total unknown
builds_finished_total 3.0
# HELP error_logs 
# TYPE error_logs unknown
error_logs 4.0
# HELP queries 
# TYPE queries counter
queries_total 5.0
queries_created 1.7000000005e+09
# EOF
`))
	})

	It("also supports the protobuf text formats", func() {
		store := newVariedStore()
		for _, t := range []expfmt.FormatType{expfmt.TypeProtoText, expfmt.TypeProtoCompact} {
			// The protobuf library varies the spaces deliberately.
			unspaced := func(s string) string { return strings.ReplaceAll(s, " ", "") }
			Expect(unspaced(written(Page{Store: store}, expfmt.NewFormat(t)))).To(Equal(unspaced(viaLibrary(store, expfmt.NewFormat(t)))))
		}
	})

	It("does not show swept series", func() {
		now := epoch
		store := series.NewStore(series.Options{Clock: series.NewExactClock(func() time.Time { return now }), OwnerLimit: time.Minute})
		gauge := add(store, series.FamilyOptions{Name: "g", Type: series.Gauge, Labels: []string{"worker"}, Ownership: series.Heartbeat})
		gauge.Update(series.Set, series.Plain("w"), "w", 1, store.Clock().Now())
		now = now.Add(time.Hour)
		store.Sweep(store.Clock().Now(), 0)
		for _, format := range []expfmt.Format{textFormat, openMetricsFormat, protobufFormat} {
			Expect(written(Page{Store: store}, format)).NotTo(ContainSubstring("worker"))
		}
	})

	Describe("with another gatherer in addition to the store", func() {
		var store *series.Store
		var others *prometheus.Registry
		BeforeEach(func() {
			store, others = newStore(), prometheus.NewRegistry()
			update(add(store, series.FamilyOptions{Name: "m", Type: series.Gauge}), series.Set, 1)
			for i, name := range []string{"a", "z_total"} {
				c := prometheus.NewCounter(prometheus.CounterOpts{Name: name})
				c.Add(float64(i + 2))
				others.MustRegister(c)
			}
		})

		It("shows the families of both, sorted by name", func() {
			page := written(Page{Store: store, Others: others}, textFormat)
			Expect(page).To(MatchRegexp(`(?s)\na 2\n.*\nm 1\n.*\nz_total 3\n`))
			page = written(Page{Store: store, Others: others}, openMetricsFormat)
			Expect(page).NotTo(ContainSubstring("_created"))
			Expect(page).To(MatchRegexp(`(?s)\na 2.0\n.*\nm 1.0\n.*\nz_total 3.0\n.*# EOF\n$`))
			Expect(decode(written(Page{Store: store, Others: others}, protobufFormat))).To(HaveLen(3))
		})

		It("keeps the names of the gatherer's counters in OpenMetrics", func() {
			update(add(store, series.FamilyOptions{Name: "z", Type: series.Gauge}), series.Set, 1)
			page := written(Page{Store: store, Others: others}, openMetricsFormat)
			Expect(page).To(ContainSubstring("# TYPE z gauge\nz 1.0\n# HELP z_total \n# TYPE z_total unknown\nz_total 3.0\n"))
		})

		It("omits and reports a gathered family whose name the store also has", func() {
			others.MustRegister(prometheus.NewGauge(prometheus.GaugeOpts{Name: "m"}))
			var b bytes.Buffer
			Expect((&Page{Store: store, Others: others}).Write(&b, textFormat)).To(MatchError(ContainSubstring("metric m from another registry is omitted")))
			Expect(strings.Count(b.String(), "# TYPE m ")).To(Equal(1))
			Expect(b.String()).To(ContainSubstring("z_total 3"))
		})

		It("shows the store's families when the gatherer fails", func() {
			failing := prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) { return nil, errors.New("no luck") })
			var b bytes.Buffer
			Expect((&Page{Store: store, Others: failing}).Write(&b, textFormat)).To(MatchError(ContainSubstring("no luck")))
			Expect(b.String()).To(ContainSubstring("\nm 1\n"))
		})
	})

	Describe("whose series are swept while it is written", func() {
		const n = 5000
		// sweptPage returns the page of a family with n series. A sweep removes all of
		// them when the first part of the page is written.
		sweptPage := func(typ series.Type, as expfmt.Format) string {
			GinkgoHelper()
			now := epoch
			store := series.NewStore(series.Options{Clock: series.NewExactClock(func() time.Time { return now })})
			f := add(store, series.FamilyOptions{Name: "m", Type: typ, Labels: []string{"a"}, Bounds: []float64{1, 2}, IdleTTL: time.Minute})
			op := map[series.Type]series.Op{series.Counter: series.Add, series.Gauge: series.Set, series.Histogram: series.Observe}[typ]
			for i := range n {
				f.Update(op, series.Plain(fmt.Sprintf("%060d", i)), "", 1, store.Clock().Now())
			}
			var b bytes.Buffer
			Expect((&Page{Store: store}).Write(writerFunc(func(p []byte) (int, error) {
				now = now.Add(time.Hour)
				store.Sweep(store.Clock().Now(), 0)
				return b.Write(p)
			}), as)).To(Succeed())
			Expect(written(Page{Store: store}, as)).NotTo(ContainSubstring("00000"))
			return b.String()
		}

		It("has no samples of the swept series in the text format", func() {
			for _, typ := range []series.Type{series.Counter, series.Gauge} {
				page := readSamples(sweptPage(typ, textFormat))
				Expect(len(page)).To(And(BeNumerically(">", 100), BeNumerically("<", n)))
				for sample, value := range page {
					Expect(value).To(Equal("1"), sample)
				}
			}
		})

		It("has stale markers for the swept series in protobuf", func() {
			for _, typ := range []series.Type{series.Counter, series.Gauge, series.Histogram} {
				families := decode(sweptPage(typ, protobufFormat))
				Expect(families).To(HaveLen(1))
				Expect(families[0].Metric).To(HaveLen(n))
				stale := 0
				for _, m := range families[0].Metric {
					v := m.GetCounter().GetValue() + m.GetGauge().GetValue() + m.GetHistogram().GetSampleSum()
					if math.IsNaN(v) {
						stale++
					} else {
						Expect(v).To(Equal(1.0))
					}
				}
				Expect(stale).To(And(BeNumerically(">", 100), BeNumerically("<", n)))
			}
		})
	})

	It("stops writing after a write error", func() {
		store := newStore()
		f := add(store, series.FamilyOptions{Name: "m", Type: series.Gauge, Labels: []string{"a"}})
		for i := range 20_000 {
			f.Update(series.Set, series.Plain(fmt.Sprint(i)), "", 1, 0)
		}
		for _, format := range []expfmt.Format{textFormat, openMetricsFormat, protobufFormat} {
			w := &brokenWriter{}
			Expect((&Page{Store: store}).Write(w, format)).To(MatchError(io.ErrClosedPipe))
			Expect(w.writes).To(Equal(1))
		}
	})

	It("does not allocate memory for each series", func() {
		store := newStore()
		f := add(store, series.FamilyOptions{Name: "m", Type: series.Histogram, Labels: []string{"a"}, Bounds: []float64{1, 2}})
		exemplified := add(store, series.FamilyOptions{Name: "n", Type: series.Histogram, Labels: []string{"a"}, Bounds: []float64{1, 2}})
		for i := range 5000 {
			update(f, series.Observe, 1, fmt.Sprint(i))
			observe(exemplified, 1, fmt.Sprint(i), series.Label{Name: "id", Value: "x"})
		}
		page := Page{Store: store}
		for _, format := range []expfmt.Format{textFormat, openMetricsFormat, protobufFormat} {
			page.Write(io.Discard, format)
			allocations := allocationsOf(func() { page.Write(io.Discard, format) })
			Expect(allocations).To(BeNumerically("<", 100), "%s", format)
		}
	})
})

type brokenWriter struct{ writes int }

func (w *brokenWriter) Write([]byte) (int, error) {
	w.writes++
	return 0, io.ErrClosedPipe
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// readSamples returns the samples of a page in the text format.
func readSamples(page string) map[string]string {
	samples := map[string]string{}
	for line := range strings.Lines(page) {
		if !strings.HasPrefix(line, "#") {
			i := strings.LastIndexByte(line, ' ')
			samples[line[:i]] = strings.TrimSpace(line[i:])
		}
	}
	return samples
}
