package series

import (
	"math"
	"sync/atomic"
	"unsafe"
)

// A Series is one label set of a family, and its value.
//
// Its size is 56 bytes, and updates write only to the last 16. The written parts of two
// series never share a cache line of 64 bytes: with the label values that newSeries puts
// after a Series, objects are at least 80 bytes apart, or 64 and begin at a multiple of
// 64 bytes.
type Series struct {
	labels    packed
	owner     *Owner // nil if it has none
	created   Instant
	histogram *histogram // nil unless the family's type is Histogram

	// liveness is the time of the last update in families whose series can expire. In
	// the others it is the memory of whole.
	liveness liveness

	// bits are the float64 bits of the value of a gauge or counter. kill replaces them
	// with the constant killed. An owner has bits of its own; see Owner. The value of a
	// counter whose series never expire also includes whole.
	bits atomic.Uint64
}

// whole is the sum of the integers added to a counter of a family whose series never
// expire. Unlike the compare-and-swap on bits, adding to it needs no retry.
func (s *Series) whole() *atomic.Int64 { return &s.liveness.last }

// killed marks a series that was killed. It is a NaN that no arithmetic produces.
const killed = 0x7ff8_dead_dead_dead

// newSeries returns a series with the label values.
//
// Values of up to 120 bytes are part of the same object as the series. A lookup compares
// them, and a scrape writes them: when there are so many series that they do not fit
// into the processor's caches, this saves one wait for memory. The sizes of the objects
// are those that Go's allocator has.
func newSeries(values *Values) *Series {
	var s *Series
	var b []byte
	size := packedSize(values)
	switch (size + 7) / 16 {
	case 0:
		s, b = withBytes[[8]byte]()
	case 1:
		s, b = withBytes[[24]byte]()
	case 2:
		s, b = withBytes[[40]byte]()
	case 3:
		s, b = withBytes[[56]byte]()
	case 4:
		s, b = withBytes[[72]byte]()
	case 5:
		s, b = withBytes[[88]byte]()
	case 6:
		s, b = withBytes[[104]byte]()
	case 7:
		s, b = withBytes[[120]byte]()
	default:
		s, b = &Series{}, make([]byte, 0, size)
	}
	s.labels.pack(b, values)
	return s
}

// withBytes returns a series, and an empty slice of the memory behind it in the same
// object. Bytes is an array type, whose size is the capacity of the slice. Any pointer
// into the object keeps all of it alive.
func withBytes[Bytes any]() (*Series, []byte) {
	object := new(struct {
		Series
		bytes Bytes
	})
	return &object.Series, unsafe.Slice((*byte)(unsafe.Pointer(&object.bytes)), unsafe.Sizeof(object.bytes))[:0]
}

// Created returns the time when the series was created.
func (s *Series) Created() Instant { return s.created }

// set replaces the value of a gauge. It returns false if the series was killed.
func (s *Series) set(v float64) bool {
	bits := math.Float64bits(v)
	for {
		old := s.bits.Load()
		if old == killed {
			return false
		}
		// A value that does not change is not written, because a write makes other
		// processors read the cache line again.
		if old == bits || s.bits.CompareAndSwap(old, bits) {
			return true
		}
	}
}

// add adds v to the value of a gauge or counter. It returns false if the series was
// killed.
func (s *Series) add(v float64) bool {
	for {
		old := s.bits.Load()
		if old == killed {
			return false
		}
		if s.bits.CompareAndSwap(old, math.Float64bits(math.Float64frombits(old)+v)) {
			return true
		}
	}
}

// count adds v to a counter of a family whose series never expire.
func (s *Series) count(v float64) {
	// With this bound, whole does not overflow in practice.
	if v < 1<<32 && v == math.Trunc(v) {
		s.whole().Add(int64(v))
		return
	}
	s.add(v)
}

// value returns the value of a gauge or counter without whole. It returns false if the
// series was killed.
func (s *Series) value() (v float64, ok bool) {
	bits := s.bits.Load()
	if bits == killed {
		return 0, false
	}
	return math.Float64frombits(bits), true
}

func (s *Series) compare(t *Series) int { return s.labels.compare(&t.labels) }

// touch reads the first and the last byte of the label values.
func (s *Series) touch() byte {
	p := &s.labels
	if p.size == 0 {
		return 0
	}
	return *p.bytes + *(*byte)(unsafe.Add(unsafe.Pointer(p.bytes), p.size-1))
}

// dead reports whether the series was killed.
func (s *Series) dead() bool {
	if s.histogram != nil {
		return s.histogram.dead()
	}
	return s.bits.Load() == killed
}

// kill makes all further updates of the series fail, including those in progress that
// have not written their value yet. It returns false if the series was already dead.
func (s *Series) kill() bool {
	if s.histogram != nil {
		return s.histogram.kill()
	}
	return s.bits.Swap(killed) != killed
}
