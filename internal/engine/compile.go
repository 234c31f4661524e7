package engine

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/signalbox-ci/signalbox/emitter/rule"
	"github.com/signalbox-ci/signalbox/internal/catalog"
	"github.com/signalbox-ci/signalbox/internal/excerpt"
	"github.com/signalbox-ci/signalbox/internal/loglimit"
	"github.com/signalbox-ci/signalbox/internal/mapping"
	"github.com/signalbox-ci/signalbox/internal/series"
)

// compile resolves rules into plans. namespace is that of rules without one. active
// contains the families in the store that rules currently update, by name. compile
// creates new families, but does not add them to the store. The returned error joins
// all errors in the mapping file and the rules.
func compile(namespace string, rules mapping.Mapping, store *series.Store, active map[string]*definition) (compiledMapping, error) {
	c := compiler{
		store:           store,
		active:          active,
		compiledMapping: compiledMapping{plans: map[string]*plan{}, families: map[string]*definition{}},
		types:           otherTypes(store, active),
		targets:         map[target]bool{},
		replacers:       map[string]*replacer{},
	}
	var errs []mapping.RuleError
	for i, r := range rules.Rules {
		r.Namespace = cmp.Or(r.Namespace, namespace)
		found := r.Validate()
		to := targetOf(r)
		if len(found) == 0 {
			found = c.add(r, to)
		} else if !slices.ContainsFunc(found, func(e rule.FieldError) bool { return e.Field != "type" && e.Field != "operation" }) {
			found = append(found, c.checkOthers(r, to)...)
		}
		c.targets[to] = true
		for _, f := range found {
			errs = append(errs, mapping.RuleError{Index: i, FieldError: f})
		}
	}
	for _, event := range rules.SilentEvents {
		c.plan(event)
	}
	return c.compiledMapping, rules.Err(errs)
}

// A compiledMapping contains the result of compiling a mapping.
type compiledMapping struct {
	plans    map[string]*plan       // by event
	families map[string]*definition // by name, with the namespace
}

// A compiler resolves rules one by one. All rules have their namespaces set.
type compiler struct {
	store  *series.Store
	active map[string]*definition // families whose definition does not change keep their series

	compiledMapping
	types     map[string]series.Type // of all families after the reload, by full name
	targets   map[target]bool        // of the preceding rules
	replacers map[string]*replacer   // by the text of the replacements
}

// add resolves one rule, which updates the given target.
func (c *compiler) add(r rule.Rule, to target) []rule.FieldError {
	if found := c.checkUpdate(r, to); found != nil {
		return found
	}
	def := c.families[r.FullName("")]
	if def == nil {
		var err error
		if def, err = c.define(r); err != nil {
			return invalid("metric", err)
		}
		c.families[def.options.Name] = def
		c.types[def.options.Name] = def.options.Type
	} else if err := def.accepts(r); err != nil {
		return invalid("", err)
	}
	if err := c.plan(r.Event).add(r, def.family, c.replacer); err != nil {
		return invalid("", err)
	}
	return nil
}

// invalid returns an error in a field of a rule. The empty field means the whole rule.
func invalid(field string, err error) []rule.FieldError {
	return []rule.FieldError{{Field: field, Reason: err.Error()}}
}

// checkUpdate returns the errors of a rule that depend on its event, metric, labels and
// condition only.
func (c *compiler) checkUpdate(r rule.Rule, to target) []rule.FieldError {
	if c.targets[to] {
		return invalid("", fmt.Errorf("another rule updates metric %q for event %q with the same labels and condition", r.Metric, r.Event))
	}
	if c.repeatsNamespace(r) {
		return invalid("metric", fmt.Errorf("metric %q would become %q: remove the namespace %q from the name",
			r.Metric, r.FullName(""), r.Namespace+"_"))
	}
	return nil
}

// checkOthers returns the errors that add would return for a rule whose type or
// operation is invalid, except those that depend on these fields. The field of an error
// is never empty, because an error in a part of a rule hides those of the whole rule.
func (c *compiler) checkOthers(r rule.Rule, to target) []rule.FieldError {
	found := c.checkUpdate(r, to)
	o := familyOptions(r)
	if def, exists := c.families[o.Name]; found == nil && exists {
		r.Type = def.rule.Type
		if err := def.accepts(r); err != nil {
			found = invalid("metric", err)
		}
	} else if _, isReserved := c.types[o.Name]; found == nil && isReserved {
		found = invalid("metric", clash(c.types, o))
	}
	for i := range found {
		found[i].Field = "metric"
	}
	return found
}

// repeatsNamespace reports whether the metric's name already includes the namespace. It
// returns false if metrics in the catalog start with the same word, because the name is
// then probably intended.
func (c *compiler) repeatsNamespace(r rule.Rule) bool {
	prefix := r.Namespace + "_"
	startsWithNamespace := func(r rule.Rule) bool { return strings.HasPrefix(r.Metric, prefix) }
	return r.Namespace != "" && startsWithNamespace(r) &&
		!slices.ContainsFunc(slices.Concat(catalog.Rules(catalog.Inherited, catalog.All()...), catalog.Rules(catalog.Modern)), startsWithNamespace)
}

