package series

import (
	"strings"
	"sync"
	"sync/atomic"
)

// An Owner is what series belong to: a worker. When it has not been heard of
// for the store's limit, it is gone, and all of its series with it, in every
// family. Heard of again, it is a new Owner.
type Owner struct {
	name  string
	pulse pulse

	// reported says how the owner stands in the last-seen family. It changes
	// under owners.reporting.
	reported atomic.Uint32
}

// How an owner stands in the last-seen family.
const (
	unheard  = iota // it has not sent a heartbeat, so there is nothing to report
	waiting         // there was no room for its series
	reported        // it has its series
)

func (o *Owner) gone() bool { return o.pulse.hasStopped() }

// owners are the store's owners by name. Only making a series looks them up: an
// update finds its owner through the series.
type owners struct {
	byName    sync.Map // string → *Owner
	reporting sync.Mutex
}

// get returns the owner of that name, made if need be. A new owner counts as
// heard of now, so that what belongs to it lives for the limit at least.
func (os *owners) get(name string, now Instant) *Owner {
	if o, ok := os.byName.Load(name); ok && !o.(*Owner).gone() {
		return o.(*Owner)
	}
	// The name may be part of something large that somebody sent.
	name = strings.Clone(name)
	fresh := &Owner{name: name}
	fresh.pulse.beat(now)
	for {
		o, loaded := os.byName.LoadOrStore(name, fresh)
		if !loaded || !o.(*Owner).gone() {
			return o.(*Owner)
		}
		os.byName.CompareAndDelete(name, o)
	}
}

func (os *owners) has(name string) bool {
	_, ok := os.byName.Load(name)
	return ok
}
