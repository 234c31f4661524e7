package series

import (
	"hash/maphash"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/signalbox-ci/signalbox/internal/membudget"
)

// An Owner is a worker to which series belong. If it sends no heartbeat within the
// store's limit, a sweep makes it expire, and removes all of its series, in every
// family. A later heartbeat creates a new Owner with the same name.
type Owner struct {
	name     string
	liveness liveness

	// lastSeenState is the owner's state in the last-seen family, one of the constants
	// below. It is changed under owners.lastSeenMu.
	lastSeenState atomic.Uint32
}

// The states of an owner in the last-seen family.
const (
	notSeen        = iota // it has not sent a heartbeat, so it needs no series
	waitingForRoom        // the family had no room for its series
	hasSeries
)

// ownerBytes returns about how much memory an owner takes.
func ownerBytes(name string) int64 { return 100 + int64(len(name)) }

func (o *Owner) expired() bool { return o.liveness.expired() }

// owners are the store's owners by name. An update of an existing series does not look
// up its owner here, because the series has a pointer to it. The owners are divided
// into shards, so that a sweep never blocks the creation of series for long.
type owners struct {
	shards     [ownerShards]ownerShard
	lastSeenMu sync.Mutex
	memory     *membudget.Budget
}

const ownerShards = 1 << 10

type ownerShard struct {
	mu sync.Mutex

	// byName never contains an expired owner: the owner expires and is removed without
	// releasing mu in between.
	byName map[string]*Owner
}

var ownerSeed = maphash.MakeSeed()

func (os *owners) shard(name string) *ownerShard {
	return &os.shards[maphash.String(ownerSeed, name)%ownerShards]
}

// get returns the owner with the name. It creates the owner if necessary, and returns
// nil if there is no memory for it. A new owner counts as active at now, so that its
// series live at least for the limit.
func (os *owners) get(name string, now Instant) *Owner {
	sh := os.shard(name)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	o := sh.byName[name]
	if o == nil {
		if !os.memory.TryAcquire(ownerBytes(name)) {
			return nil
		}
		// Without the clone, the owner could keep a whole request body in memory.
		o = &Owner{name: strings.Clone(name)}
		o.liveness.refresh(now)
		if sh.byName == nil {
			sh.byName = make(map[string]*Owner)
		}
		sh.byName[o.name] = o
	}
	return o
}

// find returns the owner with the name, or nil.
func (os *owners) find(name string) *Owner {
	sh := os.shard(name)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	return sh.byName[name]
}

// removeIf calls remove with every owner, and removes those for which it returns true.
// remove must not create or look up owners.
func (os *owners) removeIf(remove func(*Owner) bool) {
	for i := range os.shards {
		sh := &os.shards[i]
		sh.mu.Lock()
		for name, o := range sh.byName {
			if remove(o) {
				delete(sh.byName, name)
				os.memory.Release(ownerBytes(name))
			}
		}
		if len(sh.byName) == 0 {
			sh.byName = nil // maps do not shrink
		}
		sh.mu.Unlock()
	}
}
