package aggregator

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/model"

	"github.com/signalbox-ci/signalbox/internal/excerpt"
	"github.com/signalbox-ci/signalbox/internal/names"
	"github.com/signalbox-ci/signalbox/internal/series"
)

// A family is the part of a metric family that was pushed to a group. It is immutable
// once it belongs to the group, except for the values of its series.
type family struct {
	name, help string
	typ        series.Type
	pushed     time.Time
	samples    []sample
	open       *series.OpenFamily // the family in the store
}

// A sample is one metric of a push.
type sample struct {
	text  string // text of all labels, which identifies the sample in the group
	shown string // text of the labels with which it is served

	value  float64
	metric *dto.Metric // replaces value if not nil

	series *series.OpenSeries // nil if the sample is part of a sum
}

// instanceLabel is the name of a label of every series of a group. Its value is empty
// if the job pushed none. Without this label, Prometheus would add one with the address
// that it scrapes.
const instanceLabel = "instance"

// MaxGroupingLabels is the maximum number of grouping labels of a push. Each metric of
// the group has all of them.
const MaxGroupingLabels = 64

// prepareGrouping checks grouping labels. It returns them sorted by name, and the key
// of their group.
func prepareGrouping(scheme model.ValidationScheme, grouping []Label) (labels []Label, key string, err error) {
	if len(grouping) > MaxGroupingLabels {
		return nil, "", fmt.Errorf("got %d grouping labels, expected at most %d", len(grouping), MaxGroupingLabels)
	}
	labels = slices.Clone(grouping)
	sortLabels(labels)
	hasJob := false
	var b strings.Builder
	for i, l := range labels {
		if !names.IsLabelIn(scheme, l.Name) {
			return nil, "", fmt.Errorf("grouping: %w", errName("label", scheme, l.Name))
		}
		if i > 0 && labels[i-1].Name == l.Name {
			return nil, "", fmt.Errorf("grouping: label %s is duplicated", l.Name)
		}
		if !utf8.ValidString(l.Value) {
			return nil, "", fmt.Errorf("grouping: label %s: value %q is not valid UTF-8", l.Name, excerpt.Short(l.Value))
		}
		hasJob = hasJob || l.Name == "job" && l.Value != ""
		b.WriteString(l.Name)
		b.WriteByte(model.SeparatorByte) // does not occur in UTF-8
		b.WriteString(l.Value)
		b.WriteByte(model.SeparatorByte)
	}
	if !hasJob {
		return nil, "", errors.New("job name is required")
	}
	return labels, b.String(), nil
}

// errName returns the error for an invalid name of a label or metric.
func errName(what string, scheme model.ValidationScheme, name string) error {
	hint := ""
	if scheme == model.LegacyValidation && names.IsLabelIn(model.UTF8Validation, name) {
		hint = "; UTF-8 names are not enabled"
	}
	return fmt.Errorf("%q is not a %s name%s", excerpt.Short(name), what, hint)
}

// errTimestamp is the error for a pushed metric with a timestamp. The Pushgateway uses
// the same text.
var errTimestamp = errors.New("pushed metrics must not have timestamps")

// maxLabelBytes is the maximum size of the labels of one push, in bytes. The labels of
// the group are added to every metric, so a small push with long grouping labels can
// need much memory.
const maxLabelBytes = 256 << 20

// prepare checks the pushed families independently of other metrics. It returns them
// sorted by name.
func (gs *Groups) prepare(scheme model.ValidationScheme, grouping []Label, pushed []*dto.MetricFamily) ([]*family, error) {
	families := make([]*family, 0, len(pushed))
	bytes := 0
	for i, mf := range pushed {
		if mf == nil {
			return nil, fmt.Errorf("metric family %d of %d is nil", i+1, len(pushed))
		}
		if err := checkFamily(scheme, grouping, mf); err != nil {
			return nil, err
		}
		name := mf.GetName()
		if name == pushTimeName || name == failureTimeName {
			continue // the Aggregator serves its own families with these names
		}
		typ, _ := series.TypeOf(mf.GetType())
		f := &family{name: name, help: mf.GetHelp(), typ: typ, samples: make([]sample, 0, len(mf.Metric))}
		for _, m := range mf.Metric {
			s, err := gs.prepareSample(grouping, f, m)
			if err != nil {
				return nil, fmt.Errorf("metric %s: %w", name, err)
			}
			f.samples = append(f.samples, s)
			if bytes += len(s.text) + len(s.shown); bytes > maxLabelBytes {
				return nil, fmt.Errorf("metric %s: the labels of the push exceed the limit of %d bytes; the labels of the group count once for each metric", name, maxLabelBytes)
			}
		}
		families = append(families, f)
	}
	slices.SortFunc(families, func(a, b *family) int { return strings.Compare(a.name, b.name) })
	for i, f := range families {
		if i > 0 && families[i-1].name == f.name {
			return nil, fmt.Errorf("metric %s is duplicated", f.name)
		}
		if err := f.checkDuplicates(); err != nil {
			return nil, err
		}
	}
	return families, nil
}

