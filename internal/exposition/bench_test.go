package exposition

import (
	"fmt"
	"io"
	"testing"

	"github.com/prometheus/common/expfmt"

	"github.com/signalbox-ci/signalbox/internal/series"
)

// newPushedGauges returns a page with n pushed gauges in ten families, with 4 to 6
// labels each, like those of a fleet of agents.
func newPushedGauges(n int) *Page {
	store := series.NewOpenStore(func(int64) {})
	store.Lock()
	defer store.Unlock()
	var families []*series.OpenFamily
	for i := range 10 {
		families = append(families, store.AddFamily(fmt.Sprintf("agent_metric_%d", i), "What an agent measures.", series.Gauge))
	}
	for i := range n {
		labels := []series.Label{
			{Name: "agent_name", Value: fmt.Sprintf("agent-%d", i/10)},
			{Name: "path", Value: "/var/lib/agent"},
			{Name: "template_name", Value: "docker"},
			{Name: "username", Value: fmt.Sprintf("user-%d", i/100)},
			{Name: "version", Value: "1.2.3"},
			{Name: "workspace_name", Value: "main"},
		}
		s := families[i%10].Join(series.LabelText(labels[:4+i%3]), nil, nil, series.Alone)
		s.Set(float64(i) * 1.25)
		s.LiveUntil(series.Never)
	}
	clock := series.NewClock()
	return &Page{
		Store:  series.NewStore(series.Options{Clock: clock}),
		Pushed: func() *Pushed { return &Pushed{Store: store, Clock: clock} },
	}
}

func BenchmarkScrapePushed(b *testing.B) {
	for _, as := range []expfmt.FormatType{expfmt.TypeTextPlain, expfmt.TypeOpenMetrics, expfmt.TypeProtoDelim} {
		for _, n := range []int{1000, 100_000} {
			b.Run(fmt.Sprintf("%s/%d", formatNames[as], n), func(b *testing.B) {
				page, format := newPushedGauges(n), expfmt.NewFormat(as)
				b.ReportAllocs()
				for b.Loop() {
					if err := page.Write(io.Discard, format); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

var formatNames = map[expfmt.FormatType]string{
	expfmt.TypeTextPlain:   "text",
	expfmt.TypeOpenMetrics: "openmetrics",
	expfmt.TypeProtoDelim:  "protobuf",
}

func TestScrapesDoNotAllocatePerPushedSeries(t *testing.T) {
	small, large := newPushedGauges(1000), newPushedGauges(10_000)
	for as, name := range formatNames {
		allocations := func(p *Page) float64 {
			return testing.AllocsPerRun(20, func() { p.Write(io.Discard, expfmt.NewFormat(as)) })
		}
		// The numbers can differ slightly, because a garbage collection empties the
		// pools.
		if few, many := allocations(small), allocations(large); many > few+20 {
			t.Errorf("%s: %v allocations for 1,000 series, %v for 10,000", name, few, many)
		}
	}
}
