package aggregator

import (
	"fmt"

	dto "github.com/prometheus/client_model/go"

	"github.com/signalbox-ci/signalbox/internal/excerpt"
)

// MaxTextBytes is the maximum of Options.MaxNameBytes and Options.MaxLabelValueBytes.
// The key of an agent's series has two bytes for each length.
const MaxTextBytes = 1<<16 - 1

// sizeLimits are the maximum sizes of texts in pushed metrics, in bytes.
type sizeLimits struct{ name, value, help int }

// checkFamilies returns an error if a text in the families is too long. It ignores nil
// families and metrics.
func (l sizeLimits) checkFamilies(families []*dto.MetricFamily) error {
	for _, mf := range families {
		name := mf.GetName()
		if err := checkSize("name", name, l.name); err != nil {
			return fmt.Errorf("metric %s: %w", excerpt.Short(name), err)
		}
		if err := checkSize("help text", mf.GetHelp(), l.help); err != nil {
			return fmt.Errorf("metric %s: %w", name, err)
		}
		for i, m := range mf.GetMetric() {
			if err := l.checkMetric(m); err != nil {
				return fmt.Errorf("metric %s: sample %d of %d: %w", name, i+1, len(mf.Metric), err)
			}
		}
	}
	return nil
}

func (l sizeLimits) checkMetric(m *dto.Metric) error {
	if err := l.checkPairs(m.GetLabel()); err != nil {
		return err
	}
	exemplars := append([]*dto.Exemplar{m.GetCounter().GetExemplar()}, m.GetHistogram().GetExemplars()...)
	for _, b := range m.GetHistogram().GetBucket() {
		exemplars = append(exemplars, b.GetExemplar())
	}
	for _, e := range exemplars {
		if err := l.checkPairs(e.GetLabel()); err != nil {
			return fmt.Errorf("exemplar: %w", err)
		}
	}
	return nil
}

func (l sizeLimits) checkPairs(labels []*dto.LabelPair) error {
	for _, p := range labels {
		if err := l.checkLabel(Label{Name: p.GetName(), Value: p.GetValue()}); err != nil {
			return err
		}
	}
	return nil
}

// checkLabels returns an error if a name or value is too long.
func (l sizeLimits) checkLabels(labels []Label) error {
	for _, label := range labels {
		if err := l.checkLabel(label); err != nil {
			return err
		}
	}
	return nil
}

func (l sizeLimits) checkLabel(label Label) error {
	err := checkSize("name", label.Name, l.name)
	if err == nil {
		err = checkSize("value", label.Value, l.value)
	}
	if err != nil {
		return fmt.Errorf("label %s: %w", excerpt.Short(label.Name), err)
	}
	return nil
}

func checkSize(what, text string, limit int) error {
	if len(text) > limit {
		return fmt.Errorf("got a %s of %d bytes, expected at most %d", what, len(text), limit)
	}
	return nil
}
