package engine

import (
	"maps"
	"slices"
)

// A nameTable maps event names to plans. It is immutable. It is an open-addressing hash
// table that is at most a quarter full. Lookups are three times as fast as in a map,
// which saves a tenth of the time that it takes to emit an event.
type nameTable struct {
	plans []*plan
	mask  uint64
	names []string // sorted
}

func newNameTable(plans map[string]*plan) *nameTable {
	size := 1
	for size < 4*len(plans) {
		size *= 2
	}
	t := &nameTable{plans: make([]*plan, size), mask: uint64(size - 1), names: slices.Sorted(maps.Keys(plans))}
	for name, p := range plans {
		i := hashName(name)
		for t.plans[i&t.mask] != nil {
			i++
		}
		t.plans[i&t.mask] = p
	}
	return t
}

// find returns the plan for the event, or nil if the event is unknown.
func (t *nameTable) find(name string) *plan {
	for i := hashName(name); ; i++ {
		p := t.plans[i&t.mask]
		if p == nil || p.event == name {
			return p
		}
	}
}

// hashName hashes the length of a name and its first, middle, and last bytes. This is
// enough to distinguish the names in a catalog. A collision costs one comparison. Only
// the operator chooses the names in the table, so senders cannot cause collisions.
func hashName(name string) uint64 {
	n := len(name)
	h := uint64(n)
	if n >= 8 {
		h ^= word(name) ^ word(name[n-8:])<<7 ^ word(name[n/2-4:])<<13
	} else {
		for _, c := range []byte(name) {
			h = h<<8 ^ uint64(c)
		}
	}
	return h * 0x9e37_79b9_7f4a_7c15 >> 32
}

// word returns the first eight bytes of s. The compiler generates a single load.
func word(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}
