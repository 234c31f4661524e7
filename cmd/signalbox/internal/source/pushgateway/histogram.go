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
// the protobuf format wants them. Text may have them as it likes: there they are
// often written by hand, and the Pushgateway never minded.
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
			return fmt.Errorf("the bucket le=%v is duplicated", bound)
		case !(count >= below): // or NaN
			return fmt.Errorf("the count of the bucket le=%v is %v, after %v", b.GetUpperBound(), count, below)
		}
		below, bound = count, b.GetUpperBound()
	}

	// A bucket +Inf that is not there is shown with the count of all.
	if all := either(h.GetSampleCountFloat(), h.GetSampleCount()); !math.IsInf(bound, 1) && !(all >= below) {
		return fmt.Errorf("its count is %v, that of the bucket le=%v is %v", all, bound, below)
	}
	return nil
}

// either is a number that is a float if that is not zero, and an integer otherwise.
func either(float float64, integer uint64) float64 {
	if float != 0 {
		return float
	}
	return float64(integer)
}
