package aggregator

import (
	"errors"
	"fmt"

	dto "github.com/prometheus/client_model/go"

	"github.com/signalbox-ci/signalbox/internal/series"
)

// maxCount is the maximum count that can be aggregated. A sum of a thousand such counts
// does not overflow.
const maxCount = 1 << 53

// checkFinite returns an error if v is infinite or NaN. what is "value" or "sum".
func checkFinite(what string, v float64) error {
	if v-v != 0 {
		return fmt.Errorf("cannot be aggregated: got %s %v, expected a finite number", what, v)
	}
	return nil
}

func checkCount(n uint64) error {
	if n > maxCount {
		return fmt.Errorf("cannot be aggregated: got count %d, expected at most %d", n, uint64(maxCount))
	}
	return nil
}

// checkSummable returns an error if a metric of a type that is summed cannot be
// aggregated. It also returns an error for gauge histograms, which are not summed.
func checkSummable(typ series.Type, m *dto.Metric) error {
	switch typ {
	case series.Counter:
		v := m.Counter.GetValue()
		if v < 0 {
			return fmt.Errorf("cannot be aggregated: got value %v, expected a non-negative number", v)
		}
		return checkFinite("value", v)
	case series.Summary:
		return errors.Join(checkCount(m.Summary.GetSampleCount()), checkFinite("sum", m.Summary.GetSampleSum()))
	case series.GaugeHistogram:
		return errors.New("cannot be aggregated: got a gauge histogram, expected another type")
	case series.Histogram:
		return checkSummableHistogram(m.Histogram)
	}
	return nil
}

func checkSummableHistogram(h *dto.Histogram) error {
	var last uint64
	for _, b := range finite(h.Bucket) {
		if n := b.GetCumulativeCount(); n < last || n > h.GetSampleCount() {
			return fmt.Errorf("cannot be aggregated: got bucket count %d, expected a cumulative count from %d to %d", n, last, h.GetSampleCount())
		} else {
			last = n
		}
	}
	fractions := h.SampleCountFloat != nil || len(h.PositiveCount) > 0 || len(h.NegativeCount) > 0 || h.GetZeroCountFloat() != 0
	for _, b := range h.Bucket {
		fractions = fractions || b.CumulativeCountFloat != nil
		if err := checkCount(b.GetCumulativeCount()); err != nil {
			return err
		}
	}
	if fractions {
		return errors.New("cannot be aggregated: got fractional counts, expected integers")
	}
	return errors.Join(checkCount(h.GetSampleCount()), checkCount(h.GetZeroCount()), checkFinite("sum", h.GetSampleSum()))
}
