package pushgateway

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	dto "github.com/prometheus/client_model/go"
)

// sortBuckets sorts classic buckets, and checks that their counts are cumulative, as
// the protobuf format requires. It is not used for the text format: such bodies are
// often written by hand, and the Pushgateway does not check them.
func sortBuckets(h *dto.Histogram) error {
	if len(h.GetBucket()) == 0 {
		return nil
	}

	slices.SortFunc(h.Bucket, func(a, b *dto.Bucket) int { return cmp.Compare(a.GetUpperBound(), b.GetUpperBound()) })
	below, bound := 0.0, math.Inf(-1)
	for _, b := range h.Bucket {
		count := floatOrInteger(b.GetCumulativeCountFloat(), b.GetCumulativeCount())
		if !(count >= below) { // also if count is NaN
			return fmt.Errorf("got count %v in bucket le=%v, expected at least the previous count %v", count, b.GetUpperBound(), below)
		}
		below, bound = count, b.GetUpperBound()
	}

	// If there is no bucket +Inf, the metrics page shows one with the histogram's
	// count.
	if all := floatOrInteger(h.GetSampleCountFloat(), h.GetSampleCount()); !math.IsInf(bound, 1) && !(all >= below) {
		return fmt.Errorf("got count %v, expected at least %v, the count of bucket le=%v", all, below, bound)
	}
	return nil
}

// checkPresence sets the count of a histogram without a count to that of its last bucket.
// It returns an error if a count or a sum from protobuf is missing. Some libraries omit
// fields that are zero, so only one of the two can be missed.
func checkPresence(m *dto.Metric) error {
	var count, sum float64
	var hasCount, hasSum bool
	switch {
	case m.Histogram != nil:
		hasCount = setCount(m.Histogram)
		count = floatOrInteger(m.Histogram.GetSampleCountFloat(), m.Histogram.GetSampleCount())
		hasSum, sum = m.Histogram.SampleSum != nil, m.Histogram.GetSampleSum()
	case m.Summary != nil:
		hasCount, count = m.Summary.SampleCount != nil, float64(m.Summary.GetSampleCount())
		hasSum, sum = m.Summary.SampleSum != nil, m.Summary.GetSampleSum()
	}
	switch {
	case !hasCount && sum != 0:
		return errors.New("the count is missing")
	case !hasSum && count != 0:
		return errors.New("the sum is missing")
	}
	return nil
}

// floatOrInteger returns the float if it is not zero, or else the integer.
func floatOrInteger(float float64, integer uint64) float64 {
	if float != 0 {
		return float
	}
	return float64(integer)
}
