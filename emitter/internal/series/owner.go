package series

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// An Owner is what series belong to: a worker. When it has not been heard of
// for the store's limit, it is gone, and all of its series with it, in every
// family. Heard of again, it is a new Owner.
type Owner struct {
	name string

	// seen is when it was last heard of, or departed. Departing is a
	// compare-and-swap, so a heartbeat at the same moment either prevents it
	// or finds that it came too late.
	seen atomic.Int64

	// reported is the owner's series in the last-seen family, made with the
	// first heartbeat; guarded by owners.reporting.
	reported *Series
}

const departed = math.MinInt64

func (o *Owner) gone() bool { return o.seen.Load() == departed }

// heard records a heartbeat. It returns false if the owner is gone.
func (o *Owner) heard(now Instant) bool {
	for {
		seen := o.seen.Load()
		if seen == departed {
			return false
		}
		if seen >= int64(now) || o.seen.CompareAndSwap(seen, int64(now)) {
			return true
		}
	}
}

// depart makes the owner go if it has not been heard of for the limit.
func (o *Owner) depart(now Instant, limit time.Duration) bool {
	seen := o.seen.Load()
	return seen != departed && int64(now)-seen >= int64(limit) && o.seen.CompareAndSwap(seen, departed)
}

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
	fresh := &Owner{name: name}
	fresh.seen.Store(int64(now))
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

// sweep removes the owners that are gone as of now, and returns how many.
func (os *owners) sweep(now Instant, limit time.Duration) (departed int) {
	os.byName.Range(func(name, value any) bool {
		if o := value.(*Owner); o.depart(now, limit) {
			os.byName.CompareAndDelete(name, o)
			departed++
		}
		return true
	})
	return departed
}
