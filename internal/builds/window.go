package builds

import (
	"math"
	"slices"
)

// A slot is a period of five minutes since the Unix epoch.
type slot int32

const (
	slotSeconds  = 300
	slotsPerHour = 3600 / slotSeconds
	slotsPerDay  = 24 * slotsPerHour
)

// A key identifies what a window counts: a result of runs, or a bucket of durations or
// queue times. The key of a bucket is the first key of its kind plus the index of the
// bucket.
type key uint32

const (
	maxResults = 8

	resultKeys   key = 0
	durationKeys     = resultKeys + maxResults
	queueKeys        = durationKeys + buckets
	allKeys          = queueKeys + buckets
)

// A cell counts one key in one slot. The bits are, from the highest: the slot (24), the
// key (10) and the count (30), so that cells sort by slot and key.
type cell uint64

const (
	keyBits   = 10
	countBits = 30
	maxCount  = 1<<countBits - 1
)

func newCell(s slot, k key) cell { return cell(s)<<(keyBits+countBits) | cell(k)<<countBits }

func (c cell) slot() slot    { return slot(c >> (keyBits + countBits)) }
func (c cell) key() key      { return key(c>>countBits) & (1<<keyBits - 1) }
func (c cell) count() uint64 { return uint64(c & maxCount) }

// plus returns the cell with a higher count.
func (c cell) plus(n uint64) cell { return c&^maxCount | cell(min(c.count()+n, maxCount)) }

// A window counts what happened in the last day. Cells of the last hour have the slot in
// which it happened, older ones the first slot of the hour. So there are at most 13+25
// cells for each key, and far fewer in practice, because most keys do not occur.
type window struct {
	cells []cell // in order
	last  slot   // slot of the latest call of advance
}

// add counts a key in the slot at, unless it is more than a day before the slot now.
func (w *window) add(k key, at, now slot) {
	w.advance(now)
	if at < now-slotsPerHour {
		if at = hourOf(at); at < now-slotsPerDay {
			return
		}
	}
	c := newCell(at, k)
	i, _ := slices.BinarySearch(w.cells, c)
	if i == len(w.cells) || w.cells[i]&^maxCount != c {
		w.grow()
		w.cells = slices.Insert(w.cells, i, c)
	}
	w.cells[i] = w.cells[i].plus(1)
}

// grow makes room for a cell. It adds less room than append does.
func (w *window) grow() {
	if n := len(w.cells); n == cap(w.cells) {
		w.cells = append(make([]cell, 0, n+n/4+4), w.cells...)
	}
}

func hourOf(s slot) slot { return s - s%slotsPerHour }

// advance combines the cells of each hour that are older than an hour, and removes
// those that are older than a day.
func (w *window) advance(now slot) {
	if now == w.last {
		return
	}
	if now < w.last { // the clock was set back
		after, _ := slices.BinarySearch(w.cells, newCell(now+2, 0))
		w.cells = w.cells[:after]
	}
	w.last = now
	recent, _ := slices.BinarySearch(w.cells, newCell(max(0, now-slotsPerHour), 0))
	fine := slices.IndexFunc(w.cells[:recent], func(c cell) bool { return c.slot()%slotsPerHour != 0 })
	if fine >= 0 {
		w.combine(fine, recent)
	}
	first, _ := slices.BinarySearch(w.cells, newCell(max(0, now-slotsPerDay), 0))
	w.cells = slices.Delete(w.cells, 0, first)
	if spare := cap(w.cells) - len(w.cells); spare > 16 && spare > len(w.cells) {
		w.cells = append(make([]cell, 0, len(w.cells)+4), w.cells...)
	}
}

