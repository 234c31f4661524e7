package metric_test

import (
	"slices"
	"sync"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/metric"
)

var _ = Describe("Family", func() {
	It("has one instrument for each key", func() {
		var family metric.GaugeFamily[metric.TasksWaitingLabels]
		linux := metric.TasksWaitingLabels{TeamId: "1", Platform: "linux"}
		family.With(linux).Set(3)
		family.With(metric.TasksWaitingLabels{TeamId: "1", Platform: "darwin"}).Set(5)
		Expect(family.With(linux).Max()).To(Equal(3.0))
		Expect(family.With(linux)).To(BeIdenticalTo(family.With(linux)))
	})

	It("goes through its keys in the order of their first use", func() {
		var family metric.CounterFamily[string]
		for _, key := range []string{"c", "a", "b", "a", "c"} {
			family.With(key).Inc()
		}
		var keys []string
		var deltas []float64
		for key, counter := range family.All() {
			keys = append(keys, key)
			deltas = append(deltas, counter.Delta())
		}
		Expect(keys).To(Equal([]string{"c", "a", "b"}))
		Expect(deltas).To(Equal([]float64{2, 2, 1}))
	})

	It("can be used while somebody goes through it", func() {
		var family metric.CounterFamily[int]
		family.With(0)
		for key := range family.All() {
			family.With(key + 1)
			Expect(key).To(BeZero())
		}
		for range family.All() {
			break
		}
	})

	It("loses no count when a key is new to many at once", func() {
		for range 500 {
			var family metric.CounterFamily[int]
			var counting sync.WaitGroup
			begin := make(chan struct{})
			for range 4 {
				counting.Go(func() {
					<-begin
					for key := range 20 {
						family.With(key).Inc()
					}
				})
			}
			close(begin)
			counting.Wait()
			var deltas []float64
			for _, counter := range family.All() {
				deltas = append(deltas, counter.Delta())
			}
			Expect(deltas).To(Equal(slices.Repeat([]float64{4}, 20)))
		}
	})
})
