package metric_test

import (
	"sync"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/metric"
)

var _ = Describe("Gauge", func() {
	var gauge *metric.Gauge

	BeforeEach(func() { gauge = new(metric.Gauge) })

	It("returns the peak since the last call of TakePeak, then the current value", func() {
		gauge.Set(9)
		gauge.Set(1)
		Expect(gauge.TakePeak()).To(Equal(9.0))
		Expect(gauge.TakePeak()).To(Equal(1.0))
		Expect(gauge.TakePeak()).To(Equal(1.0))
	})

	It("is incremented and decremented by one", func() {
		Expect(gauge.TakePeak()).To(BeZero())
		gauge.Inc()
		gauge.Inc()
		gauge.Dec()
		Expect(gauge.TakePeak()).To(Equal(2.0))
		gauge.Dec()
		Expect(gauge.TakePeak()).To(BeZero())
	})

	It("does not report the value before the last call of TakePeak as a peak", func() {
		gauge.Set(5)
		Expect(gauge.TakePeak()).To(Equal(5.0))
		gauge.Dec()
		Expect(gauge.TakePeak()).To(Equal(4.0))
	})

	DescribeTable("holds negative numbers",
		func(want float64, values ...int64) {
			for _, value := range values {
				gauge.Set(value)
			}
			Expect(gauge.TakePeak()).To(Equal(want))
			Expect(gauge.TakePeak()).To(Equal(float64(values[len(values)-1])))
		},
		Entry("a single one", -1.0, int64(-1)),
		Entry("rising", -1.0, int64(-3), int64(-1)),
		Entry("falling", -1.0, int64(-1), int64(-3)),
		Entry("after a positive number", 2.0, int64(2), int64(-3)),
	)

	It("loses no peak if it is read while it changes", func() {
		// Each peak is higher than all before it, so that a lost peak is missing from
		// the values that TakePeak returns.
		const peaks = 2000
		step := make(chan int64)
		var setting sync.WaitGroup
		setting.Go(func() {
			for peak := range step {
				gauge.Set(peak)
				gauge.Set(0)
			}
		})
		for peak := int64(1); peak <= peaks; peak++ {
			step <- peak
			before := gauge.TakePeak() // races with the two Sets
			if peak == peaks {
				close(step)
				setting.Wait()
			} else {
				step <- 0
			}
			Expect(max(before, gauge.TakePeak())).To(Equal(float64(peak)))
		}
	})
})
