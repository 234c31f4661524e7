package builds

import (
	"flag"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

var modelRuns = flag.Int("model-runs", 100, "Number of random sequences in TestWindowModel.")

// TestWindowModel counts random keys at random times, and compares the window with a
// list of everything that was counted.
func TestWindowModel(t *testing.T) {
	for seed := range *modelRuns {
		random := rand.New(rand.NewPCG(uint64(seed), 1))
		type observation struct {
			at  slot
			key key
		}
		var w window
		var all []observation
		now := slot(5_900_000 + random.IntN(100))
		for range 400 {
			switch random.IntN(10) {
			case 0:
				now += slot(random.IntN(20))
			case 1:
				now += slot(random.IntN(2 * slotsPerDay))
			}
			at := now
			if random.IntN(3) == 0 {
				at -= slot(random.IntN(slotsPerDay + 1))
			}
			o := observation{at, key(random.IntN(5))}
			if random.IntN(4) == 0 {
				o.key = key(random.IntN(int(allKeys)))
			}
			w.add(o.key, o.at, now)
			all = append(all, o)

			if !slices.IsSorted(w.cells) {
				t.Fatalf("seed %d: the cells are not sorted: %x", seed, w.cells)
			}
			expected := map[observation]uint64{}
			var hour, day uint64
			for _, o := range all {
				if o.at >= now-slotsPerHour {
					hour++
				}
				if o.at >= now-slotsPerHour {
					expected[o]++
				} else if o.at = hourOf(o.at); o.at >= now-slotsPerDay {
					expected[o]++
				} else {
					continue
				}
				day++
			}
			got := map[observation]uint64{}
			for _, c := range w.since(now-slotsPerDay, now) {
				got[observation{c.slot(), c.key()}] += c.count()
			}
			for o, n := range expected {
				if got[o] != n {
					t.Fatalf("seed %d: got %d of %v at %d, expected %d", seed, got[o], o, now, n)
				}
			}
			if n := sum(w.since(now-slotsPerHour, now), 0, allKeys); n != hour {
				t.Fatalf("seed %d: got %d in the last hour, expected %d", seed, n, hour)
			}
			if n := sum(w.since(now-slotsPerDay, now), 0, allKeys); n != day || len(expected) != len(got) || len(w.cells) != len(got) {
				t.Fatalf("seed %d: got %d in the last day in %d cells, expected %d in %d", seed, n, len(w.cells), day, len(expected))
			}
		}
	}
}

// TestWindowIsBounded counts every key in every slot of two days.
func TestWindowIsBounded(t *testing.T) {
	const maxCells = (slotsPerHour + 1 + slotsPerDay/slotsPerHour + 1) * int(allKeys)
	var w window
	for now := slot(5_900_000); now < 5_900_000+2*slotsPerDay; now++ {
		for k := range allKeys {
			w.add(k, now, now)
		}
		if len(w.cells) > maxCells || cap(w.cells) > 2*maxCells {
			t.Fatalf("got %d cells and room for %d, expected at most %d", len(w.cells), cap(w.cells), maxCells)
		}
	}
	w.add(0, 6_000_000, 6_000_000)
	if len(w.cells) != 1 || cap(w.cells) > 20 {
		t.Errorf("got %d cells and room for %d after a long time", len(w.cells), cap(w.cells))
	}
}

func TestCountsDoNotOverflow(t *testing.T) {
	c := newCell(5_900_000, allKeys-1).plus(maxCount - 1).plus(5)
	if c.slot() != 5_900_000 || c.key() != allKeys-1 || c.count() != maxCount {
		t.Errorf("got slot %d, key %d, count %d", c.slot(), c.key(), c.count())
	}
	if last := slot(1<<24 - 1); newCell(last, 0).slot() != last {
		t.Errorf("got slot %d, expected %d", newCell(last, 0).slot(), last)
	}
}

// TestQuantiles compares quantiles with exact ones, for several distributions.
func TestQuantiles(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	worst := 0.0
	for name, draw := range map[string]func() float64{
		"uniform":     func() float64 { return 3600 * random.Float64() },
		"exponential": func() float64 { return 60 * random.ExpFloat64() },
		"log-normal":  func() float64 { return 300 * math.Exp(1.5*random.NormFloat64()) },
		"two peaks":   func() float64 { return []float64{0.02, 5400}[random.IntN(2)] * (1 + 0.1*random.Float64()) },
		"days":        func() float64 { return 86400 * (1 + 40*random.Float64()) },
	} {
		for _, n := range []int{1, 2, 3, 10, 1000, 20_000} {
			var h histogram
			exact := make([]float64, n)
			for i := range exact {
				exact[i] = draw()
				h[bucketOf(exact[i])]++
			}
			slices.Sort(exact)
			for _, q := range []float64{0, 0.01, 0.5, 0.95, 0.99, 1} {
				expected := exact[max(1, int(math.Ceil(q*float64(n))))-1]
				got := h.quantile(q, uint64(n))
				e := math.Abs(got-expected) / expected
				if e > relativeError*1.000001 && expected > minTime {
					t.Errorf("%s: got %g for quantile %g of %d times, expected %g", name, got, q, n, expected)
				} else if expected > minTime {
					worst = max(worst, e)
				}
			}
		}
	}
	t.Logf("the largest relative error is %.4f", worst)
	if worst < relativeError/2 {
		t.Errorf("got a largest error of %g, expected about %g", worst, relativeError)
	}
	for _, seconds := range []float64{0, minTime / 2, minTime, maxValue} {
		v := bucketValue(int(bucketOf(seconds)))
		if seconds <= minTime && v != 0 || seconds == maxValue && (v < 50*86400 || v > 60*86400) {
			t.Errorf("got %g s for %g s", v, seconds)
		}
	}
}

// TestBucketOf compares the buckets with those of a logarithm.
func TestBucketOf(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 100_000 {
		seconds := math.Exp(40*random.Float64() - 10)
		exact := math.Log(seconds/minTime) / math.Log(growth)
		if math.Abs(exact-math.Round(exact)) < 1e-9 {
			continue // about a bound
		}
		want := key(min(max(0, math.Ceil(exact)), buckets-1))
		if got := bucketOf(seconds); got != want {
			t.Fatalf("got bucket %d for %g s, want %d", got, seconds, want)
		}
	}
}
