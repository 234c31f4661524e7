package push

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/model"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// A kind is what is particular to the metrics of a type.
type kind struct {
	// carried tells whether a metric carries the value of the type.
	carried func(*dto.Metric) bool

	// reserved is the label that the format gives to the samples of a metric, so
	// that the metric itself must not have it; "" if there is none.
	reserved string

	// check says what is wrong with the value; nil if nothing can be.
	check func(*dto.Metric) error
}

var kinds = map[dto.MetricType]kind{
	dto.MetricType_COUNTER: {
		carried: func(m *dto.Metric) bool { return m.Counter != nil },
		check:   checkCounter,
	},
	dto.MetricType_GAUGE: {
		carried: func(m *dto.Metric) bool { return m.Gauge != nil },
	},
	dto.MetricType_UNTYPED: {
		carried: func(m *dto.Metric) bool { return m.Untyped != nil },
	},
	dto.MetricType_SUMMARY: {
		carried:  func(m *dto.Metric) bool { return m.Summary != nil },
		reserved: model.QuantileLabel,
		check:    func(m *dto.Metric) error { return checkTime("the time of creation", m.Summary.GetCreatedTimestamp()) },
	},
	dto.MetricType_HISTOGRAM: {
		carried:  func(m *dto.Metric) bool { return m.Histogram != nil },
		reserved: model.BucketLabel,
		check:    func(m *dto.Metric) error { return checkHistogram(m.Histogram) },
	},
	dto.MetricType_GAUGE_HISTOGRAM: {
		carried:  func(m *dto.Metric) bool { return m.Histogram != nil },
		reserved: model.BucketLabel,
		check:    func(m *dto.Metric) error { return checkHistogram(m.Histogram) },
	},
}

// checkFamily says what there is in a family that some exposition format cannot
// say, or for which a scraper refuses all that it scraped. It sorts labels.
func checkFamily(f *dto.MetricFamily) error {
	name := f.GetName()
	if !model.LegacyValidation.IsValidMetricName(name) {
		return fmt.Errorf("improper metric name %q", name)
	}

	fail := func(err error) error { return fmt.Errorf("the metric family %q: %w", name, err) }
	kind, ok := kinds[f.GetType()]
	switch {
	case !ok:
		return fail(fmt.Errorf("the type %d is unknown", f.GetType()))
	case !utf8.ValidString(f.GetHelp()):
		return fail(fmt.Errorf("the help is not UTF-8: %q", f.GetHelp()))
	case !model.LegacyValidation.IsValidMetricName(name + f.GetUnit()):
		return fail(fmt.Errorf("improper unit %q", f.GetUnit())) // it goes into names
	}
	for i, m := range f.Metric {
		if err := checkMetric(m, f.GetType(), kind); err != nil {
			return fail(fmt.Errorf("metric %d: %w", i+1, err))
		}
	}

	return nil
}

func checkMetric(m *dto.Metric, typ dto.MetricType, kind kind) error {
	if !kind.carried(m) {
		return fmt.Errorf("it does not have the value of a %s", typ)
	}
	values := 0
	for _, there := range []bool{m.Counter != nil, m.Gauge != nil, m.Untyped != nil, m.Summary != nil, m.Histogram != nil} {
		if there {
			values++
		}
	}
	if values > 1 {
		return fmt.Errorf("beside the value of a %s it has another", typ)
	}

	if err := checkLabels(m.Label); err != nil {
		return err
	}
	for _, label := range m.Label {
		name := label.GetName()
		switch {
		case strings.HasPrefix(name, model.ReservedLabelPrefix):
			return fmt.Errorf("improper label name %q", name)
		case name == kind.reserved:
			return fmt.Errorf("a %s must not have the label %q of its own", typ, name)
		}
	}
	if kind.check == nil {
		return nil
	}

	return kind.check(m)
}

// checkLabels checks the labels of a metric or of an exemplar. It sorts them.
func checkLabels(labels []*dto.LabelPair) error {
	if len(labels) > maxLabels {
		return fmt.Errorf("it has more than %d labels", maxLabels)
	}

	slices.SortFunc(labels, func(a, b *dto.LabelPair) int { return cmp.Compare(a.GetName(), b.GetName()) })
	for i, label := range labels {
		name := label.GetName()
		switch {
		case !model.LegacyValidation.IsValidLabelName(name):
			return fmt.Errorf("improper label name %q", name)
		case i > 0 && name == labels[i-1].GetName():
			return fmt.Errorf("the label %s is there twice", name)
		case !utf8.ValidString(label.GetValue()):
			return fmt.Errorf("the value of label %s is not UTF-8: %q", name, label.GetValue())
		}
	}

	return nil
}

func checkCounter(m *dto.Metric) error {
	return errors.Join(
		checkTime("the time of creation", m.Counter.GetCreatedTimestamp()),
		checkExemplar(m.Counter.GetExemplar()))
}

func checkExemplar(e *dto.Exemplar) error {
	if e == nil {
		return nil
	}
	err := checkLabels(e.Label)
	if err == nil {
		err = checkTime("its time", e.GetTimestamp())
	}
	if err != nil {
		return fmt.Errorf("an exemplar: %w", err)
	}

	return nil
}

// checkTime checks a time that may be missing. Not every format can say any other.
func checkTime(which string, t *timestamppb.Timestamp) error {
	if t != nil && !t.IsValid() {
		return fmt.Errorf("%s is out of range", which)
	}

	return nil
}
