package emitter

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/signalbox-ci/signalbox/emitter/internal/series"
	"github.com/signalbox-ci/signalbox/emitter/internal/status"
)

// What is kept of the names that no rule knows is bounded, whoever sends them.
const (
	maxUnknownNames     = 200
	maxUnknownNameBytes = 128
)

// unknownNames count the events that no rule knows, by name: the first
// maxUnknownNames of them, and the others together. Names that agree in their first
// maxUnknownNameBytes are one. Its zero value is ready to use.
//
// A known one costs a lookup without a lock. The map is never changed but replaced
// by a larger one, which happens once a name.
type unknownNames struct {
	byName atomic.Pointer[map[string]*unknownName]
	adding sync.Mutex // held while the map is replaced
	other  atomic.Uint64
}

type unknownName struct {
	count atomic.Uint64
	last  atomic.Int64 // Instant
}

// count counts an event. It keeps nothing of the name.
func (u *unknownNames) count(name string, now series.Instant) {
	n := u.find(beginning(name, maxUnknownNameBytes))
	if n == nil {
		u.other.Add(1)
		return
	}
	n.count.Add(1)
	if n.last.Load() != int64(now) {
		n.last.Store(int64(now))
	}
}

// find returns the entry of a name, made if need be, or nil if there is no room.
func (u *unknownNames) find(name string) *unknownName {
	if n, full := u.look(name); n != nil || full {
		return n
	}
	u.adding.Lock()
	defer u.adding.Unlock()
	n, full := u.look(name)
	if n != nil || full {
		return n
	}
	more := map[string]*unknownName{}
	if names := u.byName.Load(); names != nil {
		more = maps.Clone(*names)
	}
	n = new(unknownName)
	more[strings.Clone(name)] = n // which may be part of something large that somebody sent
	u.byName.Store(&more)
	return n
}

func (u *unknownNames) look(name string) (n *unknownName, full bool) {
	names := u.byName.Load()
	if names == nil {
		return nil, false
	}
	return (*names)[name], len(*names) >= maxUnknownNames
}

// list is the names, the most frequent first.
func (u *unknownNames) list(wall series.Wall) []status.UnknownName {
	list := []status.UnknownName{}
	if names := u.byName.Load(); names != nil {
		for name, n := range *names {
			list = append(list, status.UnknownName{
				Name: name, Count: n.count.Load(), Last: wall.Time(series.Instant(n.last.Load())),
			})
		}
	}
	slices.SortFunc(list, func(a, b status.UnknownName) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Name, b.Name))
	})
	return list
}
