package aggregator

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/model"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/signalbox-ci/signalbox/internal/excerpt"
	"github.com/signalbox-ci/signalbox/internal/names"
	"github.com/signalbox-ci/signalbox/internal/series"
)

// maxOwnLabels is the maximum number of labels of a pushed metric, without the label
// instance and the labels of its group. It also applies to the labels of an exemplar.
const maxOwnLabels = 64

// A typeChecks contains the checks for metrics of one type.
type typeChecks struct {
	// hasValue reports whether a metric has a value of the type.
	hasValue func(*dto.Metric) bool

	// reserved is the name of a label that the samples of such a metric have in
	// addition to its own labels. The metric must not have this label itself. It is
	// empty if there is no such label.
	reserved string

	// check returns an error if the value is invalid. If it is nil, all values are
	// valid.
	check func(*dto.Metric) error
}

// checks contains the checks for each type.
var checks = [...]typeChecks{
	series.Counter: {
		hasValue: func(m *dto.Metric) bool { return m.Counter != nil },
		check:    func(m *dto.Metric) error { return checkCounter(m.Counter) },
	},
	series.Gauge: {
		hasValue: func(m *dto.Metric) bool { return m.Gauge != nil },
	},
	series.Untyped: {
		hasValue: func(m *dto.Metric) bool { return m.Untyped != nil },
	},
	series.Summary: {
		hasValue: func(m *dto.Metric) bool { return m.Summary != nil },
		reserved: model.QuantileLabel,
		check:    func(m *dto.Metric) error { return checkSummary(m.Summary) },
	},
	series.Histogram: {
		hasValue: func(m *dto.Metric) bool { return m.Histogram != nil },
		reserved: model.BucketLabel,
		check:    func(m *dto.Metric) error { return checkHistogram(m.Histogram) },
	},
	series.GaugeHistogram: {
		hasValue: func(m *dto.Metric) bool { return m.Histogram != nil },
		reserved: model.BucketLabel,
		check:    func(m *dto.Metric) error { return checkHistogram(m.Histogram) },
	},
}

// checkFamily returns an error if the family cannot be represented in all exposition
// formats, or if Prometheus would drop a whole scrape because of it. grouping are the
// labels of the group to which the family was pushed, and scheme defines which names
// are valid. checkFamily does not compare the family with others. It sorts the labels
// of its metrics.
func checkFamily(scheme model.ValidationScheme, grouping []Label, mf *dto.MetricFamily) error {
	name := mf.GetName()
	if !names.IsMetricIn(scheme, name) {
		return errName("metric", scheme, name)
	}

	typ, ok := series.TypeOf(mf.GetType())
	switch {
	case !ok:
		return fmt.Errorf("metric %s: unknown type %s", excerpt.Short(name), mf.GetType())
	case !utf8.ValidString(mf.GetHelp()):
		return fmt.Errorf("metric %s: help text %q is not valid UTF-8", excerpt.Short(name), excerpt.Short(mf.GetHelp()))
	case !names.IsMetricIn(scheme, name+mf.GetUnit()):
		return fmt.Errorf("metric %[2]s: invalid unit %[1]q", excerpt.Short(mf.GetUnit()), excerpt.Short(name))
	}
	for i, m := range mf.Metric {
		if err := checkSample(scheme, grouping, typ, m); err != nil {
			return fmt.Errorf("metric %s: sample %d of %d: %w", excerpt.Short(name), i+1, len(mf.Metric), err)
		}
	}
	return nil
}

func checkSample(scheme model.ValidationScheme, grouping []Label, typ series.Type, m *dto.Metric) error {
	if m == nil {
		return errors.New("the sample is nil")
	}
	if err := checkValue(typ, m); err != nil {
		return err
	}
	if err := checkPairs(scheme, m.Label); err != nil {
		return err
	}
	if n := ownLabels(grouping, m.Label); n > maxOwnLabels {
		return fmt.Errorf("got %d labels, expected at most %d", n, maxOwnLabels)
	}
	reserved := checks[typ].reserved
	for _, l := range m.Label {
		name := l.GetName()
		if strings.HasPrefix(name, model.ReservedLabelPrefix) {
			return fmt.Errorf("%q is not a label name", excerpt.Short(name))
		}
		if name == reserved {
			return fmt.Errorf("label %s is reserved in a %s", name, typ)
		}
	}
	if reserved != "" && hasName(grouping, reserved) {
		return fmt.Errorf("label %s is reserved in a %s, but the group has a label with this name", reserved, typ)
	}
	if check := checks[typ].check; check != nil {
		return check(m)
	}
	return nil
}

