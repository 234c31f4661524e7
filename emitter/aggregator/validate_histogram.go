package aggregator

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"

	dto "github.com/prometheus/client_model/go"
)

// minSchema and maxSchema limit the resolutions of native histograms to those that every
// Prometheus knows.
const minSchema, maxSchema = -4, 8

// checkHistogram checks a histogram, classic or native or both. It does not look at the
// bounds and counts of classic buckets: Prometheus scrapes them even if they make no
// sense, and the Pushgateway accepts them.
func checkHistogram(h *dto.Histogram) error {
	if isNative(h) {
		if err := checkNative(h); err != nil {
			return err
		}
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
		if err := checkExemplar(b.Exemplar); err != nil {
			return err
		}
	}
	return checkTime("the time of creation", h.CreatedTimestamp)
}

// isNative reports whether a scraper takes the histogram for a native one.
func isNative(h *dto.Histogram) bool {
	return len(h.PositiveSpan) > 0 || len(h.NegativeSpan) > 0 ||
		h.GetZeroThreshold() != 0 || h.GetZeroCount() != 0 || h.GetZeroCountFloat() != 0
}

// isFloat reports whether a native histogram counts in floats.
func isFloat(h *dto.Histogram) bool {
	return h.GetSampleCountFloat() > 0 || h.GetZeroCountFloat() > 0
}

// checkNative does the checks of Prometheus, which drops the whole scrape if one of them
// fails.
func checkNative(h *dto.Histogram) error {
	if h.GetSchema() < minSchema || h.GetSchema() > maxSchema {
		return fmt.Errorf("its schema is %d, not from %d to %d", h.GetSchema(), minSchema, maxSchema)
	}
	if !(h.GetZeroThreshold() >= 0) || !(h.GetZeroCountFloat() >= 0) { // or NaN
		return fmt.Errorf("its zero bucket is up to %v and has %v", h.GetZeroThreshold(), h.GetZeroCountFloat())
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
				return fmt.Errorf("a bucket's count is %v", count)
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
				return fmt.Errorf("a bucket's count is %d", count)
			}
			var carry uint64
			if sum, carry = bits.Add64(sum, uint64(count), 0); carry > 0 {
				return errors.New("its buckets have more than can be counted")
			}
		}
	}

	// Observations of NaN are in no bucket, but make the sum NaN.
	count := h.GetSampleCount()
	if sum > count || sum < count && !math.IsNaN(h.GetSampleSum()) {
		return fmt.Errorf("its count is %d, that of its native buckets together %d", count, sum)
	}
	return nil
}

// checkSpans checks spans that should have the given number of buckets.
func checkSpans(spans []*dto.BucketSpan, buckets int) error {
	var spanned uint64
	var index int64
	for i, s := range spans {
		if s == nil {
			return fmt.Errorf("span %d is nil", i+1)
		}
		if i > 0 && s.GetOffset() < 0 {
			return fmt.Errorf("span %d goes back by %d", i+1, s.GetOffset())
		}
		spanned += uint64(s.GetLength())
		index += int64(s.GetOffset()) + int64(s.GetLength())
		if index > math.MaxInt32 {
			return fmt.Errorf("span %d goes beyond the last bucket that there can be", i+1)
		}
	}
	if spanned != uint64(buckets) {
		return fmt.Errorf("its spans have %d buckets, but there are %d", spanned, buckets)
	}
	return nil
}
