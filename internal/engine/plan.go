package engine

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/signalbox-ci/signalbox/emitter/rule"
	"github.com/signalbox-ci/signalbox/internal/excerpt"
	"github.com/signalbox-ci/signalbox/internal/loglimit"
	"github.com/signalbox-ci/signalbox/internal/series"
)

// A plan contains all updates for one event. The attributes of an event are read once,
// into a slice that all updates use.
type plan struct {
	event      string
	received   *series.Tally // number of events; set when the plan becomes active
	attributes []string      // names of the attributes that the updates use
	derived    []derivedValue
	closed     []closedAttribute
	updates    []update
	worker     int // index of the attribute that names the worker, or -1
	heartbeat  bool
	limiters   *[reasons]loglimit.Limiter
	tap        Tap // nil if there is none
}

// A derivedValue is a label value that is computed from an attribute. In the attributes
// of an observation, derived value k has index maxAttributes-1-k.
type derivedValue struct {
	from     int       // index of the attribute
	replacer *replacer // nil if the rule has no replacements
	truncate bool      // whether a value that is too long is cut
}

// of returns the derived value for the value of the attribute.
func (d derivedValue) of(value string) string {
	if d.truncate {
		value = excerpt.Cut(value, maxLabelValueBytes)
	}
	if d.replacer != nil {
		value = d.replacer.replace(value)
		if d.truncate {
			value = excerpt.Cut(value, maxLabelValueBytes)
		}
	}
	return value
}

// A closedAttribute is an attribute with a closed list of values.
type closedAttribute struct {
	attribute int // index of the attribute
	values    []string
}

// maxClosed is the maximum number of different lists of values in the rules for one
// event, so that they fit into a bit set.
const maxClosed = 32

// maxAttributes is the maximum number of attributes that the rules for one event may
// use. If rules replace or cut the values of an attribute, each different list of
// replacements counts as an additional attribute. The limit bounds the stack usage of
// Emit. The built-in catalog needs six.
const maxAttributes = 16

// maxUpdates is the maximum number of rules for one event. The index of a rule must fit
// into a byte.
const maxUpdates = math.MaxUint8

// An update is a resolved rule.
type update struct {
	family   *series.Family
	op       series.Op
	computed bool // whether the number is not always the event's value
	operand  operand
	divide   float64
	labels   []uint8                // for each label of the family, except one that shows the state, the index of its value
	required uint32                 // bit set of attributes that must be present
	closed   uint32                 // bit set of the plan's closed attributes that must have a listed value
	nonEmpty []uint8                // indexes of attributes that must not be empty
	when     int                    // index of the attribute in the rule's condition, or -1
	equals   string                 // value of that attribute for which the update applies
	exemplar *series.ExemplarLabels // nil if the rule has no exemplar
	state    uint8                  // index of the value that is the state, if the operand is stateNumber
}

// An operand specifies the number that an update adds, sets, or observes.
type operand uint8

const (
	eventValue operand = iota
	one
	holding     // 1 if the event's value is 1, -1 otherwise
	stateNumber // the number of the event's state in the family
)

// add adds the update for a rule to the plan. family is the family that the rule
// updates.
func (p *plan) add(r rule.Rule, family *series.Family, replacerFor func([]rule.Replacement) (*replacer, error)) error {
	if len(p.updates) == maxUpdates {
		return fmt.Errorf("event %q has too many rules, expected at most %d", p.event, maxUpdates)
	}
	if err := p.checkSize(); err != nil {
		return err // a previous rule exceeded the limits
	}
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
	case rule.State:
		u.op, u.operand = series.Set, stateNumber
	case rule.Observe:
		u.op, u.operand = series.Observe, eventValue
	}
	for _, l := range sortedLabels(r) {
		i := p.attribute(l.Attribute)
		value := i
		if d := (derivedValue{from: i, truncate: l.Truncate}); len(l.Replace) > 0 || l.Truncate {
			if len(l.Replace) > 0 {
				var err error
				if d.replacer, err = replacerFor(l.Replace); err != nil {
					return err
				}
			}
			value = p.derive(d)
		}
		if u.operand == stateNumber && l.Name == r.States.Label {
			u.state = uint8(value)
		} else {
			u.labels = append(u.labels, uint8(value))
		}
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
	for _, name := range slices.Sorted(maps.Keys(r.Values)) {
		u.closed |= 1 << p.restrict(closedAttribute{p.attribute(name), r.Values[name]})
	}
	if r.Worker != "" {
		p.worker = p.attribute(rule.WorkerAttribute)
		p.heartbeat = p.heartbeat || r.Worker == rule.Heartbeat
		u.required |= 1 << p.worker
	}
	if err := p.checkSize(); err != nil {
		return err
	}
	u.computed = u.operand != eventValue || u.divide != 0 || u.op == series.Observe
	p.updates = append(p.updates, u)
	return nil
}

