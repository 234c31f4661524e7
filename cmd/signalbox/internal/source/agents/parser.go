package agents

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/jsonscan"
	"github.com/signalbox-ci/signalbox/emitter/aggregator"
	"github.com/signalbox-ci/signalbox/internal/excerpt"
)

// The fields of an update and of a metric, as bits of a set.
const (
	fieldLabels = 1 << iota
	fieldMetrics
	fieldName
	fieldType
	fieldValue
)

const (
	updateFields = "labels, metrics"
	metricFields = "name, type, value, labels"
)

func updateField(key []byte) uint {
	switch string(key) {
	case "labels":
		return fieldLabels
	case "metrics":
		return fieldMetrics
	default:
		return 0
	}
}

func metricField(key []byte) uint {
	switch string(key) {
	case "name":
		return fieldName
	case "type":
		return fieldType
	case "value":
		return fieldValue
	case "labels":
		return fieldLabels
	default:
		return 0
	}
}

// A parser decodes the JSON of updates. Unknown fields are errors, so that a misspelled
// label is noticed.
//
// The zero value is ready to use. It is not safe for concurrent use.
type parser struct {
	in     jsonscan.Scanner
	isUTF8 bool // whether the whole update is UTF-8

	// The latest update. The memory of all fields is reused.
	base    []aggregator.Label
	metrics []aggregator.Metric // the well-formed ones
	indexes []int               // the indexes of the well-formed metrics in the update
	found   int                 // the number of metrics in the update, including malformed ones
	errs    []metricError       // for the first source.MaxErrors malformed metrics

	labels []aggregator.Label // the labels of all metrics
}

// A metricError is an error in a metric.
type metricError struct {
	index int // the index of the metric in the update
	name  string
	err   error
}

// parse parses an update, which must be valid JSON. An error is the reason why the
// update is rejected as a whole; found is correct even then.
func (p *parser) parse(update []byte) error {
	p.isUTF8 = p.in.Reset(update)
	p.base, p.metrics, p.indexes = p.base[:0], p.metrics[:0], p.indexes[:0]
	p.errs, p.labels, p.found = p.errs[:0], p.labels[:0], 0

	if p.in.Peek() != '{' {
		return p.in.Mismatch("update", "an object")
	}
	seen := uint(0)
	err := p.fields(func() error { return p.updateField(&seen) })
	if err == nil && seen&fieldMetrics == 0 {
		return errors.New("the update has no metrics")
	}
	return err
}

// fields reads an object. It calls field for each member, skips members for which field
// returns an error, and returns the first error.
func (p *parser) fields(field func() error) (first error) {
	p.in.Members(func() error { //nolint:errcheck // it is valid JSON
		start := p.in.Pos
		if err := field(); err != nil {
			p.in.Pos = start
			p.in.SkipValue() // the member's name
			p.in.Take(':')
			p.in.SkipValue()
			if first == nil {
				first = err
			}
		}
		return nil
	})
	return first
}

func (p *parser) updateField(seen *uint) error {
	bit, err := p.field(seen, updateField, updateFields)
	if err != nil {
		return err
	}

	if bit == fieldLabels {
		p.base, err = p.appendLabels(p.base)
		return err
	}
	if p.in.Peek() != '[' {
		return p.in.Mismatch("metrics", "an array")
	}
	return p.in.Elements(func() error {
		index, start := p.found, p.in.Pos
		p.found++
		metric, err := p.metric()
		if err == nil {
			p.metrics = append(p.metrics, metric)
			p.indexes = append(p.indexes, index)
			return nil
		}
		if len(p.errs) < source.MaxErrors {
			p.errs = append(p.errs, metricError{index, metric.Name, err})
		}
		p.in.Pos = start
		return p.in.SkipValue()
	})
}

