package browser

import (
	"fmt"
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

var _ = Describe("The page with a thousand rows in each list", func() {
	It("stays responsive", func() {
		s := newFakeServer(startDaemon(), hugeOverview(0))
		t := open(s.page, wide)
		Expect(t.rows("workers")).To(HaveLen(1000))
		eval[bool](t, `(() => {
			window.tasks = [];
			new PerformanceObserver((list) => tasks.push(...list.getEntries().map((e) => e.duration))).observe({type: "longtask"});
			return true;
		})()`)
		var longest []float64 // longest task of each round, in milliseconds
		for round := 1; round <= 3; round++ {
			s.show(hugeOverview(round)) // every row changes
			shown := fmt.Sprintf(`document.querySelector("#families tbody td:nth-child(3)").innerText === "%s"`, grouped(5*999+round))
			Eventually(func() bool { return eval[bool](t, shown) }, time.Minute).Should(BeTrue(), shown)
			longest = append(longest, eval[float64](t, `Math.max(0, ...tasks.splice(0))`))
		}
		AddReportEntry("the longest task of each round, in ms", longest)
		// The limit of half a second, and the choice of the second best round, leave
		// room for machines that do other work at the same time.
		slices.Sort(longest)
		Expect(longest[1]).To(BeNumerically("<", 500))
		Expect(t.problems()).To(BeEmpty())
	})
})
