package series

import (
	"sync/atomic"
)

// A table finds a family's series by the hash of their values. It is an
// extendible hash table: a directory, indexed by the top bits of the hash,
// points to segments of bounded size, and a full segment is split in two. So
// one insertion never moves more than one segment's entries, however many
// series there are, and a lookup is two loads and a short probe.
//
// find may be called by any number of goroutines at any time. The caller of insert and
// remove must hold the family's lock. find may miss an entry that is being inserted at
// the same time, and may return one that was just removed; a caller to which that matters
// calls it again under the lock and checks whether the series is dead. Entries inserted
// earlier are always found: a replaced segment keeps its entries for goroutines that
// still read it.
type table struct {
	directory atomic.Pointer[directory]
}

// A directory is immutable but for which segments it points to. A segment of
// depth d stands in all entries that share its top d bits.
type directory struct {
	depth    uint
	segments []atomic.Pointer[segment] // 1<<depth
}

// Segments start small, since most families have few series. At the largest
// size, splitting one takes some ten microseconds.
const (
	minSegmentSlots = 8
	maxSegmentSlots = 512
)

// A segment is an open-addressing table. Once written, a slot keeps its hash
// until the segment is replaced.
type segment struct {
	depth uint
	slots []slot // a power of two

	used, live int // slots ever used, and in use; for the holder of the family's lock
}

type slot struct {
	// hash is that of the values, but for its lowest bit, which says whether
	// the series' text has escapes. It is written before series is.
	hash   uint64
	series atomic.Pointer[Series] // nil if never used, or removed
}

// removed stands in a slot whose series was removed, so that probing goes on.
var removed = new(Series)

const escapedBit = 1

func (t *table) init() {
	d := &directory{segments: make([]atomic.Pointer[segment], 1)}
	d.segments[0].Store(&segment{slots: make([]slot, minSegmentSlots)})
	t.directory.Store(d)
}

func (t *table) segmentOf(hash uint64) *segment {
	d := t.directory.Load()
	return d.segments[hash>>(64-d.depth)].Load()
}

// find returns the series of a layout that has the values, which must have been
// hashed, or nil.
func (t *table) find(l *layout, values *Values) *Series {
	seg := t.segmentOf(values.hash)
	mask := uint64(len(seg.slots) - 1)
	for i := values.hash >> 1; ; i++ {
		at := &seg.slots[i&mask]
		s := at.series.Load()
		if s == nil {
			return nil
		}
		if at.hash&^escapedBit == values.hash && s != removed && l.matches(s.labels, at.hash&escapedBit != 0, values) {
			return s
		}
	}
}

// insert adds a series, whose values must not be there yet.
func (t *table) insert(hash uint64, escaped bool, s *Series) {
	if escaped {
		hash |= escapedBit
	}
	for {
		seg := t.segmentOf(hash)
		if seg.used < len(seg.slots)*3/4 {
			seg.put(hash, s)
			return
		}
		t.relieve(seg, hash)
	}
}

// remove takes a series out, if it is there.
func (t *table) remove(hash uint64, s *Series) {
	seg := t.segmentOf(hash)
	mask := uint64(len(seg.slots) - 1)
	for i := hash >> 1; ; i++ {
		at := &seg.slots[i&mask]
		switch at.series.Load() {
		case nil:
			return
		case s:
			at.series.Store(removed)
			seg.live--
			if len(seg.slots) > minSegmentSlots && seg.live < len(seg.slots)/8 {
				t.replace(seg, hash, seg.copied(len(seg.slots)/2))
			}
			return
		}
	}
}

// relieve makes room in a segment that is full, of removed entries or of live
// ones: by a copy without the removed, a larger copy, or two halves.
func (t *table) relieve(seg *segment, hash uint64) {
	switch n := len(seg.slots); {
	case seg.live < n/2:
		t.replace(seg, hash, seg.copied(n))
	case n < maxSegmentSlots:
		t.replace(seg, hash, seg.copied(2*n))
	default:
		t.split(seg, hash)
	}
}

func (t *table) split(seg *segment, hash uint64) {
	d := t.directory.Load()
	if seg.depth == d.depth {
		wider := &directory{depth: d.depth + 1, segments: make([]atomic.Pointer[segment], 2*len(d.segments))}
		for i := range wider.segments {
			wider.segments[i].Store(d.segments[i/2].Load())
		}
		d = wider
		t.directory.Store(d)
	}
	var halves [2]*segment
	for i := range halves {
		halves[i] = &segment{depth: seg.depth + 1, slots: make([]slot, len(seg.slots))}
	}
	for i := range seg.slots {
		at := &seg.slots[i]
		if s := at.series.Load(); s != nil && s != removed {
			halves[at.hash>>(64-seg.depth-1)&1].put(at.hash, s)
		}
	}
	first, n := d.entriesOf(seg, hash)
	for i := range n {
		d.segments[first+i].Store(halves[i*2/n])
	}
}

// replace puts a new segment in the place of the one that hash leads to.
func (t *table) replace(seg *segment, hash uint64, by *segment) {
	d := t.directory.Load()
	first, n := d.entriesOf(seg, hash)
	for i := range n {
		d.segments[first+i].Store(by)
	}
}

// entriesOf is the range of the directory's entries that point to the segment
// that hash leads to.
func (d *directory) entriesOf(seg *segment, hash uint64) (first, n int) {
	n = 1 << (d.depth - seg.depth)
	return int(hash>>(64-d.depth)) &^ (n - 1), n
}

func (seg *segment) copied(slots int) *segment {
	c := &segment{depth: seg.depth, slots: make([]slot, slots)}
	for i := range seg.slots {
		at := &seg.slots[i]
		if s := at.series.Load(); s != nil && s != removed {
			c.put(at.hash, s)
		}
	}
	return c
}

// put writes an entry to the first slot on its way that was never used. Slots of
// removed entries are not used again: a reader may still be comparing there.
func (seg *segment) put(hash uint64, s *Series) {
	mask := uint64(len(seg.slots) - 1)
	i := hash >> 1
	for seg.slots[i&mask].series.Load() != nil {
		i++
	}
	at := &seg.slots[i&mask]
	at.hash = hash
	at.series.Store(s)
	seg.used++
	seg.live++
}
