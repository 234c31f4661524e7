package emitter

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"

	"github.com/signalbox-ci/signalbox/internal/series"
)

// A mapping is a set of rules, resolved: an event finds what it drives by its
// name, in one lookup, and from there on everything is an index.
type mapping map[string]*plan

// A plan is what one event drives. The event's attributes are read once, into a
// slice, and all updates are made from that.
type plan struct {
	event      string
	received   *series.Tally // of the event; set when the plan comes into force
	attributes []string      // that the updates look at
	derived    []derived
	updates    []update
	worker     int // index of the attribute that names the worker, or -1
	heartbeat  bool
	limiters   *[reasons]limiter
}

// A derived is a label value that is made of an attribute's: the k-th stands in an
// observation in the k-th place from the end.
type derived struct {
	from int // index of the attribute
	by   *replacer
}

// maxAttributes is how many attributes of one event the rules may look at, each
// way in which they are replaced counted as one more. It bounds what an Emit puts
// on its stack; the built-in catalog needs five.
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
	labels   []uint8 // index of the value for each of the family's labels
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

// A compiler resolves rules into a mapping. The families that it makes are not in
// the store until somebody puts them there.
type compiler struct {
	namespace string
	store     *series.Store

	// inForce are the families that rules drive so far, by metric. Those that stay
	// as they are defined are taken over, with their series.
	inForce map[string]*definition

	replacers []*replacer
}

// A compiled is what came of rules: what each event drives, and the families that
// are driven, by metric.
type compiled struct {
	plans    mapping
	families map[string]*definition

	types map[string]series.Type // of all families that there will be, by full name
}

// compile resolves the rules. It reports everything that is wrong with them, not
// just the first fault; what comes of the others is of no use then.
func (c *compiler) compile(rules []Rule, silent []string) (compiled, []ruleFault) {
	m := compiled{mapping{}, map[string]*definition{}, c.otherTypes()}
	var wrong []ruleFault
	for i, rule := range rules {
		found := rule.faults()
		if len(found) == 0 {
			found = c.add(&m, rule, rules[:i])
		}
		for _, f := range found {
			wrong = append(wrong, ruleFault{i, rule, f})
		}
	}
	for _, event := range silent {
		c.plan(&m, event)
	}
	return m, wrong
}

// add resolves one rule, after those before it.
func (c *compiler) add(m *compiled, rule Rule, before []Rule) (found faults) {
	if slices.ContainsFunc(before, rule.updatesTheSameAs) {
		found.add("", "event %q drives metric %q in this very way already", rule.Event, rule.Metric)
		return found
	}
	def := m.families[rule.Metric]
	if def == nil {
		var err error
		if def, err = c.define(m, rule); err != nil {
			found.add("metric", "%v", err)
			return found
		}
		m.families[rule.Metric] = def
		m.types[def.options.Name] = def.options.Type
	} else if err := def.accepts(rule); err != nil {
		found.add("", "%v", err)
		return found
	}
	if err := c.plan(m, rule.Event).add(rule, def.family, c.replacer); err != nil {
		found.add("", "%v", err)
	}
	return found
}

// define returns the family that the rule asks for: the one in force, if it is
// defined in the same way, or a new one.
func (c *compiler) define(m *compiled, rule Rule) (*definition, error) {
	o := rule.familyOptions(c.namespace)
	if err := clash(m.types, o); err != nil {
		return nil, err
	}
	if there := c.inForce[rule.Metric]; there != nil && reflect.DeepEqual(there.options, o) {
		return &definition{rule, o, there.family}, nil
	}
	f, err := c.store.NewFamily(o)
	if err != nil {
		return nil, err
	}
	return &definition{rule, o, f}, nil
}

// otherTypes are the types of the families that no rule drives.
func (c *compiler) otherTypes() map[string]series.Type {
	types := map[string]series.Type{}
	for _, f := range c.store.Families() {
		types[f.Name()] = f.Type()
	}
	for _, def := range c.inForce {
		delete(types, def.options.Name)
	}
	return types
}

