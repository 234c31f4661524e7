package series

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/signalbox-ci/signalbox/internal/membudget"
)

// TestMemory compares the memory that a store counts with the heap.
func TestMemory(t *testing.T) {
	const n = 20_000
	bounds := []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
	for _, test := range []struct {
		name    string
		options FamilyOptions
		value   string // of the label a
		owner   string
	}{
		{"gauges", FamilyOptions{Type: Gauge}, "", ""},
		{"long values", FamilyOptions{Type: Counter}, strings.Repeat("x", 400), ""},
		{"histograms", FamilyOptions{Type: Histogram, Bounds: bounds}, "value", ""},
		{"owned", FamilyOptions{Type: Gauge, Ownership: Heartbeat}, "value", "worker"},
		{"states", FamilyOptions{Type: Gauge, Labels: []string{"a", "b", "state"}, States: &States{"state", []string{"off", "on"}}}, "value", ""},
	} {
		memory := membudget.Divide(10 << 30).Held
		store := NewStore(Options{Memory: memory, OwnerLimit: time.Minute})
		test.options.Name = "m"
		if test.options.Labels == nil {
			test.options.Labels = []string{"a", "b"}
		}
		f, err := store.AddFamily(test.options)
		if err != nil {
			t.Fatal(err)
		}
		op := Add
		switch {
		case test.options.Type == Histogram:
			op = Observe
		case test.options.States != nil:
			op = Set
		}
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		for i := range n {
			values := Plain(test.value, fmt.Sprint("series ", i))
			owner := ""
			if test.owner != "" {
				owner = fmt.Sprint(test.owner, i)
			}
			if r := f.Update(op, values, owner, 1, 1); r != OK {
				t.Fatalf("%s: got result %d", test.name, r)
			}
		}
		f.order.walk(func([]*Series) bool { return true })
		runtime.GC()
		runtime.ReadMemStats(&after)
		heap, counted := float64(after.HeapAlloc)-float64(before.HeapAlloc), float64(memory.Used())
		t.Logf("%-12s %9.0f bytes, counted %9.0f: %.2f", test.name, heap, counted, counted/heap)
		if counted < .9*heap || counted > 1.5*heap {
			t.Errorf("%s: counted %.0f bytes, expected about %.0f", test.name, counted, heap)
		}

		if test.options.Ownership == Heartbeat {
			store.Sweep(Instant(time.Hour), 0)
		} else if err := store.Replace([]*Family{f}, nil); err != nil {
			t.Fatal(err)
		}
		if memory.Used() != 0 {
			t.Errorf("%s: %d bytes are in use after all series were removed", test.name, memory.Used())
		}
		// A removed family can still be updated, but does not count.
		if test.options.Ownership != Heartbeat {
			values := Plain("a", "new")
			f.Update(op, values, "", 1, 1)
			if memory.Used() != 0 {
				t.Errorf("%s: %d bytes are in use for a removed family", test.name, memory.Used())
			}
		}
	}
}

// TestMemoryLimitsSeries checks that without memory, updates of existing series
// succeed, and those of new ones are counted in the overflow series or rejected.
func TestMemoryLimitsSeries(t *testing.T) {
	memory := membudget.Divide(20_000).Held
	store := NewStore(Options{Memory: memory})
	counter, err := store.AddFamily(FamilyOptions{Name: "c", Type: Counter, Labels: []string{"a"}})
	if err != nil {
		t.Fatal(err)
	}
	gauge, err := store.AddFamily(FamilyOptions{Name: "g", Type: Gauge, Labels: []string{"a"}, Ownership: Owned})
	if err != nil {
		t.Fatal(err)
	}
	update := func(f *Family, value string) Result {
		values := Plain(value)
		return f.Update(Add, values, "owner of "+value, 1, 1)
	}
	full := 0
	for i := range 1000 {
		if update(counter, fmt.Sprint(i)) == OverflowedNoMemory {
			full++
		}
	}
	if full < 800 || counter.Refused() != uint64(full) {
		t.Errorf("%d of 1000 updates overflowed, %d were counted", full, counter.Refused())
	}
	used := memory.Used()
	if used > memory.Size()+1000 { // for the overflow series
		t.Errorf("%d bytes are in use, more than %d", used, memory.Size())
	}
	if r := update(gauge, "new"); r != NoMemory {
		t.Errorf("got result %d for a new gauge, expected NoMemory", r)
	}
	if r := update(counter, "1"); r != OK {
		t.Errorf("got result %d for an existing series, expected OK", r)
	}
	if memory.Used() != used {
		t.Errorf("rejected updates changed the memory in use from %d to %d bytes", used, memory.Used())
	}
}

