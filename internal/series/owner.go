package series

import (
	"hash/maphash"
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
// update finds its owner through the series. They are divided, so that a sweep never
// keeps those waiting for long who make one.
type owners struct {
	shards    [ownerShards]ownerShard
	reporting sync.Mutex
}

const ownerShards = 1 << 10

type ownerShard struct {
	mu     sync.Mutex
	byName map[string]*Owner // none of them gone: stopping and removing is one under mu
}

var ownerSeed = maphash.MakeSeed()

func (os *owners) shard(name string) *ownerShard {
	return &os.shards[maphash.String(ownerSeed, name)%ownerShards]
}

// get returns the owner of that name, made if need be. A new owner counts as
// heard of now, so that what belongs to it lives for the limit at least.
func (os *owners) get(name string, now Instant) *Owner {
	sh := os.shard(name)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	o := sh.byName[name]
	if o == nil {
		// The name may be part of something large that somebody sent.
		o = &Owner{name: strings.Clone(name)}
		o.pulse.beat(now)
		if sh.byName == nil {
			sh.byName = make(map[string]*Owner)
		}
		sh.byName[o.name] = o
	}
	return o
}

func (os *owners) has(name string) bool {
	sh := os.shard(name)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	return sh.byName[name] != nil
}

// sift shows all owners to gone, and removes those for which that is true. It must
// not make owners, or ask for them.
func (os *owners) sift(gone func(*Owner) bool) {
	for i := range os.shards {
		sh := &os.shards[i]
		sh.mu.Lock()
		for name, o := range sh.byName {
			if gone(o) {
				delete(sh.byName, name)
			}
		}
		if len(sh.byName) == 0 {
			sh.byName = nil // what it took up goes with the last
		}
		sh.mu.Unlock()
	}
}
