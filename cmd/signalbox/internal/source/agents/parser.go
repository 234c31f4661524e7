package agents

import (
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/reply"
	"github.com/signalbox-ci/signalbox/emitter/aggregator"
)

// maxLabels is how many labels a metric or an agent may have: more than anybody
// writes, and few enough to look for a second one of the same name among them.
const maxLabels = 64

// The fields of an update and of a metric, as bits of what was seen.
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

// A parser turns the JSON of updates into what the aggregator takes. It reads what
// it knows and nothing else: what says something that would be ignored is an error,
// so that nobody waits for a label that was misspelt.
//
// The zero value is ready to use. It is not safe for concurrent use.
type parser struct {
	in cursor

	// The update that was parsed last; all are reused.
	base    []aggregator.Label
	metrics []aggregator.Metric // those that are well formed
	indexes []int               // of metrics, in the update
	found   int                 // how many metrics the update has, malformed ones included
	faults  []metricFault       // of the malformed ones, the first maxErrors

	labels []aggregator.Label // lent to metrics
}

// A metricFault is what is wrong with a metric.
type metricFault struct {
	index int // in the update
	name  string
	err   error
}

// parse parses the JSON value of an update. An error says why it is refused as a
// whole; found is right nevertheless.
func (p *parser) parse(update []byte) error {
	p.in = newCursor(update)
	p.base, p.metrics, p.indexes = p.base[:0], p.metrics[:0], p.indexes[:0]
	p.faults, p.labels, p.found = p.faults[:0], p.labels[:0], 0

	if err := p.in.expect("an update", "an object"); err != nil {
		return err
	}

	var first error
	seen := uint(0)
	for key := range p.in.members() {
		if err := p.updateField(&seen, key); err != nil && first == nil {
			first = err
		}
	}
	if first == nil && seen&fieldMetrics == 0 {
		return errors.New("the update has no metrics")
	}

	return first
}

func (p *parser) updateField(seen *uint, key []byte) error {
	bit, err := p.field(seen, key, updateField, updateFields)
	if err != nil {
		return err
	}

	if bit == fieldLabels {
		p.base, err = p.appendLabels(p.base)
		return err
	}
	if err := p.in.expect("metrics", "an array"); err != nil {
		return err
	}
	for index := range p.in.elements() {
		p.found++

		metric, err := p.metric()
		if err == nil {
			p.metrics = append(p.metrics, metric)
			p.indexes = append(p.indexes, index)
		} else if len(p.faults) < maxErrors {
			p.faults = append(p.faults, metricFault{index, metric.Name, err})
		}
	}

	return nil
}

// metric reads a metric. With an error it has its name, if that can be read.
func (p *parser) metric() (aggregator.Metric, error) {
	var metric aggregator.Metric
	if err := p.in.expect("a metric", "an object"); err != nil {
		return metric, err
	}

	var first error
	seen := uint(0)
	for key := range p.in.members() {
		if err := p.metricField(&metric, &seen, key); err != nil && first == nil {
			first = err
		}
	}

	switch {
	case first != nil:
		return metric, first
	case metric.Name == "":
		return metric, errors.New("the metric has no name")
	case seen&fieldType == 0:
		return metric, errors.New("the metric has no type, counter or gauge")
	case seen&fieldValue == 0:
		return metric, errors.New("the metric has no value")
	default:
		return metric, nil
	}
}

func (p *parser) metricField(metric *aggregator.Metric, seen *uint, key []byte) error {
	bit, err := p.field(seen, key, metricField, metricFields)
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

// field returns the bit of a field that bits knows and that was not seen before.
func (p *parser) field(seen *uint, key []byte, bits func(name []byte) uint, known string) (uint, error) {
	name, err := p.in.text(key)
	if err != nil {
		return 0, err
	}
	bit := bits(name)
	if bit == 0 {
		return 0, fmt.Errorf("unknown field %s; known are %s", reply.Quote(string(name)), known)
	}
	if *seen&bit != 0 {
		return 0, fmt.Errorf("field %s is there twice", reply.Quote(string(name)))
	}
	*seen |= bit

	return bit, nil
}

func (p *parser) text(what string) ([]byte, error) {
	if err := p.in.expect(what, "a string"); err != nil {
		return nil, err
	}
	text, err := p.in.text(p.in.raw())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}

	return text, nil
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
		return 0, fmt.Errorf("type %s is neither counter nor gauge", reply.Quote(string(name)))
	}
}

// value reads a number, or the name of one that JSON does not have.
func (p *parser) value() (float64, error) {
	if p.in.kind() != "a string" {
		if err := p.in.expect("value", "a number"); err != nil {
			return 0, err
		}
		number := p.in.raw()
		value, err := strconv.ParseFloat(string(number), 64)
		if err != nil {
			return 0, fmt.Errorf("value %s is out of the range of a double", reply.Shorten(string(number)))
		}

		return value, nil
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
		return 0, fmt.Errorf(`value %s is neither a number nor "NaN", "+Inf" or "-Inf"`, reply.Quote(string(name)))
	}
}

// appendLabels reads labels, and appends them.
func (p *parser) appendLabels(labels []aggregator.Label) ([]aggregator.Label, error) {
	if err := p.in.expect("labels", "an object"); err != nil {
		return labels, err
	}

	start := len(labels)
	for key := range p.in.members() {
		name, err := p.in.text(key)
		if err != nil {
			return labels, fmt.Errorf("a label's name: %w", err)
		}
		if len(labels)-start == maxLabels {
			return labels, fmt.Errorf("more labels than the limit of %d", maxLabels)
		}
		for _, other := range labels[start:] {
			if other.Name == string(name) {
				return labels, fmt.Errorf("label %s is there twice", reply.Quote(string(name)))
			}
		}

		if p.in.kind() != "a string" {
			return labels, p.in.expect("label "+reply.Quote(string(name)), "a string")
		}
		value, err := p.in.text(p.in.raw())
		if err != nil {
			return labels, fmt.Errorf("label %s: %w", reply.Quote(string(name)), err)
		}
		labels = append(labels, aggregator.Label{Name: string(name), Value: string(value)})
	}

	return labels, nil
}
