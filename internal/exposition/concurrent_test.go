package exposition

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"google.golang.org/protobuf/proto"

	"github.com/signalbox-ci/signalbox/internal/series"
)

// A churner adds, updates and removes series of all types, and lets them expire. The
// value of each series is also the value of its label n.
type churner struct {
	*rand.Rand
	store  *series.OpenStore
	clock  *series.Clock
	number int // identifies the churner
	held   []held
}

type held struct {
	f *series.OpenFamily
	s *series.OpenSeries
	n int
}

func (c *churner) step() {
	switch i := c.IntN(4); {
	case len(c.held) < 50 || i == 0:
		c.join()
	case i == 1:
		i := c.IntN(len(c.held))
		h := c.held[i]
		c.held = append(c.held[:i], c.held[i+1:]...)
		c.store.Lock()
		h.f.Leave(h.s)
		c.store.Unlock()
	case i == 2:
		h := c.held[c.IntN(len(c.held))]
		c.update(h)
		h.s.LiveUntil(c.clock.Tick() + series.Instant(c.IntN(2e6)))
	default:
		c.held[c.IntN(len(c.held))].f.Sweep()
	}
}

func (c *churner) join() {
	typ := everyType[c.IntN(len(everyType))]
	name := typ.String()
	if typ == series.Counter {
		name += "_total"
	}
	n := c.IntN(1000)
	labels := series.LabelText([]series.Label{{Name: "churner", Value: fmt.Sprint(c.number)}, {Name: "n", Value: fmt.Sprint(n)}})
	c.store.Lock()
	defer c.store.Unlock()
	f := c.store.Family(name)
	if f == nil {
		f = c.store.AddFamily(name, strings.Repeat("Help.", c.IntN(2)), typ)
	}
	now := c.clock.Tick()
	if f.Holder(labels, now) != nil {
		return
	}
	if f = c.store.Family(name); f == nil {
		return // Holder removed the last series, which had expired, and the family
	}
	h := held{f, f.Join(labels, c, nil, series.Alone), n}
	c.update(h)
	h.s.LiveUntil(now + series.Instant(c.IntN(1e8)))
	c.held = append(c.held, h)
}

func (c *churner) update(h held) {
	v := float64(h.n)
	switch h.f.Type() {
	case series.Histogram, series.GaugeHistogram:
		m := &dto.Histogram{SampleCount: proto.Uint64(uint64(h.n)), SampleSum: &v}
		for i := range c.IntN(4) {
			m.Bucket = append(m.Bucket, &dto.Bucket{UpperBound: proto.Float64(float64(i)), CumulativeCount: proto.Uint64(uint64(h.n))})
		}
		h.s.Fill(&dto.Metric{Histogram: m})
	case series.Summary:
		h.s.Fill(&dto.Metric{Summary: &dto.Summary{SampleSum: &v, SampleCount: proto.Uint64(uint64(c.IntN(1 << 30)))}})
	case series.Counter:
		if h.s.Set(v); c.IntN(2) == 0 {
			h.s.Fill(&dto.Metric{Counter: &dto.Counter{Value: &v, Exemplar: &dto.Exemplar{Label: []*dto.LabelPair{labelPair("id", "x")}, Value: proto.Float64(v)}}})
		}
	default:
		h.s.Set(v)
	}
}

// checkChurned returns an error if a page is invalid, or if the value of a series
// differs from that of its label n.
func checkChurned(page string, as expfmt.Format) error {
	switch as.FormatType() {
	case expfmt.TypeTextPlain:
		parser := expfmt.NewTextParser(model.LegacyValidation)
		families, err := parser.TextToMetricFamilies(strings.NewReader(page))
		for _, mf := range families {
			err = errors.Join(err, checkFamily(mf))
		}
		return err
	case expfmt.TypeOpenMetrics:
		return checkStrict(page)
	case expfmt.TypeProtoDelim:
		for decoder := expfmt.NewDecoder(strings.NewReader(page), as); ; {
			mf := &dto.MetricFamily{}
			if err := decoder.Decode(mf); err == io.EOF {
				return nil
			} else if err = errors.Join(err, checkFamily(mf)); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkFamily(mf *dto.MetricFamily) error {
	for _, m := range mf.Metric {
		v := m.GetCounter().GetValue() + m.GetGauge().GetValue() + m.GetUntyped().GetValue() + m.GetSummary().GetSampleSum() + m.GetHistogram().GetSampleSum()
		if n := fmt.Sprint(v); m.Label[len(m.Label)-1].GetValue() != n {
			return fmt.Errorf("metric %s has value %s in %v", mf.GetName(), n, m)
		}
	}
	return nil
}

var _ = Describe("A page during pushes", func() {
	It("is correct in all formats while series are added, updated and removed, and expire", func(ctx SpecContext) {
		store, own, clock := series.NewOpenStore(func(int64) {}), newStore(), series.NewClock()
		shared := add(own, series.FamilyOptions{Name: "gauge", Type: series.Gauge, Labels: []string{"n"}})
		update(shared, series.Set, 7, "7")
		page := &Page{Store: own, Pushed: func() *Pushed { return &Pushed{Store: store, Clock: clock} }, Created: true}

		var churning, writing sync.WaitGroup
		var stop atomic.Bool
		for i := range 3 {
			c := &churner{Rand: rand.New(rand.NewPCG(5, uint64(i))), store: store, clock: clock, number: i}
			churning.Go(func() {
				for !stop.Load() {
					c.step()
				}
			})
		}
		formats := []expfmt.Format{textFormat, openMetricsFormat, protobufFormat, expfmt.NewFormat(expfmt.TypeProtoText)}
		errs := make([]error, len(formats))
		large := make([]int, len(formats)) // number of pages with many series
		const enough = 10
		for i, format := range formats {
			writing.Go(func() {
				for large[i] < enough && errs[i] == nil && ctx.Err() == nil {
					var b bytes.Buffer
					errs[i] = errors.Join(page.Write(&b, format), checkChurned(b.String(), format))
					if b.Len() > 5000 {
						large[i]++
					}
				}
			})
		}
		writing.Wait()
		stop.Store(true)
		churning.Wait()
		for i, format := range formats {
			Expect(errs[i]).NotTo(HaveOccurred(), "%s", format)
			Expect(large[i]).To(Equal(enough), "%s", format)
		}
	}, SpecTimeout(time.Minute))
})