// define returns the definition of the rule's family. It reuses the active family if
// its options are the same. Otherwise, it creates a new family.
func (c *compiler) define(r rule.Rule) (*definition, error) {
	o := familyOptions(r)
	if err := clash(c.types, o); err != nil {
		return nil, err
	}
	if old := c.active[o.Name]; old != nil && reflect.DeepEqual(old.options, o) {
		return &definition{r, o, old.family}, nil
	}
	f, err := c.store.NewFamily(o)
	if err != nil {
		return nil, err
	}
	return &definition{r, o, f}, nil
}

// otherTypes returns the types of the families in the store that no rule updates.
func otherTypes(store *series.Store, active map[string]*definition) map[string]series.Type {
	types := map[string]series.Type{}
	for _, f := range store.Families() {
		types[f.Name()] = f.Type()
	}
	for _, def := range active {
		delete(types, def.options.Name)
	}
	return types
}

// clash returns an error if the name of a family, or of one of its samples, is already
// used by one of the families in types.
func clash(types map[string]series.Type, o series.FamilyOptions) error {
	if _, ok := types[o.Name]; ok {
		return fmt.Errorf("metric %s is reserved for Signalbox itself", o.Name)
	}
	return series.CheckSampleNames(o.Name, o.Type, true, func(name string) (series.Type, bool) {
		typ, ok := types[name]
		return typ, ok
	})
}

// replacer returns the replacer for the replacements. Equal lists of replacements share
// one replacer.
func (c *compiler) replacer(replacements []rule.Replacement) (*replacer, error) {
	text := fmt.Sprintf("%q", replacements)
	if r := c.replacers[text]; r != nil {
		return r, nil
	}
	r, err := newReplacer(replacements)
	if err == nil {
		c.replacers[text] = r
	}
	return r, err
}

// plan returns the plan of the event. It creates the plan if necessary.
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

// accepts returns an error if the rule defines the family differently from its first
// rule.
func (d *definition) accepts(r rule.Rule) error {
	labelNames := func(r rule.Rule) (names []string) {
		for _, l := range sortedLabels(r) {
			names = append(names, l.Name)
		}
		return names
	}
	var differences []string
	compare := func(what, format string, got, expected any) {
		if !reflect.DeepEqual(got, expected) {
			differences = append(differences, fmt.Sprintf("got %s "+format+", expected "+format, what, got, expected))
		}
	}
	compare("type", "%v", r.Type, d.rule.Type)
	if r.Help != d.rule.Help {
		differences = append(differences, fmt.Sprintf("got help %s, expected %s", excerpt.Quote(r.Help), excerpt.Quote(d.rule.Help)))
	}
	compare("label names", "%v", labelNames(r), labelNames(d.rule))
	compare("states", "%s", describeStates(statesOf(r)), describeStates(d.options.States))
	compare("buckets", "%v", r.Buckets, d.rule.Buckets)
	compare("worker", "%q", r.Worker, d.rule.Worker)
	compare("idle_ttl", "%v", r.IdleTTL, d.rule.IdleTTL)
	compare("native_histogram", "%v", r.NativeHistogram, d.rule.NativeHistogram)
	if len(differences) > 0 {
		return fmt.Errorf("metric %q is defined differently in the rule for event %q: %s",
			r.Metric, excerpt.Short(d.rule.Event), strings.Join(differences, "; "))
	}
	return nil
}

func familyOptions(r rule.Rule) series.FamilyOptions {
	o := series.FamilyOptions{
		Name:    r.FullName(""),
		Help:    r.Help,
		Type:    map[rule.Type]series.Type{rule.Counter: series.Counter, rule.Gauge: series.Gauge, rule.Histogram: series.Histogram}[r.Type],
		Bounds:  r.Buckets,
		Native:  r.NativeHistogram,
		IdleTTL: r.IdleTTL,
		States:  statesOf(r),
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

// statesOf returns the states of the rule's family, sorted, or nil if it has none.
func statesOf(r rule.Rule) *series.States {
	if r.States == nil {
		return nil
	}
	return &series.States{Label: r.States.Label, Values: slices.Sorted(slices.Values(r.States.Values))}
}

func describeStates(s *series.States) string {
	if s == nil {
		return "none"
	}
	return fmt.Sprintf("%s (label %s)", strings.Join(s.Values, ", "), s.Label)
}

// A target identifies the series that a rule updates, and the events that do so. If two
// rules have the same target, each event would be counted twice.
type target struct {
	event           string
	metric          string
	namespace       string
	conditional     bool
	attribute, want string // the condition
	labels          string // as text
}

func targetOf(r rule.Rule) target {
	t := target{event: r.Event, metric: r.Metric, namespace: r.Namespace, labels: fmt.Sprintf("%#v", sortedLabels(r))}
	if r.When != nil {
		t.conditional, t.attribute, t.want = true, r.When.Attribute, r.When.Value
	}
	return t
}

func sortedLabels(r rule.Rule) []rule.Label {
	return slices.SortedFunc(slices.Values(r.Labels), func(a, b rule.Label) int { return strings.Compare(a.Name, b.Name) })
}
