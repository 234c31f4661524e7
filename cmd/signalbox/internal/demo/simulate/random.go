package simulate

import (
	"math"
	"math/rand/v2"
	"time"
)

// A Random is the source of all random numbers of a simulation.
type Random struct{ *rand.Rand }

// NewRandom returns a Random with a seed.
func NewRandom(seed uint64) Random {
	return Random{rand.New(rand.NewPCG(seed, 0x5ca1ab1e))}
}

// Chance returns true with the given probability.
func (r Random) Chance(probability float64) bool { return r.Float64() < probability }

// Exponential returns an exponentially distributed duration: the time until the next of
// independent events that are this far apart on average.
func (r Random) Exponential(mean time.Duration) time.Duration {
	return time.Duration(r.ExpFloat64() * float64(mean))
}

// Lognormal returns a lognormally distributed duration, as is typical of the work of
// machines and people. With a spread of 0.3, two thirds of the durations are within a
// third of the median.
func (r Random) Lognormal(median time.Duration, spread float64) time.Duration {
	return time.Duration(float64(median) * math.Exp(spread*r.NormFloat64()))
}

// Uniform returns a uniformly distributed duration between low and high.
func (r Random) Uniform(low, high time.Duration) time.Duration {
	return low + time.Duration(r.Float64()*float64(high-low))
}

// Pick returns a random element of a slice.
func Pick[T any](r Random, slice []T) T { return slice[r.IntN(len(slice))] }
