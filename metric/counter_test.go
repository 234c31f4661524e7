package metric_test

import (
	"sync"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/metric"
)

var _ = Describe("Counter", func() {
	var counter *metric.Counter

	BeforeEach(func() { counter = new(metric.Counter) })

	It("tells the sum since it was last asked", func() {
		Expect(counter.Delta()).To(BeZero())
		counter.Inc()
		counter.IncDelta(4)
		Expect(counter.Delta()).To(Equal(5.0))
		Expect(counter.Delta()).To(BeZero())
		counter.IncDelta(2)
		Expect(counter.Delta()).To(Equal(2.0))
	})

	It("ignores negative deltas", func() {
		counter.IncDelta(3)
		counter.IncDelta(-5)
		Expect(counter.Delta()).To(Equal(3.0))
	})

	It("loses nothing when it is asked while it counts", func() {
		var sum float64
		var counting sync.WaitGroup
		for range 4 {
			counting.Go(func() {
				for range 1000 {
					counter.Inc()
				}
			})
		}
		for range 1000 {
			sum += counter.Delta()
		}
		counting.Wait()
		Expect(sum + counter.Delta()).To(Equal(4000.0))
	})
})
