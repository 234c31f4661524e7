package series

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"
)

func TestPrefetchingUpdates(t *testing.T) {
	st, clock := newTestStore(t, Options{OwnerLimit: time.Hour, MaxSeries: 2 * manySeries})
	f := st.mustAdd(t, FamilyOptions{Name: "m", Type: Gauge, Labels: []string{"a", "b"}, Ownership: Heartbeat})
	order := []uint8{2, 0}
	valuesOf := func(i int) []string { return []string{fmt.Sprint("b", i), "other", fmt.Sprint("a", i)} }
	update := func(i int) {
		if i%7 == 0 {
			clock.add(time.Millisecond)
		}
		if r := f.Update(Set, &Values{All: valuesOf(i), Order: order}, fmt.Sprint("w", i%999), float64(i), st.clock.Now()); r != OK {
			t.Errorf("update %d: result %d", i, r)
		}
	}
	// expected returns the sum of what is read for the series.
	expected := func(batch [][]string) (sum byte) {
		for _, all := range batch {
			values := Values{All: all, Order: order}
			values.rehash()
			if s := f.table.find(&values); s != nil {
				sum += s.touch() + byte(s.bits.Load()) + byte(s.owner.liveness.last.Load())
			}
		}
		return sum
	}
	batchOf := func(first int) (batch [][]string) {
		for i := range maxPrefetched {
			batch = append(batch, valuesOf(first+i))
		}
		return batch
	}

	for i := range manySeries - 1 {
		update(i)
	}
	if sum := f.PrefetchUpdates(batchOf(0), order); sum != 0 {
		t.Error("prefetched although the family has few series")
	}
	for i := manySeries - 1; i < manySeries+1000; i++ {
		update(i)
	}
	for i := 0; i < 1000; i += 20 {
		f.Drop(fmt.Sprint("a", i), fmt.Sprint("b", i))
	}
	page := f.page()
	sums := map[byte]bool{}
	for first := 0; first < manySeries+2000; first += 10 {
		batch := batchOf(first)
		want := expected(batch)
		sums[want] = true
		if sum := f.PrefetchUpdates(append(batch, valuesOf(1)), order); sum != want {
			t.Fatalf("series from %d: read %d, expected %d", first, sum, want)
		}
	}
	if len(sums) < 20 {
		t.Errorf("got only %d different sums", len(sums))
	}
	if !slices.Equal(f.page(), page) {
		t.Error("the page has changed")
	}
	batch := batchOf(500)
	if n := testing.AllocsPerRun(100, func() { f.PrefetchUpdates(batch, order) }); n != 0 {
		t.Errorf("got %v allocations, expected none", n)
	}

	var updating sync.WaitGroup
	updating.Go(func() {
		for i := range 1000 {
			update(manySeries + 1000 + i)
			if i%20 == 1 {
				f.Drop(fmt.Sprint("a", i), fmt.Sprint("b", i))
			}
		}
	})
	for i := range 1000 {
		f.PrefetchUpdates(batchOf(i), order)
		f.PrefetchUpdates(batchOf(manySeries+1000+i), order)
	}
	updating.Wait()
}

// BenchmarkUpdatesInRandomOrder measures updates of a million series, with and without
// prefetching.
func BenchmarkUpdatesInRandomOrder(b *testing.B) {
	const n = 1 << 20
	st := NewStore(Options{OwnerLimit: time.Hour, MaxSeries: 2 * n, MaxValueBytes: 16 << 10})
	f, err := st.AddFamily(FamilyOptions{Name: "containers", Type: Gauge, Labels: []string{"platform", "team", "worker"}, Ownership: Heartbeat})
	if err != nil {
		b.Fatal(err)
	}
	order := []uint8{1, 2, 0}
	all := make([][]string, n)
	for i := range all {
		all[i] = []string{fmt.Sprint("concourse-worker-", i), "linux", "main"}
		f.Update(Set, &Values{All: all[i], Order: order}, all[i][0], 1, st.clock.Now())
	}
	for _, prefetch := range []bool{false, true} {
		b.Run(fmt.Sprintf("prefetch=%t", prefetch), func(b *testing.B) {
			batch := make([][]string, maxPrefetched)
			at := 0
			for i := 0; i < b.N; i += len(batch) {
				for j := range batch {
					at = (at + 514_229) % n // an odd number, so that this reaches all series
					batch[j] = append(batch[j][:0], all[at]...)
				}
				if prefetch {
					f.PrefetchUpdates(batch, order)
				}
				for _, values := range batch {
					f.Update(Set, &Values{All: values, Order: order}, values[0], float64(i), st.clock.Now())
				}
			}
		})
	}
}