// metric reads a metric. Even if it returns an error, the metric has its name, unless
// the name could not be read.
func (p *parser) metric() (aggregator.Metric, error) {
	var metric aggregator.Metric
	if p.in.Peek() != '{' {
		return metric, p.in.Mismatch("metric", "an object")
	}
	seen := uint(0)
	err := p.fields(func() error { return p.metricField(&metric, &seen) })
	switch {
	case err != nil:
		return metric, err
	case metric.Name == "":
		return metric, errors.New("the metric has no name")
	case seen&fieldType == 0:
		return metric, errors.New("the metric has no type, expected counter or gauge")
	case seen&fieldValue == 0:
		return metric, errors.New("the metric has no value")
	default:
		return metric, nil
	}
}

func (p *parser) metricField(metric *aggregator.Metric, seen *uint) error {
	bit, err := p.field(seen, metricField, metricFields)
	if err != nil {
		return err
	}

	switch bit {
	case fieldName:
		var name []byte
		name, err = p.text("name")
		metric.Name = string(name)
	case fieldType:
		metric.Type, err = p.metricType()
	case fieldValue:
		metric.Value, err = p.value()
	case fieldLabels:
		start := len(p.labels)
		p.labels, err = p.appendLabels(p.labels)
		metric.Labels = p.labels[start:len(p.labels):len(p.labels)]
	}
	return err
}

// field reads the name of a field, adds its bit to seen, and returns the bit. bits
// returns the bit of a name, or 0 if the name is unknown. It is an error if the name is
// unknown or the bit is already in seen.
func (p *parser) field(seen *uint, bits func(name []byte) uint, known string) (uint, error) {
	name, err := p.key()
	if err != nil {
		return 0, err
	}
	bit := bits(name)
	if bit == 0 {
		return 0, fmt.Errorf("unknown field %s, expected one of %s", excerpt.Quote(name), known)
	}
	if *seen&bit != 0 {
		return 0, fmt.Errorf("field %s is duplicated", excerpt.Quote(name))
	}
	*seen |= bit
	return bit, nil
}

// key reads the name of a member and the colon.
func (p *parser) key() ([]byte, error) {
	key, err := p.in.Key()
	if err != nil {
		return nil, err
	}
	return key, p.checkUTF8(key)
}

// text reads a string.
func (p *parser) text(what string) ([]byte, error) {
	if p.in.Peek() != '"' {
		return nil, p.in.Mismatch(what, "a string")
	}
	text, err := p.in.Text()
	if err == nil {
		err = p.checkUTF8(text)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return text, nil
}

func (p *parser) checkUTF8(text []byte) error {
	// Checking the whole update once costs much less than checking each string.
	if p.isUTF8 || utf8.Valid(text) {
		return nil
	}
	return fmt.Errorf("%s is not UTF-8", excerpt.Quote(text))
}

func (p *parser) metricType() (aggregator.Type, error) {
	name, err := p.text("type")
	if err != nil {
		return 0, err
	}

	switch string(name) {
	case "counter":
		return aggregator.Counter, nil
	case "gauge":
		return aggregator.Gauge, nil
	default:
		return 0, fmt.Errorf("got type %s, expected counter or gauge", excerpt.Quote(name))
	}
}

// value reads a number, or a string that names a number that JSON cannot represent.
func (p *parser) value() (float64, error) {
	if c := p.in.Peek(); c == '-' || '0' <= c && c <= '9' {
		number, err := p.in.Number()
		if err != nil {
			return 0, err
		}
		value, err := strconv.ParseFloat(string(number), 64)
		if err != nil {
			return 0, fmt.Errorf("value %s is out of range of a float64", excerpt.Short(number))
		}
		return value, nil
	} else if c != '"' {
		return 0, p.in.Mismatch("value", "a number")
	}
	name, err := p.text("value")
	if err != nil {
		return 0, err
	}
	switch string(name) {
	case "NaN":
		return math.NaN(), nil
	case "+Inf":
		return math.Inf(1), nil
	case "-Inf":
		return math.Inf(-1), nil
	default:
		return 0, fmt.Errorf(`got value %s, expected a number, "NaN", "+Inf" or "-Inf"`, excerpt.Quote(name))
	}
}
