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

func joined(f *OpenFamily, labels string, holder any, source *Source, fold Fold, v float64) *OpenSeries {
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
		st := NewOpenStore()
		f := newOpenFamily(st, "x")
		for i := range 1000 { // so that the run of b spans pages, somewhere
			joined(f, fmt.Sprintf(`a="%04d"`, i), 1, nil, Alone, 5)
		}
		for i, v := range []float64{1, 3, 2} {
			source := &Source{}
			source.LiveUntil(Never)
			joined(f, `b="x"`, 2, source, fold, v).Updated(Instant(i))
		}
		over := &Source{}
		over.LiveUntil(10)
		joined(f, `b="x"`, 2, over, fold, 1000).Updated(100)
		joined(f, `c="x"`, 3, nil, Alone, 7)

		rows := rowsOf(f, 10)
		if len(rows) != 1002 || !slices.IsSorted(rows) {
			t.Fatalf("%s: %d rows, sorted: %v", fold, len(rows), slices.IsSorted(rows))
		}
		if got := rows[1000]; got != fmt.Sprintf(`b="x" %v`, want) {
			t.Errorf("%s: got %s, want %v", fold, got, want)
		}
		if got := rowsOf(f, 9)[1000]; got == rows[1000] && fold != Min {
			t.Errorf("%s: what expires at 10 is not in the row at 9: %s", fold, got)
		}
	}
}

// TestOpenRunsSpanPages lets the members of one row fill several pages.
func TestOpenRunsSpanPages(t *testing.T) {
	st := NewOpenStore()
	f := newOpenFamily(st, "x")
	for range 3 * pageLen {
		for _, l := range []string{`a="1"`, `a="2"`} {
			joined(f, l, 1, nil, Sum, 1)
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
		t.Errorf("a walk that was broken off had %d rows", n)
	}
}

func TestOpenSeriesEndAndAreForgotten(t *testing.T) {
	st := NewOpenStore()
	f := newOpenFamily(st, "x")
	a := joined(f, `a="1"`, "me", nil, Alone, 1)
	a.LiveUntil(10)
	if got := len(rowsOf(f, 9)); got != 1 {
		t.Errorf("before its deadline there are %d rows", got)
	}
	if got := len(rowsOf(f, 10)); got != 0 {
		t.Errorf("at its deadline there are %d rows", got)
	}
	if !a.LiveUntil(20) {
		t.Error("what nobody ended cannot live on")
	}

	st.Lock()
	if f.Holder(`a="1"`, 19) != "me" {
		t.Error("it is not held before its deadline")
	}
	if f.HeldBeside("me", 19) || !f.HeldBeside("you", 19) {
		t.Error("it is not told who holds it")
	}
	if f.Holder(`a="1"`, 20) != nil {
		t.Error("it is held after its deadline")
	}
	if st.Family("x") != nil {
		t.Error("a family without series is still there")
	}
	st.Unlock()
	if a.LiveUntil(30) {
		t.Error("what has ended lives on")
	}
	st.Lock()
	f.Leave(a) // whoever it belonged to need not know
	st.Unlock()
	if got := st.Families(); len(got) != 0 {
		t.Errorf("%d families are left", len(got))
	}
	f.Sift()
	if pages := f.order.pages(); len(pages) != 0 {
		t.Errorf("%d pages are left", len(pages))
	}
}

func TestOpenFamiliesAreListedAtOnce(t *testing.T) {
	st := NewOpenStore()
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for n := range 200 {
				name := fmt.Sprintf("f%d_%d", i, n)
				f := newOpenFamily(st, name)
				s := joined(f, "", i, nil, Alone, 1)
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
		t.Errorf("%d families are left, want 400", got)
	}
}

// TestOpenRowsUnderWay walks while series come, change and go: a series that is
// there throughout is on every walk, once.
func TestOpenRowsUnderWay(t *testing.T) {
	st := NewOpenStore()
	f := newOpenFamily(st, "x")
	joined(f, `k="stays"`, 0, nil, Alone, 1)
	var wg sync.WaitGroup
	var over atomic.Bool
	for i := range 3 {
		wg.Go(func() {
			for n := 0; n < 5000 && !over.Load(); n++ {
				s := joined(f, fmt.Sprintf(`k="%d-%d"`, i, rand.N(1000)), n, nil, Sum, 1)
				st.Lock()
				f.Leave(s)
				st.Unlock()
			}
		})
	}
	for n := range 100 {
		if n%10 == 0 {
			f.Sift()
		}
		stays := 0
		rows := rowsOf(f, 0)
		for _, r := range rows {
			if r == `k="stays" 1` {
				stays++
			}
		}
		if stays != 1 || !slices.IsSorted(rows) {
			t.Fatalf("walk %d has it %d times, sorted: %v", n, stays, slices.IsSorted(rows))
		}
	}
	over.Store(true)
	wg.Wait()
}

func TestSteadyClockDoesNotGoBack(t *testing.T) {
	wall := time.Unix(1000, 0)
	c := NewSteadyClock(func() time.Time { return wall })
	start := c.Tick()
	for _, step := range []struct {
		by, total time.Duration
	}{{time.Second, time.Second}, {-time.Hour, time.Second}, {time.Minute, time.Second + time.Minute}, {0, time.Second + time.Minute}} {
		wall = wall.Add(step.by)
		if got := time.Duration(c.Tick() - start); got != step.total {
			t.Errorf("after a step of %s it has gone on by %s, want %s", step.by, got, step.total)
		}
	}
}

func TestLabelTextAndBack(t *testing.T) {
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
			t.Errorf("%q became %q by way of %s", labels, got, text)
		}
	}
}
