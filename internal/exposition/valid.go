package exposition

import (
	"math"
	"unicode/utf8"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/model"

	"github.com/signalbox-ci/signalbox/internal/series"
)

// What OpenMetrics allows in families that have a type.

func isCount(v float64) bool { return v >= 0 }

// maxCount is the last whole number up to which all of them are floats.
const maxCount = 1 << 53

// isNumber tells whether as many observations can have been made.
func isNumber(n float64) bool { return n >= 0 && n <= maxCount && n == math.Trunc(n) }

func numberOf(n uint64, float float64) float64 {
	if float != 0 {
		return float
	}
	return float64(n)
}

// isHistogram wants whole counts that add up, of buckets in ascending order.
// Buckets below zero are allowed in a histogram without a sum, which is none here.
func isHistogram(h *dto.Histogram) bool {
	count := numberOf(h.GetSampleCount(), h.GetSampleCountFloat())
	last, sofar := math.Inf(-1), 0.0
	for _, b := range h.GetBucket() {
		bound, n := b.GetUpperBound(), numberOf(b.GetCumulativeCount(), b.GetCumulativeCountFloat())
		if !(bound > last && bound >= 0) || !(isNumber(n) && n >= sofar) {
			return false
		}
		last, sofar = bound, n
	}
	if math.IsInf(last, 1) && sofar != count {
		return false
	}
	return isNumber(count) && count >= sofar && h.GetSampleSum() >= 0
}

func isSummary(s *dto.Summary) bool {
	for i, q := range s.GetQuantile() {
		if !(q.GetQuantile() >= 0 && q.GetQuantile() <= 1) || q.GetValue() < 0 {
			return false
		}
		for _, other := range s.Quantile[:i] {
			if other.GetQuantile() == q.GetQuantile() {
				return false
			}
		}
	}
	return s.GetSampleSum() >= 0
}

// showable tells whether an exemplar can stand on an OpenMetrics page.
func showable(e *dto.Exemplar) bool {
	if e.Timestamp != nil && !e.Timestamp.IsValid() {
		return false
	}
	length := 0
	for i, l := range e.Label {
		name, value := l.GetName(), l.GetValue()
		if !model.LegacyValidation.IsValidLabelName(name) || !utf8.ValidString(value) {
			return false
		}
		for _, other := range e.Label[:i] {
			if other.GetName() == name {
				return false
			}
		}
		if length += utf8.RuneCountInString(name) + utf8.RuneCountInString(value); length > series.MaxExemplarRunes {
			return false
		}
	}
	return true
}
