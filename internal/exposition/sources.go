package exposition

import (
	"cmp"
	"slices"
	"strconv"
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
}

// NewSources returns the sources for a page of the store. eventOf returns an event for
// which rules update the metric, or the empty string if no rule updates it.
func NewSources(store *series.Store, eventOf func(metric string) string) *Sources {
	s := &Sources{store: store, eventOf: eventOf}
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
	if f := s.stored(name); f != nil {
		return f.Type(), true
	}
	t, ok := (*s.types.Load())[name]
	return t, ok
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

// owner returns why clients must not push the family with the name, or the empty string
// if they may. They may push families of other gatherers, such as go_goroutines, which
// client libraries push by default, except those about Signalbox itself.
func (s *Sources) owner(name string) string {
	_, gathered := (*s.types.Load())[name]
	switch {
	case s.stored(name) == nil && !(gathered && strings.HasPrefix(name, "signalbox_")):
		return ""
	case s.eventOf(name) != "":
		return "rules update it for event " + strconv.Quote(s.eventOf(name))
	}
	return "Signalbox itself updates it"
}

// Push adds the provider's pushed metrics to the page. It replaces the provider of an
// earlier call. From then on, the provider rejects metrics that would conflict with the
// rest of the page.
func (s *Sources) Push(p series.Provider) {
	s.recordGathered()
	provided := series.Provide(p, series.PageNames{TypeOf: s.typeOf, Owner: s.owner, Version: s.store.Version})
	pushed := &Pushed{Store: provided.Store, Clock: provided.Clock}
	if !provided.AllowOwned {
		pushed.Owner = s.owner
	}
	s.pushed.Store(pushed)
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
