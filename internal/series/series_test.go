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

// testClock is a clock that the test moves.
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

// page is the family's series as "labels value" lines, in order.
func (f *Family) page() (lines []string) {
	for p := range f.Sorted {
		for _, s := range p {
			if f.typ == Histogram {
				var snapshot Snapshot
				if f.Snapshot(s, &snapshot) {
					lines = append(lines, fmt.Sprintf("%s %d %v %v", s.labels, snapshot.Count, snapshot.Sum, snapshot.Buckets))
				}
			} else if v, ok := f.Value(s, f.store.clock.Wall()); ok {
				lines = append(lines, fmt.Sprintf("%s %v", s.labels, v))
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

func TestLabelValuesAreIdentityWhateverTheyContain(t *testing.T) {
	st, _ := newTestStore(t, Options{Constants: []Label{{"node", `a"b\c`}}})
	f := st.mustAdd(t, FamilyOptions{Name: "m", Type: Counter, Labels: []string{"a", "b", "z"}})

	// Values that would be taken for one another if separators, escapes or the
	// boundaries of labels were not told apart.
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
			values := f.layout.values(nil, s.labels)
			if v, _ := s.value(); v != want[strings.Join(values, "\xff")] {
				t.Errorf("%q is %v, want %v", values, v, want[strings.Join(values, "\xff")])
			}
		}
	}
}

func TestSeriesAreInOrderOfTheirValues(t *testing.T) {
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
			f.page() // so that some series are sorted in later than others
		}
	}
	var got [][]string
	for p := range f.Sorted {
		for _, s := range p {
			got = append(got, f.layout.values(nil, s.labels))
		}
	}
	slices.SortFunc(all, slices.Compare[[]string])
	if !slices.EqualFunc(got, all, slices.Equal[[]string]) {
		t.Errorf("got  %q\nwant %q", got, all)
	}
}

