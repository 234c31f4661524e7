package agents

import (
	"fmt"

	"github.com/signalbox-ci/signalbox/emitter/aggregator"
	"github.com/signalbox-ci/signalbox/internal/excerpt"
)

// maxLabels is the maximum number of labels of a metric or an agent. It is low enough
// for a linear search for duplicates.
const maxLabels = 64

// appendLabels reads labels and appends them.
func (p *parser) appendLabels(labels []aggregator.Label) ([]aggregator.Label, error) {
	if p.in.Peek() != '{' {
		return labels, p.in.Mismatch("labels", "an object")
	}
	start := len(labels)
	err := p.in.Members(func() error {
		label, err := p.label(labels[start:])
		labels = append(labels, label)
		return err
	})
	return labels, err
}

// label reads a label. It returns an error if one of the others has the same name.
func (p *parser) label(others []aggregator.Label) (label aggregator.Label, err error) {
	key, err := p.key()
	if err != nil {
		return label, fmt.Errorf("label name: %w", err)
	}
	if len(others) == maxLabels {
		return label, fmt.Errorf("more labels than the limit of %d", maxLabels)
	}
	for _, other := range others {
		if other.Name == string(key) {
			return label, fmt.Errorf("label %s is duplicated", excerpt.Quote(key))
		}
	}
	label.Name = string(key)
	if p.in.Peek() != '"' {
		return label, p.in.Mismatch("label "+excerpt.Quote(label.Name), "a string")
	}
	value, err := p.in.Text()
	if err == nil {
		err = p.checkUTF8(value)
	}
	if err != nil {
		return label, fmt.Errorf("label %s: %w", excerpt.Quote(label.Name), err)
	}
	label.Value = string(value)
	return label, nil
}
