package aggregator

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/model"
)

// minSchema and maxSchema are the lowest and highest schemas (resolutions) of native
// histograms that every version of Prometheus supports.
const minSchema, maxSchema = -4, 8

// checkHistogram returns an error if a histogram is invalid. The histogram may be
// classic, native, or both. The order of classic buckets, and whether their counts are
// cumulative, are not checked: Prometheus scrapes such buckets, and the Pushgateway
// accepts them.
func checkHistogram(h *dto.Histogram) error {
	if isNative(h) {
		if err := checkNative(h); err != nil {
			return err
		}
	}
	if err := checkFloatCount(h.GetSampleCountFloat()); err != nil {
		return err
	}
	if slices.Contains(h.Exemplars, nil) {
		return errors.New("an exemplar is nil")
	}
	for _, e := range h.Exemplars {
		if err := checkExemplar(e); err != nil {
			return err
		}
	}
	for _, b := range h.Bucket {
		if b == nil {
			return errors.New("a bucket is nil")
		}
		if err := checkFloatCount(b.GetCumulativeCountFloat()); err != nil {
			return err
		}
		if err := checkExemplar(b.Exemplar); err != nil {
			return err
		}
	}
	if err := checkDistinct(model.BucketLabel, h.Bucket, (*dto.Bucket).GetUpperBound); err != nil {
		return err
	}
	return checkTime("created timestamp", h.CreatedTimestamp)
}

// checkFloatCount returns an error if a number is not a count of observations.
func checkFloatCount(n float64) error {
	if !(n >= 0 && n <= math.MaxFloat64) {
		return fmt.Errorf("got count %v, expected a non-negative number", n)
	}
	return nil
}

// isNative reports whether Prometheus treats the histogram as native.
func isNative(h *dto.Histogram) bool {
	return len(h.PositiveSpan) > 0 || len(h.NegativeSpan) > 0 ||
		h.GetZeroThreshold() != 0 || h.GetZeroCount() != 0 || h.GetZeroCountFloat() != 0
}

// isFloat reports whether a native histogram has float counts.
func isFloat(h *dto.Histogram) bool {
	return h.GetSampleCountFloat() > 0 || h.GetZeroCountFloat() > 0
}

// checkNative makes the same checks of a native histogram as Prometheus, which drops
// the whole scrape if one of them fails.
func checkNative(h *dto.Histogram) error {
	if h.GetSchema() < minSchema || h.GetSchema() > maxSchema {
		return fmt.Errorf("got schema %d, expected one from %d to %d", h.GetSchema(), minSchema, maxSchema)
	}
	if !(h.GetZeroThreshold() >= 0) || !(h.GetZeroCountFloat() >= 0) { // also true for NaN
		return fmt.Errorf("got a zero bucket with threshold %v and count %v, expected non-negative numbers", h.GetZeroThreshold(), h.GetZeroCountFloat())
	}

	positive, negative := len(h.PositiveDelta), len(h.NegativeDelta)
	if isFloat(h) {
		positive, negative = len(h.PositiveCount), len(h.NegativeCount)
	}
	if err := errors.Join(checkSpans(h.PositiveSpan, positive), checkSpans(h.NegativeSpan, negative)); err != nil {
		return err
	}
	if isFloat(h) {
		for _, count := range slices.Concat(h.PositiveCount, h.NegativeCount) {
			if !(count >= 0) {
				return fmt.Errorf("got bucket count %v, expected a non-negative number", count)
			}
		}
		return nil
	}

	sum := h.GetZeroCount()
	for _, deltas := range [][]int64{h.PositiveDelta, h.NegativeDelta} {
		count := int64(0)
		for _, delta := range deltas {
			count += delta
			if count < 0 {
				return fmt.Errorf("got bucket count %d, expected a non-negative number", count)
			}
			var carry uint64
			if sum, carry = bits.Add64(sum, uint64(count), 0); carry > 0 {
				return errors.New("the sum of the bucket counts overflows")
			}
		}
	}

	// Observations of NaN are counted but are not in any bucket. They make the sum NaN.
	count := h.GetSampleCount()
	if sum > count || sum < count && !math.IsNaN(h.GetSampleSum()) {
		return fmt.Errorf("got count %d, expected %d, the sum of the counts of the native buckets", count, sum)
	}
	return nil
}

// checkSpans returns an error if spans are invalid, or do not have the given number of
// buckets in total.
func checkSpans(spans []*dto.BucketSpan, buckets int) error {
	var spanned uint64
	var index int64
	for i, s := range spans {
		if s == nil {
			return fmt.Errorf("span %d is nil", i+1)
		}
		if i > 0 && s.GetOffset() < 0 {
			return fmt.Errorf("span %d: got offset %d, expected a non-negative number", i+1, s.GetOffset())
		}
		spanned += uint64(s.GetLength())
		index += int64(s.GetOffset()) + int64(s.GetLength())
		if index > math.MaxInt32 {
			return fmt.Errorf("span %d extends beyond the last possible bucket", i+1)
		}
	}
	if spanned != uint64(buckets) {
		return fmt.Errorf("got %d bucket counts, expected %d, the number of buckets in the spans", buckets, spanned)
	}
	return nil
}
