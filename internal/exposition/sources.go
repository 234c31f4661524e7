package exposition

import (
	"cmp"
	"slices"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/signalbox-ci/signalbox/internal/series"
)

// Sources are what a page serves in addition to the store: the metrics of
// client_golang's default registry and other gatherers, and those that agents and jobs
// push. Sources is safe for concurrent use.
type Sources struct {
	store     *series.Store
	pushed    atomic.Pointer[Pushed]
	gatherers atomic.Pointer[prometheus.Gatherers]

	// types are the types of the families that the gatherers returned last.
	types atomic.Pointer[map[string]series.Type]
}

// NewSources returns the sources for a page of the store.
func NewSources(store *series.Store) *Sources {
	s := &Sources{store: store}
	s.gatherers.Store(&prometheus.Gatherers{prometheus.DefaultGatherer})
	return s
}

// Gather implements prometheus.Gatherer. It returns the families of all gatherers.
func (s *Sources) Gather() ([]*dto.MetricFamily, error) { return s.gatherers.Load().Gather() }

// recordGathered gathers once to record the types of the gatherers' families. It
// ignores errors, which the next scrape reports.
func (s *Sources) recordGathered() {
	families, _ := s.Gather()
	s.recordTypes(families)
}

// recordTypes records the types of the gatherers' families.
func (s *Sources) recordTypes(families []*dto.MetricFamily) {
	types := make(map[string]series.Type, len(families))
	for _, f := range families {
		types[f.GetName()], _ = series.TypeOf(f.GetType())
	}
	s.types.Store(&types)
}

// typeOf returns the type of a family on the page. It does not consider pushed
// families.
func (s *Sources) typeOf(name string) (series.Type, bool) {
	families := s.store.Families()
	i, ok := slices.BinarySearchFunc(families, name, func(f *series.Family, name string) int {
		return cmp.Compare(f.Name(), name)
	})
	if ok {
		return families[i].Type(), true
	}
	t, ok := (*s.types.Load())[name]
	return t, ok
}

// Push adds the provider's pushed metrics to the page. It replaces the provider of an
// earlier call. From then on, the provider rejects metrics that would conflict with the
// rest of the page.
func (s *Sources) Push(p series.Provider) {
	s.recordGathered()
	store, clock := series.Provide(p, s.typeOf)
	s.pushed.Store(&Pushed{Store: store, Clock: clock})
}

// Add adds a gatherer.
func (s *Sources) Add(g prometheus.Gatherer) {
	for {
		old := s.gatherers.Load()
		more := append(slices.Clone(*old), g)
		if s.gatherers.CompareAndSwap(old, &more) {
			break
		}
	}
	s.recordGathered()
}

// Page returns the page of the store and the sources.
func (s *Sources) Page() Page {
	return Page{Store: s.store, Others: s, Gathered: s.recordTypes, Pushed: s.pushed.Load}
}