// checkValue returns an error unless a metric has a value of the type and no other
// value.
func checkValue(typ series.Type, m *dto.Metric) error {
	if !checks[typ].hasValue(m) {
		return fmt.Errorf("got no value or one of another type, expected a %s", typ)
	}
	values := 0
	for _, isSet := range [...]bool{m.Counter != nil, m.Gauge != nil, m.Untyped != nil, m.Summary != nil, m.Histogram != nil} {
		if isSet {
			values++
		}
	}
	if values > 1 {
		return fmt.Errorf("got values of %d types, expected only a %s", values, typ)
	}
	return nil
}

// checkPairs returns an error if the labels of a metric or of an exemplar are invalid.
// It sorts them.
func checkPairs(scheme model.ValidationScheme, labels []*dto.LabelPair) error {
	if slices.Contains(labels, nil) {
		return errors.New("a label is nil")
	}
	slices.SortFunc(labels, func(a, b *dto.LabelPair) int { return strings.Compare(a.GetName(), b.GetName()) })
	for i, l := range labels {
		name := l.GetName()
		switch {
		case !names.IsSampleLabelIn(scheme, name):
			return errName("label", scheme, name)
		case i > 0 && name == labels[i-1].GetName():
			return fmt.Errorf("label %s is duplicated", excerpt.Short(name))
		case !utf8.ValidString(l.GetValue()):
			return fmt.Errorf("label %s: value %q is not valid UTF-8", excerpt.Short(name), excerpt.Short(l.GetValue()))
		}
	}
	return nil
}

// ownLabels returns the number of labels of a metric. The labels must be sorted by
// name. If there are more than maxOwnLabels, it does not count the label instance and
// those with the names of grouping labels, which the metrics of a restored group also
// have.
func ownLabels(grouping []Label, labels []*dto.LabelPair) int {
	n := len(labels)
	if n <= maxOwnLabels {
		return n
	}
	has := func(name string) bool {
		_, ok := slices.BinarySearchFunc(labels, name, func(l *dto.LabelPair, name string) int { return strings.Compare(l.GetName(), name) })
		return ok
	}
	for _, l := range grouping {
		if has(l.Name) {
			n--
		}
	}
	if !hasName(grouping, instanceLabel) && has(instanceLabel) {
		n--
	}
	return n
}

func checkCounter(c *dto.Counter) error {
	return errors.Join(checkTime("created timestamp", c.CreatedTimestamp), checkExemplar(c.Exemplar))
}

func checkSummary(s *dto.Summary) error {
	if slices.Contains(s.Quantile, nil) {
		return errors.New("a quantile is nil")
	}
	if err := checkDistinct("quantile", s.Quantile, (*dto.Quantile).GetQuantile); err != nil {
		return err
	}
	return checkTime("created timestamp", s.CreatedTimestamp)
}

// checkDistinct returns an error if the bounds of two buckets, or two quantiles, are
// the same, or if one is NaN. They are values of the label with the name.
func checkDistinct[T any](label string, list []T, number func(T) float64) error {
	ascending := true
	for i, x := range list {
		if math.IsNaN(number(x)) {
			return fmt.Errorf("got %s=NaN, expected a number", label)
		}
		ascending = ascending && (i == 0 || number(x) > number(list[i-1]))
	}
	if ascending {
		return nil
	}
	seen := make(map[float64]bool, len(list))
	for _, x := range list {
		if n := number(x); seen[n] {
			return fmt.Errorf("%s=%v is duplicated", label, n)
		} else {
			seen[n] = true
		}
	}
	return nil
}

// checkExemplar returns an error if an exemplar is invalid. A nil exemplar is valid.
func checkExemplar(e *dto.Exemplar) error {
	if e == nil {
		return nil
	}
	err := checkPairs(model.LegacyValidation, e.Label) // so that all scrapers can be given exemplars
	switch {
	case err != nil:
	case len(e.Label) > maxOwnLabels:
		err = fmt.Errorf("got %d labels, expected at most %d", len(e.Label), maxOwnLabels)
	default:
		err = checkTime("timestamp", e.Timestamp)
	}
	if err != nil {
		return fmt.Errorf("exemplar: %w", err)
	}
	return nil
}

// checkTime returns an error if a timestamp is out of range and so cannot be
// represented in every format. A nil timestamp is valid.
func checkTime(name string, t *timestamppb.Timestamp) error {
	if t != nil && !t.IsValid() {
		return fmt.Errorf("%s is out of range", name)
	}
	return nil
}
