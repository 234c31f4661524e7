package engine

import (
	"fmt"
	"math"
	"slices"

	"github.com/signalbox-ci/signalbox/emitter/rule"
	"github.com/signalbox-ci/signalbox/internal/loglimit"
	"github.com/signalbox-ci/signalbox/internal/series"
)

// A plan holds everything that one event updates. The event's attributes are read once,
// into a slice that all updates use.
type plan struct {
	event      string
	received   *series.Tally // of the event; set when the plan is put in force
	attributes []string      // that the updates use
	derived    []derived
	updates    []update
	worker     int // index of the attribute that names the worker, or -1
	heartbeat  bool
	limiters   *[reasons]loglimit.Limiter
}

// A derived is a label value that a replacer computes from an attribute. The k-th is at
// the k-th position from the end of an observation's attributes.
type derived struct {
	from int // index of the attribute
	by   *replacer
}

// maxAttributes is the maximum number of attributes that the rules for one event may
// use; each way of replacing an attribute's values counts as one more. It bounds what
// Emit puts on its stack. The built-in catalog needs five.
const maxAttributes = 16

// maxUpdates is the maximum number of rules for one event. An index of a rule must fit
// into a byte.
const maxUpdates = math.MaxUint8

// An update is one rule, resolved.
type update struct {
	family   *series.Family
	op       series.Op
	operand  operand
	divide   float64
	labels   []uint8 // index of the value for each of the family's labels
	required uint32  // bit set of attributes that must be present
	nonEmpty []uint8 // indexes of those that must not be empty
	when     int     // index of the attribute that the rule is conditional on, or -1
	equals   string
	exemplar *series.ExemplarLabels // nil if the rule has none
}

// An operand is the source of the number with which a series is updated.
type operand uint8

const (
	eventValue operand = iota
	one
	holding // 1 if the event's value is 1, -1 otherwise
)

// add resolves a rule that updates the family.
func (p *plan) add(r rule.Rule, family *series.Family, replacer func([]rule.Replacement) (*replacer, error)) error {
	u := update{family: family, divide: r.Divide, when: -1}
	switch r.Operation {
	case rule.Add:
		u.op, u.operand = series.Add, eventValue
	case rule.Inc:
		u.op, u.operand = series.Add, one
	case rule.Hold:
		u.op, u.operand = series.Add, holding
	case rule.Set:
		u.op, u.operand = series.Set, eventValue
	case rule.Observe:
		u.op, u.operand = series.Observe, eventValue
	}
	for _, l := range sortedLabels(r) {
		i := p.attribute(l.Attribute)
		value := i
		if len(l.Replace) > 0 {
			by, err := replacer(l.Replace)
			if err != nil {
				return err
			}
			value = p.derive(derived{i, by})
		}
		u.labels = append(u.labels, uint8(value))
		switch l.Required {
		case rule.NonEmpty:
			u.nonEmpty = append(u.nonEmpty, uint8(i))
			fallthrough
		case rule.Present:
			u.required |= 1 << i
		}
	}
	if len(r.Exemplar) > 0 {
		u.exemplar = &series.ExemplarLabels{}
		for _, l := range r.Exemplar {
			u.exemplar.Names = append(u.exemplar.Names, l.Name)
			u.exemplar.From = append(u.exemplar.From, uint8(p.attribute(l.Attribute)))
		}
	}
	for _, name := range r.Needs {
		u.required |= 1 << p.attribute(name)
	}
	if r.When != nil {
		u.when, u.equals = p.attribute(r.When.Attribute), r.When.Value
		u.required |= 1 << u.when
	}
	if r.Worker != "" {
		p.worker = p.attribute(rule.WorkerAttribute)
		p.heartbeat = p.heartbeat || r.Worker == rule.Heartbeat
		u.required |= 1 << p.worker
	}
	if len(p.updates) == maxUpdates {
		return fmt.Errorf("there are more than %d rules for event %q, which is the limit", maxUpdates, p.event)
	}
	if len(p.attributes)+len(p.derived) > maxAttributes {
		return fmt.Errorf("the rules for event %q use more than %d attributes, which is the limit; each way of replacing an attribute counts as one more", p.event, maxAttributes)
	}
	p.updates = append(p.updates, u)
	return nil
}

// slots returns the number of values of an observation.
func (p *plan) slots() int {
	if len(p.derived) > 0 {
		return maxAttributes
	}
	return len(p.attributes)
}

// derive returns the index of a derived value in the plan's observations, and adds the
// value if necessary.
func (p *plan) derive(d derived) int {
	k := slices.Index(p.derived, d)
	if k < 0 {
		k = len(p.derived)
		p.derived = append(p.derived, d)
	}
	return maxAttributes - 1 - k
}

// replace computes the derived values of an observation.
func (p *plan) replace(values []string) {
	for k, d := range p.derived {
		values[maxAttributes-1-k] = d.by.replace(values[d.from])
	}
}

// attributeOf returns the name of the attribute that a value of an observation is, or
// is derived from.
func (p *plan) attributeOf(value uint8) string {
	if k := maxAttributes - 1 - int(value); k >= 0 && k < len(p.derived) {
		value = uint8(p.derived[k].from)
	}
	return p.attributes[value]
}

// attribute returns the index of an attribute in the plan's observations, and adds the
// attribute if necessary.
func (p *plan) attribute(name string) int {
	if i := slices.Index(p.attributes, name); i >= 0 {
		return i
	}
	p.attributes = append(p.attributes, name)
	return len(p.attributes) - 1
}

// withAttributes returns the plan for observations of other attributes. at[i] is the
// index of the plan's i-th attribute among them; they must include all of the plan's.
func (p *plan) withAttributes(attributes []string, at []int) *plan {
	r := *p
	r.attributes = attributes
	if p.worker >= 0 {
		r.worker = at[p.worker]
	}
	translate := func(from []uint8) (to []uint8) {
		for _, i := range from {
			to = append(to, uint8(at[i]))
		}
		return to
	}
	r.updates = slices.Clone(p.updates)
	for i := range r.updates {
		u := &r.updates[i]
		u.labels, u.nonEmpty, u.required = translate(u.labels), translate(u.nonEmpty), 0
		if u.when >= 0 {
			u.when = at[u.when]
		}
		if u.exemplar != nil {
			u.exemplar = &series.ExemplarLabels{Names: u.exemplar.Names, From: translate(u.exemplar.From)}
		}
	}
	return &r
}
