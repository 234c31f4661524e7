package series

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"
)

// testClock is a clock that the test advances.
type testClock struct{ now atomic.Int64 }

func (c *testClock) add(d time.Duration) { c.now.Add(int64(d)) }

func newTestStore(t *testing.T, o Options) (*Store, *testClock) {
	t.Helper()
	clock := &testClock{}
	clock.now.Store(int64(time.Hour))
	o.Clock = NewExactClock(func() time.Time { return time.Unix(0, clock.now.Load()) })
	return NewStore(o), clock
}

func (st *Store) mustAdd(t *testing.T, o FamilyOptions) *Family {
	t.Helper()
	f, err := st.AddFamily(o)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// page returns the family's series as lines of the form "labels value", in order.
func (f *Family) page() (lines []string) {
	for p := range f.Sorted {
		for _, s := range p {
			if f.typ == Histogram {
				var snapshot Snapshot
				if f.Snapshot(s, &snapshot) {
					lines = append(lines, fmt.Sprintf("%s %d %v %v", f.AppendLabels(nil, s), snapshot.Count, snapshot.Sum, snapshot.Buckets))
				}
			} else if v, ok := f.Value(s, f.store.clock.Wall()); ok {
				lines = append(lines, fmt.Sprintf("%s %v", f.AppendLabels(nil, s), v))
			}
		}
	}
	return lines
}

func (f *Family) update(t *testing.T, op Op, v float64, owner string, values ...string) {
	t.Helper()
	if r := f.Update(op, Plain(values...), owner, v, f.store.clock.Now()); r != OK {
		t.Fatalf("update of %s%q: result %d", f.name, values, r)
	}
}

func expect(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}

func TestLabelValuesIdentifyASeries(t *testing.T) {
	st, _ := newTestStore(t, Options{Constants: []Label{{"node", `a"b\c`}}})
	f := st.mustAdd(t, FamilyOptions{Name: "m", Type: Counter, Labels: []string{"a", "b", "z"}})

	// Values that would be confused if separators, escapes or the boundaries between
	// labels were not distinguished.
	pieces := []string{"", "x", `"`, `\`, "\n", `\"`, `\\`, `\n`, `",b="`, `x",b="`, `",node="a\"b\\c",z="`, "12345678", `1234567"`, `"1234567`, "ä", "123456789"}
	var all [][]string
	for _, a := range pieces {
		for _, b := range pieces {
			for _, z := range pieces {
				all = append(all, []string{a, b, z})
			}
		}
	}
	for round := range 2 {
		for i, values := range all {
			f.update(t, Add, float64(i), "", values...)
		}
		if f.Len() != len(all) {
			t.Fatalf("round %d: %d label sets make %d series", round, len(all), f.Len())
		}
	}
	want := map[string]float64{}
	for i, values := range all {
		want[strings.Join(values, "\xff")] = 2 * float64(i)
	}
	for p := range f.Sorted {
		for _, s := range p {
			values := f.Values(nil, s)
			if v, _ := f.Value(s, Wall{}); v != want[strings.Join(values, "\xff")] {
				t.Errorf("%q is %v, want %v", values, v, want[strings.Join(values, "\xff")])
			}
		}
	}
}

func TestSeriesAreSortedByTheirValues(t *testing.T) {
	st, _ := newTestStore(t, Options{Constants: []Label{{"b", "constant"}}})
	f := st.mustAdd(t, FamilyOptions{Name: "m", Type: Gauge, Labels: []string{"a", "c"}})
	alphabet := []string{"", " ", "!", `"`, "#", "a", "n", `\`, "\n", "z", "ä", "aa", `a"`, `a\`, "a ", "a!"}
	var all [][]string
	for _, a := range alphabet {
		for _, c := range alphabet {
			all = append(all, []string{a, c})
		}
	}
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	for i, values := range all {
		f.update(t, Set, 1, "", values...)
		if i%17 == 0 {
			f.page() // so that series are merged in several steps
		}
	}
	var got [][]string
	for p := range f.Sorted {
		for _, s := range p {
			got = append(got, f.Values(nil, s))
		}
	}
	slices.SortFunc(all, slices.Compare[[]string])
	if !slices.EqualFunc(got, all, slices.Equal[[]string]) {
		t.Errorf("got  %q\nwant %q", got, all)
	}
}

func TestManySeriesAreAddedAndRemoved(t *testing.T) {
	st, clock := newTestStore(t, Options{})
	f := st.mustAdd(t, FamilyOptions{Name: "m", Type: Counter, Labels: []string{"a"}, IdleTTL: time.Minute})
	const n = 30_000 // enough to split segments several times
	value := func(i int) string { return fmt.Sprintf("value-%d", i) }

	for i := range n {
		f.update(t, Add, float64(i), "", value(i))
	}
	for p := range f.Sorted {
		if len(p) > pageLen {
			t.Fatalf("got a page of %d series", len(p))
		}
	}
	clock.add(30 * time.Second)
	for i := 0; i < n; i += 3 {
		f.update(t, Add, 1, "", value(i))
	}
	clock.add(30 * time.Second)
	if swept := st.Sweep(st.clock.Now(), 0); swept.Series != n-n/3 {
		t.Fatalf("swept %d series, want %d", swept.Series, n-n/3)
	}
	if f.Len() != n/3 || len(f.page()) != n/3 {
		t.Fatalf("got %d series, %d of them on the page, want %d", f.Len(), len(f.page()), n/3)
	}
	for i := range n {
		values := Plain(value(i))
		values.rehash()
		if s := f.table.find(values); (s != nil) != (i%3 == 0) {
			t.Fatalf("series %d: got found = %v", i, s != nil)
		}
	}
	// Removed series start again from zero; the others continue.
	f.update(t, Add, 1, "", value(1))
	f.update(t, Add, 1, "", value(3))
	page := f.page()
	for _, line := range []string{`a="value-1" 1`, `a="value-3" 5`} {
		if !slices.Contains(page, line) {
			t.Errorf("the page does not contain %s", line)
		}
	}

	clock.add(time.Hour)
	st.Sweep(st.clock.Now(), 0)
	if slots := len(f.table.directory.Load().segments[0].Load().slots); slots > maxSegmentSlots/2 {
		t.Errorf("an empty table has a segment of %d slots", slots)
	}
	if len(f.order.pages()) != 0 {
		t.Errorf("an empty family has %d pages", len(f.order.pages()))
	}
}

func TestSeriesExpireExactlyAtTheLimit(t *testing.T) {
	st, clock := newTestStore(t, Options{OwnerLimit: time.Minute})
	heartbeat := st.mustAdd(t, FamilyOptions{Name: "containers", Type: Gauge, Labels: []string{"team", "worker"}, Ownership: Heartbeat})
	owned := st.mustAdd(t, FamilyOptions{Name: "unknown", Type: Gauge, Labels: []string{"worker"}, Ownership: Owned})
	plain := st.mustAdd(t, FamilyOptions{Name: "plain", Type: Gauge, Labels: []string{"worker"}})
	lastSeen, err := st.AddLastSeen("last_seen", "", "worker")
	if err != nil {
		t.Fatal(err)
	}
	heartbeat.update(t, Set, 1, "w", "a", "w")
	owned.update(t, Set, 2, "w", "w")
	plain.update(t, Set, 3, "", "w")
	clock.add(time.Minute - 1)
	owned.update(t, Set, 4, "w", "w") // not a heartbeat
	if swept := st.Sweep(st.clock.Now(), 0); swept != (Swept{}) {
		t.Errorf("one nanosecond before the limit: swept %+v", swept)
	}
	expect(t, "last seen", lastSeen.page(), []string{`worker="w" 3600`})
	clock.add(1)
	if swept := st.Sweep(st.clock.Now(), 0); swept != (Swept{Owners: 1, Series: 3}) {
		t.Errorf("at the limit: swept %+v", swept)
	}
	expect(t, "containers", heartbeat.page(), nil)
	expect(t, "unknown", owned.page(), nil)
	expect(t, "last seen", lastSeen.page(), nil)
	expect(t, "plain", plain.page(), []string{`worker="w" 3`})
}

func TestASeriesExpiresWhileItsOwnerIsAlive(t *testing.T) {
	st, clock := newTestStore(t, Options{OwnerLimit: time.Minute})
	heartbeat := st.mustAdd(t, FamilyOptions{Name: "containers", Type: Gauge, Labels: []string{"team", "worker"}, Ownership: Heartbeat})
	owned := st.mustAdd(t, FamilyOptions{Name: "unknown", Type: Gauge, Labels: []string{"worker"}, Ownership: Owned})
	heartbeat.update(t, Set, 1, "w", "before", "w")
	owned.update(t, Set, 2, "w", "w")
	clock.add(30 * time.Second)
	heartbeat.update(t, Set, 3, "w", "after", "w")
	clock.add(30 * time.Second)
	st.Sweep(st.clock.Now(), 0)
	expect(t, "containers", heartbeat.page(), []string{`team="after",worker="w" 3`})
	expect(t, "unknown", owned.page(), []string{`worker="w" 2`})

	// A heartbeat keeps the worker alive, although it updates no series.
	clock.add(20 * time.Second)
	st.Heartbeat("w", st.clock.Now())
	clock.add(20 * time.Second)
	st.Sweep(st.clock.Now(), 0)
	expect(t, "containers", heartbeat.page(), nil)
	expect(t, "unknown", owned.page(), []string{`worker="w" 2`})
}

func TestSettingTheClockBackMakesNothingOlder(t *testing.T) {
	st, clock := newTestStore(t, Options{OwnerLimit: time.Minute})
	f := st.mustAdd(t, FamilyOptions{Name: "containers", Type: Gauge, Labels: []string{"worker"}, Ownership: Heartbeat})
	f.update(t, Set, 1, "w", "w")
	clock.add(-30 * time.Minute)
	f.update(t, Set, 2, "w", "w")
	st.Sweep(st.clock.Now(), 0)
	clock.add(30*time.Minute + 59*time.Second)
	st.Sweep(st.clock.Now(), 0)
	expect(t, "containers", f.page(), []string{`worker="w" 2`})
}

func TestToleranceExtendsTheLimit(t *testing.T) {
	st, clock := newTestStore(t, Options{OwnerLimit: time.Minute})
	f := st.mustAdd(t, FamilyOptions{Name: "containers", Type: Gauge, Labels: []string{"worker"}, Ownership: Heartbeat})
	f.update(t, Set, 1, "w", "w")
	const tolerance = time.Second
	clock.add(time.Minute + tolerance - 1)
	st.Sweep(st.clock.Now(), tolerance)
	expect(t, "within the tolerance", f.page(), []string{`worker="w" 1`})
	clock.add(1)
	st.Sweep(st.clock.Now(), tolerance)
	expect(t, "after the tolerance", f.page(), nil)
}

func TestLimitOnSeries(t *testing.T) {
	for _, tt := range []struct {
		typ  Type
		op   Op
		want []string
	}{
		{Counter, Add, []string{`a="__overflow__" 3`, `a="one" 2`, `a="two" 1`}},
		{Gauge, Add, []string{`a="one" 2`, `a="two" 1`}},
		{Histogram, Observe, []string{`a="__overflow__" 3 3 [3]`, `a="one" 2 2 [2]`, `a="two" 1 1 [1]`}},
	} {
		t.Run(tt.typ.String(), func(t *testing.T) {
			st, clock := newTestStore(t, Options{MaxSeries: 2})
			f := st.mustAdd(t, FamilyOptions{Name: "m", Type: tt.typ, Labels: []string{"a"}, Bounds: []float64{1}[:btoi(tt.typ == Histogram)], IdleTTL: time.Minute})
			var results []Result
			for _, v := range []string{"one", "two", "three", "four", "four", "one"} {
				results = append(results, f.Update(tt.op, Plain(v), "", 1, st.clock.Now()))
			}
			beyond := Overflowed
			if tt.typ == Gauge {
				beyond = NoRoom
			}
			if want := []Result{OK, OK, beyond, beyond, beyond, OK}; !slices.Equal(results, want) {
				t.Errorf("results %v, want %v", results, want)
			}
			expect(t, "page", f.page(), tt.want)
			if f.Refused() != 3 || f.Len() != 2 {
				t.Errorf("got Refused() = %d and Len() = %d, want 3 and 2", f.Refused(), f.Len())
			}

			// Removed series make room; the overflow series stays.
			clock.add(time.Hour)
			st.Sweep(st.clock.Now(), 0)
			if got, want := len(f.page()), btoi(tt.typ != Gauge); got != want {
				t.Errorf("got %d series after all were idle, want %d", got, want)
			}
			if r := f.Update(tt.op, Plain("five"), "", 1, st.clock.Now()); r != OK {
				t.Errorf("after the sweep: result %d", r)
			}
		})
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestTheOverflowSeriesCanBeUpdatedByItsLabels(t *testing.T) {
	st, clock := newTestStore(t, Options{MaxSeries: 1, OwnerLimit: time.Minute})
	f := st.mustAdd(t, FamilyOptions{Name: "m", Type: Counter, Labels: []string{"a", "b"}, Ownership: Owned})
	f.update(t, Add, 1, "w", Overflow, Overflow)
	f.update(t, Add, 1, "w", "x", Overflow)
	f.Update(Add, Plain("y", "z"), "w", 1, st.clock.Now())
	expect(t, "page", f.page(), []string{`a="__overflow__",b="__overflow__" 2`, `a="x",b="__overflow__" 1`})
	clock.add(time.Hour)
	st.Sweep(st.clock.Now(), 0)
	f.update(t, Add, 1, "w", Overflow, Overflow)
	expect(t, "after the sweep", f.page(), []string{`a="__overflow__",b="__overflow__" 3`})
	if f.Len() != 0 {
		t.Errorf("got Len() = %d, want 0", f.Len())
	}
}

func TestTheSeriesLimitAppliesToOwners(t *testing.T) {
	st, _ := newTestStore(t, Options{MaxSeries: 3, OwnerLimit: time.Minute})
	if _, err := st.AddLastSeen("last_seen", "", "worker"); err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		want := OK
		if i >= 3 {
			want = NoRoom
		}
		if r := st.Heartbeat(fmt.Sprint(i), st.clock.Now()); r != want {
			t.Errorf("heartbeat of owner %d: result %d, want %d", i, r, want)
		}
	}
	owners := 0
	for range st.Owners {
		owners++
	}
	if owners != 3 {
		t.Errorf("got %d owners, want 3", owners)
	}
}

func TestInvalidUpdatesAreRejected(t *testing.T) {
	st, _ := newTestStore(t, Options{MaxValueBytes: 10})
	counter := st.mustAdd(t, FamilyOptions{Name: "c", Type: Counter, Labels: []string{"a"}})
	gauge := st.mustAdd(t, FamilyOptions{Name: "g", Type: Gauge, Labels: []string{"a"}})
	for _, tt := range []struct {
		f     *Family
		op    Op
		v     float64
		value string
		want  Result
	}{
		{counter, Add, math.NaN(), "x", NotFinite},
		{counter, Add, math.Inf(1), "x", NotFinite},
		{gauge, Set, math.Inf(-1), "x", NotFinite},
		{counter, Add, -1, "x", Negative},
		{gauge, Set, -1, "x", OK},
		{gauge, Set, 1, "\xff", InvalidUTF8},
		{gauge, Set, 1, "0123456789", OK},
		{gauge, Set, 1, "0123456789a", ValueTooLong},
	} {
		if r := tt.f.Update(tt.op, Plain(tt.value), "", tt.v, st.clock.Now()); r != tt.want {
			t.Errorf("%v of %s{a=%q}: result %d, want %d", tt.v, tt.f.name, tt.value, r, tt.want)
		}
	}
	if counter.Len() != 0 || gauge.Len() != 2 {
		t.Errorf("got %d counters and %d gauges, want 0 and 2", counter.Len(), gauge.Len())
	}
}

func TestAddFamilyRejectsInvalidFamilies(t *testing.T) {
	st, _ := newTestStore(t, Options{Constants: []Label{{"node", "a"}}})
	st.mustAdd(t, FamilyOptions{Name: "m", Labels: []string{"a"}})
	for want, o := range map[string]FamilyOptions{
		"already exists":         {Name: "m"},
		`constant label "node"`:  {Name: "n", Labels: []string{"node"}},
		"must be sorted":         {Name: "o", Labels: []string{"b", "a"}},
		`distinct, got "a" befo`: {Name: "p", Labels: []string{"a", "a"}},
	} {
		if _, err := st.AddFamily(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("AddFamily(%+v) returned %v, want an error with %q", o, err, want)
		}
	}
	f := st.mustAdd(t, FamilyOptions{Name: "self", Labels: []string{"node"}, Internal: true})
	f.update(t, Add, 1, "", "own")
	expect(t, "a label that is also a constant label", f.page(), []string{`node="own" 1`})
}

// TestKillLosesNoUpdates updates a series from several goroutines until it is killed.
// Its final value must be the number of updates that succeeded.
func TestKillLosesNoUpdates(t *testing.T) {
	for _, typ := range []Type{Counter, Histogram} {
		t.Run(typ.String(), func(t *testing.T) {
			for range 100 {
				s := &Series{}
				update := func() bool { return s.add(1) }
				if typ == Histogram {
					s.histogram = newHistogram(1, false)
					update = func() bool { return s.histogram.observe(1, 0) }
				}
				var succeeded atomic.Uint64
				var wg sync.WaitGroup
				for range 3 {
					wg.Go(func() {
						for update() {
							succeeded.Add(1)
						}
					})
				}
				for succeeded.Load() < 10 {
					runtime.Gosched()
				}
				var final float64
				if typ == Counter {
					final = math.Float64frombits(s.bits.Swap(killed)) // as kill does, but it keeps the value
				} else if !s.kill() {
					t.Fatal("the series was already dead")
				}
				wg.Wait()
				if typ == Histogram {
					final = float64(completed(&s.histogram.halves[0]) + completed(&s.histogram.halves[1]))
				}
				if final != float64(succeeded.Load()) || s.kill() {
					t.Fatalf("got the final value %v, but %d updates succeeded", final, succeeded.Load())
				}
			}
		})
	}
}

func TestAnUpdateAfterTheOwnerExpiredCreatesANewSeries(t *testing.T) {
	for _, ownership := range []Ownership{Owned, Heartbeat} {
		st, clock := newTestStore(t, Options{OwnerLimit: time.Minute})
		f := st.mustAdd(t, FamilyOptions{Name: "m", Type: Counter, Labels: []string{"worker"}, Ownership: ownership})
		f.update(t, Add, 1, "w", "w")
		clock.add(time.Minute)
		st.sweepOwners(st.clock.Now(), 0) // the first half of a sweep
		f.update(t, Add, 2, "w", "w")
		if f.Len() != 1 {
			t.Errorf("got Len() = %d, want 1", f.Len())
		}
		st.Sweep(st.clock.Now(), 0)
		expect(t, "page", f.page(), []string{`worker="w" 2`})
	}
}

func TestAnExpiredSeriesIsNotRefreshed(t *testing.T) {
	st, clock := newTestStore(t, Options{})
	f := st.mustAdd(t, FamilyOptions{Name: "m", Type: Gauge, Labels: []string{"a"}, IdleTTL: time.Minute})
	f.update(t, Set, 1, "", "x")
	var s *Series
	for p := range f.Sorted {
		s = p[0]
	}
	clock.add(time.Minute)
	if !f.expire(s, st.clock.Now(), 0) {
		t.Fatal("the series has not expired")
	}
	f.update(t, Set, 1, "", "x") // to the same value, before the series is killed
	st.Sweep(st.clock.Now(), 0)
	expect(t, "page", f.page(), []string{`a="x" 1`})
}

func TestUpdatesOfADeadSeriesFail(t *testing.T) {
	for op, typ := range map[Op]Type{Add: Counter, Set: Gauge, Observe: Histogram} {
		st, _ := newTestStore(t, Options{})
		f := st.mustAdd(t, FamilyOptions{Name: "m", Type: typ, Labels: []string{"a"}, IdleTTL: time.Minute})
		f.update(t, op, 1, "", "x")
		for p := range f.Sorted {
			p[0].kill()
			if f.apply(p[0], op, 1, &Values{}, 0) {
				t.Errorf("a dead %s was updated", typ)
			}
		}
	}
}

func TestASweepDoesNotChangePages(t *testing.T) {
	st, clock := newTestStore(t, Options{})
	f := st.mustAdd(t, FamilyOptions{Name: "m", Type: Gauge, Labels: []string{"a"}, IdleTTL: time.Minute})
	for _, v := range []string{"a", "b", "c"} {
		f.update(t, Set, 1, "", v)
	}
	f.page()
	before := f.order.pages()[0]
	clock.add(time.Minute)
	f.update(t, Set, 1, "", "c")
	st.Sweep(st.clock.Now(), 0)
	if len(before) != 3 || before[0] == nil || string(f.AppendLabels(nil, before[0])) != `a="a"` {
		t.Errorf("the sweep changed a page that a scrape may be walking: %v", before)
	}
}

func TestAScrapeSeesAllSeriesAddedBeforeIt(t *testing.T) {
	st, _ := newTestStore(t, Options{})
	f := st.mustAdd(t, FamilyOptions{Name: "m", Type: Gauge, Labels: []string{"a"}})
	const batch = 3000
	for round := range 10 {
		for i := range batch {
			f.update(t, Set, 1, "", fmt.Sprint(round, "-", i))
		}
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if got, want := len(f.page()), batch*(round+1); got != want {
					t.Errorf("round %d: got %d series, want %d", round, got, want)
				}
			})
		}
		wg.Wait()
	}
}

func TestAnExpiredOwnerIsNotShownInsteadOfANewOne(t *testing.T) {
	st, clock := newTestStore(t, Options{OwnerLimit: time.Minute})
	lastSeen, err := st.AddLastSeen("last_seen", "", "worker")
	if err != nil {
		t.Fatal(err)
	}
	first, _ := st.owner("w", st.clock.Now(), false) // then its goroutine is interrupted
	clock.add(time.Minute)
	st.Sweep(st.clock.Now(), 0)
	st.Heartbeat("w", st.clock.Now())
	st.owners.show(first) // continues
	if n := lastSeen.Len(); n != 1 {
		t.Errorf("got %d owners, want 1", n)
	}
	expect(t, "last seen", lastSeen.page(), []string{`worker="w" 3660`})
}

func TestAnOwnerIsAddedToLastSeenWhenThereIsRoom(t *testing.T) {
	st, clock := newTestStore(t, Options{OwnerLimit: time.Minute, MaxSeries: 2})
	lastSeen, err := st.AddLastSeen("last_seen", "", "worker")
	if err != nil {
		t.Fatal(err)
	}
	f := st.mustAdd(t, FamilyOptions{Name: "m", Type: Gauge, Labels: []string{"worker"}, Ownership: Owned})
	f.update(t, Set, 1, "w3", "w3") // creates the owner, but is not a heartbeat
	for _, w := range []string{"w1", "w2", "w3"} {
		st.Heartbeat(w, st.clock.Now())
	}
	expect(t, "when full", lastSeen.page(), []string{`worker="w1" 3600`, `worker="w2" 3600`})
	clock.add(30 * time.Second)
	st.Heartbeat("w3", st.clock.Now())
	clock.add(30 * time.Second)
	if swept := st.Sweep(st.clock.Now(), 0); swept.Owners != 2 {
		t.Errorf("swept %d owners, want 2", swept.Owners)
	}
	expect(t, "when there is room", lastSeen.page(), []string{`worker="w3" 3630`})
}

func TestOwnersWithoutHeartbeatsAreNotCounted(t *testing.T) {
	st, clock := newTestStore(t, Options{OwnerLimit: time.Minute})
	if _, err := st.AddLastSeen("last_seen", "", "worker"); err != nil {
		t.Fatal(err)
	}
	f := st.mustAdd(t, FamilyOptions{Name: "m", Type: Gauge, Labels: []string{"worker"}, Ownership: Owned})
	f.update(t, Set, 1, "w", "w")
	clock.add(time.Minute)
	if swept := st.Sweep(st.clock.Now(), 0); swept != (Swept{Owners: 0, Series: 1}) {
		t.Errorf("swept %+v", swept)
	}
}

func TestCountersDoNotOverflow(t *testing.T) {
	st, _ := newTestStore(t, Options{})
	f := st.mustAdd(t, FamilyOptions{Name: "m", Type: Counter, Labels: []string{"a"}})
	last := 0.0
	for range 5000 {
		f.update(t, Add, 1<<53-1, "", "x")
		for p := range f.Sorted {
			if v, _ := f.Value(p[0], Wall{}); v <= last {
				t.Fatalf("the value went from %v to %v", last, v)
			} else {
				last = v
			}
		}
	}
}

// TestSweepingWhileUpdating updates series from several goroutines. Another goroutine
// repeatedly sweeps with a limit so short that all series are stale, and scrapes.
func TestSweepingWhileUpdating(t *testing.T) {
	const goroutines, updates, values = 8, 20_000, 5
	for _, typ := range []Type{Counter, Histogram} {
		t.Run(typ.String(), func(t *testing.T) {
			st, clock := newTestStore(t, Options{OwnerLimit: time.Nanosecond})
			expiring := st.mustAdd(t, FamilyOptions{Name: "expiring", Type: typ, Labels: []string{"a"}, Ownership: Heartbeat})
			permanent := st.mustAdd(t, FamilyOptions{Name: "permanent", Type: typ, Labels: []string{"a"}})
			lastSeen, err := st.AddLastSeen("last_seen", "", "worker")
			if err != nil {
				t.Fatal(err)
			}
			op := Add
			if typ == Histogram {
				op = Observe
			}

			stop, stopped := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(stopped)
				for {
					select {
					case <-stop:
						return
					default:
						clock.add(time.Millisecond)
						st.Sweep(st.clock.Now(), 0)
						expiring.page()
						permanent.page()
						lastSeen.page()
					}
				}
			}()
			var wg sync.WaitGroup
			for g := range goroutines {
				wg.Go(func() {
					for i := range updates {
						worker := fmt.Sprint("w", (g+i)%values)
						expiring.Update(op, Plain(worker), worker, 1, st.clock.Now())
						permanent.Update(op, Plain(worker), "", 1, st.clock.Now())
					}
				})
			}
			wg.Wait()
			close(stop)
			<-stopped

			if got := total(permanent); got != goroutines*updates {
				t.Errorf("got a total of %d in the family that never expires, want %d", got, goroutines*updates)
			}
			if got := len(expiring.page()); got > values || got != expiring.Len() {
				t.Errorf("got %d series on the page and Len() = %d, want the same number, at most %d", got, expiring.Len(), values)
			}
			clock.add(time.Second)
			st.Sweep(st.clock.Now(), 0)
			for _, f := range []*Family{expiring, lastSeen} {
				if got := f.page(); len(got) != 0 || f.Len() != 0 {
					t.Errorf("after the last sweep, %s has the series %q and Len() = %d", f.name, got, f.Len())
				}
			}
		})
	}
}