// checkSize returns an error if the rules use more attributes than a plan can have.
func (p *plan) checkSize() error {
	if len(p.closed) > maxClosed {
		return fmt.Errorf("the rules for event %q have too many different lists of values, expected at most %d", p.event, maxClosed)
	}
	if len(p.attributes)+len(p.derived) > maxAttributes {
		return fmt.Errorf("the rules for event %q use too many attributes, expected at most %d: each different list of replacements counts as an additional attribute", p.event, maxAttributes)
	}
	return nil
}

// labelInputs yields what Engine.LabelInputs returns.
func (p *plan) labelInputs(yield func(attribute string, of func(value string) string) bool) {
	for i, attribute := range p.attributes {
		replaced := p.isReplaced(i)
		if !replaced && !yield(attribute, nil) {
			return
		}
		for _, d := range p.derived {
			if replaced && d.from == i && !yield(attribute, d.of) {
				return
			}
		}
	}
}

// isReplaced reports whether the updates depend on the value of an attribute only after
// replacements.
func (p *plan) isReplaced(attribute int) bool {
	for _, u := range p.updates {
		if u.when == attribute || slices.Contains(u.labels, uint8(attribute)) || u.operand == stateNumber && int(u.state) == attribute {
			return false
		}
	}
	return slices.ContainsFunc(p.derived, func(d derivedValue) bool { return d.from == attribute })
}

// slots returns the required length of an observation's attributes.
func (p *plan) slots() int {
	if len(p.derived) > 0 {
		return maxAttributes
	}
	return len(p.attributes)
}

// derive returns the index of a derived value in the plan's observations. It adds the
// value to the plan if necessary.
func (p *plan) derive(d derivedValue) int {
	k := slices.Index(p.derived, d)
	if k < 0 {
		k = len(p.derived)
		p.derived = append(p.derived, d)
	}
	return maxAttributes - 1 - k
}

// restrict returns the index of a closed attribute. It adds the attribute to the plan
// if necessary.
func (p *plan) restrict(c closedAttribute) int {
	k := slices.IndexFunc(p.closed, func(b closedAttribute) bool {
		return b.attribute == c.attribute && slices.Equal(b.values, c.values)
	})
	if k < 0 {
		k = len(p.closed)
		p.closed = append(p.closed, c)
	}
	return k
}

// unlisted returns the bit set of the closed attributes that the event has, but with a
// value that is not listed.
func (p *plan) unlisted(o *observation) (set uint32) {
	for k := range p.closed {
		c := &p.closed[k]
		if o.present&(1<<c.attribute) != 0 && !slices.Contains(c.values, o.attributes[c.attribute]) {
			set |= 1 << k
		}
	}
	return set
}

// workerOf returns the name of the worker in an observation, or an empty string if the
// rules use none.
func (p *plan) workerOf(o *observation) string {
	if p.worker < 0 {
		return ""
	}
	return o.attributes[p.worker]
}

// setDerived computes the derived values of an observation.
func (p *plan) setDerived(values []string) {
	for k, d := range p.derived {
		values[maxAttributes-1-k] = d.of(values[d.from])
	}
}

// attributeOf returns the name of the attribute that has the given index in the plan's
// observations or, for a derived value, of the attribute from which it is derived.
func (p *plan) attributeOf(index uint8) string {
	if k := maxAttributes - 1 - int(index); k >= 0 && k < len(p.derived) {
		index = uint8(p.derived[k].from)
	}
	return p.attributes[index]
}

// attribute returns the index of an attribute in the plan's observations. It adds the
// attribute to the plan if necessary.
func (p *plan) attribute(name string) int {
	if i := slices.Index(p.attributes, name); i >= 0 {
		return i
	}
	p.attributes = append(p.attributes, name)
	return len(p.attributes) - 1
}

// withAttributes returns a copy of the plan for observations with the given attributes,
// which must include all attributes of the plan. at[i] is the new index of attribute i.
// The copied updates require no attributes, because all of them are present.
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
	r.closed = slices.Clone(p.closed)
	for k := range r.closed {
		r.closed[k].attribute = at[r.closed[k].attribute]
	}
	r.updates = slices.Clone(p.updates)
	for i := range r.updates {
		u := &r.updates[i]
		u.labels, u.nonEmpty, u.required = translate(u.labels), translate(u.nonEmpty), 0
		if u.operand == stateNumber {
			u.state = uint8(at[u.state])
		}
		if u.when >= 0 {
			u.when = at[u.when]
		}
		if u.exemplar != nil {
			u.exemplar = &series.ExemplarLabels{Names: u.exemplar.Names, From: translate(u.exemplar.From)}
		}
	}
	return &r
}
