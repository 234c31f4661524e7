package engine

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/signalbox-ci/signalbox/emitter/rule"
	"github.com/signalbox-ci/signalbox/internal/catalog"
	"github.com/signalbox-ci/signalbox/internal/loglimit"
	"github.com/signalbox-ci/signalbox/internal/mapping"
	"github.com/signalbox-ci/signalbox/internal/series"
)

// compile resolves rules into plans. inForce are the families in the store that rules
// update, by metric; families that compile creates are not in the store yet. The error
// joins all errors in the mapping file and the rules.
func compile(namespace string, rules mapping.Mapping, store *series.Store, inForce map[string]*definition) (compiled, error) {
	c := compiler{
		namespace: namespace,
		store:     store,
		inForce:   inForce,
		compiled:  compiled{plans: map[string]*plan{}, families: map[string]*definition{}},
		types:     otherTypes(store, inForce),
	}
	var wrong []mapping.RuleError
	for i, r := range rules.Rules {
		found := r.Validate()
		if len(found) == 0 {
			found = c.add(r, rules.Rules[:i])
		}
		for _, f := range found {
			wrong = append(wrong, mapping.RuleError{Index: i, FieldError: f})
		}
	}
	for _, event := range rules.SilentEvents {
		c.plan(event)
	}
	return c.compiled, rules.Err(wrong)
}

// A compiled is a compiled mapping: what each event updates.
type compiled struct {
	plans    map[string]*plan       // by event
	families map[string]*definition // by metric
}

// A compiler resolves rules one by one.
type compiler struct {
	namespace string
	store     *series.Store
	inForce   map[string]*definition // families whose definition stays the same keep their series

	compiled
	types     map[string]series.Type // of all families after the change, by full name
	replacers []*replacer
}

// add resolves one rule. before are the rules before it.
func (c *compiler) add(r rule.Rule, before []rule.Rule) []rule.FieldError {
	wrong := func(field string, err error) []rule.FieldError {
		return []rule.FieldError{{Field: field, Reason: err.Error()}}
	}
	if slices.ContainsFunc(before, func(b rule.Rule) bool { return sameUpdate(r, b) }) {
		return wrong("", fmt.Errorf("another rule updates metric %q for event %q with the same labels and condition", r.Metric, r.Event))
	}
	if c.repeatsNamespace(r) {
		return wrong("metric", fmt.Errorf("metric %q would become %q: leave out %q, which is the namespace",
			r.Metric, prefixed(c.namespace, r.Metric), prefixed(c.namespace, "")))
	}
	def := c.families[r.Metric]
	if def == nil {
		var err error
		if def, err = c.define(r); err != nil {
			return wrong("metric", err)
		}
		c.families[r.Metric] = def
		c.types[def.options.Name] = def.options.Type
	} else if err := def.accepts(r); err != nil {
		return wrong("", err)
	}
	if err := c.plan(r.Event).add(r, def.family, c.replacer); err != nil {
		return wrong("", err)
	}
	return nil
}

// repeatsNamespace reports whether the metric's name includes the namespace. That is no
// mistake if metrics of the catalog begin with the same word.
func (c *compiler) repeatsNamespace(r rule.Rule) bool {
	begins := func(r rule.Rule) bool { return strings.HasPrefix(r.Metric, prefixed(c.namespace, "")) }
	return c.namespace != "" && begins(r) &&
		!slices.ContainsFunc(slices.Concat(catalog.Rules(catalog.Inherited), catalog.Rules(catalog.Modern)), begins)
}

// define returns the family of the rule: the one in force if its definition is the
// same, or else a new one.
func (c *compiler) define(r rule.Rule) (*definition, error) {
	o := familyOptions(c.namespace, r)
	if err := clash(c.types, o); err != nil {
		return nil, err
	}
	if old := c.inForce[r.Metric]; old != nil && reflect.DeepEqual(old.options, o) {
		return &definition{r, o, old.family}, nil
	}
	f, err := c.store.NewFamily(o)
	if err != nil {
		return nil, err
	}
	return &definition{r, o, f}, nil
}

// otherTypes returns the types of the families in the store that no rule updates.
func otherTypes(store *series.Store, inForce map[string]*definition) map[string]series.Type {
	types := map[string]series.Type{}
	for _, f := range store.Families() {
		types[f.Name()] = f.Type()
	}
	for _, def := range inForce {
		delete(types, def.options.Name)
	}
	return types
}

// clash returns an error if a family cannot be added to the families in types, because
// its name, or that of one of its samples, is taken.
func clash(types map[string]series.Type, o series.FamilyOptions) error {
	if _, ok := types[o.Name]; ok {
		return fmt.Errorf("metric %s is one of Signalbox's own", o.Name)
	}
	return series.CheckSampleNames(o.Name, o.Type, true, func(name string) (series.Type, bool) {
		typ, ok := types[name]
		return typ, ok
	})
}

// replacer returns the replacer for the replacements; equal ones share it.
func (c *compiler) replacer(replacements []rule.Replacement) (*replacer, error) {
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

// plan returns the plan of the event, and creates it if necessary.
func (c *compiler) plan(event string) *plan {
	p := c.plans[event]
	if p == nil {
		p = &plan{event: event, worker: -1, limiters: new([reasons]loglimit.Limiter)}
		c.plans[event] = p
	}
	return p
}

// A definition is a family and the first rule that uses it.
type definition struct {
	rule    rule.Rule
	options series.FamilyOptions
	family  *series.Family
}

// accepts returns an error if the rule does not agree with the first rule of the
// family.
func (d *definition) accepts(r rule.Rule) error {
	labelNames := func(r rule.Rule) (names []string) {
		for _, l := range sortedLabels(r) {
			names = append(names, l.Name)
		}
		return names
	}
	var differences []string
	compare := func(what, format string, here, there any) {
		if !reflect.DeepEqual(here, there) {
			differences = append(differences, fmt.Sprintf("%s is "+format+", expected "+format, what, here, there))
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

func familyOptions(namespace string, r rule.Rule) series.FamilyOptions {
	o := series.FamilyOptions{
		Name:    prefixed(namespace, r.Metric),
		Help:    r.Help,
		Type:    map[rule.Type]series.Type{rule.Counter: series.Counter, rule.Gauge: series.Gauge, rule.Histogram: series.Histogram}[r.Type],
		Bounds:  r.Buckets,
		Native:  r.NativeHistogram,
		IdleTTL: r.IdleTTL,
	}
	for _, l := range sortedLabels(r) {
		o.Labels = append(o.Labels, l.Name)
	}
	switch r.Worker {
	case rule.Owned:
		o.Ownership = series.Owned
	case rule.Heartbeat:
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

// sameUpdate reports whether both rules update the same metric in the same way, so that
// each event would count twice.
func sameUpdate(a, b rule.Rule) bool {
	return a.Event == b.Event && a.Metric == b.Metric &&
		reflect.DeepEqual(a.When, b.When) && reflect.DeepEqual(sortedLabels(a), sortedLabels(b))
}

func sortedLabels(r rule.Rule) []rule.Label {
	return slices.SortedFunc(slices.Values(r.Labels), func(a, b rule.Label) int { return strings.Compare(a.Name, b.Name) })
}
