package exposition

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
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
	eventOf   func(metric string) string // see NewSources
	pushed    atomic.Pointer[Pushed]
	gatherers atomic.Pointer[prometheus.Gatherers]

	// types are the types of the families that the gatherers returned last.
	types atomic.Pointer[map[string]series.Type]

	own atomic.Pointer[ownNames] // nil until it is needed
}

// ownNames are the names that clients must not use for pushed families.
type ownNames struct {
	version  uint64 // of the store
	types    *map[string]series.Type
	families map[string]string // the families that have each name, see series.AllNames
}

// NewSources returns the sources for a page of the store. eventOf returns an event for
// which rules update the metric, or the empty string if no rule updates it.
func NewSources(store *series.Store, eventOf func(metric string) string) *Sources {
	s := &Sources{store: store, eventOf: eventOf}
	s.gatherers.Store(&prometheus.Gatherers{prometheus.DefaultGatherer})
	return s
}

// Gather implements prometheus.Gatherer. It returns the families of all gatherers.
func (s *Sources) Gather() ([]*dto.MetricFamily, error) { return gatherAll(*s.gatherers.Load()) }

// gatherAll returns the same as prometheus.Gatherers.Gather, which checks each metric. A
// registry has already done that, so if all gatherers are registries, gatherAll only
// checks that no two of them have metrics with the same name.
func gatherAll(gatherers prometheus.Gatherers) ([]*dto.MetricFamily, error) {
	var all []*dto.MetricFamily
	results := make(prometheus.Gatherers, len(gatherers))
	checked := true
	for i, g := range gatherers {
		families, err := g.Gather()
		_, isRegistry := g.(*prometheus.Registry)
		checked = checked && isRegistry && err == nil
		results[i] = prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) { return families, err })
		all = append(all, families...)
	}
	slices.SortFunc(all, func(a, b *dto.MetricFamily) int { return cmp.Compare(a.GetName(), b.GetName()) })
	if !checked || clashing(all) {
		return results.Gather()
	}
	return all, nil
}

// clashing reports whether two families, which must be sorted by name, have the same
// name, or have samples with the same name.
func clashing(families []*dto.MetricFamily) bool {
	has := func(name string) bool {
		_, ok := slices.BinarySearchFunc(families, name, func(f *dto.MetricFamily, name string) int {
			return cmp.Compare(f.GetName(), name)
		})
		return ok
	}
	for i, f := range families {
		name := f.GetName()
		if i > 0 && families[i-1].GetName() == name {
			return true
		}
		switch f.GetType() {
		case dto.MetricType_SUMMARY, dto.MetricType_HISTOGRAM, dto.MetricType_GAUGE_HISTOGRAM:
			if has(name+"_count") || has(name+"_sum") || has(name+"_bucket") {
				return true
			}
		}
	}
	return false
}

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
	if old := s.types.Load(); old == nil || !maps.Equal(*old, types) {
		s.types.Store(&types)
	}
}

// typeOf returns the type of a family on the page. It does not consider pushed
// families.
func (s *Sources) typeOf(name string) (series.Type, bool) {
	if f := s.stored(name); f != nil {
		return f.Type(), true
	}
	t, ok := (*s.types.Load())[name]
	return t, ok
}

// has is series.PageNames.Has.
func (s *Sources) has(name, labels string) bool {
	f := s.stored(name)
	return f != nil && f.Has(labels)
}

// stored returns the family of the store with the name, or nil.
func (s *Sources) stored(name string) *series.Family {
	families := s.store.Families()
	i, ok := slices.BinarySearchFunc(families, name, func(f *series.Family, name string) int {
		return cmp.Compare(f.Name(), name)
	})
	if !ok {
		return nil
	}
	return families[i]
}

// owner is series.PageNames.Owner. Clients may push families of other gatherers, such as
// go_goroutines, which client libraries push by default, except those about Signalbox
// itself.
func (s *Sources) owner(name string, typ series.Type, allowed bool) string {
	own := s.ownNames()
	if own[name] == name {
		switch f := s.stored(name); {
		case !allowed:
			return s.updater(name, "it")
		case f != nil && f.States() != nil:
			return "it shows states, of which exactly one must be 1"
		}
		return ""
	}
	for _, n := range series.AllNames(name, typ) {
		if other := own[n]; other != "" {
			return fmt.Sprintf("it would share the name %s with %s, and %s", n, other, s.updater(other, "that metric"))
		}
	}
	return ""
}

// updater returns what updates the family with the name, which the result calls it.
func (s *Sources) updater(name, it string) string {
	if event := s.eventOf(name); event != "" {
		return fmt.Sprintf("rules update %s for event %q", it, event)
	}
	return "Signalbox itself updates " + it
}

// ownNames returns, for each name that clients must not use, the family that has it.
func (s *Sources) ownNames() map[string]string {
	version, types := s.store.Version(), s.types.Load()
	if own := s.own.Load(); own != nil && own.version == version && own.types == types {
		return own.families
	}
	own := &ownNames{version: version, types: types, families: make(map[string]string)}
	add := func(name string, typ series.Type) {
		for _, n := range series.AllNames(name, typ) {
			if own.families[n] == "" || n == name {
				own.families[n] = name
			}
		}
	}
	for _, f := range s.store.Families() {
		add(f.Name(), f.Type())
	}
	for name, typ := range *types {
		if strings.HasPrefix(name, "signalbox_") {
			add(name, typ)
		}
	}
	s.own.Store(own)
	return own.families
}

// Push adds the provider's pushed metrics to the page. It replaces the provider of an
// earlier call. From then on, the provider rejects metrics that would conflict with the
// rest of the page.
func (s *Sources) Push(p series.Provider) {
	s.recordGathered()
	provided := series.Provide(p, series.PageNames{TypeOf: s.typeOf, Has: s.has, Owner: s.owner, Version: s.store.Version})
	s.pushed.Store(&Pushed{Store: provided.Store, Clock: provided.Clock, Owner: func(name string, typ series.Type) string {
		return s.owner(name, typ, provided.AllowOwned)
	}})
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
