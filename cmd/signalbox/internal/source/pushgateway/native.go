package pushgateway

import (
	"fmt"
	"math"
	"slices"

	dto "github.com/prometheus/client_model/go"
)

// The kinds of bucket bounds, with the numbers that the API of the Pushgateway uses.
const (
	upperInclusive = iota // (lower, upper]
	lowerInclusive        // [lower, upper)
	exclusive             // (lower, upper)
	inclusive             // [lower, upper]
)

// nativeBuckets returns the non-empty buckets of a native histogram in order, each as
// the kind of its bounds, the bounds, and the count. The histogram must be valid: its
// spans must have as many buckets as there are counts.
func nativeBuckets(h *dto.Histogram) [][]any {
	negative, positive, zero := deltas(h.NegativeDelta), deltas(h.PositiveDelta), fmt.Sprint(h.GetZeroCount())
	if h.GetSampleCountFloat() > 0 || h.GetZeroCountFloat() > 0 {
		negative, positive, zero = floats(h.NegativeCount), floats(h.PositiveCount), fmt.Sprint(h.GetZeroCountFloat())
	}

	buckets := [][]any{}
	eachBucket(h.GetSchema(), h.NegativeSpan, negative, func(lower, upper float64, count string) {
		buckets = append(buckets, []any{lowerInclusive, fmt.Sprint(-upper), fmt.Sprint(-lower), count})
	})
	slices.Reverse(buckets)
	if zero != "0" {
		threshold := h.GetZeroThreshold()
		buckets = append(buckets, []any{inclusive, fmt.Sprint(-threshold), fmt.Sprint(threshold), zero})
	}
	eachBucket(h.GetSchema(), h.PositiveSpan, positive, func(lower, upper float64, count string) {
		buckets = append(buckets, []any{upperInclusive, fmt.Sprint(lower), fmt.Sprint(upper), count})
	})
	return buckets
}

// eachBucket calls visit with the bounds and the count of each bucket that is not
// empty.
func eachBucket(schema int32, spans []*dto.BucketSpan, counts []string, visit func(lower, upper float64, count string)) {
	index, i := 0, 0
	for _, span := range spans {
		index += int(span.GetOffset())
		for range span.GetLength() {
			if counts[i] != "0" {
				visit(bound(index-1, schema), bound(index, schema), counts[i])
			}
			index++
			i++
		}
	}
}

// bound returns the upper bound of a bucket on the positive side.
func bound(index int, schema int32) float64 {
	exponent := math.Ldexp(float64(index), -int(schema))
	if exponent == 1024 {
		// The next bucket is the one for infinity.
		return math.MaxFloat64
	}
	return math.Exp2(exponent)
}

// deltas returns the counts of buckets, given the differences between them.
func deltas(deltas []int64) []string {
	counts, count := make([]string, len(deltas)), int64(0)
	for i, delta := range deltas {
		count += delta
		counts[i] = fmt.Sprint(count)
	}
	return counts
}

func floats(floats []float64) []string {
	counts := make([]string, len(floats))
	for i, count := range floats {
		counts[i] = fmt.Sprint(count)
	}
	return counts
}
