package series

import (
	"math"
	"runtime"
	"sort"
	"sync"
	"sync/atomic"
)

// A histogram counts observations in buckets. Observing takes no lock and never waits,
// unless there are native buckets. Reading returns a count, sum and buckets of the same
// set of observations.
//
// To make this possible, the sum and the buckets exist twice. Observations go to the
// hot half. A reader makes the other half hot, waits until all observations that
// started in the half that is now cold are complete, reads that half, adds it to the
// hot one, and clears it.
type histogram struct {
	// state is the number of observations that have started. Its top two bits are
	// histogramHot and histogramDead. A single atomic addition counts an observation
	// and returns which half is hot.
	state atomic.Uint64

	exemplars atomic.Pointer[exemplars] // nil until the first exemplar

	// native are the native buckets; nil if the family has none.
	native *native

	// reading is held by readers: only its holder changes which half is hot. If there
	// are native buckets, observers hold it as well, so that a reader sees the same
	// observations in the native and the classic buckets.
	reading sync.Mutex
	halves  [2]histogramHalf
}

// A histogramHalf is the sum and the buckets of some of the observations. An
// observation is complete when it has been added to counts, which therefore must be its
// last step: the total of counts is the number of complete observations.
type histogramHalf struct {
	sum    atomic.Uint64   // float64 bits
	counts []atomic.Uint64 // one per bucket, not cumulative; the last is for +Inf
}

const (
	histogramHot   = 1 << 63 // set if the second half is hot
	histogramDead  = 1 << 62 // set if the series was killed
	histogramCount = histogramDead - 1
)

func newHistogram(buckets int, withNative bool) *histogram {
	cells := make([]atomic.Uint64, 2*(buckets+1))
	h := &histogram{}
	h.halves[0].counts = cells[: buckets+1 : buckets+1]
	h.halves[1].counts = cells[buckets+1:]
	if withNative {
		h.native = &native{schema: finestSchema}
	}
	return h
}

// observe adds v to the bucket. It returns false if the series was killed.
func (h *histogram) observe(v float64, bucket int) bool {
	state := h.state.Add(1)
	if state&histogramDead != 0 {
		return false
	}
	half := &h.halves[state>>63]
	half.addToSum(v)
	half.counts[bucket].Add(1)
	return true
}

// observeNative is observe for a histogram with native buckets.
func (h *histogram) observeNative(v float64, bucket int) bool {
	h.reading.Lock()
	defer h.reading.Unlock()
	if !h.observe(v, bucket) {
		return false
	}
	h.native.observe(v)
	return true
}

func (half *histogramHalf) addToSum(v float64) {
	for {
		old := half.sum.Load()
		if half.sum.CompareAndSwap(old, math.Float64bits(math.Float64frombits(old)+v)) {
			return
		}
	}
}

// kill makes all further observations fail. It returns false if the histogram was
// already dead.
func (h *histogram) kill() bool { return h.state.Or(histogramDead)&histogramDead == 0 }

func (h *histogram) dead() bool { return h.state.Load()&histogramDead != 0 }

// A Snapshot is the content of a histogram at one moment.
type Snapshot struct {
	Count uint64
	Sum   float64

	// Buckets are the cumulative counts, one per upper bound of the family. There is
	// none for +Inf; it would be Count.
	Buckets []uint64

	// Native are the native buckets, if the family has any.
	Native Native
}

// read stores the content in *to, and reuses the slices there. It returns false if the
// series was killed.
func (h *histogram) read(to *Snapshot) bool {
	h.reading.Lock()
	defer h.reading.Unlock()

	state := h.state.Add(histogramHot) // flips the top bit, as the carry is lost
	if state&histogramDead != 0 {
		return false
	}
	hot, cold := &h.halves[state>>63], &h.halves[1-state>>63]

	to.Count = state & histogramCount
	for completed(cold) != to.Count {
		runtime.Gosched() // an observer was interrupted between its steps
	}
	to.Sum = math.Float64frombits(cold.sum.Load())
	to.Buckets = to.Buckets[:0]
	var cumulative uint64
	for i := range cold.counts {
		n := cold.counts[i].Load()
		if cumulative += n; i < len(cold.counts)-1 {
			to.Buckets = append(to.Buckets, cumulative)
		}
		hot.counts[i].Add(n)
		cold.counts[i].Store(0)
	}
	hot.addToSum(to.Sum)
	cold.sum.Store(0)
	if h.native != nil {
		h.native.read(&to.Native)
	}
	return true
}

// completed returns the number of complete observations in the half.
func completed(half *histogramHalf) (n uint64) {
	for i := range half.counts {
		n += half.counts[i].Load()
	}
	return n
}

// bucketOf returns the index of the bucket for v: the first one whose upper bound is
// not less than v.
func bucketOf(bounds []float64, v float64) int {
	// For few bounds, a linear search is faster than a binary search. The families of
	// the catalog have at most thirteen bounds.
	if len(bounds) > 32 {
		return sort.SearchFloat64s(bounds, v)
	}
	for i, bound := range bounds {
		if v <= bound {
			return i
		}
	}
	return len(bounds)
}
