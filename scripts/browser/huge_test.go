package browser

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// longestTask is the longest time, in milliseconds, for which the page let nothing
// else happen while it showed an overview of which everything had changed.
var _ = Describe("The page with a thousand rows in each list", func() {
	It("stays quick", func() {
		s := newStage(startDaemon(), hugeOverview(0))
		t := open(s.page, wide)
		Expect(t.rows("workers")).To(HaveLen(1000))
		eval[bool](t, `(() => {
			window.tasks = [];
			new PerformanceObserver((list) => tasks.push(...list.getEntries().map((e) => e.duration))).observe({type: "longtask"});
			return true;
		})()`)
		for round := 1; round <= 3; round++ {
			s.show(hugeOverview(round))
			t.refreshed()
		}
		tasks := eval[[]float64](t, `window.tasks`)
		AddReportEntry("long tasks, in ms", tasks)
		Expect(tasks).To(HaveEach(BeNumerically("<", 400)))
		Expect(t.trouble()).To(BeEmpty())
	})
})
