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

// The families with the times of pushes to a group. Agents cannot push them; from jobs
// they are ignored.
const (
	pushTimeName    = "push_time_seconds"
	failureTimeName = "push_failure_time_seconds"
)

// otherNames contains the names of the families that are served in addition to pushed
// ones: those on the page if the Aggregator is part of one, or else those in the
// registry.
type otherNames struct {
	page     atomic.Pointer[func(name string) (series.Type, bool)] // nil if the Aggregator is not part of a page
	registry prometheus.Collector                                  // nil if its names are not known

	mu         sync.Mutex // held while the registry is described
	registered atomic.Pointer[registered]
}

// A registered contains the names in a registry at an instant.
type registered struct {
	at    series.Instant
	names map[string]bool
}

// registeredAge is the maximum age of the names in the registry. Describing everything
// in it takes time, while a push waits.
const registeredAge = series.Instant(time.Second)

// onPage makes the names those of a page.
func (o *otherNames) onPage(taken func(name string) (series.Type, bool)) { o.page.Store(&taken) }

// refresh gets the names from the registry if they are needed and may be out of date.
// The caller must hold no lock, because collectors may do anything when they describe
// themselves.
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
	r := &registered{at: now, names: make(map[string]bool)}
	for d := range descs {
		r.names[nameIn(d)] = true
	}
	o.registered.Store(r)
}

func (o *otherNames) isFresh(now series.Instant) bool {
	r := o.registered.Load()
	return r != nil && now-r.at < registeredAge
}

// nameIn returns the name of the metric that a Desc describes. Only the text of the
// Desc contains it: Desc{fqName: "go_goroutines", help: …
func nameIn(d *prometheus.Desc) string {
	quoted, _ := strconv.QuotedPrefix(strings.TrimPrefix(d.String(), "Desc{fqName: "))
	name, _ := strconv.Unquote(quoted)
	return name
}

// typeOf returns the type of the family that is served under the name in addition to
// pushed families; series.AnyType if only its name is known.
func (o *otherNames) typeOf(name string) (series.Type, bool) {
	if typeOf := o.page.Load(); typeOf != nil {
		return (*typeOf)(name)
	}
	r := o.registered.Load()
	return series.AnyType, r != nil && r.names[name]
}

// typeOf returns the type of the family that is served under the name. The caller must
// hold the store's lock.
func (c *core) typeOf(name string) (series.Type, bool) {
	if f := c.store.Family(name); f != nil {
		return f.Type(), true
	}
	return c.others.typeOf(name)
}

// checkNewFamily returns an error if a family with that name and type cannot be added
// to those that typeOf knows, because its name or a name of its samples is taken.
func (c *core) checkNewFamily(name string, typ series.Type, typeOf func(name string) (series.Type, bool)) error {
	if other, ok := c.others.typeOf(name); ok && other == series.AnyType {
		return errServersOwn(name)
	}
	// Samples with the suffix _created exist only in OpenMetrics, and some clients push
	// families with these names together with the histograms that have such samples.
	err := series.CheckSampleNames(name, typ, false, typeOf)
	if clash, ok := errors.AsType[*series.NameClash](err); ok && clash.OtherType == series.AnyType {
		return fmt.Errorf("%w, which the server itself serves", err)
	}
	return err
}

func errServersOwn(name string) error {
	return fmt.Errorf("metric %s is served by the server itself", name)
}

func errOtherType(name string, typ, there series.Type) error {
	return fmt.Errorf("metric %s: got type %s, expected %s, its existing type", name, typ, there)
}
