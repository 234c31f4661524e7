package traffic

import (
	"slices"
	"testing"
	"time"
)

// A testHistory is a History with a simulated time.
type testHistory struct {
	*History
	now     time.Time
	tallies Tallies
}

func newTestHistory() *testHistory {
	d := &testHistory{now: time.Unix(1_700_000_000, 0)}
	d.History = NewHistory(&d.tallies, d.now)
	return d
}

func (d *testHistory) emit(event string, times int) {
	for range times {
		d.tallies.Of(event).Inc()
	}
}

// run simulates the given number of seconds, with eventsEach events in each second.
func (d *testHistory) run(seconds, eventsEach int) {
	for range seconds {
		d.emit("a", eventsEach)
		d.now = d.now.Add(time.Second)
		d.Sample(d.now)
	}
}

func (d *testHistory) expect(t *testing.T, event string, wantRate float64, wantSlots ...float64) {
	t.Helper()
	d.Read(d.now, func(r Reading) {
		var rate float64
		var slots []float64
		if event == "" {
			rate, slots = r.OfAll(d.tallies.Total())
		} else {
			rate, slots = r.Of(event, d.tallies.Of(event).Value())
		}
		if rate != wantRate || !slices.Equal(slots, wantSlots) {
			t.Errorf("after %s, %q: got rate %v and slots %v, want %v and %v", d.now.Sub(d.start), event, rate, slots, wantRate, wantSlots)
		}
	})
}

func TestHistoryHasSlotsSinceTheStart(t *testing.T) {
	d := newTestHistory()
	d.expect(t, "a", 0)
	d.emit("a", 3)
	d.expect(t, "a", 3) // not infinity
	d.run(9, 2)
	d.expect(t, "a", Rounded(21./9), Rounded(21./9))
	d.run(1, 2)
	d.expect(t, "a", 2.3, 2.3) // the next slot is less than a second old
	d.run(15, 4)
	d.expect(t, "a", 4, 2.3, 4, 4)
	d.emit("b", 50)
	d.expect(t, "b", 5, 0, 0, 10)
	d.run(5, 0)
	d.expect(t, "a", 2, 2.3, 4, 2)
	d.expect(t, "b", 5, 0, 0, 5)
	d.expect(t, "", 7, 2.3, 4, 7)
	d.run(10, 0)
	d.expect(t, "", 0, 2.3, 4, 7, 0)
}

func TestHistoryIsLimitedToAnHour(t *testing.T) {
	d := newTestHistory()
	d.run(10, 7)
	d.run(3599, 1)
	d.Read(d.now, func(r Reading) {
		if _, slots := r.OfAll(d.tallies.Total()); len(slots) != historySlots || slots[0] != 1 || slots[historySlots-1] != 1 {
			t.Errorf("got %d slots, from %v to %v, want %d slots from 1 to 1", len(slots), slots[0], slots[len(slots)-1], historySlots)
		}
	})
	d.run(2*3600, 0)
	d.expect(t, "a", 0, make([]float64, historySlots)...)
}

func TestBeginDiscardsTheHistory(t *testing.T) {
	d := newTestHistory()
	d.run(25, 7)
	d.emit("b", 5000)
	d.Begin(d.now)
	for _, event := range []string{"a", "b", ""} {
		d.expect(t, event, 0)
	}
	d.run(10, 2)
	d.expect(t, "a", 2, 2)
	d.expect(t, "b", 0, 0)
	d.expect(t, "", 2, 2)
}

func TestHistorySpreadsEventsBetweenLateSamples(t *testing.T) {
	d := newTestHistory()
	d.run(5, 1)
	d.emit("a", 30)
	d.now = d.now.Add(30 * time.Second) // the machine slept
	d.Sample(d.now)
	d.expect(t, "a", 1, 1, 1, 1)
	d.run(5, 1)
	d.expect(t, "a", 1, 1, 1, 1, 1)
	d.now = d.now.Add(24 * time.Hour)
	d.Sample(d.now)
	d.Read(d.now, func(r Reading) {
		if _, slots := r.OfAll(d.tallies.Total()); len(slots) != historySlots-1 {
			t.Errorf("got %d slots, want %d", len(slots), historySlots-1)
		}
	})
}
