package emitter

import (
	"cmp"
	"net/http"
	"slices"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/signalbox-ci/signalbox/internal/exposition"
	"github.com/signalbox-ci/signalbox/internal/series"
)

// neighbours are what the emitter's page has beside its own series.
type neighbours struct {
	store     *series.Store
	pushed    atomic.Pointer[exposition.Pushed]
	provider  atomic.Pointer[Pushed] // of pushed
	gatherers atomic.Pointer[prometheus.Gatherers]

	// types are those of the families that the gatherers had of late.
	types atomic.Pointer[map[string]series.Type]
}

func newNeighbours(store *series.Store) *neighbours {
	n := &neighbours{store: store}
	n.gatherers.Store(&prometheus.Gatherers{prometheus.DefaultGatherer})
	return n
}

// Gather implements prometheus.Gatherer for those that others provide.
func (n *neighbours) Gather() ([]*dto.MetricFamily, error) { return n.gatherers.Load().Gather() }

// look notes which families the gatherers have now. What cannot be gathered is told
// by the next scrape.
func (n *neighbours) look() {
	families, _ := n.Gather()
	n.remember(families)
}

// remember notes which families the gatherers have.
func (n *neighbours) remember(families []*dto.MetricFamily) {
	types := make(map[string]series.Type, len(families))
	for _, f := range families {
		types[f.GetName()], _ = series.TypeOf(f.GetType())
	}
	n.types.Store(&types)
}

// typeOf is the type of a family that the page has, pushed ones not counted.
func (n *neighbours) typeOf(name string) (series.Type, bool) {
	families := n.store.Families()
	i, ok := slices.BinarySearchFunc(families, name, func(f *series.Family, name string) int {
		return cmp.Compare(f.Name(), name)
	})
	if ok {
		return families[i].Type(), true
	}
	t, ok := (*n.types.Load())[name]
	return t, ok
}

// Pushed is what agents and jobs push: an *aggregator.Aggregator.
type Pushed interface {
	series.Provider

	// OverviewSections returns what the status page shows of it. A section contributes
	// one field of the overview; the value is encoded as JSON, its lists cut to limit
	// entries.
	OverviewSections() []interface {
		OverviewSection(limit int) (field string, value any)
	}
}

// ServePushed serves what agents and jobs push on the emitter's page too. Pushes that
// would clash with what is on the page are refused from then on. A second call
// replaces what the first one served.
func (p *Prometheus) ServePushed(pushed Pushed) {
	p.beside.look()
	store, clock := series.Provide(pushed, p.beside.typeOf)
	p.beside.provider.Store(&pushed)
	p.beside.pushed.Store(&exposition.Pushed{Store: store, Clock: clock})
}

// ServeGatherer serves what the gatherer has on the emitter's page too, beside what
// is in client_golang's default registry.
func (p *Prometheus) ServeGatherer(g prometheus.Gatherer) {
	for {
		old := p.beside.gatherers.Load()
		more := append(slices.Clone(*old), g)
		if p.beside.gatherers.CompareAndSwap(old, &more) {
			break
		}
	}
	p.beside.look()
}

// Handler serves the emitter's page on a listener of somebody else's; scrapes there
// count toward the limit on those under way. It is nil if the emitter's own listener
// asks for TLS or authentication, which the other one might not.
func (p *Prometheus) Handler() http.Handler {
	if p.guarded {
		return nil
	}
	return p.server.Page()
}
