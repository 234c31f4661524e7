package series

import (
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/proto"
)

func TestNativeBucketsEqualThoseOfClientGolang(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for name, value := range map[string]func(i int) float64{
		"seconds of builds": func(int) float64 { return 60 * math.Exp(random.NormFloat64()) },
		"powers of two":     func(i int) float64 { return math.Ldexp(1, i%40-20) },
		"next to bounds": func(i int) float64 {
			return math.Nextafter(math.Ldexp(nativeBounds[i%8], i%5), math.Inf(i%3-1))
		},
		"of both signs, and zeros":  func(i int) float64 { return float64(i%3-1) * math.Exp(4*random.NormFloat64()) },
		"around the zero threshold": func(i int) float64 { return math.Ldexp(1, -127-i%3) },
		"of any size":               func(int) float64 { return math.Copysign(math.Exp(100*random.NormFloat64()), random.NormFloat64()) },
		"far apart":                 func(i int) float64 { return math.Ldexp(1, 11*(i%170)-1000) },
		"the largest and smallest":  func(i int) float64 { return []float64{math.MaxFloat64, -math.MaxFloat64, 5e-324}[i%3] },
		"the same":                  func(int) float64 { return 3 },
	} {
		st, _ := newTestStore(t, Options{})
		f := st.mustAdd(t, FamilyOptions{Name: "h", Type: Histogram, Bounds: []float64{1, 60, 600}, Native: true})
		library := prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "h", Buckets: []float64{1, 60, 600},
			NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 160,
		})
		for i := range 3000 {
			if i%100 == 0 {
				var want dto.Metric
				library.Write(&want)
				want.Histogram.CreatedTimestamp = nil
				got := f.Gather().Metric[0].Histogram
				got.CreatedTimestamp = nil
				if !proto.Equal(got, want.Histogram) {
					t.Fatalf("%s, after %d:\n got %v\nwant %v", name, i, got, want.Histogram)
				}
			}
			v := value(i)
			f.update(t, Observe, v, "")
			library.Observe(v)
		}
	}
}

func (n *Native) total() uint64 {
	total := n.Zeros
	for _, bs := range []NativeBuckets{n.Positive, n.Negative} {
		for _, b := range bs {
			total += b.Count
		}
	}
	return total
}

// TestNativeAndClassicBucketsAgree reads a histogram during observations, and then
// kills it.
func TestNativeAndClassicBucketsAgree(t *testing.T) {
	st, _ := newTestStore(t, Options{})
	f := st.mustAdd(t, FamilyOptions{Name: "h", Type: Histogram, Bounds: []float64{math.MaxFloat64}, Native: true})
	h := f.unlabeled.histogram
	var succeeded atomic.Uint64
	var wg sync.WaitGroup
	for g := range 3 {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(3, uint64(g)))
			for f.observe(h, math.Exp(10*random.NormFloat64()), &Values{}, 0) {
				succeeded.Add(1)
			}
		})
	}
	var s Snapshot
	for s.Count < 50_000 {
		last := s.Count
		if !h.read(&s) {
			t.Fatal("the histogram is dead before it was killed")
		}
		if s.Native.total() != s.Count || s.Buckets[0] != s.Count || s.Count < last {
			t.Fatalf("native buckets contain %d, classic ones %v, count %d after %d", s.Native.total(), s.Buckets, s.Count, last)
		}
		if len(s.Native.Positive) > maxNativeBuckets {
			t.Fatalf("got %d native buckets, want at most %d", len(s.Native.Positive), maxNativeBuckets)
		}
	}
	h.kill()
	wg.Wait()
	h.native.read(&s.Native)
	if s.Native.total() != succeeded.Load() {
		t.Errorf("%d observations succeeded, %d were counted", succeeded.Load(), s.Native.total())
	}
}