// content returns the memory of everything in the store: a model of what it counts.
func (st *Store) content() (bytes int64) {
	for _, f := range st.Families() {
		for page := range f.Sorted {
			for _, s := range page {
				if !s.dead() && s != f.unlabeled { // the latter belongs to the mapping
					bytes += f.memoryOf(int(s.labels.size))
				}
			}
		}
	}
	return bytes
}

// TestMemoryIsThatOfTheContent performs random operations on a store with families of
// all kinds, and compares the memory that it counts with that of its content.
func TestMemoryIsThatOfTheContent(t *testing.T) {
	states := &States{"state", []string{"off", "on", "unknown"}}
	kinds := []FamilyOptions{
		{Type: Counter, Labels: []string{"a"}, IdleTTL: time.Minute},
		{Type: Gauge, Labels: []string{"a"}, Ownership: Owned},
		{Type: Histogram, Labels: []string{"a"}, Bounds: []float64{1, 2}, Ownership: Heartbeat},
		{Type: Gauge, Labels: []string{"a", "state"}, States: states, IdleTTL: time.Minute},
		{Type: Gauge, Labels: []string{"a", "b", "state"}, States: states, Ownership: Heartbeat},
		{Type: Gauge, Labels: []string{"state"}, States: states},
		{Type: Counter},
	}
	full, removed := 0, 0
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 1))
		memory := membudget.Divide(10_000 + random.Int64N(60_000)).Held
		st := NewStore(Options{Memory: memory, MaxSeries: 10 + random.IntN(100), OwnerLimit: time.Minute})
		if _, err := st.AddLastSeen("seen", "", "owner"); err != nil {
			t.Fatal(err)
		}
		var families []*Family
		add := func() {
			o := kinds[random.IntN(len(kinds))]
			o.Name = fmt.Sprint("m", random.Uint64())
			if f, err := st.AddFamily(o); err != nil {
				t.Fatal(err)
			} else {
				families = append(families, f)
			}
		}
		for range 5 {
			add()
		}
		now := Instant(1)
		for step := range 1000 {
			now += Instant(random.Int64N(int64(time.Second)))
			at := random.IntN(len(families))
			f := families[at]
			values := make([]string, len(f.layout.names))
			for i := range values {
				values[i] = fmt.Sprint(random.IntN(40))
			}
			owner := fmt.Sprint("owner ", random.IntN(20))
			var operation string
			switch n := random.IntN(100); {
			case n < 80:
				operation = "update"
				op := Set
				switch f.typ {
				case Counter:
					op = Add
				case Histogram:
					op = Observe
				}
				if r := f.Update(op, Plain(values...), owner, float64(1+random.IntN(3)), now); r != OK {
					full++
				}
			case n < 85:
				operation = "heartbeat"
				st.Heartbeat(owner, now)
			case n < 90:
				if operation = "drop"; f.typ == Gauge && len(values) > 0 {
					f.Drop(values...)
				}
			case n < 97:
				operation = "sweep"
				removed += st.Sweep(now, 0).Series
			default:
				operation = "replace"
				if err := st.Replace([]*Family{f}, nil); err != nil {
					t.Fatal(err)
				}
				f.Update(Set, Plain(values...), "", 1, now) // does not count
				families[at] = families[len(families)-1]
				families = families[:len(families)-1]
				add()
			}
			if memory.Used() != st.content() {
				t.Fatalf("seed %d, step %d: after %s, %d bytes are in use, expected %d", seed, step, operation, memory.Used(), st.content())
			}
		}
		if err := st.Replace(families, nil); err != nil {
			t.Fatal(err)
		}
		st.Sweep(now+Instant(time.Hour), 0)
		if memory.Used() != 0 {
			t.Errorf("seed %d: %d bytes are in use after everything was removed", seed, memory.Used())
		}
	}
	if full == 0 || removed == 0 {
		t.Errorf("%d updates were rejected and %d series swept, expected some", full, removed)
	}
}
