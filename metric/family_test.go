package metric

import (
	"slices"
	"sync"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

var _ = Describe("Family", func() {
	It("has one instrument per key", func() {
		var family GaugeFamily[TasksWaitingLabels]
		linux := TasksWaitingLabels{TeamId: "1", Platform: "linux"}
		family.With(linux).Set(3)
		family.With(TasksWaitingLabels{TeamId: "1", Platform: "darwin"}).Set(5)
		Expect(family.With(linux).TakePeak()).To(Equal(3.0))
		Expect(family.With(linux)).To(BeIdenticalTo(family.With(linux)))
	})

	It("iterates over keys in the order of their first use", func() {
		var family CounterFamily[string]
		for _, key := range []string{"c", "a", "b", "a", "c"} {
			family.With(key).Inc()
		}
		var keys []string
		var deltas []float64
		for key, counter := range family.all() {
			keys = append(keys, key)
			deltas = append(deltas, counter.TakeDelta())
		}
		Expect(keys).To(Equal([]string{"c", "a", "b"}))
		Expect(deltas).To(Equal([]float64{2, 2, 1}))
	})

	It("can be used during an iteration", func() {
		var family CounterFamily[int]
		family.With(0)
		for key := range family.all() {
			family.With(key + 1)
			Expect(key).To(BeZero())
		}
		for range family.all() {
			break
		}
	})

	It("loses no count if several goroutines create the same key", func() {
		for range 500 {
			var family CounterFamily[int]
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
			for _, counter := range family.all() {
				deltas = append(deltas, counter.TakeDelta())
			}
			Expect(deltas).To(Equal(slices.Repeat([]float64{4}, 20)))
		}
	})
})
