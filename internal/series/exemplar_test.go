package series

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var byID = &ExemplarLabels{Names: []string{"id"}, From: []uint8{1}}

// observed returns the values of an observation for series a, by an event with the ID.
func observed(id string) *Values {
	return &Values{All: []string{"a", id}, Order: []uint8{0}, Exemplar: byID}
}

// exemplarsOf returns the exemplars of the family in the form "labels value bucket".
func exemplarsOf(f *Family) (all []string) {
	for p := range f.Sorted {
		for _, s := range p {
			for _, e := range f.AppendExemplars(nil, s) {
				all = append(all, fmt.Sprintf("%s %v %d", e.Labels, e.Value, e.Bucket))
			}
		}
	}
	return all
}

func TestABucketKeepsItsExemplarForASecond(t *testing.T) {
	for _, labels := range [][]string{{"a"}, nil} {
		st, clock := newTestStore(t, Options{})
		f := st.mustAdd(t, FamilyOptions{Name: "h", Type: Histogram, Labels: labels, Bounds: []float64{1, 2}})
		observe := func(v float64, id string) {
			values := observed(id)
			values.Order = values.Order[:len(labels)]
			if r := f.Update(Observe, values, "", v, st.clock.Now()); r != OK {
				t.Fatalf("result %d", r)
			}
		}
		if observe(.5, ""); f.HasExemplars() {
			t.Error("got an exemplar without labels")
		}
		observe(.5, "1")
		clock.add(time.Second - 1)
		observe(.6, "2")
		observe(7, `"3"`)
		expect(t, "just before one second has passed", exemplarsOf(f), []string{`id="1" 0.5 0`, `id="\"3\"" 7 2`})
		clock.add(1)
		observe(.7, "4")
		observe(8, "5")
		expect(t, "after one second", exemplarsOf(f), []string{`id="4" 0.7 0`, `id="\"3\"" 7 2`})
		clock.add(-time.Hour)
		observe(.8, "6")
		expect(t, "after the clock was set back", exemplarsOf(f), []string{`id="6" 0.8 0`, `id="\"3\"" 7 2`})
		if !f.HasExemplars() {
			t.Error("HasExemplars returns false")
		}
	}
}

func TestInvalidExemplarsAreOmittedButCounted(t *testing.T) {
	st, _ := newTestStore(t, Options{})
	f := st.mustAdd(t, FamilyOptions{Name: "h", Type: Histogram, Labels: []string{"a"}, Bounds: []float64{1}})
	labels := &ExemplarLabels{Names: []string{"trace", "id"}, From: []uint8{1, 2}}
	for i, test := range []struct{ trace, id, want string }{
		{"", "", ""},
		{"t", "", `trace="t"`},
		{"", "i", `id="i"`},
		{"t", "i", `trace="t",id="i"`},
		{"t", "\xff", ""},
		{"t", "a\x00b", ""},
		{"t", strings.Repeat("ü", 120), `trace="t",id="` + strings.Repeat("ü", 120) + `"`}, // 128 in total
		{"t", strings.Repeat("ü", 121), ""},
	} {
		series := fmt.Sprint(i)
		values := &Values{All: []string{series, test.trace, test.id}, Order: []uint8{0}, Exemplar: labels}
		if r := f.Update(Observe, values, "", 1, st.clock.Now()); r != OK {
			t.Errorf("%q, %q: result %d", test.trace, test.id, r)
		}
		var want []string
		if test.want != "" {
			want = append(want, test.want+" 1 0")
		}
		s := f.table.find(values)
		var got []string
		for _, e := range f.AppendExemplars(nil, s) {
			got = append(got, fmt.Sprintf("%s %v %d", e.Labels, e.Value, e.Bucket))
		}
		expect(t, fmt.Sprintf("%q, %q", test.trace, test.id), got, want)
	}
}

func TestASweepRemovesExemplars(t *testing.T) {
	st, clock := newTestStore(t, Options{})
	f := st.mustAdd(t, FamilyOptions{Name: "h", Type: Histogram, Labels: []string{"a"}, Bounds: []float64{1}, IdleTTL: time.Minute})
	f.Update(Observe, observed("1"), "", 1, st.clock.Now())
	clock.add(time.Minute)
	st.Sweep(st.clock.Now(), 0)
	expect(t, "after the sweep", exemplarsOf(f), nil)
	f.Update(Observe, observed("2"), "", 2, st.clock.Now())
	expect(t, "after a new observation", exemplarsOf(f), []string{`id="2" 2 1`})
}

// TestConcurrentExemplarsMatchTheirBuckets uses exemplars whose label is the observed
// value.
func TestConcurrentExemplarsMatchTheirBuckets(t *testing.T) {
	st, clock := newTestStore(t, Options{})
	f := st.mustAdd(t, FamilyOptions{Name: "h", Type: Histogram, Labels: []string{"a"}, Bounds: []float64{10, 20, 30}})
	var wg sync.WaitGroup
	var stop atomic.Bool
	defer func() { stop.Store(true); wg.Wait() }()
	for range 3 {
		wg.Go(func() {
			for !stop.Load() {
				clock.add(10 * time.Millisecond)
				v := rand.IntN(40)
				f.Update(Observe, observed(fmt.Sprint(v)), "", float64(v), st.clock.Now())
			}
		})
	}
	var snapshot Snapshot
	for seen := map[string]bool{}; len(seen) < 40; {
		for p := range f.Sorted {
			exemplars := f.AppendExemplars(nil, p[0])
			f.Snapshot(p[0], &snapshot)
			counts := append(snapshot.Buckets, snapshot.Count)
			for i, e := range exemplars {
				switch {
				case i > 0 && e.Bucket <= exemplars[i-1].Bucket:
					t.Fatalf("bucket %d comes after %d", e.Bucket, exemplars[i-1].Bucket)
				case e.Labels != fmt.Sprintf(`id="%v"`, e.Value) || e.Bucket != bucketOf(f.bounds, e.Value):
					t.Fatalf("wrong labels or bucket: %+v", *e)
				case counts[e.Bucket] == 0:
					t.Fatalf("the snapshot %[2]v does not count %+[1]v", *e, counts)
				}
				seen[e.Labels] = true
			}
		}
	}
}
