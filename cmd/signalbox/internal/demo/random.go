package demo

import (
	"math"
	"math/rand/v2"
	"time"
)

// A random is the source of all random numbers of a simulation.
type random struct{ *rand.Rand }

func newRandom(seed uint64) random {
	return random{rand.New(rand.NewPCG(seed, 0x5ca1ab1e))}
}

// chance returns true with the given probability.
func (r random) chance(probability float64) bool { return r.Float64() < probability }

// exponential returns an exponentially distributed duration: the time until the next of
// independent events that are this far apart on average.
func (r random) exponential(mean time.Duration) time.Duration {
	return time.Duration(r.ExpFloat64() * float64(mean))
}

// lognormal returns a lognormally distributed duration, as is typical of the work of
// machines and people. With a spread of 0.3, two thirds of the durations are within a
// third of the median.
func (r random) lognormal(median time.Duration, spread float64) time.Duration {
	return time.Duration(float64(median) * math.Exp(spread*r.NormFloat64()))
}

// uniform returns a uniformly distributed duration between low and high.
func (r random) uniform(low, high time.Duration) time.Duration {
	return low + time.Duration(r.Float64()*float64(high-low))
}

// pick returns a random element of a slice.
func pick[T any](r random, slice []T) T { return slice[r.IntN(len(slice))] }
