package traffic

import (
	"math"
	"sync"
	"time"
)

// A History covers one hour in slots of ten seconds. The current rate is the average
// over the last ten seconds.
const (
	SlotLength     = 10 * time.Second
	historySlots   = int(time.Hour / SlotLength)
	recentWindow   = 10 * time.Second
	SampleInterval = time.Second
	recentSamples  = int(recentWindow/SampleInterval) + 1

	// minSlotAge is the age at which the current slot is first reported.
	minSlotAge = time.Second
)

// A History keeps the recent rates of events, in total and by name. The caller must
// call Sample about every SampleInterval. If a late sample completes several slots, the
// History assumes that their events were evenly spread over all of them. A History uses
// the machine's time, even if the emitter has another clock. It is safe for concurrent
// use.
type History struct {
	tallies *Tallies

	mu     sync.Mutex // protects the following fields
	start  time.Time
	slot   int       // index of the current slot, counted from the start
	begun  time.Time // time of the first sample in the current slot
	times  [recentSamples]time.Time
	taken  int // number of samples so far; sample n is at n%recentSamples
	total  track
	byName map[string]*track // only events that have been received
}

// A track is the history of one event name, or of all events.
type track struct {
	rates  [historySlots]float32 // rates in completed slots; slot n is at n%historySlots
	atSlot uint64                // count when the current slot began
	recent [recentSamples]uint64 // counts at History.times
}

// NewHistory returns a History that begins at the given time.
func NewHistory(t *Tallies, now time.Time) *History {
	h := &History{tallies: t}
	h.Begin(now)
	return h
}

// Begin discards the history and starts a new one. The events received so far do not
// contribute to any rate.
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
	record := func(t *track, count uint64) {
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
			record(t, count)
		}
	}
	record(&h.total, total)
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
	from int // index of the sample from which the current rate is computed
}

// Read calls do with a Reading, which is valid until do returns. It holds a lock during
// the call.
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

// Of returns the current rate of an event and its rates in all slots, given the current
// count.
func (r Reading) Of(event string, count uint64) (perSecond float64, slots []float64) {
	if t := r.byName[event]; t != nil {
		return r.track(t, count)
	}
	return r.track(new(track), count) // all events with this name arrived after the last sample
}

// OfAll is like Of, for the total of all events.
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
	if part := r.now.Sub(r.begun); part >= minSlotAge {
		slots = append(slots, rate(count, t.atSlot, part))
	}
	return perSecond, slots
}

// LastSlot returns the length of the last slot that Of returns. This is the age of the
// current slot if it is already reported, and SlotLength otherwise.
func (r Reading) LastSlot() time.Duration {
	if part := r.now.Sub(r.begun); part >= minSlotAge {
		return part
	}
	return SlotLength
}

// rate returns the number of events per second if a count has increased from one value
// to another in the given time.
func rate(count, from uint64, in time.Duration) float64 {
	if count < from {
		return 0 // the count was read before the sample
	}
	return Rounded(float64(count-from) / in.Seconds())
}

// Rounded rounds to three decimal places.
func Rounded(v float64) float64 { return math.Round(v*1000) / 1000 }
