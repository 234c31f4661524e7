package series

import (
	"math"
	"runtime"
	"sort"
	"sync"
	"sync/atomic"
)

// A histogram counts observations in buckets. Observing takes no lock and never
// waits, but where there are native buckets; reading sees count, sum and buckets that
// belong together.
//
// For that it has its cells twice. Observations go to the hot half. A reader
// makes the other half the hot one, waits until the observations that had begun
// have ended in the half that is now cold, reads it, and adds it to the hot one.
type histogram struct {
	// state is the number of observations that have begun, and in its top
	// bits which half is hot and whether the series was killed. One addition
	// counts an observation and tells where it goes.
	state atomic.Uint64

	exemplars atomic.Pointer[exemplars] // nil until there is one

	// native are the native buckets. Nil unless the family has any.
	native *native

	// reading is held by the one reader, which alone changes which half is hot.
	// Where there are native buckets, it is held to observe as well, so that a
	// reader sees the same observations in both.
	reading sync.Mutex
	halves  [2]histogramHalf
}

// A histogramHalf's observation has ended when it is in counts, so that is
// written last: the sum of the counts says how many have ended.
type histogramHalf struct {
	sum    atomic.Uint64   // float64 bits
	counts []atomic.Uint64 // one a bucket, not cumulative, the last for +Inf
}

const (
	histogramHot   = 1 << 63 // set if the second half is the hot one
	histogramDead  = 1 << 62
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

// observe counts v into the bucket. It returns false if the series was killed.
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

// observeNative is observe for a histogram that has native buckets.
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

// kill ends the histogram. It returns false if it was dead already.
func (h *histogram) kill() bool { return h.state.Or(histogramDead)&histogramDead == 0 }

func (h *histogram) dead() bool { return h.state.Load()&histogramDead != 0 }

// A Snapshot is a histogram's content at one moment.
type Snapshot struct {
	Count uint64
	Sum   float64

	// Buckets are the cumulative counts, one an upper bound of the family,
	// without +Inf, which is Count.
	Buckets []uint64

	// Native are the native buckets, of a family that has any.
	Native Native
}

// read fills the snapshot, using its slices if there is room. It returns false
// if the series was killed.
func (h *histogram) read(to *Snapshot) bool {
	h.reading.Lock()
	defer h.reading.Unlock()

	state := h.state.Add(histogramHot) // the top bit flips, its carry is lost
	if state&histogramDead != 0 {
		return false
	}
	hot, cold := &h.halves[state>>63], &h.halves[1-state>>63]

	to.Count = state & histogramCount
	for ended(cold) != to.Count {
		runtime.Gosched() // for an observer that was interrupted half-way
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

func ended(half *histogramHalf) (n uint64) {
	for i := range half.counts {
		n += half.counts[i].Load()
	}
	return n
}

// bucketOf is the index of the bucket for v: the first whose upper bound is not
// below it.
func bucketOf(bounds []float64, v float64) int {
	// A handful of comparisons in a row beats a binary search; the families
	// of the catalog have at most thirteen bounds.
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
