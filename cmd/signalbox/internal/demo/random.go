package demo

import (
	"math"
	"math/rand/v2"
	"time"
)

// A random is where all chance comes from.
type random struct{ *rand.Rand }

func newRandom(seed uint64) random {
	return random{rand.New(rand.NewPCG(seed, 0x5ca1ab1e))}
}

// chance is true with a probability.
func (r random) chance(probability float64) bool { return r.Float64() < probability }

// waiting is the time to the next of things that come by chance, this far apart on
// average.
func (r random) waiting(mean time.Duration) time.Duration {
	return time.Duration(r.ExpFloat64() * float64(mean))
}

// lasting is how long something takes: lognormal, as most that machines and people do.
// A spread of 0.3 has two of three within a third of the median.
func (r random) lasting(median time.Duration, spread float64) time.Duration {
	return time.Duration(float64(median) * math.Exp(spread*r.NormFloat64()))
}

// between is a time from low to high.
func (r random) between(low, high time.Duration) time.Duration {
	return low + time.Duration(r.Float64()*float64(high-low))
}

// pick is one of several.
func pick[T any](r random, of []T) T { return of[r.IntN(len(of))] }
