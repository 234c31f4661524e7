package demo

import (
	"math/rand/v2"
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

var _ = Describe("the agenda", func() {
	It("runs actions in the order of their times, and then in the order in which they were added", func() {
		var a agenda
		type action struct{ at, order int }
		var want, got []action
		add := func(order int) {
			n := action{rand.IntN(20), order}
			want = append(want, n)
			a.add(time.Duration(n.at), func() { got = append(got, n) })
		}
		for i := range 200 {
			add(i)
		}
		for len(a.entries) > 0 {
			Expect(a.next()).To(BeEquivalentTo(a.entries[0].at))
			a.pop().do()
		}
		slices.SortStableFunc(want, func(a, b action) int { return a.at - b.at })
		Expect(got).To(Equal(want))
	})
})
