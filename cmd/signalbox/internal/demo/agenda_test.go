package demo

import (
	"math/rand/v2"
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

var _ = Describe("the agenda", func() {
	It("has what is to happen in the order of time, and then in that in which it was noted", func() {
		var a agenda
		type noted struct{ at, order int }
		var want, got []noted
		note := func(order int) {
			n := noted{rand.IntN(20), order}
			want = append(want, n)
			a.note(time.Duration(n.at), func() { got = append(got, n) })
		}
		for i := range 200 {
			note(i)
		}
		for len(a.entries) > 0 {
			Expect(a.next()).To(BeEquivalentTo(a.entries[0].at))
			a.take().do()
		}
		slices.SortStableFunc(want, func(a, b noted) int { return a.at - b.at })
		Expect(got).To(Equal(want))
	})
})
