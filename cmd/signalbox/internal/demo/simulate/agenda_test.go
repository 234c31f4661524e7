package simulate

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestActionsRunInTheOrderOfTheirTimesAndThenInThatOfTheirAddition(t *testing.T) {
	var a Agenda
	type action struct{ at, order int }
	var want, got []action
	for i := range 200 {
		n := action{rand.IntN(20), i}
		want = append(want, n)
		a.After(time.Duration(n.at), func() {
			got = append(got, n)
			if a.Now != time.Duration(n.at) {
				t.Errorf("got the time %d, expected %d", a.Now, n.at)
			}
		})
	}
	slices.SortStableFunc(want, func(a, b action) int { return a.at - b.at })
	later := slices.IndexFunc(want, func(n action) bool { return n.at > 10 })
	a.Advance(10)
	if len(got) != later || a.Now != 10 || a.Next() != time.Duration(want[later].at) {
		t.Errorf("got %d actions up to time 10, expected %d", len(got), later)
	}
	a.Advance(20)
	if !slices.Equal(got, want) {
		t.Errorf("got the order %v, expected %v", got, want)
	}
}