// combine combines the cells of each hour. from is the index of the first cell that
// does not have the first slot of an hour, and to that of the first cell of the last
// hour.
func (w *window) combine(from, to int) {
	from, _ = slices.BinarySearch(w.cells, newCell(hourOf(w.cells[from].slot()), 0))
	old := w.cells[from:to]
	for i, c := range old {
		old[i] = newCell(hourOf(c.slot()), c.key()).plus(c.count())
	}
	slices.Sort(old)
	n := 0
	for _, c := range old {
		if n > 0 && old[n-1]&^maxCount == c&^maxCount {
			old[n-1] = old[n-1].plus(c.count())
			continue
		}
		old[n] = c
		n++
	}
	w.cells = slices.Delete(w.cells, from+n, to)
}

// since returns the cells from the slot from up to now. They are valid until the window
// changes.
func (w *window) since(from, now slot) []cell {
	first, _ := slices.BinarySearch(w.cells, newCell(max(0, from), 0))
	end, _ := slices.BinarySearch(w.cells, newCell(now+2, 0)) // unless the clock was set back
	return w.cells[min(first, end):end]
}

// A counts contains what a window has counted in a period.
type counts struct {
	results          [maxResults]uint64
	durations, queue histogram
}

func (c *counts) add(cells []cell) {
	for _, x := range cells {
		switch k, n := x.key(), x.count(); {
		case k >= queueKeys:
			c.queue[k-queueKeys] += n
		case k >= durationKeys:
			c.durations[k-durationKeys] += n
		default:
			c.results[k-resultKeys] += n
		}
	}
}

// sum returns the sum of the counts of the keys from first to before end.
func sum(cells []cell, first, end key) (n uint64) {
	for _, c := range cells {
		if k := c.key(); k >= first && k < end {
			n += c.count()
		}
	}
	return n
}

// Times are counted in logarithmic buckets, as in DDSketch: the value of a bucket
// differs from the times in it by at most relativeError. Times of at most minTime are
// counted as 0, and those above about 50 days as 50 days.
const (
	buckets       = 224
	minTime       = 0.001 // seconds
	relativeError = 0.05
	growth        = (1 + relativeError) / (1 - relativeError)
)

// bounds are the longest times of all buckets except the last, in seconds.
var bounds = func() (bounds [buckets - 1]float64) {
	for i := range bounds {
		bounds[i] = minTime * math.Pow(growth, float64(i))
	}
	return bounds
}()

// firstBuckets are the buckets of the powers of two, in units of minTime. From one to the
// next there are seven buckets, so looking at their bounds takes a quarter of the time of
// a logarithm.
var firstBuckets = func() (first [64]uint8) {
	for exponent := range first {
		i, _ := slices.BinarySearch(bounds[:], math.Ldexp(minTime, exponent))
		first[exponent] = uint8(i)
	}
	return first
}()

// bucketOf returns the bucket of a time in seconds, which is not negative.
func bucketOf(seconds float64) key {
	if seconds <= minTime {
		return 0
	}
	const mantissaBits, bias = 52, 1023
	exponent := math.Float64bits(seconds/minTime)>>mantissaBits - bias
	i := int(firstBuckets[min(exponent, 63)])
	for i < len(bounds) && seconds > bounds[i] {
		i++
	}
	return key(i)
}

// bucketValue returns the time that stands for those in a bucket, in seconds.
func bucketValue(bucket int) float64 {
	if bucket == 0 {
		return 0
	}
	return minTime * 2 * math.Pow(growth, float64(bucket)) / (growth + 1)
}

// A histogram counts times by bucket.
type histogram [buckets]uint64

func (h *histogram) total() (n uint64) {
	for _, count := range h {
		n += count
	}
	return n
}

// quantile returns the smallest time, in seconds, that is not lower than the fraction q
// of the times. total is the number of times, and must not be 0.
func (h *histogram) quantile(q float64, total uint64) float64 {
	rank := max(1, uint64(math.Ceil(q*float64(total))))
	for i, count := range h {
		if count >= rank {
			return bucketValue(i)
		}
		rank -= count
	}
	return bucketValue(buckets - 1)
}
