package traffic

import (
	"math"
	"sync"
	"time"
)

// A History covers an hour, in slots of ten seconds. The current rate is that of the
// last ten seconds.
const (
	SlotLength     = 10 * time.Second
	historySlots   = int(time.Hour / SlotLength)
	recentWindow   = 10 * time.Second
	SampleInterval = time.Second
	recentSamples  = int(recentWindow/SampleInterval) + 1

	// leastSlot is the age from which the current slot is reported.
	leastSlot = time.Second
)

// A History keeps the recent rates of events, in total and by name. Sample must be
// called about every SampleInterval; the events between two late samples count as
// evenly spread. It uses the machine's time, even if the emitter has another clock. It
// is safe for concurrent use.
type History struct {
	tallies *Tallies

	mu     sync.Mutex // protects the following fields
	start  time.Time
	slot   int       // the current one, counted from the start
	begun  time.Time // when it began: the first sample in it
	times  [recentSamples]time.Time
	taken  int // samples so far; the n-th is at n%recentSamples
	total  track
	byName map[string]*track // of the events received so far
}

// A track is the history of one event name, or of all events.
type track struct {
	rates  [historySlots]float32 // of completed slots; the n-th is at n%historySlots
	atSlot uint64                // the count when the current slot began
	recent [recentSamples]uint64 // the counts at times
}

func NewHistory(t *Tallies, now time.Time) *History {
	h := &History{tallies: t}
	h.Begin(now)
	return h
}

// Begin discards the history. The events so far are part of no rate.
func (h *History) Begin(now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.start, h.slot, h.begun = now, 0, now
	h.times[0], h.taken = now, 1
	h.byName = make(map[string]*track)
	total := h.tallies.Unknown.Value()
	for name, count := range h.tallies.All() {
		total += count
		if count > 0 {
			h.byName[name] = trackFrom(count)
		}
	}
	h.total = *trackFrom(total)
}

// trackFrom returns a track that starts at the count.
func trackFrom(count uint64) *track {
	return &track{atSlot: count, recent: [recentSamples]uint64{count}}
}

// Sample records the current counts.
func (h *History) Sample(now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	passed := int(now.Sub(h.start)/SlotLength) - h.slot
	seconds := now.Sub(h.begun).Seconds()
	at := h.taken % recentSamples
	note := func(t *track, count uint64) {
		t.recent[at] = count
		if passed > 0 {
			rate := float32(float64(count-t.atSlot) / seconds)
			for i := range min(passed, historySlots) {
				t.rates[(h.slot+i)%historySlots] = rate
			}
			t.atSlot = count
		}
	}
	total := h.tallies.Unknown.Value()
	for name, count := range h.tallies.All() {
		total += count
		t := h.byName[name]
		if t == nil && count > 0 {
			t = new(track)
			h.byName[name] = t
		}
		if t != nil {
			note(t, count)
		}
	}
	note(&h.total, total)
	h.times[at] = now
	h.taken++
	if passed > 0 {
		h.slot += passed
		h.begun = now
	}
}

// A Reading gives access to the rates at one moment.
type Reading struct {
	*History
	now  time.Time
	from int // the sample at which the current rate starts
}

// Read calls do with a Reading, which is valid until do returns. It holds a lock
// meanwhile.
func (h *History) Read(now time.Time, do func(Reading)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := Reading{History: h, now: now, from: h.taken - 1}
	for n := h.taken - 2; n >= max(h.taken-recentSamples, 0); n-- {
		// Use the oldest sample in the window or, if that is less than SampleInterval
		// old, the one before it.
		if now.Sub(h.times[n%recentSamples]) > recentWindow && now.Sub(h.times[r.from%recentSamples]) >= SampleInterval {
			break
		}
		r.from = n
	}
	do(r)
}

// Of returns the current rate and the history of an event, given its current count.
func (r Reading) Of(event string, count uint64) (perSecond float64, slots []float64) {
	if t := r.byName[event]; t != nil {
		return r.track(t, count)
	}
	return r.track(new(track), count) // all of them arrived after the last sample
}

// OfAll is like Of, for all events together.
func (r Reading) OfAll(count uint64) (perSecond float64, slots []float64) {
	return r.track(&r.total, count)
}

func (r Reading) track(t *track, count uint64) (perSecond float64, slots []float64) {
	// A rate over less than a second would vary too much.
	since := max(r.now.Sub(r.times[r.from%recentSamples]), time.Second)
	perSecond = rate(count, t.recent[r.from%recentSamples], since)

	first := max(r.slot-historySlots+1, 0)
	slots = make([]float64, 0, r.slot-first+1)
	for n := first; n < r.slot; n++ {
		slots = append(slots, Rounded(float64(t.rates[n%historySlots])))
	}
	if part := r.now.Sub(r.begun); part >= leastSlot {
		slots = append(slots, rate(count, t.atSlot, part))
	}
	return perSecond, slots
}

// LastSlot returns the length of the last slot that Of returns: the age of the current
// slot if that is reported, or else SlotLength.
func (r Reading) LastSlot() time.Duration {
	if part := r.now.Sub(r.begun); part >= leastSlot {
		return part
	}
	return SlotLength
}

// rate returns the events per second that take a count from one value to another.
func rate(count, from uint64, in time.Duration) float64 {
	if count < from {
		return 0 // the count was read before the sample
	}
	return Rounded(float64(count-from) / in.Seconds())
}

// Rounded rounds to three decimal places.
func Rounded(v float64) float64 { return math.Round(v*1000) / 1000 }
