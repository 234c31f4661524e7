package aggregator

import (
	"errors"
	"fmt"

	dto "github.com/prometheus/client_model/go"

	"github.com/signalbox-ci/signalbox/internal/series"
)

// maxCount is the maximum count that is summed. A sum of a thousand such counts is
// still far from an overflow.
const maxCount = 1 << 53

// checkSum returns an error if a value or a sum cannot be summed over groups.
func checkSum(what string, v float64) error {
	if v-v != 0 { // NaN or infinite
		return fmt.Errorf("got %s %v, expected a finite number to aggregate", what, v)
	}
	return nil
}

func checkCount(n uint64) error {
	if n > maxCount {
		return fmt.Errorf("got count %d, expected at most %d to aggregate", n, uint64(maxCount))
	}
	return nil
}

// checkSummable returns an error if a metric cannot be summed.
func checkSummable(typ series.Type, m *dto.Metric) error {
	switch typ {
	case series.Counter:
		v := m.Counter.GetValue()
		if v < 0 {
			return fmt.Errorf("got value %v, expected a number that is not negative to aggregate", v)
		}
		return checkSum("value", v)
	case series.Summary:
		return errors.Join(checkCount(m.Summary.GetSampleCount()), checkSum("sum", m.Summary.GetSampleSum()))
	case series.GaugeHistogram:
		return errors.New("gauge histograms cannot be aggregated")
	case series.Histogram:
		return checkSummableHistogram(m.Histogram)
	}
	return nil
}

func checkSummableHistogram(h *dto.Histogram) error {
	var last uint64
	for _, b := range finite(h.Bucket) {
		if n := b.GetCumulativeCount(); n < last || n > h.GetSampleCount() {
			return errors.New("bucket counts that are not cumulative cannot be aggregated")
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
		return errors.New("histograms with fractional counts cannot be aggregated")
	}
	return errors.Join(checkCount(h.GetSampleCount()), checkCount(h.GetZeroCount()), checkSum("sum", h.GetSampleSum()))
}
