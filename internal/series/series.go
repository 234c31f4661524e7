package series

import (
	"math"
	"sync/atomic"
	"unsafe"
)

// A Series is one label set of a family, and its value.
//
// It is 64 bytes. What updates write to is its second half; newSeries puts the text of
// the labels behind that, so no two series' are closer than 48 bytes to each other, and
// on objects that begin at multiples of 16 bytes they never share a cache line.
type Series struct {
	labels  string // as a scrape prints them between the braces
	owner   *Owner // nil if it belongs to nobody
	created Instant

	// pulse is when the series was last updated; kept only in families whose
	// series can be swept.
	pulse pulse

	// bits are the float64 bits of a gauge's value or of a counter's
	// fractions; killed once the series was swept.
	bits atomic.Uint64

	// whole is what a counter of a family that is never swept has counted in
	// whole numbers: adding to it never has to be tried twice.
	whole atomic.Uint64

	histogram *histogram // nil unless the family is one of histograms
}

// killed marks the value of a swept series. It is a NaN that no arithmetic makes.
const killed = 0x7ff8_dead_dead_dead

// newSeries makes a series whose labels are what render appends, which is as long as
// size says.
//
// A text that is not too long is part of the same object as the series. Who finds
// a series compares its text, and who walks them prints it: where there are so many
// that no cache holds them, that is one wait for memory less.
func newSeries(size int, render func([]byte) []byte) *Series {
	var s *Series
	var b []byte
	switch (size + 15) / 16 {
	case 1:
		s, b = withText[[16]byte]()
	case 2:
		s, b = withText[[32]byte]()
	case 3:
		s, b = withText[[48]byte]()
	case 4:
		s, b = withText[[64]byte]()
	case 5:
		s, b = withText[[80]byte]()
	case 6:
		s, b = withText[[96]byte]()
	case 7:
		s, b = withText[[112]byte]()
	case 8:
		s, b = withText[[128]byte]()
	default:
		s, b = &Series{}, make([]byte, 0, size)
	}
	b = render(b)
	s.labels = unsafe.String(unsafe.SliceData(b), len(b))
	return s
}

// withText makes a series with room for a text behind it, of a type that is an array
// of bytes.
func withText[Text any]() (*Series, []byte) {
	object := new(struct {
		Series
		text Text
	})
	return &object.Series, unsafe.Slice((*byte)(unsafe.Pointer(&object.text)), unsafe.Sizeof(object.text))[:0]
}

// Labels are the series' labels as a page shows them, without the braces:
// sorted by name, escaped, constant labels included. Empty if there are none.
func (s *Series) Labels() string { return s.labels }

// Created is when the series was made.
func (s *Series) Created() Instant { return s.created }

// set replaces the value of a gauge. It returns false if the series was killed.
func (s *Series) set(v float64) bool {
	bits := math.Float64bits(v)
	for {
		old := s.bits.Load()
		if old == killed {
			return false
		}
		if s.bits.CompareAndSwap(old, bits) {
			return true
		}
	}
}

// add adds to the value of a gauge or counter. It returns false if the series
// was killed.
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

// count adds to a counter of a family that is never swept.
func (s *Series) count(v float64) {
	// Below the bound, whole does not overflow in anybody's lifetime.
	if v < 1<<32 && v == math.Trunc(v) {
		s.whole.Add(uint64(v))
		return
	}
	s.add(v)
}

// value is the value of a gauge or counter; ok is false if it was killed.
func (s *Series) value() (v float64, ok bool) {
	bits := s.bits.Load()
	if bits == killed {
		return 0, false
	}
	if whole := s.whole.Load(); whole != 0 {
		return math.Float64frombits(bits) + float64(whole), true
	}
	return math.Float64frombits(bits), true
}

// dead tells whether the series was killed.
func (s *Series) dead() bool {
	if s.histogram != nil {
		return s.histogram.dead()
	}
	return s.bits.Load() == killed
}

// kill ends the series, whatever updates are under way. It returns false if it
// was dead already.
func (s *Series) kill() bool {
	if s.histogram != nil {
		return s.histogram.kill()
	}
	return s.bits.Swap(killed) != killed
}
