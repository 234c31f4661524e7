package exposition

import (
	"math"
	"unicode/utf8"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/model"

	"github.com/signalbox-ci/signalbox/internal/series"
)

// The functions below report what OpenMetrics allows in families with a known type.

func validCounterValue(v float64) bool { return v >= 0 }

// maxCount is the largest integer up to which float64 represents all integers exactly.
const maxCount = 1 << 53

// validCount reports whether n is a valid count of observations.
func validCount(n float64) bool { return n >= 0 && n <= maxCount && n == math.Trunc(n) }

// countOf returns float, which is the count of a histogram with float counts, or n if
// float is zero.
func countOf(n uint64, float float64) float64 {
	if float != 0 {
		return float
	}
	return float64(n)
}

// validHistogram reports whether the buckets are in ascending order, and their counts
// are integers and consistent. OpenMetrics allows negative bounds only in histograms
// without a sum; all histograms here have one.
func validHistogram(h *dto.Histogram) bool {
	count := countOf(h.GetSampleCount(), h.GetSampleCountFloat())
	last, sofar := math.Inf(-1), 0.0
	for _, b := range h.GetBucket() {
		bound, n := b.GetUpperBound(), countOf(b.GetCumulativeCount(), b.GetCumulativeCountFloat())
		if !(bound > last && bound >= 0) || !(validCount(n) && n >= sofar) {
			return false
		}
		last, sofar = bound, n
	}
	if math.IsInf(last, 1) && sofar != count {
		return false
	}
	return validCount(count) && count >= sofar && h.GetSampleSum() >= 0
}

func validSummary(s *dto.Summary) bool {
	for _, q := range s.GetQuantile() {
		if !(q.GetQuantile() >= 0 && q.GetQuantile() <= 1) || q.GetValue() < 0 {
			return false
		}
	}
	return s.GetSampleSum() >= 0
}

// validExemplar reports whether an OpenMetrics page can contain the exemplar.
func validExemplar(e *dto.Exemplar) bool {
	if e.Timestamp != nil && !e.Timestamp.IsValid() {
		return false
	}
	length := 0
	for i, l := range e.Label {
		name, value := l.GetName(), l.GetValue()
		if !model.LegacyValidation.IsValidLabelName(name) || !series.IsExemplarValue(value) {
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
