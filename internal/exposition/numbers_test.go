package exposition

import (
	"math"
	"math/rand/v2"
	"strconv"
	"testing"
)

func TestAppendFloatEqualsStrconv(t *testing.T) {
	check := func(v float64) {
		t.Helper()
		for _, v := range []float64{v, -v} {
			want := strconv.AppendFloat(nil, v, 'g', -1, 64)
			if got := appendFloat([]byte("x "), v); string(got) != "x "+string(want) {
				t.Fatalf("%b: got %s, want %s", v, got[2:], want)
			}
		}
	}
	for _, v := range []float64{
		0, 1, 999_999, 1e6, 1_000_001, 1e7, 12_345_670, 1e15, 1e15 + 1, 1e16, 1e21, 1 << 53, 1<<53 + 2, 1<<63 - 1024, 1 << 63,
		.5, .1, .12, .125, .1235, .001, .0011, .0009, .00001, 1e-5, .3, .1 + .2, 1.1, 1.001, 99.999, 999_999.999, 999_999.9999,
		1_000_000.001, 1_000_000.5, 1_763_780_123.456, 1_763_780_120, 1_763_780_100.1, 999_999_999_999.999, 1e12, 1e12 + .001, 1e12 + .5,
		math.MaxFloat64, math.SmallestNonzeroFloat64, math.Pi, math.Inf(1),
	} {
		check(v)
		check(math.Nextafter(v, math.Inf(1)))
		check(math.Nextafter(v, math.Inf(-1)))
	}
	for range 200_000 {
		check(math.Float64frombits(rand.Uint64()))
		digits := math.Pow(10, float64(rand.IntN(16)))
		check(float64(rand.Int64N(int64(digits)+1)) / 1000)
		check(rand.Float64() * digits)
		check(float64(rand.Int64N(int64(digits) + 1)))
	}
}

func BenchmarkNumbers(b *testing.B) {
	for name, v := range map[string]float64{"whole": 123, "fraction": 12.375, "time": 1_763_780_123.456, "any": math.Pi} {
		b.Run(name, func(b *testing.B) {
			var buf [32]byte
			for b.Loop() {
				appendFloat(buf[:0], v)
			}
		})
		b.Run(name+", strconv", func(b *testing.B) {
			var buf [32]byte
			for b.Loop() {
				strconv.AppendFloat(buf[:0], v, 'g', -1, 64)
			}
		})
	}
}