func total(f *Family) (n uint64) {
	for p := range f.Sorted {
		for _, s := range p {
			if f.typ == Histogram {
				var snapshot Snapshot
				f.Snapshot(s, &snapshot)
				n += snapshot.Count
			} else {
				v, _ := f.Value(s, Wall{})
				n += uint64(v)
			}
		}
	}
	return n
}

// TestHistogramReadsAreConsistent reads a histogram during observations. All
// observations are 1, so count, sum and bucket must be the same number.
func TestHistogramReadsAreConsistent(t *testing.T) {
	h := newHistogram(2, false)
	const goroutines, observations = 4, 30_000
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			for range observations {
				h.observe(1, 1)
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	var last, s Snapshot
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		if !h.read(&s) {
			t.Fatal("the histogram is dead before it was killed")
		}
		if s.Sum != float64(s.Count) || s.Buckets[0] != 0 || s.Buckets[1] != s.Count || s.Count < last.Count {
			t.Fatalf("read %+v after %+v", s, last)
		}
		last = s
	}
	if last.Count != goroutines*observations {
		t.Errorf("got a count of %d, want %d", last.Count, goroutines*observations)
	}
}

func TestUpdatesAllocateNothing(t *testing.T) {
	st, _ := newTestStore(t, Options{OwnerLimit: time.Minute})
	gauge := st.mustAdd(t, FamilyOptions{Name: "g", Type: Gauge, Labels: []string{"a", "b"}, Ownership: Heartbeat})
	histogram := st.mustAdd(t, FamilyOptions{Name: "h", Type: Histogram, Labels: []string{"a", "b"}, Bounds: []float64{1, 2}})
	native := st.mustAdd(t, FamilyOptions{Name: "n", Type: Histogram, Labels: []string{"a", "b"}, Bounds: []float64{1, 2}, Native: true})
	counter := st.mustAdd(t, FamilyOptions{Name: "c", Type: Counter})
	escaped := &Values{All: []string{`cannot find "x"`, "\n\\"}, Order: []uint8{0, 1}}
	values := &Values{All: []string{"y", "other", "x"}, Order: []uint8{2, 0}}
	exemplified := &Values{All: values.All, Order: values.Order, Exemplar: &ExemplarLabels{Names: []string{"id"}, From: []uint8{1}}}
	now := st.clock.Now()
	if n := testing.AllocsPerRun(100, func() {
		gauge.Update(Set, values, "w", 1, now)
		histogram.Update(Observe, values, "", 1.5, now)
		histogram.Update(Observe, exemplified, "", 1.5, now)
		native.Update(Observe, values, "", 1.5, now)
		counter.Update(Add, &Values{}, "", 1, now)
		counter.Update(Add, &Values{}, "", .5, now)
		gauge.Update(Set, escaped, "w", 1, now)
	}); n != 0 {
		t.Errorf("got %v allocations, want 0", n)
	}
}

