package metric

import (
	"iter"
	"sync"
)

// A CounterFamily has a Counter for each key, such as the action of a request.
type CounterFamily[K comparable] = Family[K, Counter]

// A GaugeFamily has a Gauge for each key, such as the labels of a step.
type GaugeFamily[K comparable] = Family[K, Gauge]

// A Family has a counter or a gauge for each key that was ever used. The zero
// value is empty. It is safe for concurrent use, and must not be copied.
type Family[K comparable, I Counter | Gauge] struct {
	mu      sync.RWMutex // protects the following fields
	byKey   map[K]*I
	members []familyMember[K, I] // in the order of their first use; only ever appended to
}

type familyMember[K comparable, I Counter | Gauge] struct {
	key        K
	instrument *I
}

// With returns the instrument of the key, the same each time. It makes it at
// the key's first use; after that, it allocates nothing.
func (f *Family[K, I]) With(key K) *I {
	f.mu.RLock()
	instrument := f.byKey[key]
	f.mu.RUnlock()
	if instrument != nil {
		return instrument
	}
	return f.add(key)
}

// Slow path of With: the key is new, or was a moment ago.
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

// All goes through the family in the order in which its keys were first used.
// It holds no lock meanwhile, and leaves out keys that are added meanwhile.
func (f *Family[K, I]) All() iter.Seq2[K, *I] {
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
