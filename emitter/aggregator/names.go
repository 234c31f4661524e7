package aggregator

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-ci/signalbox/internal/series"
)

// The names of the families with the times of pushes to groups. Agents cannot push
// these families. If a job pushes them, they are ignored.
const (
	pushTimeName    = "push_time_seconds"
	failureTimeName = "push_failure_time_seconds"
)

// otherNames contains the names of the families that are served in addition to pushed
// families: those on the metrics page if the Aggregator is part of one, and otherwise
// those in the registry.
type otherNames struct {
	page     atomic.Pointer[series.PageNames] // nil if the Aggregator is not part of a page
	registry prometheus.Collector             // nil if its names cannot be determined

	mu         sync.Mutex // held while the registry is described
	registered atomic.Pointer[registryNames]
}

// A registryNames contains the names in a registry at a point in time.
type registryNames struct {
	at    series.Instant
	names map[string]bool
}

// registeredAge is the maximum age of the names in the registry. They are cached,
// because a push has to wait while all metrics in the registry are described.
const registeredAge = series.Instant(time.Second)

// onPage sets the names of the page.
func (o *otherNames) onPage(names series.PageNames) { o.page.Store(&names) }

// refresh reads the names from the registry if they are needed and are too old. The
// caller must hold no lock, because refresh calls Describe of arbitrary collectors.
func (o *otherNames) refresh(clock *series.Clock) {
	if o.registry == nil || o.page.Load() != nil {
		return
	}
	now := clock.Tick()
	if o.isFresh(now) {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.isFresh(now) {
		return
	}
	descs := make(chan *prometheus.Desc)
	go func() {
		defer close(descs)
		o.registry.Describe(descs)
	}()
	r := &registryNames{at: now, names: make(map[string]bool)}
	for d := range descs {
		r.names[nameIn(d)] = true
	}
	o.registered.Store(r)
}

// isFresh reports whether the names in the registry are recent enough.
func (o *otherNames) isFresh(now series.Instant) bool {
	r := o.registered.Load()
	return r != nil && now-r.at < registeredAge
}

// nameIn returns the name of the metric that a Desc describes. A Desc exposes the name
// only in its text: Desc{fqName: "go_goroutines", help: …
func nameIn(d *prometheus.Desc) string {
	quoted, _ := strconv.QuotedPrefix(strings.TrimPrefix(d.String(), "Desc{fqName: "))
	name, _ := strconv.Unquote(quoted)
	return name
}

// typeOf returns the type of the family with the name that is served in addition to
// pushed families, or series.AnyType if only its name is known. It returns false if
// there is no such family.
func (o *otherNames) typeOf(name string) (series.Type, bool) {
	if page := o.page.Load(); page != nil {
		return page.TypeOf(name)
	}
	r := o.registered.Load()
	return series.AnyType, r != nil && r.names[name]
}

// owner returns why clients must not push a family with the name and type, or the empty
// string if they may. If allowed is true, they may push series of the page's own
// families.
func (o *otherNames) owner(name string, typ series.Type, allowed bool) string {
	if page := o.page.Load(); page != nil {
		return page.Owner(name, typ, allowed)
	}
	return ""
}

// has reports whether the page's own families include a series with the name and labels.
func (o *otherNames) has(name, labels string) bool {
	page := o.page.Load()
	return page != nil && page.Has(name, labels)
}

// omitted returns the number of families that the page omits because of their owner.
func (a *Aggregator) omitted() (n int) {
	for _, f := range a.store.Families() {
		if a.others.owner(f.Name(), f.Type(), a.Groups.allowDriven) != "" {
			n++
		}
	}
	return n
}

// version returns a number that increases after the results of owner have changed.
func (o *otherNames) version() uint64 {
	if page := o.page.Load(); page != nil {
		return page.Version() + 1 // 0 means that the Aggregator is not part of a page
	}
	return 0
}

// typeOf returns the type of the family with the name, pushed or not. It returns false
// if there is no such family. The caller must hold the store's lock.
func (c *core) typeOf(name string) (series.Type, bool) {
	if f := c.store.Family(name); f != nil {
		return f.Type(), true
	}
	return c.others.typeOf(name)
}

// checkNewFamily returns an error if a family with this name and type cannot be added,
// because its name or a name of its samples is taken. typeOf returns the types of the
// existing families.
func (c *core) checkNewFamily(name string, typ series.Type, typeOf func(name string) (series.Type, bool)) error {
	if other, ok := c.others.typeOf(name); ok && other == series.AnyType {
		return errNameOfServer(name)
	}
	// The names of samples with the suffix _created are not checked. Such samples exist
	// only in OpenMetrics, and some clients push families with these names along with
	// the histograms that have such samples.
	err := series.CheckSampleNames(name, typ, false, typeOf)
	if clash, ok := errors.AsType[*series.NameClash](err); ok && clash.OtherType == series.AnyType {
		return fmt.Errorf("%w, which is a metric of the server itself", err)
	}
	return err
}

// errNameOfServer returns the error for a pushed metric with the name of a metric that
// the server has in addition to pushed ones.
func errNameOfServer(name string) error {
	return fmt.Errorf("metric %s: the server itself has a metric with this name", name)
}

// errOwned returns the error for a pushed metric that clients must not push.
func errOwned(name, owner string) error {
	return fmt.Errorf("metric %s cannot be pushed, because %s: choose another name", name, owner)
}

// errOtherType returns the error for a pushed metric whose type differs from that of
// the existing metric with this name.
func errOtherType(name string, typ, existing series.Type) error {
	return fmt.Errorf("metric %s: got type %s, expected %s, the type of the existing metric", name, typ, existing)
}
