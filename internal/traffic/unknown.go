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

// The limits of the memory for unknown names, which senders choose freely.
const (
	maxUnknownNames     = 200
	maxUnknownNameBytes = 128
)

// When there is no room, a name that was not received for unknownNameQuiet gives way to
// a new one. Finding it takes a walk over all names, so it happens at most once in
// unknownNameReplace.
const (
	unknownNameQuiet   = 60 * time.Second
	unknownNameReplace = time.Second
)

// UnknownNames counts the events that no rule knows, by name: up to maxUnknownNames of
// them, and the others together. Names with the same first maxUnknownNameBytes bytes
// count as one. The zero value is ready to use. It is safe for concurrent use.
//
// Counting a name that is in the map takes no lock. The map is never changed but
// replaced by a modified copy: once for each new name, and at most once a second when
// it is full.
type UnknownNames struct {
	byName   atomic.Pointer[map[string]*unknownName]
	changing sync.Mutex    // held while the map is replaced
	replaced atomic.Int64  // Instant of the last attempt to make room
	other    atomic.Uint64 // events of other names
}

type unknownName struct {
	count atomic.Uint64
	last  atomic.Int64 // Instant
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

// find returns the entry of a name, and creates it if necessary. It returns nil if
// there is no room.
func (u *UnknownNames) find(name string, now series.Instant) *unknownName {
	n, full := u.look(name)
	if n != nil || full && !u.mayReplace(now) {
		return n
	}
	u.changing.Lock()
	defer u.changing.Unlock()
	n, full = u.look(name)
	if n != nil {
		return n
	}
	gone, ok := "", false
	if full {
		if gone, ok = u.quietest(now); !ok {
			return nil
		}
	}
	n = new(unknownName)
	n.last.Store(int64(now)) // so that quietest does not choose it
	u.change(func(names map[string]*unknownName) {
		if ok {
			u.other.Add(names[gone].count.Load())
			delete(names, gone)
		}
		names[strings.Clone(name)] = n // name may be part of a large request
	})
	return n
}

// mayReplace reports whether it is time to look for a name to replace, at most once in
// unknownNameReplace.
func (u *UnknownNames) mayReplace(now series.Instant) bool {
	last := u.replaced.Load()
	return time.Duration(int64(now)-last) >= unknownNameReplace && u.replaced.CompareAndSwap(last, int64(now))
}

// quietest returns the least frequent of the names that were not received for
// unknownNameQuiet. It returns false if there is none.
func (u *UnknownNames) quietest(now series.Instant) (name string, ok bool) {
	var least uint64
	for candidate, n := range *u.byName.Load() {
		count := n.count.Load()
		if time.Duration(int64(now)-n.last.Load()) >= unknownNameQuiet && (!ok || count < least) {
			name, least, ok = candidate, count, true
		}
	}
	return name, ok
}

// Forget removes the names that are known by now.
func (u *UnknownNames) Forget(known func(name string) bool) {
	u.changing.Lock()
	defer u.changing.Unlock()
	u.change(func(names map[string]*unknownName) {
		maps.DeleteFunc(names, func(name string, _ *unknownName) bool { return known(name) })
	})
}

// change replaces the map by a modified copy. The caller must hold changing. An event
// that is counted at the same time under a removed name is part only of the total.
func (u *UnknownNames) change(do func(names map[string]*unknownName)) {
	names := map[string]*unknownName{}
	if before := u.byName.Load(); before != nil {
		names = maps.Clone(*before)
	}
	do(names)
	u.byName.Store(&names)
}

func (u *UnknownNames) look(name string) (n *unknownName, full bool) {
	names := u.byName.Load()
	if names == nil {
		return nil, false
	}
	return (*names)[name], len(*names) >= maxUnknownNames
}

// An UnknownName is the name of events that no rule knows.
type UnknownName struct {
	Name  string
	Count uint64
	Last  time.Time // when the latest event was received
}

// Other returns how many events had names for which there was no room.
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
