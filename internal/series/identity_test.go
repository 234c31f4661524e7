package series

import (
	"slices"
	"testing"
)

func TestSameLabelSets(t *testing.T) {
	for _, test := range []struct {
		a, b string
		same bool
	}{
		{``, ``, true},
		{``, `a=""`, true},
		{`a="1"`, `a="1",b=""`, true},
		{`a="1"`, `a="",b="1"`, false},
		{`a="1",c="2"`, `a="1",b="",c="2",d=""`, true},
		{`a="=\"\"",b="1"`, `a="=\"\"",b="1",c=""`, true},
		{`a="=\"\""`, ``, false},
		{`a="x=",b=""`, `a="x="`, true},
		{`le="1"`, `le="1.0"`, true},
		{`le="1"`, `le="1e0"`, true},
		{`a="",le="+Inf"`, `le="inf"`, true},
		{`le="NaN"`, `le="nan"`, true},
		{`le="0"`, `le="-0"`, true},
		{`le="1"`, `le="2"`, false},
		{`le="one"`, `le="One"`, false},
		{`le="1",quantile="0.5"`, `le="1.",quantile="0.50"`, true},
		{`role="1"`, `role="1.0"`, false},
		{`a="le=\"1\""`, `a="le=\"1.0\""`, false},
	} {
		if got := sameIdentity(test.a, test.b); got != test.same {
			t.Errorf("{%s} and {%s}: got same %t, expected %t", test.a, test.b, got, test.same)
		}
		if test.same && hashIdentity(test.a) != hashIdentity(test.b) {
			t.Errorf("{%s} and {%s} are the same, but have different hashes", test.a, test.b)
		}
		var x LabelIndex
		x.Add(`z="1"`)
		x.Add(test.a)
		if i, added := x.Add(test.b); added == test.same || test.same && i != 1 {
			t.Errorf("{%s} and {%s}: got index %d, added %t", test.a, test.b, i, added)
		}
	}
}

// TestEqualHashes gives label sets the same hash, since the hashes in other tests do
// not collide.
func TestEqualHashes(t *testing.T) {
	var x LabelIndex
	texts := []string{`a="1"`, `a="2"`, `a="3"`}
	for _, text := range texts {
		x.Add(text)
	}
	x.first = map[uint64]int32{}
	for i := range texts {
		x.next[i] = int32(i) - 1
	}
	x.first[7] = 2
	for i, text := range texts {
		if got, ok := x.find(7, text); !ok || got != i {
			t.Errorf("got %d, %t, expected %d", got, ok, i)
		}
	}
	if _, ok := x.find(7, `a="4"`); ok {
		t.Error("found a label set that was not added")
	}
}

// TestLabelSetsWithEqualHashes removes label sets from a list in each order.
func TestLabelSetsWithEqualHashes(t *testing.T) {
	for _, order := range [][]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}} {
		store := NewOpenStore(func(int64) {})
		store.Lock()
		f := store.AddFamily("x", "", Gauge)
		var sets []*labelSet
		for _, text := range []string{`a="1"`, `a="2"`, `a="3"`} {
			f.Join(text, text, nil, Alone).LiveUntil(Never)
			sets = append(sets, f.find(text))
		}
		for i, ls := range sets {
			ls.hash, ls.next = 7, nil
			if i > 0 {
				ls.next = sets[i-1]
			}
		}
		f.labelSets = map[uint64]*labelSet{7: sets[2]}
		if !f.HeldByOthers(sets[2].holder, 0) {
			t.Error("HeldByOthers did not visit the whole list")
		}
		for n, removed := range order {
			f.removeLabelSet(sets[removed])
			sets[removed] = nil
			var left []*labelSet
			for ls := f.labelSets[7]; ls != nil; ls = ls.next {
				left = append(left, ls)
			}
			if len(left) != 2-n || slices.Contains(left, nil) {
				t.Errorf("order %v: got %d label sets after %d were removed", order, len(left), n+1)
			}
			for _, ls := range left {
				if !slices.Contains(sets, ls) {
					t.Errorf("order %v: the wrong label set was removed", order)
				}
			}
		}
		if store.Family("x") != nil {
			t.Error("the family was not removed with its last label set")
		}
		store.Unlock()
	}
}
