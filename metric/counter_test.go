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

	It("returns the sum since the last call of TakeDelta", func() {
		Expect(counter.TakeDelta()).To(BeZero())
		counter.Inc()
		counter.IncDelta(4)
		Expect(counter.TakeDelta()).To(Equal(5.0))
		Expect(counter.TakeDelta()).To(BeZero())
		counter.IncDelta(2)
		Expect(counter.TakeDelta()).To(Equal(2.0))
	})

	It("ignores negative deltas", func() {
		counter.IncDelta(3)
		counter.IncDelta(-5)
		Expect(counter.TakeDelta()).To(Equal(3.0))
	})

	It("loses no count if it is read while it is incremented", func() {
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
			sum += counter.TakeDelta()
		}
		counting.Wait()
		Expect(sum + counter.TakeDelta()).To(Equal(4000.0))
	})
})