func TestManySeriesComeAndGo(t *testing.T) {
	st, clock := newTestStore(t, Options{})
	f := st.mustAdd(t, FamilyOptions{Name: "m", Type: Counter, Labels: []string{"a"}, IdleTTL: time.Minute})
	const n = 30_000 // enough for segments to split several times over
	value := func(i int) string { return fmt.Sprintf("value-%d", i) }

	for i := range n {
		f.update(t, Add, float64(i), "", value(i))
	}
	for p := range f.Sorted {
		if len(p) > pageLen {
			t.Fatalf("a page of %d series", len(p))
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
		t.Fatalf("%d series are left, %d on the page; want %d", f.Len(), len(f.page()), n/3)
	}
	for i := range n {
		values := Plain(value(i))
		values.rehash()
		if s := f.table.find(&f.layout, values); (s != nil) != (i%3 == 0) {
			t.Fatalf("series %d: found is %v", i, s != nil)
		}
	}
	// Those that went begin anew, those that stayed go on.
	f.update(t, Add, 1, "", value(1))
	f.update(t, Add, 1, "", value(3))
	for _, line := range f.page() {
		if line == `a="value-1" 1` || line == `a="value-3" 5` {
			clock.add(1) // found
		}
	}
	if got := clock.now.Load() % 1000; got != 2 {
		t.Errorf("found %d of the two series that were updated last", got)
	}

	clock.add(time.Hour)
	st.Sweep(st.clock.Now(), 0)
	if slots := len(f.table.directory.Load().segments[0].Load().slots); slots > maxSegmentSlots/2 {
		t.Errorf("an empty table keeps segments of %d slots", slots)
	}
	if len(f.order.pages()) != 0 {
		t.Errorf("an empty family keeps %d pages", len(f.order.pages()))
	}
}

func TestASeriesGoesAtItsLimitAndNotBefore(t *testing.T) {
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
	owned.update(t, Set, 4, "w", "w") // proves nothing
	if swept := st.Sweep(st.clock.Now(), 0); swept != (Swept{}) {
		t.Errorf("a nanosecond early: swept %+v", swept)
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

func TestALabelSetGoesWhileItsOwnerLives(t *testing.T) {
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

	// The heartbeat counts for the worker though it changed no series.
	clock.add(20 * time.Second)
	st.Heartbeat("w", st.clock.Now())
	clock.add(20 * time.Second)
	st.Sweep(st.clock.Now(), 0)
	expect(t, "containers", heartbeat.page(), nil)
	expect(t, "unknown", owned.page(), []string{`worker="w" 2`})
}

func TestAClockThatIsSetBackMakesNothingOlder(t *testing.T) {
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

func TestTicksMakeNothingGoEarly(t *testing.T) {
	st, clock := newTestStore(t, Options{OwnerLimit: time.Minute})
	f := st.mustAdd(t, FamilyOptions{Name: "containers", Type: Gauge, Labels: []string{"worker"}, Ownership: Heartbeat})
	f.update(t, Set, 1, "w", "w")
	const tolerance = time.Second
	clock.add(time.Minute + tolerance - 1)
	st.Sweep(st.clock.Now(), tolerance)
	expect(t, "within the tolerance", f.page(), []string{`worker="w" 1`})
	clock.add(1)
	st.Sweep(st.clock.Now(), tolerance)
	expect(t, "after it", f.page(), nil)
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
				t.Errorf("refused %d, holds %d; want 3 and 2", f.Refused(), f.Len())
			}

			// What goes makes room; what overflowed stays.
			clock.add(time.Hour)
			st.Sweep(st.clock.Now(), 0)
			if got, want := len(f.page()), btoi(tt.typ != Gauge); got != want {
				t.Errorf("%d series after all went idle, want %d", got, want)
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

func TestTheOverflowSeriesCanBeAskedForByName(t *testing.T) {
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
		t.Errorf("counts %d series, want none", f.Len())
	}
}

func TestTheLimitBoundsOwnersToo(t *testing.T) {
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
	st.owners.sift(func(*Owner) bool { owners++; return false })
	if owners != 3 {
		t.Errorf("%d owners are remembered, want 3", owners)
	}
}

func TestWhatCannotBeIsRefused(t *testing.T) {
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
		t.Errorf("%d counters and %d gauges, want 0 and 2", counter.Len(), gauge.Len())
	}
}

func TestAddFamilyRefusesClashes(t *testing.T) {
	st, _ := newTestStore(t, Options{Constants: []Label{{"node", "a"}}})
	st.mustAdd(t, FamilyOptions{Name: "m", Labels: []string{"a"}})
	for want, o := range map[string]FamilyOptions{
		"already there":          {Name: "m"},
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
	expect(t, "its own label", f.page(), []string{`node="own" 1`})
}

// TestNothingIsLostToAKill updates a series from several goroutines until it is
// killed. What it had when it died must be what the updates that succeeded made.
func TestNothingIsLostToAKill(t *testing.T) {
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
					final = math.Float64frombits(s.bits.Swap(killed)) // as kill does, which forgets it
				} else if !s.kill() {
					t.Fatal("it was dead already")
				}
				wg.Wait()
				if typ == Histogram {
					final = float64(ended(&s.histogram.halves[0]) + ended(&s.histogram.halves[1]))
				}
				if final != float64(succeeded.Load()) || s.kill() {
					t.Fatalf("died with %v, though %d updates succeeded", final, succeeded.Load())
				}
			}
		})
	}
}

func TestAnUpdateBetweenItsOwnersEndAndTheSweepMakesANewSeries(t *testing.T) {
	for _, ownership := range []Ownership{Owned, Heartbeat} {
		st, clock := newTestStore(t, Options{OwnerLimit: time.Minute})
		f := st.mustAdd(t, FamilyOptions{Name: "m", Type: Counter, Labels: []string{"worker"}, Ownership: ownership})
		f.update(t, Add, 1, "w", "w")
		clock.add(time.Minute)
		st.sweepOwners(st.clock.Now(), time.Minute) // the first half of a sweep
		f.update(t, Add, 2, "w", "w")
		if f.Len() != 1 {
			t.Errorf("%d series are counted, want 1", f.Len())
		}
		st.Sweep(st.clock.Now(), 0)
		expect(t, "page", f.page(), []string{`worker="w" 2`})
	}
}