// clash returns why there cannot be a family of that name and type beside those types:
// its name, or that of one of its samples, means something else.
func clash(types map[string]series.Type, o series.FamilyOptions) error {
	typeOf := func(name string) (series.Type, bool) {
		typ, ok := types[name]
		return typ, ok
	}
	if _, ok := typeOf(o.Name); ok {
		return fmt.Errorf("metric %s is already there, as one of Signalbox's own", o.Name)
	}
	return series.CheckSampleNames(o.Name, o.Type, true, typeOf)
}

// replacer returns a replacer for the replacements: one for all who ask for the
// same.
func (c *compiler) replacer(replacements []Replacement) (*replacer, error) {
	for _, r := range c.replacers {
		if slices.Equal(r.replacements, replacements) {
			return r, nil
		}
	}
	r, err := newReplacer(replacements)
	if err == nil {
		c.replacers = append(c.replacers, r)
	}
	return r, err
}

// plan returns what the event drives, made if need be.
func (c *compiler) plan(m *compiled, event string) *plan {
	p := m.plans[event]
	if p == nil {
		p = &plan{event: event, worker: -1, limiters: new([reasons]limiter)}
		m.plans[event] = p
	}
	return p
}

// add resolves a rule whose series are the family's.
func (p *plan) add(rule Rule, family *series.Family, replacer func([]Replacement) (*replacer, error)) error {
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
	if len(p.attributes)+len(p.derived) > maxAttributes {
		return fmt.Errorf("the rules for event %q look at more than %d attributes, each way of replacing one counted too", p.event, maxAttributes)
	}
	p.updates = append(p.updates, u)
	return nil
}

// slots is how many values an observation has room for.
func (p *plan) slots() int {
	if len(p.derived) > 0 {
		return maxAttributes
	}
	return len(p.attributes)
}

// derive returns the index of a derived value in the plan's observations.
func (p *plan) derive(d derived) int {
	k := slices.Index(p.derived, d)
	if k < 0 {
		k = len(p.derived)
		p.derived = append(p.derived, d)
	}
	return maxAttributes - 1 - k
}

// replace makes the derived values of an observation.
func (p *plan) replace(values []string) {
	for k, d := range p.derived {
		values[maxAttributes-1-k] = d.by.replace(values[d.from])
	}
}

// attributeOf is the name of the attribute that a value of an observation is, or is
// derived from.
func (p *plan) attributeOf(value uint8) string {
	if k := maxAttributes - 1 - int(value); k >= 0 && k < len(p.derived) {
		value = uint8(p.derived[k].from)
	}
	return p.attributes[value]
}

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
	rule    Rule
	options series.FamilyOptions
	family  *series.Family
}

// accepts tells whether another rule may drive the same family.
func (d *definition) accepts(r Rule) error {
	labelNames := func(r Rule) (names []string) {
		for _, l := range r.sortedLabels() {
			names = append(names, l.Name)
		}
		return names
	}
	var differences []string
	compare := func(what, format string, here, there any) {
		if !reflect.DeepEqual(here, there) {
			differences = append(differences, fmt.Sprintf("%s is "+format+", want "+format, what, here, there))
		}
	}
	compare("type", "%v", r.Type, d.rule.Type)
	compare("help", "%q", r.Help, d.rule.Help)
	compare("list of label names", "%v", labelNames(r), labelNames(d.rule))
	compare("buckets", "%v", r.Buckets, d.rule.Buckets)
	compare("worker", "%q", r.Worker, d.rule.Worker)
	compare("idle_ttl", "%v", r.IdleTTL, d.rule.IdleTTL)
	compare("native_histogram", "%v", r.NativeHistogram, d.rule.NativeHistogram)
	if len(differences) > 0 {
		return fmt.Errorf("metric %q is defined differently by the rule for event %q: %s",
			r.Metric, d.rule.Event, strings.Join(differences, "; "))
	}
	return nil
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
