package traffic

import (
	"math"
	"sync"
	"time"
)

// The history is an hour, in slots of ten seconds. What is the rate at the moment is
// that of the last ten seconds too.
const (
	SlotLength     = 10 * time.Second
	historySlots   = int(time.Hour / SlotLength)
	recentWindow   = 10 * time.Second
	SampleInterval = time.Second
	recentSamples  = int(recentWindow/SampleInterval) + 1

	// leastSlot is from when on a slot that is being filled can tell a rate.
	leastSlot = time.Second
)

// A History tells at what rate events came recently, all together and by name. It
// knows what it is told by sample, which should be called every second: where it is
// called late, what came meanwhile counts as spread evenly. Its times are those of
// the machine, whatever clock the emitter goes by. It is safe for concurrent use.
type History struct {
	tallies *Tallies

	mu     sync.Mutex // guards what follows
	start  time.Time
	slot   int       // the one that is being filled, counted from the start
	begun  time.Time // when it began: the first sample in it
	times  [recentSamples]time.Time
	taken  int // samples so far; the n-th stands at n%recentSamples
	total  track
	byName map[string]*track // of events that there were
}

// A track is the history of one event, or of all.
type track struct {
	rates  [historySlots]float32 // of slots that are over, the n-th at n%historySlots
	atSlot uint64                // the count when the present slot began
	recent [recentSamples]uint64 // the counts at times
}

func NewHistory(t *Tallies, now time.Time) *History {
	h := &History{tallies: t}
	h.Begin(now)
	return h
}

// Begin begins anew: what has come so far is in no rate.
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

// trackFrom is a track that begins with a count.
func trackFrom(count uint64) *track {
	return &track{atSlot: count, recent: [recentSamples]uint64{count}}
}

// Sample notes how many events there are by now.
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

// A Reading is what the history can tell at one moment.
type Reading struct {
	*History
	now  time.Time
	from int // the sample that the present rate is counted from
}

// Read calls do with a Reading, which is good until do returns.
func (h *History) Read(now time.Time, do func(Reading)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := Reading{History: h, now: now, from: h.taken - 1}
	for n := h.taken - 2; n >= max(h.taken-recentSamples, 0); n-- {
		// Unless the one after it is just being taken, and the one before it was
		// long ago.
		if now.Sub(h.times[n%recentSamples]) > recentWindow && now.Sub(h.times[r.from%recentSamples]) >= SampleInterval {
			break
		}
		r.from = n
	}
	do(r)
}

// Of is the rate of an event at the moment, and its history up to now, given how many
// there are by now.
func (r Reading) Of(event string, count uint64) (perSecond float64, slots []float64) {
	if t := r.byName[event]; t != nil {
		return r.track(t, count)
	}
	return r.track(new(track), count) // they came since the last sample
}

// OfAll is the same of all events.
func (r Reading) OfAll(count uint64) (perSecond float64, slots []float64) {
	return r.track(&r.total, count)
}

func (r Reading) track(t *track, count uint64) (perSecond float64, slots []float64) {
	// A rate over less than a second would say more about the moment than about
	// the events.
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

// LastSlot is how long the last slot is: as long as any while the next has hardly begun.
func (r Reading) LastSlot() time.Duration {
	if part := r.now.Sub(r.begun); part >= leastSlot {
		return part
	}
	return SlotLength
}

// rate is how many a second it is to get from one count to another.
func rate(count, from uint64, in time.Duration) float64 {
	if count < from {
		return 0 // it was read before the sample was taken
	}
	return Rounded(float64(count-from) / in.Seconds())
}

// Rounded leaves a number the digits that anybody reads.
func Rounded(v float64) float64 { return math.Round(v*1000) / 1000 }