func TestASeriesWhoseTimeIsOverIsNotRevived(t *testing.T) {
	st, clock := newTestStore(t, Options{})
	f := st.mustAdd(t, FamilyOptions{Name: "m", Type: Gauge, Labels: []string{"a"}, IdleTTL: time.Minute})
	f.update(t, Set, 1, "", "x")
	var s *Series
	for p := range f.Sorted {
		s = p[0]
	}
	clock.add(time.Minute)
	if !f.isOver(s, st.clock.Now(), 0) {
		t.Fatal("not over")
	}
	f.update(t, Set, 1, "", "x") // with the value that it had, before it is killed
	st.Sweep(st.clock.Now(), 0)
	expect(t, "page", f.page(), []string{`a="x" 1`})
}

func TestNothingIsWrittenToADeadSeries(t *testing.T) {
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

func TestScrapedPagesDoNotChangeUnderASweep(t *testing.T) {
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
	if len(before) != 3 || before[0] == nil || before[0].labels != `a="a"` {
		t.Errorf("a page that a scrape walks was changed: %v", before)
	}
}

func TestEveryScrapeSeesWhatWasThereWhenItBegan(t *testing.T) {
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
					t.Errorf("round %d: a page of %d series, want %d", round, got, want)
				}
			})
		}
		wg.Wait()
	}
}

func TestALateReportDoesNotTakeTheSuccessorsSeries(t *testing.T) {
	st, clock := newTestStore(t, Options{OwnerLimit: time.Minute})
	lastSeen, err := st.AddLastSeen("last_seen", "", "worker")
	if err != nil {
		t.Fatal(err)
	}
	first := st.owners.get("w", st.clock.Now()) // and is interrupted
	clock.add(time.Minute)
	st.Sweep(st.clock.Now(), 0)
	st.Heartbeat("w", st.clock.Now())
	st.report(first, st.clock.Now()) // goes on
	expect(t, "last seen", lastSeen.page(), []string{`worker="w" 3660`})
}

