package emitter

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/signalbox-ci/signalbox/emitter/internal/series"
)

// A mapping is a set of rules, resolved: an event finds what it drives by its
// name, in one lookup, and from there on everything is an index.
type mapping map[string]*plan

// A plan is what one event drives. The event's attributes are read once, into a
// slice, and all updates are made from that.
type plan struct {
	event      string
	received   *series.Tally // of the event
	attributes []string      // that the updates look at; at most maxAttributes
	updates    []update
	worker     int // index of the attribute that names the worker, or -1
	heartbeat  bool
	limiters   *[reasons]limiter
}

// maxAttributes is how many attributes of one event the rules may look at. It
// bounds what an Emit puts on its stack; the built-in catalog needs six.
const maxAttributes = 16

// maxUpdates is how many metrics one event may drive: as many as a byte can count.
const maxUpdates = math.MaxUint8

// workerAttribute names the worker that an event is about.
const workerAttribute = "worker"

// An update is one rule, resolved.
type update struct {
	family   *series.Family
	op       series.Op
	operand  operand
	divide   float64
	labels   []uint8 // index of the attribute for each of the family's labels
	required uint32  // bit set of attributes that must be there
	nonEmpty []uint8 // indexes of those that must not be empty
	when     int     // index of the attribute that the rule is conditional on, or -1
	equals   string
	exemplar *series.ExemplarLabels // nil if the rule has none
}

// operand is where the number comes from that a series is updated with.
type operand uint8

const (
	eventValue operand = iota
	one
	holding // 1 if the event's value is 1, -1 otherwise
)

// compile adds the rules' families to the store and resolves the rules. It
// reports everything that is wrong with them, not just the first fault. Events are
// counted with the tallies.
func compile(rules []Rule, silent []string, namespace string, store *series.Store, received *tallies) (mapping, error) {
	m := mapping{}
	families := map[string]*definition{}
	var errs []error
	for _, rule := range rules {
		if err := rule.validate(); err != nil {
			errs = append(errs, fmt.Errorf("rule for event %q, metric %q: %w", rule.Event, rule.Metric, err))
			continue
		}
		def := families[rule.Metric]
		if def == nil {
			f, err := store.AddFamily(rule.familyOptions(namespace))
			if err != nil {
				errs = append(errs, err)
				continue
			}
			def = &definition{rule, f}
			families[rule.Metric] = def
		} else if err := def.accepts(rule); err != nil {
			errs = append(errs, fmt.Errorf("rule for event %q: %w", rule.Event, err))
			continue
		}
		if err := m.plan(rule.Event, received).add(rule, def.family); err != nil {
			errs = append(errs, err)
		}
	}
	for _, event := range silent {
		m.plan(event, received)
	}
	return m, errors.Join(errs...)
}

func (m mapping) plan(event string, received *tallies) *plan {
	p := m[event]
	if p == nil {
		p = &plan{event: event, received: received.of(event), worker: -1, limiters: new([reasons]limiter)}
		m[event] = p
	}
	return p
}

// add resolves a rule whose series are the family's.
func (p *plan) add(rule Rule, family *series.Family) error {
	u := update{family: family, divide: rule.Divide, when: -1}
	switch rule.Operation {
	case Add:
		u.op, u.operand = series.Add, eventValue
	case Inc:
		u.op, u.operand = series.Add, one
	case Hold:
		u.op, u.operand = series.Add, holding
	case Set:
		u.op, u.operand = series.Set, eventValue
	case Observe:
		u.op, u.operand = series.Observe, eventValue
	}
	for _, l := range rule.sortedLabels() {
		i := p.attribute(l.Attribute)
		u.labels = append(u.labels, uint8(i))
		switch l.Required {
		case NonEmpty:
			u.nonEmpty = append(u.nonEmpty, uint8(i))
			fallthrough
		case Present:
			u.required |= 1 << i
		}
	}
	if len(rule.Exemplar) > 0 {
		u.exemplar = &series.ExemplarLabels{}
		for _, l := range rule.Exemplar {
			u.exemplar.Names = append(u.exemplar.Names, l.Name)
			u.exemplar.From = append(u.exemplar.From, uint8(p.attribute(l.Attribute)))
		}
	}
	for _, name := range rule.Needs {
		u.required |= 1 << p.attribute(name)
	}
	if rule.When != nil {
		u.when, u.equals = p.attribute(rule.When.Attribute), rule.When.Value
		u.required |= 1 << u.when
	}
	if rule.Worker != "" {
		p.worker = p.attribute(workerAttribute)
		p.heartbeat = p.heartbeat || rule.Worker == Heartbeat
		u.required |= 1 << p.worker
	}
	if len(p.updates) == maxUpdates {
		return fmt.Errorf("there are more than %d rules for event %q", maxUpdates, p.event)
	}
	if len(p.attributes) > maxAttributes {
		return fmt.Errorf("the rules for event %q look at more than %d attributes", p.event, maxAttributes)
	}
	p.updates = append(p.updates, u)
	return nil
}

