package series

import (
	"fmt"
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
	} {
		memory := membudget.Divide(10 << 30).Held
		store := NewStore(Options{Memory: memory, OwnerLimit: time.Minute})
		test.options.Name, test.options.Labels = "m", []string{"a", "b"}
		f, err := store.AddFamily(test.options)
		if err != nil {
			t.Fatal(err)
		}
		op := Add
		if test.options.Type == Histogram {
			op = Observe
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
