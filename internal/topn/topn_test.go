package topn_test

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/signalbox-ci/signalbox/internal/topn"
)

func TestASelectionContainsTheFirstElementsInOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		all := make([]int, random.IntN(50))
		n := random.IntN(60) - 5
		s := topn.New(n, cmp.Compare[int])
		for i := range all {
			all[i] = random.IntN(40)
			s.Add(all[i])
		}
		slices.Sort(all)
		if want, got := all[:min(max(n, 0), len(all))], s.Sorted(); !slices.Equal(got, want) {
			t.Fatalf("the first %d of %v: got %v, expected %v", n, all, got, want)
		}
	}
}
