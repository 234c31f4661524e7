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

	"github.com/signalbox-ci/signalbox/emitter/internal/series"
)

// A family is what a group has of one metric. It does not change once it belongs to
// a group, though the series do that it leads to.
type family struct {
	name, help string
	typ        series.Type
	pushed     time.Time
	samples    []sample
	open       *series.OpenFamily
}

// A sample is one metric of a push.
type sample struct {
	text  string // of all its labels: which series of the group it is
	shown string // of those that a page shows

	value  float64
	metric *dto.Metric // what value cannot say; nil if there is nothing of the kind

	series *series.OpenSeries // nil if it went into a sum
}

// instanceLabel is on every pushed series, if only with an empty value, so that the
// scraper does not put its own there.
const instanceLabel = "instance"

// prepareGrouping checks grouping labels, and returns them sorted, with the key that
// they make.
func prepareGrouping(grouping []Label) (labels []Label, key string, err error) {
	labels = slices.Clone(grouping)
	sortLabels(labels)
	hasJob := false
	var b strings.Builder
	for i, l := range labels {
		if err := checkLabelName(l.Name); err != nil {
			return nil, "", fmt.Errorf("grouping: %w", err)
		}
		if i > 0 && labels[i-1].Name == l.Name {
			return nil, "", fmt.Errorf("grouping: label %s is given twice", l.Name)
		}
		if !utf8.ValidString(l.Value) {
			return nil, "", fmt.Errorf("grouping: label %s is %q, which is not UTF-8", l.Name, shorten(l.Value))
		}
		hasJob = hasJob || l.Name == "job" && l.Value != ""
		b.WriteString(l.Name)
		b.WriteByte(model.SeparatorByte) // in no name, and in no UTF-8
		b.WriteString(l.Value)
		b.WriteByte(model.SeparatorByte)
	}
	if !hasJob {
		return nil, "", errors.New("job name is required")
	}
	return labels, b.String(), nil
}

func sortLabels(labels []Label) {
	slices.SortFunc(labels, func(a, b Label) int { return strings.Compare(a.Name, b.Name) })
}

// errTimestamp is what PushError has for a push with timestamps.
var errTimestamp = errors.New("pushed metrics must not have timestamps")

// prepare makes families of what was pushed, sorted by name, or says what is wrong
// with it.
func (j *jobs) prepare(grouping []Label, pushed []*dto.MetricFamily) ([]*family, error) {
	families := make([]*family, 0, len(pushed))
	for _, mf := range pushed {
		name := mf.GetName()
		if name == pushTimeName || name == failureTimeName {
			continue // we know better
		}
		if !model.LegacyValidation.IsValidMetricName(name) {
			return nil, fmt.Errorf("%q cannot be the name of a metric", shorten(name))
		}
		typ, ok := series.TypeOf(mf.GetType())
		if !ok {
			return nil, fmt.Errorf("metric %s is of the unknown type %s", name, mf.GetType())
		}
		if !utf8.ValidString(mf.GetHelp()) {
			return nil, fmt.Errorf("the help text of metric %s is not UTF-8", name)
		}
		f := &family{name: name, help: mf.GetHelp(), typ: typ, samples: make([]sample, 0, len(mf.Metric))}
		for _, m := range mf.Metric {
			s, err := j.prepareSample(grouping, f, m)
			if err != nil {
				return nil, fmt.Errorf("metric %s: %w", name, err)
			}
			f.samples = append(f.samples, s)
		}
		families = append(families, f)
	}
	slices.SortFunc(families, func(a, b *family) int { return strings.Compare(a.name, b.name) })
	for i, f := range families {
		if i > 0 && families[i-1].name == f.name {
			return nil, fmt.Errorf("metric %s is there twice", f.name)
		}
		if err := f.checkTwice(); err != nil {
			return nil, err
		}
	}
	return families, nil
}

func (f *family) checkTwice() error {
	if len(f.samples) < 2 {
		return nil
	}
	seen := make(map[string]struct{}, len(f.samples))
	for i := range f.samples {
		text := f.samples[i].text
		if _, ok := seen[text]; ok {
			return fmt.Errorf("metric %s{%s} was collected before with the same name and label values", f.name, shorten(text))
		}
		seen[text] = struct{}{}
	}
	return nil
}

