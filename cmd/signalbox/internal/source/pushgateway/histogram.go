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
// the protobuf format requires. In the text format neither is required: such bodies are
// often written by hand, and the Pushgateway does not check them.
func sortBuckets(h *dto.Histogram) error {
	if len(h.GetBucket()) == 0 {
		return nil
	}

	slices.SortFunc(h.Bucket, func(a, b *dto.Bucket) int { return cmp.Compare(a.GetUpperBound(), b.GetUpperBound()) })
	below, bound := 0.0, math.Inf(-1)
	for i, b := range h.Bucket {
		count := either(b.GetCumulativeCountFloat(), b.GetCumulativeCount())
		switch {
		case math.IsNaN(b.GetUpperBound()):
			return errors.New("the bound of a bucket is NaN")
		case i > 0 && b.GetUpperBound() == bound:
			return fmt.Errorf("bucket le=%v is duplicated", bound)
		case !(count >= below): // or NaN
			return fmt.Errorf("got count %v in bucket le=%v, expected at least the previous count %v", count, b.GetUpperBound(), below)
		}
		below, bound = count, b.GetUpperBound()
	}

	// A missing bucket +Inf is shown with the count of the histogram.
	if all := either(h.GetSampleCountFloat(), h.GetSampleCount()); !math.IsInf(bound, 1) && !(all >= below) {
		return fmt.Errorf("got count %v, expected at least that of bucket le=%v, which is %v", all, bound, below)
	}
	return nil
}

// either returns the float if it is not zero, or else the integer.
func either(float float64, integer uint64) float64 {
	if float != 0 {
		return float
	}
	return float64(integer)
}