func TestAnOwnerIsReportedWhenRoomComes(t *testing.T) {
	st, clock := newTestStore(t, Options{OwnerLimit: time.Minute, MaxSeries: 2})
	lastSeen, err := st.AddLastSeen("last_seen", "", "worker")
	if err != nil {
		t.Fatal(err)
	}
	f := st.mustAdd(t, FamilyOptions{Name: "m", Type: Gauge, Labels: []string{"worker"}, Ownership: Owned})
	f.update(t, Set, 1, "w3", "w3") // known, but not heard of
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

func TestOwnersNeverHeardOfDoNotCount(t *testing.T) {
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

func TestMatchesIsExactWhateverTheHash(t *testing.T) {
	l, err := newLayout([]string{"a", "b", "c"}, []Label{{"aa", `c"`}, {"d", "k"}})
	if err != nil {
		t.Fatal(err)
	}
	pieces := []string{"", "x", "xy", "k", `"`, `\`, "\n", "n", `x"`, `x",b="`, `x",b="y`, `x",aa="c\"",b="`, `\n`, "1234567", "12345678", "12345678x", "12345679", "1234567890123456x", "1234567890123457x"}
	var all [][]string
	for _, a := range pieces {
		for _, b := range pieces {
			all = append(all, []string{a, b, "z"}, []string{"x", a, b})
		}
	}
	for _, have := range all {
		size, escaped := l.size(Plain(have...))
		text := string(l.render(nil, Plain(have...)))
		if len(text) != size {
			t.Fatalf("%q takes %d bytes, not %d as was said", have, len(text), size)
		}
		for _, want := range all {
			values := Plain(want...)
			values.rehash()
			if got := l.matches(text, escaped, values); got != slices.Equal(have, want) {
				t.Fatalf("%q matches %q: %v", have, want, got)
			}
		}
	}
}

func TestCountersDoNotWrapAround(t *testing.T) {
	st, _ := newTestStore(t, Options{})
	f := st.mustAdd(t, FamilyOptions{Name: "m", Type: Counter, Labels: []string{"a"}})
	last := 0.0
	for range 5000 {
		f.update(t, Add, 1<<53-1, "", "x")
		for p := range f.Sorted {
			if v, _ := p[0].value(); v <= last {
				t.Fatalf("went from %v to %v", last, v)
			} else {
				last = v
			}
		}
	}
}

// TestSweepingWhileUpdating updates from several goroutines while a sweep that
// finds everything stale at once runs over and over, and while pages are read.
func TestSweepingWhileUpdating(t *testing.T) {
	const goroutines, updates, values = 8, 20_000, 5
	for _, typ := range []Type{Counter, Histogram} {
		t.Run(typ.String(), func(t *testing.T) {
			st, clock := newTestStore(t, Options{OwnerLimit: time.Nanosecond})
			mortal := st.mustAdd(t, FamilyOptions{Name: "mortal", Type: typ, Labels: []string{"a"}, Ownership: Heartbeat})
			immortal := st.mustAdd(t, FamilyOptions{Name: "immortal", Type: typ, Labels: []string{"a"}})
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
						mortal.page()
						immortal.page()
						lastSeen.page()
					}
				}
			}()
			var wg sync.WaitGroup
			for g := range goroutines {
				wg.Go(func() {
					for i := range updates {
						worker := fmt.Sprint("w", (g+i)%values)
						mortal.Update(op, Plain(worker), worker, 1, st.clock.Now())
						immortal.Update(op, Plain(worker), "", 1, st.clock.Now())
					}
				})
			}
			wg.Wait()
			close(stop)
			<-stopped

			if got := total(immortal); got != goroutines*updates {
				t.Errorf("the family that is never swept counted %d, want %d", got, goroutines*updates)
			}
			if got := len(mortal.page()); got > values || got != mortal.Len() {
				t.Errorf("%d series on the page, %d counted as alive; want the same, at most %d", got, mortal.Len(), values)
			}
			clock.add(time.Second)
			st.Sweep(st.clock.Now(), 0)
			for _, f := range []*Family{mortal, lastSeen} {
				if got := f.page(); len(got) != 0 || f.Len() != 0 {
					t.Errorf("resurrected in %s: %q, %d counted", f.name, got, f.Len())
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
				v, _ := s.value()
				n += uint64(v)
			}
		}
	}
	return n
}

// TestHistogramsAgreeWithThemselves reads histograms while they are observed:
// all observations are of 1, so count, sum and bucket must be the same number.
func TestHistogramsAgreeWithThemselves(t *testing.T) {
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
			t.Fatal("a histogram that nobody killed is dead")
		}
		if s.Sum != float64(s.Count) || s.Buckets[0] != 0 || s.Buckets[1] != s.Count || s.Count < last.Count {
			t.Fatalf("read %+v after %+v", s, last)
		}
		last = s
	}
	if last.Count != goroutines*observations {
		t.Errorf("counted %d, want %d", last.Count, goroutines*observations)
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
		t.Errorf("%v allocations", n)
	}
}

func TestLabelsOfAnyLength(t *testing.T) {
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
		t.Errorf("%d series, want 300", f.Len())
	}
}

// The second half of a series is what updates write to.
func TestSeriesAreLaidOutAsTheySay(t *testing.T) {
	var s Series
	if size, written := unsafe.Sizeof(s), unsafe.Offsetof(s.pulse); size != 64 || written != 32 {
		t.Errorf("a series has %d bytes, and is written to from %d on, want 64 and 32", size, written)
	}
}

func TestOwnersKeepNothingThatIsNotTheirs(t *testing.T) {
	st, clock := newTestStore(t, Options{OwnerLimit: time.Minute})
	body := "something large that somebody sent, with w1 in it"
	name := body[40:42]
	st.Heartbeat(name, st.clock.Now())
	if o := st.owners.get(name, st.clock.Now()); unsafe.StringData(o.name) == unsafe.StringData(name) {
		t.Error("the owner's name is part of what was sent")
	}
	clock.add(time.Hour)
	st.Sweep(st.clock.Now(), 0)
	for i := range st.owners.shards {
		if st.owners.shards[i].byName != nil {
			t.Error("a map is left when its last owner is gone")
		}
	}
}