func (j *jobs) prepareSample(grouping []Label, f *family, m *dto.Metric) (sample, error) {
	if m.TimestampMs != nil {
		return sample{}, errTimestamp
	}
	var array [16]Label
	labels := append(array[:0], grouping...)
	for _, l := range m.Label {
		name := l.GetName()
		if hasName(grouping, name) {
			continue
		}
		if !model.LegacyValidation.IsValidLabelName(name) {
			return sample{}, fmt.Errorf("%q cannot be the name of a label", shorten(name))
		}
		if !utf8.ValidString(l.GetValue()) {
			return sample{}, fmt.Errorf("label %s is %q, which is not UTF-8", name, shorten(l.GetValue()))
		}
		labels = append(labels, Label{Name: name, Value: l.GetValue()})
	}
	if reserved := reservedLabels[f.typ]; reserved != "" && hasName(labels, reserved) {
		return sample{}, fmt.Errorf("label %s is reserved in a %s", reserved, f.typ)
	}
	s := sample{}
	s.text, s.shown = j.texts(labels, len(grouping))
	return s, errors.Join(checkLabelsTwice(labels[len(grouping):]), s.take(f.typ, m, j.aggregated))
}

// reservedLabels are those that the samples of some types have of their own.
var reservedLabels = map[series.Type]string{series.Summary: "quantile", series.Histogram: "le", series.GaugeHistogram: "le"}

func checkLabelsTwice(labels []Label) error {
	for i, l := range labels {
		if hasName(labels[:i], l.Name) {
			return fmt.Errorf("label %s is given twice", l.Name)
		}
	}
	return nil
}

// texts are the texts of all labels, and of those that a page shows, given that the
// first so many are grouping labels.
func (j *jobs) texts(labels []Label, grouping int) (text, shown string) {
	text = textOf(labels)
	if !j.aggregated {
		return text, text
	}
	kept := make([]Label, 0, len(labels)+1)
	for i, l := range labels {
		if i >= grouping || slices.Contains(j.options.AggregateBy, l.Name) {
			kept = append(kept, l)
		}
	}
	return text, textOf(kept)
}

// textOf is the text of the labels and that of the instance.
func textOf(labels []Label) string {
	var array [16]Label
	all := append(array[:0], labels...)
	if !hasName(all, instanceLabel) {
		all = append(all, Label{Name: instanceLabel})
	}
	sortLabels(all)
	return series.LabelText(all)
}

// take takes the value of a metric into the sample.
func (s *sample) take(typ series.Type, m *dto.Metric, aggregated bool) error {
	missing := fmt.Errorf("it is no %s", typ)
	switch typ {
	case series.Counter:
		c := m.Counter
		if c == nil {
			return missing
		}
		s.value = c.GetValue()
		if aggregated {
			return checkCount(s.value)
		}
		if c.Exemplar != nil || c.CreatedTimestamp != nil {
			s.metric = &dto.Metric{Counter: c}
		}
	case series.Gauge:
		if m.Gauge == nil {
			return missing
		}
		s.value = m.Gauge.GetValue()
	case series.Untyped:
		if m.Untyped == nil {
			return missing
		}
		s.value = m.Untyped.GetValue()
	case series.Summary:
		if m.Summary == nil {
			return missing
		}
		s.metric = &dto.Metric{Summary: m.Summary}
		if aggregated {
			// Quantiles of several summaries make no quantile of all.
			s.metric.Summary = &dto.Summary{SampleCount: m.Summary.SampleCount, SampleSum: m.Summary.SampleSum}
		}
	default:
		if m.Histogram == nil {
			return missing
		}
		s.metric = &dto.Metric{Histogram: m.Histogram}
		if aggregated {
			return checkSummable(typ, m.Histogram)
		}
	}
	return nil
}

// client is the sample as the client library has it, with all of its labels.
func (s *sample) client(typ series.Type) *dto.Metric {
	row := series.Row{Labels: s.text, Value: s.value, Metric: s.metric}
	return row.Client(typ)
}

// client is the family as the client library has it.
func (f *family) client() *dto.MetricFamily {
	mf := &dto.MetricFamily{Name: &f.name, Help: &f.help, Type: f.typ.ClientModel().Enum()}
	if f.help == "" {
		mf.Help = nil
	}
	for i := range f.samples {
		mf.Metric = append(mf.Metric, f.samples[i].client(f.typ))
	}
	return mf
}