func TestLabelValuesOfAnyLength(t *testing.T) {
	st, _ := newTestStore(t, Options{})
	f := st.mustAdd(t, FamilyOptions{Name: "m", Type: Gauge, Labels: []string{"a"}})
	var want []string
	for n := range 300 {
		value := strings.Repeat("x", n)
		f.update(t, Set, float64(n), "", value)
		want = append(want, fmt.Sprintf(`a="%s" %d`, value, n))
	}
	runtime.GC()
	for n := range 300 {
		f.update(t, Set, float64(n), "", strings.Repeat("x", n))
	}
	expect(t, "page", f.page(), want)
	if f.Len() != 300 {
		t.Errorf("got %d series, want 300", f.Len())
	}
}

// See the doc comment of Series.
func TestLayoutOfSeriesInMemory(t *testing.T) {
	var s Series
	if size, written := unsafe.Sizeof(s), unsafe.Offsetof(s.liveness); size != 56 || written != 40 {
		t.Errorf("got a size of %d bytes, written to from offset %d, want 56 and 40", size, written)
	}
	for size := range 130 {
		all := make([]*Series, 100)
		for i := range all {
			all[i] = newSeries(Plain(strings.Repeat("x", size)))
		}
		lines := map[uintptr]bool{}
		for _, s := range all {
			first, last := uintptr(unsafe.Pointer(&s.liveness))/64, (uintptr(unsafe.Pointer(&s.bits))+7)/64
			if lines[first] || lines[last] {
				t.Fatalf("values of %d bytes: two series are written to in the same cache line", size)
			}
			lines[first], lines[last] = true, true
		}
	}
}

func TestOwnersDoNotRetainMemory(t *testing.T) {
	st, clock := newTestStore(t, Options{OwnerLimit: time.Minute})
	body := "a large request body that contains w1 somewhere"
	name := body[35:37]
	st.Heartbeat(name, st.clock.Now())
	if o := st.findOwner(name); unsafe.StringData(o.Name()) == unsafe.StringData(name) {
		t.Error("the owner's name shares memory with the request body")
	}
	clock.add(time.Hour)
	st.Sweep(st.clock.Now(), 0)
	if pages := st.owners.order.pages(); len(pages) > 0 {
		t.Error("the owners still have a page after the last one was removed")
	}
}
