package series

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func rowsOf(f *OpenFamily, now Instant) (rows []string) {
	for r := range f.Rows(now) {
		rows = append(rows, fmt.Sprintf("%s %v", r.Labels, r.Value))
	}
	return rows
}

func join(f *OpenFamily, labels string, holder any, source *Source, fold Fold, v float64) *OpenSeries {
	f.store.Lock()
	defer f.store.Unlock()
	s := f.Join(labels, holder, source, fold)
	s.Set(v)
	s.LiveUntil(Never)
	return s
}

func newOpenFamily(st *OpenStore, name string) *OpenFamily {
	st.Lock()
	defer st.Unlock()
	return st.AddFamily(name, "", Gauge)
}

func TestOpenRowsAreSortedAndFolded(t *testing.T) {
	for fold, want := range map[Fold]float64{Sum: 6, Max: 3, Min: 1, Mean: 2, Last: 2} {
		st := NewOpenStore(func(int64) {})
		f := newOpenFamily(st, "x")
		for i := range 1000 { // enough for several pages
			join(f, fmt.Sprintf(`a="%04d"`, i), 1, nil, Alone, 5)
		}
		for i, v := range []float64{1, 3, 2} {
			source := &Source{}
			source.LiveUntil(Never)
			join(f, `b="x"`, 2, source, fold, v).SetUpdated(Instant(i))
		}
		expiring := &Source{}
		expiring.LiveUntil(10)
		join(f, `b="x"`, 2, expiring, fold, 1000).SetUpdated(100)
		join(f, `c="x"`, 3, nil, Alone, 7)

		rows := rowsOf(f, 10)
		if len(rows) != 1002 || !slices.IsSorted(rows) {
			t.Fatalf("%s: %d rows, sorted: %v", fold, len(rows), slices.IsSorted(rows))
		}
		if got := rows[1000]; got != fmt.Sprintf(`b="x" %v`, want) {
			t.Errorf("%s: got %s, want %v", fold, got, want)
		}
		if got := rowsOf(f, 9)[1000]; got == rows[1000] && fold != Min {
			t.Errorf("%s: at 9, the row does not include the series that expires at 10: %s", fold, got)
		}
	}
}

// TestOpenRunsSpanPages folds so many series into one row that they fill several pages.
func TestOpenRunsSpanPages(t *testing.T) {
	st := NewOpenStore(func(int64) {})
	f := newOpenFamily(st, "x")
	for range 3 * pageLen {
		for _, l := range []string{`a="1"`, `a="2"`} {
			join(f, l, 1, nil, Sum, 1)
		}
	}
	want := []string{fmt.Sprintf(`a="1" %d`, 3*pageLen), fmt.Sprintf(`a="2" %d`, 3*pageLen)}
	if got := rowsOf(f, 0); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	n := 0
	for range f.Rows(0) {
		n++
		break
	}
	if n != 1 {
		t.Errorf("a walk that stops after the first row yielded %d", n)
	}
}

func TestEndedOpenSeriesAreRemoved(t *testing.T) {
	st := NewOpenStore(func(int64) {})
	f := newOpenFamily(st, "x")
	a := join(f, `a="1"`, "me", nil, Alone, 1)
	a.LiveUntil(10)
	if got := len(rowsOf(f, 9)); got != 1 {
		t.Errorf("got %d rows before the deadline, want 1", got)
	}
	if got := len(rowsOf(f, 10)); got != 0 {
		t.Errorf("got %d rows at the deadline, want 0", got)
	}
	if !a.LiveUntil(20) {
		t.Error("LiveUntil failed before the series was ended")
	}

	st.Lock()
	if f.Holder(`a="1"`, 19) != "me" {
		t.Error("Holder returned another holder before the deadline")
	}
	if f.HeldByOthers("me", 19) || !f.HeldByOthers("you", 19) {
		t.Error("HeldByOthers returned a wrong result")
	}
	if f.Holder(`a="1"`, 20) != nil {
		t.Error("Holder returned a holder at the deadline")
	}
	if st.Family("x") != nil {
		t.Error("the family still exists without series")
	}
	st.Unlock()
	if a.LiveUntil(30) {
		t.Error("LiveUntil succeeded after the series ended")
	}
	st.Lock()
	f.Leave(a) // has no effect on an ended series
	st.Unlock()
	if got := st.Families(); len(got) != 0 {
		t.Errorf("%d families are left", len(got))
	}
	f.Sweep()
	if pages := f.order.pages(); len(pages) != 0 {
		t.Errorf("%d pages are left", len(pages))
	}
}

