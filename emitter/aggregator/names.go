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

// The families that say when a group was pushed to. Agents cannot push them; from jobs
// they are ignored.
const (
	pushTimeName    = "push_time_seconds"
	failureTimeName = "push_failure_time_seconds"
)

// otherNames are the names of the families that are served beside what is pushed: those
// on the page, if the Aggregator is on one, or else those in the registry.
type otherNames struct {
	page     atomic.Pointer[func(name string) (series.Type, bool)] // nil: not on a page
	registry prometheus.Collector                                  // nil: its names are not known

	mu         sync.Mutex // held to ask the registry
	registered atomic.Pointer[registered]
}

// registered are the names in a registry at an instant.
type registered struct {
	at    series.Instant
	names map[string]bool
}

// registeredAge is how old the names in the registry may be. Describing all that is
// registered takes time, and happens while a push waits.
const registeredAge = series.Instant(time.Second)

// onPage makes the names those of a page.
func (o *otherNames) onPage(taken func(name string) (series.Type, bool)) { o.page.Store(&taken) }

// refresh asks the registry for its names, if they are needed and may be out of date.
// The caller must hold no lock: it is up to a collector what it does when it describes
// itself.
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

// nameIn returns the name of the metric that a Desc describes, which only its text has:
// Desc{fqName: "go_goroutines", help: …
func nameIn(d *prometheus.Desc) string {
	quoted, _ := strconv.QuotedPrefix(strings.TrimPrefix(d.String(), "Desc{fqName: "))
	name, _ := strconv.Unquote(quoted)
	return name
}

// typeOf returns the type of the family that is served under the name beside what is
// pushed; series.AnyType if only its name is known.
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

// checkNewFamily returns why a family of that name and type cannot be added beside
// those that typeOf knows: one of the other families, or one of its samples, has the
// name, or the name of one of its samples.
func (c *core) checkNewFamily(name string, typ series.Type, typeOf func(name string) (series.Type, bool)) error {
	if other, ok := c.others.typeOf(name); ok && other == series.AnyType {
		return errServersOwn(name)
	}
	// Samples name_created are in OpenMetrics alone, and some clients push families of
	// these names together with the histograms that have such samples.
	err := series.CheckSampleNames(name, typ, false, typeOf)
	if clash, ok := errors.AsType[*series.NameClash](err); ok && clash.OtherType == series.AnyType {
		return fmt.Errorf("%w, which is one of the server's own", err)
	}
	return err
}

func errServersOwn(name string) error {
	return fmt.Errorf("metric %s is one of the server's own", name)
}

func errOtherType(name string, typ, there series.Type) error {
	return fmt.Errorf("metric %s is pushed as %s, but is there as %s", name, typ, there)
}
