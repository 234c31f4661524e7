package series

import (
	"sync/atomic"
)

// A table finds a family's series by the hash of their label values. It is an
// extendible hash table: a directory, indexed by the top bits of the hash, points to
// segments of bounded size, and a full segment is split in two. So an insertion never
// moves more than the entries of one segment, regardless of the number of series, and a
// lookup takes two loads and a short probe.
//
// Any number of goroutines may call find, concurrently with all other methods. The
// caller of insert and remove must hold the family's lock. find may miss an entry that
// is being inserted concurrently, and may return one that was just removed; a caller to
// which this matters calls it again under the lock, and checks whether the series is
// dead. It always finds entries that were inserted earlier and not removed: a segment
// that was replaced keeps its entries for goroutines that still read it.
type table struct {
	directory atomic.Pointer[directory]
}

// A directory has a fixed size; only the segments that it points to change. The hashes
// in a segment of depth d share their top d bits, and all entries whose indexes begin
// with these bits point to that segment.
type directory struct {
	depth    uint
	segments []atomic.Pointer[segment] // 1<<depth
}

// Segments start small, because most families have few series. Splitting a segment of
// the maximum size takes about ten microseconds.
const (
	minSegmentSlots = 8
	maxSegmentSlots = 512
)

// A segment is an open-addressing table. Once a slot has been written, its hash does
// not change until the segment is replaced.
type segment struct {
	depth uint
	slots []slot // the length is a power of two

	// used is the number of slots that were ever used, and live is the number of slots
	// that have a series now. Both are guarded by the family's lock.
	used, live int
}

type slot struct {
	// hash is the hash of the label values. It is written before series is stored, and
	// read only after a non-nil series was loaded, so it needs no atomic access.
	hash   uint64
	series atomic.Pointer[Series] // nil if never used; tombstone if removed
}

// tombstone marks a slot whose series was removed, so that probes continue past it.
var tombstone = new(Series)

func (t *table) init() {
	d := &directory{segments: make([]atomic.Pointer[segment], 1)}
	d.segments[0].Store(&segment{slots: make([]slot, minSegmentSlots)})
	t.directory.Store(d)
}

func (t *table) segmentOf(hash uint64) *segment {
	d := t.directory.Load()
	return d.segments[hash>>(64-d.depth)].Load()
}

// find returns the series with the values, or nil. The values must be hashed.
func (t *table) find(values *Values) *Series {
	seg := t.segmentOf(values.hash)
	mask := uint64(len(seg.slots) - 1)
	for i := values.hash; ; i++ {
		at := &seg.slots[i&mask]
		s := at.series.Load()
		if s == nil {
			return nil
		}
		if at.hash == values.hash && s != tombstone && s.labels.equal(values) {
			return s
		}
	}
}

// insert adds a series. The table must not contain another one with the same values.
func (t *table) insert(hash uint64, s *Series) {
	for {
		seg := t.segmentOf(hash)
		if seg.used < len(seg.slots)*3/4 {
			seg.put(hash, s)
			return
		}
		t.makeRoom(seg, hash)
	}
}

// remove removes a series, if the table contains it.
func (t *table) remove(hash uint64, s *Series) {
	seg := t.segmentOf(hash)
	mask := uint64(len(seg.slots) - 1)
	for i := hash; ; i++ {
		at := &seg.slots[i&mask]
		switch at.series.Load() {
		case nil:
			return
		case s:
			at.series.Store(tombstone)
			seg.live--
			if len(seg.slots) > minSegmentSlots && seg.live < len(seg.slots)/8 {
				t.replace(seg, hash, seg.copied(len(seg.slots)/2))
			}
			return
		}
	}
}

// makeRoom replaces a full segment. It copies the live entries to a segment of the same
// size if fewer than half of the slots are live, and otherwise to one of twice the
// size. It splits a segment of the maximum size.
func (t *table) makeRoom(seg *segment, hash uint64) {
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
		if s := at.series.Load(); s != nil && s != tombstone {
			halves[at.hash>>(64-seg.depth-1)&1].put(at.hash, s)
		}
	}
	first, n := d.entriesOf(seg, hash)
	for i := range n {
		d.segments[first+i].Store(halves[i*2/n])
	}
}

// replace replaces seg, the segment for hash, by another.
func (t *table) replace(seg *segment, hash uint64, by *segment) {
	d := t.directory.Load()
	first, n := d.entriesOf(seg, hash)
	for i := range n {
		d.segments[first+i].Store(by)
	}
}

// entriesOf returns the range of the directory's entries that point to seg, the segment
// for hash.
func (d *directory) entriesOf(seg *segment, hash uint64) (first, n int) {
	n = 1 << (d.depth - seg.depth)
	return int(hash>>(64-d.depth)) &^ (n - 1), n
}

// copied returns a segment with the live entries of seg and the given number of slots.
func (seg *segment) copied(slots int) *segment {
	c := &segment{depth: seg.depth, slots: make([]slot, slots)}
	for i := range seg.slots {
		at := &seg.slots[i]
		if s := at.series.Load(); s != nil && s != tombstone {
			c.put(at.hash, s)
		}
	}
	return c
}

// put writes an entry to the first slot of its probe sequence that was never used. It
// does not reuse slots with a tombstone, because a reader may still be reading the hash
// there.
func (seg *segment) put(hash uint64, s *Series) {
	mask := uint64(len(seg.slots) - 1)
	i := hash
	for seg.slots[i&mask].series.Load() != nil {
		i++
	}
	at := &seg.slots[i&mask]
	at.hash = hash
	at.series.Store(s)
	seg.used++
	seg.live++
}