func TestNewOpenFamiliesAreListedImmediately(t *testing.T) {
	st := NewOpenStore(func(int64) {})
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for n := range 200 {
				name := fmt.Sprintf("f%d_%d", i, n)
				f := newOpenFamily(st, name)
				s := join(f, "", i, nil, Alone, 1)
				families := st.Families()
				if !slices.ContainsFunc(families, func(f *OpenFamily) bool { return f.Name() == name }) {
					t.Errorf("%s is not listed", name)
				}
				if !slices.IsSortedFunc(families, func(a, b *OpenFamily) int { return strings.Compare(a.name, b.name) }) {
					t.Error("families are not sorted")
				}
				if n%2 == 0 {
					st.Lock()
					f.Leave(s)
					st.Unlock()
				}
			}
		})
	}
	wg.Wait()
	if got := len(st.Families()); got != 400 {
		t.Errorf("got %d families, want 400", got)
	}
}

// TestConcurrentWalksOfOpenSeries walks while other series are added and removed: every
// walk must yield a series that stays exactly once.
func TestConcurrentWalksOfOpenSeries(t *testing.T) {
	st := NewOpenStore(func(int64) {})
	f := newOpenFamily(st, "x")
	join(f, `k="stays"`, 0, nil, Alone, 1)
	var wg sync.WaitGroup
	var over atomic.Bool
	for i := range 3 {
		wg.Go(func() {
			for n := 0; n < 5000 && !over.Load(); n++ {
				s := join(f, fmt.Sprintf(`k="%d-%d"`, i, rand.N(1000)), n, nil, Sum, 1)
				st.Lock()
				f.Leave(s)
				st.Unlock()
			}
		})
	}
	for n := range 100 {
		if n%10 == 0 {
			f.Sweep()
		}
		stays := 0
		rows := rowsOf(f, 0)
		for _, r := range rows {
			if r == `k="stays" 1` {
				stays++
			}
		}
		if stays != 1 || !slices.IsSorted(rows) {
			t.Fatalf("walk %d yielded the series %d times, sorted: %v", n, stays, slices.IsSorted(rows))
		}
	}
	over.Store(true)
	wg.Wait()
}

func TestSteadyClockNeverGoesBackward(t *testing.T) {
	wall := time.Unix(1000, 0)
	c := NewSteadyClock(func() time.Time { return wall })
	start := c.Tick()
	for _, step := range []struct {
		by, total time.Duration
	}{{time.Second, time.Second}, {-time.Hour, time.Second}, {time.Minute, time.Second + time.Minute}, {0, time.Second + time.Minute}} {
		wall = wall.Add(step.by)
		if got := time.Duration(c.Tick() - start); got != step.total {
			t.Errorf("after a step of %s, the clock has advanced by %s, want %s", step.by, got, step.total)
		}
	}
}

func TestLabelTextRoundTrip(t *testing.T) {
	for _, labels := range [][]Label{
		nil,
		{{"a", ""}},
		{{"a", "1"}, {"b", `q"u\o` + "\nte"}, {"c", `\`}, {"d", "ü,=\""}},
	} {
		text := LabelText(labels)
		var got []Label
		for name, value := range LabelsOf(text) {
			got = append(got, Label{name, value})
		}
		if !slices.Equal(got, labels) {
			t.Errorf("%q became %q when decoded from %s", labels, got, text)
		}
	}
}
