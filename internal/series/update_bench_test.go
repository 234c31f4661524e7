package series

import (
	"fmt"
	"testing"
	"time"
)

// BenchmarkUpdate measures the parts of an update of an existing series. It updates
// 1,000 series with four labels, which are owned by workers, in turn.
func BenchmarkUpdate(b *testing.B) {
	const n = 1000
	st := NewStore(Options{OwnerLimit: time.Hour, MaxValueBytes: 16 << 10})
	f, err := st.AddFamily(FamilyOptions{
		Name: "containers", Type: Gauge, Labels: []string{"platform", "tags", "team", "worker"}, Ownership: Heartbeat,
	})
	if err != nil {
		b.Fatal(err)
	}
	values := make([]Values, n)
	series := make([]*Series, n)
	for i := range n {
		values[i].All = []string{fmt.Sprintf("concourse-worker-%d", i), "linux", "main", ""}
		values[i].Order = []uint8{1, 3, 2, 0}
		f.Update(Set, &values[i], values[i].All[0], 1, st.clock.Now())
		series[i] = f.table.find(&values[i])
	}

	var sum uint64
	for _, part := range []struct {
		name string
		run  func(i int)
	}{
		{"nothing", func(i int) { sum += uint64(i) }},
		{"whole", func(i int) {
			f.Update(Set, &values[i], values[i].All[0], float64(i), st.clock.Now())
		}},
		{"hash", func(i int) {
			values[i].rehash()
			sum += values[i].hash
		}},
		{"hash and find", func(i int) {
			values[i].rehash()
			if f.table.find(&values[i]) != nil {
				sum++
			}
		}},
		{"compare", func(i int) {
			if series[i].labels.equal(&values[i]) {
				sum++
			}
		}},
		{"refresh", func(i int) {
			if f.refresh(series[i], st.clock.Now()) {
				sum++
			}
		}},
		{"apply", func(i int) {
			if f.apply(series[i], Set, float64(i), &values[i], 0) {
				sum++
			}
		}},
	} {
		b.Run(part.name, func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				part.run(i)
				if i++; i == n {
					i = 0
				}
			}
		})
	}
}
