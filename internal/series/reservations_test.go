package series

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/signalbox-ci/signalbox/internal/membudget"
)

// TestCheckPredictsUpdates checks random sequences of updates, and then applies them up
// to the first that is rejected: the results and the memory must be as predicted.
func TestCheckPredictsUpdates(t *testing.T) {
	type update struct {
		family int
		value  string
		owner  string
	}
	seen := map[Result]int{}
	for seed := range uint64(40) {
		random := rand.New(rand.NewPCG(seed, 1))
		memory := membudget.Divide(10_000 + random.Int64N(200_000)).Held
		st := NewStore(Options{Memory: memory, MaxSeries: 20 + random.IntN(200), MaxValueBytes: 50, OwnerLimit: time.Minute})
		if _, err := st.AddLastSeen("seen", "", "owner"); err != nil {
			t.Fatal(err)
		}
		var families []*Family
		for i, o := range []FamilyOptions{
			{Type: Counter}, {Type: Gauge, Ownership: Owned}, {Type: Gauge, Ownership: Heartbeat}, {Type: Counter, Ownership: Heartbeat},
			{Type: Histogram, Bounds: []float64{1, 2, 3}, Ownership: Owned},
			{Type: Gauge, Labels: []string{"a", "state"}, States: &States{Label: "state", Values: []string{"off", "on"}}},
		} {
			o.Name = fmt.Sprint("m", i)
			if o.Labels == nil {
				o.Labels = []string{"a"}
			}
			f, err := st.AddFamily(o)
			if err != nil {
				t.Fatal(err)
			}
			families = append(families, f)
		}
		now := Instant(1)
		for round := range 40 {
			now += Instant(random.Int64N(int64(20 * time.Second)))
			st.Sweep(now, 0)
			updates := make([]update, random.IntN(30))
			predicted := make([]Result, 0, len(updates))
			var r Reservations
			for i := range updates {
				u := &updates[i]
				*u = update{random.IntN(len(families)), fmt.Sprint("v", random.IntN(150)), fmt.Sprint("owner", random.IntN(60))}
				if random.IntN(100) == 0 {
					u.owner = fmt.Sprint(u.owner, " with a name that is longer than label values may be")
				}
				predicted = append(predicted, families[u.family].Check(Plain(u.value), u.owner, 1, &r))
			}
			before := memory.Used()
			for i, u := range updates {
				f := families[u.family]
				op := Set
				if f.Type() == Counter {
					op = Add
				} else if f.Type() == Histogram {
					op = Observe
				}
				got := f.Update(op, Plain(u.value), u.owner, 1, now)
				seen[got]++
				if got != predicted[i] {
					t.Fatalf("seed %d, round %d: update %d has result %d, but Check predicted %d", seed, round, i, got, predicted[i])
				}
				if got != OK {
					break
				}
				if i == len(updates)-1 && memory.Used()-before != r.bytes {
					t.Fatalf("seed %d, round %d: the updates took %d bytes, but Check predicted %d", seed, round, memory.Used()-before, r.bytes)
				}
			}
		}
	}
	for _, r := range []Result{OK, Overflowed, OverflowedNoMemory, NoRoom, NoMemory, ValueTooLong} {
		if seen[r] == 0 {
			t.Errorf("no update had result %d", r)
		}
	}
}

// TestReservationsReserveTheirMemory compares the memory that Reservations reserve with
// the heap.
func TestReservationsReserveTheirMemory(t *testing.T) {
	st := NewStore(Options{})
	f, err := st.AddFamily(FamilyOptions{Name: "m", Type: Gauge, Labels: []string{"a"}, Ownership: Heartbeat})
	if err != nil {
		t.Fatal(err)
	}
	for _, owners := range []int{1, 30_000} {
		var reserved int64
		r := &Reservations{Reserve: func(n int64) bool { reserved += n; return true }}
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		for i := range 30_000 {
			f.Check(Plain(fmt.Sprint(i)), fmt.Sprint("owner ", i%owners), 1, r)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		heap := int64(after.HeapAlloc) - int64(before.HeapAlloc)
		t.Logf("%d owners: %d bytes, reserved %d", owners, heap, reserved)
		if reserved < heap || reserved > 3*heap {
			t.Errorf("%d owners: reserved %d bytes, expected %d or a little more", owners, reserved, heap)
		}
		runtime.KeepAlive(r)
	}
}

// TestReservationsStopGrowing checks that nothing is kept if there is no memory.
func TestReservationsStopGrowing(t *testing.T) {
	st := NewStore(Options{})
	f, err := st.AddFamily(FamilyOptions{Name: "m", Type: Gauge, Labels: []string{"a"}, Ownership: Heartbeat})
	if err != nil {
		t.Fatal(err)
	}
	left := 10
	r := &Reservations{Reserve: func(int64) bool { left--; return left >= 0 }}
	for i := range 100 {
		if result := f.Check(Plain(fmt.Sprint(i)), fmt.Sprint("owner ", i), 1, r); result != OK {
			t.Fatalf("got result %d", result)
		}
	}
	if len(r.series[f]) != 10 || len(r.owners) != 10 {
		t.Errorf("got %d series and %d owners, expected 10", len(r.series[f]), len(r.owners))
	}
}

// TestOwnersNeedMemory checks that heartbeats of new owners cannot exceed the memory.
func TestOwnersNeedMemory(t *testing.T) {
	memory := membudget.Divide(20_000).Held
	st := NewStore(Options{Memory: memory, OwnerLimit: time.Minute})
	if _, err := st.AddLastSeen("seen", "", "owner"); err != nil {
		t.Fatal(err)
	}
	rejected := 0
	for i := range 1000 {
		if r := st.Heartbeat(fmt.Sprint("owner ", i), 1); r == NoMemory {
			rejected++
		}
	}
	if rejected == 0 || memory.Used() > memory.Size()+1000 {
		t.Errorf("%d heartbeats were rejected, %d bytes are in use, expected at most about %d", rejected, memory.Used(), memory.Size())
	}
	if r := st.Heartbeat("owner 1", 2); r != OK {
		t.Errorf("got result %d for an existing owner", r)
	}
	st.Sweep(Instant(time.Hour), 0)
	if memory.Used() != 0 {
		t.Errorf("%d bytes are in use after all owners have expired", memory.Used())
	}
}
