package metric

import (
	"iter"
	"sync"
)

// A CounterFamily has a Counter for each key, such as the action of a request.
type CounterFamily[K comparable] = Family[K, Counter]

// A GaugeFamily has a Gauge for each key, such as the labels of a step.
type GaugeFamily[K comparable] = Family[K, Gauge]

// A Family holds a Counter or a Gauge for each key. Members are never removed, so the
// set of keys must be bounded. The zero value is an empty family. A Family is safe for
// concurrent use and must not be copied.
type Family[K comparable, I Counter | Gauge] struct {
	mu      sync.RWMutex // protects the following fields
	byKey   map[K]*I
	members []familyMember[K, I] // in the order of their creation; append-only
}

type familyMember[K comparable, I Counter | Gauge] struct {
	key        K
	instrument *I
}

// With returns the Counter or Gauge for the key, and creates it if necessary. For the
// same key, it always returns the same pointer, which callers may keep. It allocates
// only when the key is new.
func (f *Family[K, I]) With(key K) *I {
	f.mu.RLock()
	instrument := f.byKey[key]
	f.mu.RUnlock()
	if instrument != nil {
		return instrument
	}
	return f.add(key)
}

// add is the slow path of With, for a key that With did not find.
func (f *Family[K, I]) add(key K) *I {
	f.mu.Lock()
	defer f.mu.Unlock()
	if instrument := f.byKey[key]; instrument != nil {
		return instrument
	}
	if f.byKey == nil {
		f.byKey = make(map[K]*I)
	}
	instrument := new(I)
	f.byKey[key] = instrument
	f.members = append(f.members, familyMember[K, I]{key, instrument})
	return instrument
}

// all iterates over the members in the order of their creation. It does not hold the
// lock during the iteration, and skips members that are created meanwhile.
func (f *Family[K, I]) all() iter.Seq2[K, *I] {
	return func(yield func(K, *I) bool) {
		f.mu.RLock()
		members := f.members
		f.mu.RUnlock()
		for _, member := range members {
			if !yield(member.key, member.instrument) {
				return
			}
		}
	}
}