// attributeOf is the attribute that an observation's value is of.
func (p *plan) attributeOf(value uint8) string { return p.attributes[value] }

// attribute returns the index of an attribute in the plan's observations.
func (p *plan) attribute(name string) int {
	if i := slices.Index(p.attributes, name); i >= 0 {
		return i
	}
	p.attributes = append(p.attributes, name)
	return len(p.attributes) - 1
}

// reading is the plan for observations of other attributes, in which those that it
// looks at are at the indexes of at. All of them must be there.
func (p *plan) reading(attributes []string, at []int) *plan {
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

// A definition is a family with the first rule that asked for it.
type definition struct {
	rule   Rule
	family *series.Family
}

// accepts tells whether another rule may drive the same family.
func (d *definition) accepts(r Rule) error {
	labelNames := func(r Rule) (names []string) {
		for _, l := range r.sortedLabels() {
			names = append(names, l.Name)
		}
		return names
	}
	same := d.rule.Type == r.Type && d.rule.Help == r.Help &&
		d.rule.Worker == r.Worker && d.rule.IdleTTL == r.IdleTTL &&
		slices.Equal(d.rule.Buckets, r.Buckets) && d.rule.NativeHistogram == r.NativeHistogram &&
		slices.Equal(labelNames(d.rule), labelNames(r))
	if !same {
		return fmt.Errorf("metric %q is defined differently by the rule for event %q: type, help, label names, buckets, native histogram, worker and idle TTL must agree",
			r.Metric, d.rule.Event)
	}
	return nil
}

// withNativeHistograms are the rules with native buckets for all histograms.
func withNativeHistograms(rules []Rule) []Rule {
	rules = slices.Clone(rules)
	for i := range rules {
		rules[i].NativeHistogram = rules[i].NativeHistogram || rules[i].Type == Histogram
	}
	return rules
}

func (r Rule) sortedLabels() []Label {
	return slices.SortedFunc(slices.Values(r.Labels), func(a, b Label) int { return strings.Compare(a.Name, b.Name) })
}

func (r Rule) familyOptions(namespace string) series.FamilyOptions {
	o := series.FamilyOptions{
		Name:    prefixed(namespace, r.Metric),
		Help:    r.Help,
		Type:    map[Type]series.Type{Counter: series.Counter, Gauge: series.Gauge, Histogram: series.Histogram}[r.Type],
		Bounds:  r.Buckets,
		Native:  r.NativeHistogram,
		IdleTTL: r.IdleTTL,
	}
	for _, l := range r.sortedLabels() {
		o.Labels = append(o.Labels, l.Name)
	}
	switch r.Worker {
	case Owned:
		o.Ownership = series.Owned
	case Heartbeat:
		o.Ownership = series.Heartbeat
	}
	return o
}

func prefixed(namespace, metric string) string {
	if namespace == "" {
		return metric
	}
	return namespace + "_" + metric
}

// operations are the operations that go with a type.
var operations = map[Type][]Operation{
	Counter:   {Add, Inc},
	Gauge:     {Set, Hold},
	Histogram: {Observe},
}

// validate tells what is wrong with the rule itself.
func (r Rule) validate() error {
	allowed, known := operations[r.Type]
	switch {
	case r.Event == "":
		return errors.New("event is empty")
	case !isMetricName(r.Metric):
		return fmt.Errorf("metric %q is not a metric name: want letters, digits, _ and :, not starting with a digit", r.Metric)
	case !known:
		return fmt.Errorf("type %q is not one of counter, gauge, histogram", r.Type)
	case !slices.Contains(allowed, r.Operation):
		return fmt.Errorf("operation %q does not go with a %s: want one of %v", r.Operation, r.Type, allowed)
	case r.Divide < 0 || math.IsNaN(r.Divide) || math.IsInf(r.Divide, 0):
		return fmt.Errorf("divide is %v, want a positive number", r.Divide)
	case (len(r.Buckets) > 0) != (r.Type == Histogram):
		return fmt.Errorf("buckets go with histograms, and only with those; a %s has %d", r.Type, len(r.Buckets))
	case r.NativeHistogram && r.Type != Histogram:
		return fmt.Errorf("native_histogram goes with histograms only; this is a %s", r.Type)
	case len(r.Exemplar) > 0 && r.Type != Histogram:
		return fmt.Errorf("exemplar goes with histograms only; this is a %s", r.Type)
	case r.Worker != "" && r.Worker != Owned && r.Worker != Heartbeat:
		return fmt.Errorf("worker %q is not one of owned, heartbeat", r.Worker)
	case r.IdleTTL < 0:
		return fmt.Errorf("idle_ttl %v is negative", r.IdleTTL)
	case r.IdleTTL > 0 && len(r.Labels) == 0:
		return errors.New("a metric without labels has one series, which stays: idle_ttl wants labels")
	case r.Worker != "" && !slices.ContainsFunc(r.Labels, func(l Label) bool { return l.Attribute == workerAttribute }):
		return fmt.Errorf("worker wants a label with the attribute %q: two workers must not share a series", workerAttribute)
	case r.Divide != 0 && (r.Operation == Inc || r.Operation == Hold):
		return fmt.Errorf("divide does not go with the operation %q, which does not use the value", r.Operation)
	case r.When != nil && r.When.Attribute == "":
		return errors.New("when has no attribute")
	case r.IdleTTL > 0 && r.IdleTTL < time.Millisecond:
		return fmt.Errorf("idle_ttl %v is under a millisecond", r.IdleTTL)
	}
	for i, bound := range r.Buckets {
		if math.IsNaN(bound) || math.IsInf(bound, 0) || i > 0 && bound <= r.Buckets[i-1] {
			return fmt.Errorf("buckets %v are not finite and ascending", r.Buckets)
		}
	}
	return errors.Join(r.validateLabels(), r.validateExemplar())
}

func (r Rule) validateLabels() error {
	seen := map[string]bool{}
	for _, l := range r.Labels {
		switch {
		case !isLabelName(l.Name):
			return fmt.Errorf("label %q is not a label name: want letters, digits and _, not starting with a digit or __", l.Name)
		case l.Name == "le" && r.Type == Histogram:
			return errors.New(`label "le" is the histogram's own`)
		case seen[l.Name]:
			return fmt.Errorf("label %q is there twice", l.Name)
		case l.Attribute == "":
			return fmt.Errorf("label %q has no attribute", l.Name)
		case l.Required != "" && l.Required != Present && l.Required != NonEmpty:
			return fmt.Errorf("label %q: required %q is not one of present, non-empty", l.Name, l.Required)
		}
		seen[l.Name] = true
	}
	return nil
}

func (r Rule) validateExemplar() error {
	seen := map[string]bool{}
	length := 0
	for _, l := range r.Exemplar {
		switch length += len(l.Name); {
		case !isLabelName(l.Name):
			return fmt.Errorf("exemplar label %q is not a label name: want letters, digits and _, not starting with a digit or __", l.Name)
		case seen[l.Name]:
			return fmt.Errorf("exemplar label %q is there twice", l.Name)
		case l.Attribute == "":
			return fmt.Errorf("exemplar label %q has no attribute", l.Name)
		case length >= series.MaxExemplarRunes:
			return fmt.Errorf("the names of the exemplar's labels have %d characters or more; with their values they may have %d", length, series.MaxExemplarRunes)
		}
		seen[l.Name] = true
	}
	return nil
}

func isMetricName(s string) bool { return isName(s, true) }

func isLabelName(s string) bool { return isName(s, false) && !strings.HasPrefix(s, "__") }

func isName(s string, colons bool) bool {
	for i, c := range []byte(s) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == ':' && colons
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}
