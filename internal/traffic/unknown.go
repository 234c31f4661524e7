package traffic

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/signalbox-ci/signalbox/internal/excerpt"
	"github.com/signalbox-ci/signalbox/internal/series"
)

// These limits bound the memory for unknown names, which senders can choose freely.
const (
	maxUnknownNames     = 200
	maxUnknownNameBytes = 128
)

// When the list is full, a new name replaces a name that was not received for
// minQuietTime. Finding such a name requires a walk over all names, so it is done at
// most once in each replaceInterval.
const (
	minQuietTime    = 60 * time.Second
	replaceInterval = time.Second
)

// UnknownNames counts unknown events by name. It keeps up to maxUnknownNames names, and
// counts the events with other names together. Names with the same first
// maxUnknownNameBytes bytes count as one. The zero value is ready to use. UnknownNames
// is safe for concurrent use.
//
// Counting a name that is in the map takes no lock. The map itself is immutable. A
// modified copy replaces it for each new name, and at most once a second when it is
// full.
type UnknownNames struct {
	byName   atomic.Pointer[map[string]*unknownName]
	updating sync.Mutex    // held while the map is replaced
	replaced atomic.Int64  // Instant of the last attempt to replace a name
	other    atomic.Uint64 // number of events with other names
}

type unknownName struct {
	count atomic.Uint64
	last  atomic.Int64 // Instant of the latest event
}

// Count counts an event. It does not retain the name.
func (u *UnknownNames) Count(name string, now series.Instant) {
	n := u.find(excerpt.Prefix(name, maxUnknownNameBytes), now)
	if n == nil {
		u.other.Add(1)
		return
	}
	n.count.Add(1)
	if n.last.Load() != int64(now) {
		n.last.Store(int64(now))
	}
}

// find returns the entry for a name. It creates the entry if necessary. It returns nil
// if there is no room.
func (u *UnknownNames) find(name string, now series.Instant) *unknownName {
	n, full := u.lookup(name)
	if n != nil || full && !u.mayReplace(now) {
		return n
	}
	u.updating.Lock()
	defer u.updating.Unlock()
	n, full = u.lookup(name)
	if n != nil {
		return n
	}
	evicted, ok := "", false
	if full {
		if evicted, ok = u.evictable(now); !ok {
			return nil
		}
	}
	n = new(unknownName)
	n.last.Store(int64(now)) // so that evictable does not return it
	u.update(func(names map[string]*unknownName) {
		if ok {
			u.other.Add(names[evicted].count.Load())
			delete(names, evicted)
		}
		names[strings.Clone(name)] = n // name may be part of a large request
	})
	return n
}

// mayReplace reports whether the caller may look for a name to replace. It returns true
// at most once in each replaceInterval.
func (u *UnknownNames) mayReplace(now series.Instant) bool {
	last := u.replaced.Load()
	return time.Duration(int64(now)-last) >= replaceInterval && u.replaced.CompareAndSwap(last, int64(now))
}

// evictable returns the least frequent of the names that were not received for
// minQuietTime. It returns false if there is no such name.
func (u *UnknownNames) evictable(now series.Instant) (name string, ok bool) {
	var least uint64
	for candidate, n := range *u.byName.Load() {
		count := n.count.Load()
		if time.Duration(int64(now)-n.last.Load()) >= minQuietTime && (!ok || count < least) {
			name, least, ok = candidate, count, true
		}
	}
	return name, ok
}

// Forget removes the names that have become known.
func (u *UnknownNames) Forget(known func(name string) bool) {
	u.updating.Lock()
	defer u.updating.Unlock()
	u.update(func(names map[string]*unknownName) {
		maps.DeleteFunc(names, func(name string, _ *unknownName) bool { return known(name) })
	})
}

// update replaces the map with a modified copy. The caller must hold updating. If an
// event with a removed name is counted at the same time, it may be missing from both
// List and Other.
func (u *UnknownNames) update(do func(names map[string]*unknownName)) {
	names := map[string]*unknownName{}
	if before := u.byName.Load(); before != nil {
		names = maps.Clone(*before)
	}
	do(names)
	u.byName.Store(&names)
}

func (u *UnknownNames) lookup(name string) (n *unknownName, full bool) {
	names := u.byName.Load()
	if names == nil {
		return nil, false
	}
	return (*names)[name], len(*names) >= maxUnknownNames
}

// An UnknownName is the name of unknown events, with statistics about them.
type UnknownName struct {
	Name  string
	Count uint64
	Last  time.Time // when the latest event was received
}

// Other returns the number of unknown events whose names were not kept.
func (u *UnknownNames) Other() uint64 { return u.other.Load() }

// List returns the names, the most frequent first.
func (u *UnknownNames) List(wall series.Wall) []UnknownName {
	list := []UnknownName{}
	if names := u.byName.Load(); names != nil {
		for name, n := range *names {
			list = append(list, UnknownName{
				Name: name, Count: n.count.Load(), Last: wall.Time(series.Instant(n.last.Load())),
			})
		}
	}
	slices.SortFunc(list, func(a, b UnknownName) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Name, b.Name))
	})
	return list
}