// checkDuplicates returns an error if two samples have the same labels.
func (f *family) checkDuplicates() error {
	if len(f.samples) < 2 {
		return nil
	}
	var seen series.LabelIndex
	for i := range f.samples {
		if _, added := seen.Add(f.samples[i].text); !added {
			return errCollectedBefore(f.name, f.samples[i].text)
		}
	}
	return nil
}

// prepareSample checks a metric of the family and returns it as a sample.
func (gs *Groups) prepareSample(grouping []Label, f *family, m *dto.Metric) (sample, error) {
	if m.TimestampMs != nil {
		return sample{}, errTimestamp
	}
	var array [16]Label
	labels := append(array[:0], grouping...)
	for _, l := range m.Label {
		if !hasName(grouping, l.GetName()) {
			labels = append(labels, Label{Name: l.GetName(), Value: l.GetValue()})
		}
	}
	s := sample{}
	s.text, s.shown = gs.texts(labels, len(grouping))
	return s, s.setValue(f.typ, m, gs.aggregated)
}

// texts returns the text of all labels, and the text of those with which a series is
// served. The first labels are the grouping labels; grouping is their number. If groups
// are aggregated, series with the same labels are served with the same text.
func (gs *Groups) texts(labels []Label, grouping int) (text, shown string) {
	text = textOf(labels)
	if !gs.aggregated {
		return text, text
	}
	kept := make([]Label, 0, len(labels)+1)
	for i, l := range labels {
		if l.Value != "" && (i >= grouping || slices.Contains(gs.aggregateBy, l.Name)) {
			kept = append(kept, Label{Name: l.Name, Value: series.CanonicalValue(l.Name, l.Value)})
		}
	}
	return text, textOf(kept)
}

// textOf returns the text of the labels, with an empty label instance if they have
// none.
func textOf(labels []Label) string {
	if hasName(labels, instanceLabel) {
		return labelText(labels)
	}
	return labelText(labels, Label{Name: instanceLabel})
}

// setValue sets the value of the sample to that of the metric, which must have a value
// of the type. It returns an error if the value must be aggregated, but cannot be.
func (s *sample) setValue(typ series.Type, m *dto.Metric, aggregated bool) error {
	switch typ {
	case series.Counter:
		s.value = m.Counter.GetValue()
		if m.Counter.Exemplar != nil || m.Counter.CreatedTimestamp != nil {
			s.metric = &dto.Metric{Counter: m.Counter}
		}
	case series.Gauge:
		s.value = m.Gauge.GetValue()
	case series.Untyped:
		s.value = m.Untyped.GetValue()
	case series.Summary:
		s.metric = &dto.Metric{Summary: m.Summary}
		if aggregated {
			// Quantiles cannot be aggregated.
			s.metric.Summary = &dto.Summary{SampleCount: m.Summary.SampleCount, SampleSum: m.Summary.SampleSum, CreatedTimestamp: m.Summary.CreatedTimestamp}
		}
	default:
		s.metric = &dto.Metric{Histogram: m.Histogram}
		if !isNative(m.Histogram) {
			m.Histogram.Schema = nil // has no meaning in a classic histogram, but would make a sum native
		}
	}
	if aggregated {
		return checkSummable(typ, m)
	}
	return nil
}

// toMetric returns the sample as a dto.Metric with all of its labels.
func (s *sample) toMetric(typ series.Type) *dto.Metric {
	row := series.Row{Labels: s.text, Value: s.value, Metric: s.metric}
	return row.Client(typ)
}

// inGroup returns the family as a part of a Group.
func (f *family) inGroup() GroupFamily {
	return GroupFamily{Name: f.name, Help: f.help, Type: f.typ.ClientModel(), Pushed: f.pushed, Metrics: func(yield func(*dto.Metric) bool) {
		for i := range f.samples {
			if !yield(f.samples[i].toMetric(f.typ)) {
				return
			}
		}
	}}
}

// toMetricFamily returns the family as a dto.MetricFamily.
func (f *family) toMetricFamily() *dto.MetricFamily {
	mf := &dto.MetricFamily{Name: &f.name, Help: &f.help, Type: f.typ.ClientModel().Enum()}
	if f.help == "" {
		mf.Help = nil
	}
	for i := range f.samples {
		mf.Metric = append(mf.Metric, f.samples[i].toMetric(f.typ))
	}
	return mf
}
