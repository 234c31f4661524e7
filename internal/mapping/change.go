package mapping

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/signalbox-ci/signalbox/emitter/rule"
	"github.com/signalbox-ci/signalbox/internal/catalog"
	"github.com/signalbox-ci/signalbox/internal/excerpt"
	"github.com/signalbox-ci/signalbox/internal/spelling"
)

// A ruleIndex finds the rules of a metric.
type ruleIndex struct {
	rules      map[string][]int    // indexes of rules, by the family's full name
	namespaces map[string][]string // by metric
	metrics    []string            // in the order of the rules
}

// index returns an index of the rules.
func (m *Mapping) index() ruleIndex {
	namespace := m.source.Namespace
	x := ruleIndex{rules: map[string][]int{}, namespaces: map[string][]string{}}
	for i, r := range m.Rules {
		name, in := r.FullName(namespace), cmp.Or(r.Namespace, namespace)
		if x.namespaces[r.Metric] == nil {
			x.metrics = append(x.metrics, r.Metric)
		}
		if !slices.Contains(x.namespaces[r.Metric], in) {
			x.namespaces[r.Metric] = append(x.namespaces[r.Metric], in)
		}
		x.rules[name] = append(x.rules[name], i)
	}
	return x
}

// family returns the full name of the family that the change refers to. If there is no
// such family, or several, it returns the name as the change has it.
func (x ruleIndex) family(c metricChange) string {
	if in := x.namespaces[c.Metric]; c.Namespace == "" && len(in) == 1 {
		c.Namespace = in[0]
	}
	return rule.Rule{Metric: c.Metric}.FullName(c.Namespace)
}

// applyChanges applies the changes of the file to the rules of their metrics.
func (m *Mapping) applyChanges(changes []metricChange) {
	rules := m.index()
	changed, dropped := map[string]bool{}, map[string]bool{}
	for i, c := range changes {
		path := at("metrics", i)
		m.checkReplacements(c.AddLabels, path+".add_labels")
		name := rules.family(c)
		if m.check(c, changed[name], rules, path) {
			if c.Drop {
				dropped[name] = true
			} else {
				m.apply(c, rules.rules[name], path)
			}
		}
		changed[name] = true
	}
	m.removeRules(func(r rule.Rule) bool { return dropped[r.FullName(m.source.Namespace)] })
}

// maxLabelChanges is the maximum number of labels that a change adds or drops. Each of
// them is compared with the labels of all rules of the metric.
const maxLabelChanges = 64

// checkSize reports whether the lists of labels of a change are short enough. If not, it
// records the error.
func (m *Mapping) checkSize(c metricChange, path string) bool {
	for field, n := range map[string]int{"drop_labels": len(c.DropLabels), "add_labels": len(c.AddLabels)} {
		if n > maxLabelChanges {
			m.errorf(path+"."+field, "got %d labels, expected at most %d", n, maxLabelChanges)
		}
	}
	return max(len(c.DropLabels), len(c.AddLabels)) <= maxLabelChanges
}

// checkAttributes checks that a rule of the change's metric uses each attribute for
// which the change lists values. If none did, the list would have no effect.
func (m *Mapping) checkAttributes(c metricChange, rules []int, path string) {
	if len(c.Values) == 0 {
		return
	}
	used, ofLabel := map[string]bool{}, map[string]string{}
	for _, i := range rules {
		r := m.Rules[i]
		maps.Copy(used, attributesOf(r))
		for _, l := range r.Exemplar {
			used[l.Attribute] = true
		}
		for attribute := range r.Values {
			used[attribute] = true
		}
		for _, l := range r.Labels {
			ofLabel[l.Name] = l.Attribute
		}
	}
	for _, attribute := range slices.Sorted(maps.Keys(c.Values)) {
		field := join(path+".values", readable(attribute))
		switch meant := ofLabel[attribute]; {
		case used[attribute] || attribute == "" || m.hasRelatedError(field):
		case m.tooManyErrors(): // searching for a hint is slow
			m.errorf(field, "no rule of metric %q uses the attribute %s", c.Metric, excerpt.Quote(attribute))
		default:
			attributes := slices.Sorted(maps.Keys(used))
			hint := spelling.Hint(attribute, attributes)
			if meant != "" {
				hint = fmt.Sprintf(": did you mean %q, the attribute of the label %q?", meant, attribute)
			} else if hint == "" && len(attributes) > 0 && len(attributes) <= maxLabelChanges {
				hint = ", expected one of " + strings.Join(attributes, ", ")
			}
			m.errorf(field, "no rule of metric %q uses the attribute %s%s", c.Metric, excerpt.Quote(attribute), hint)
		}
	}
}

// check reports whether a change can be applied. If not, it records the error. changed
// means that a change of the same family precedes it.
func (m *Mapping) check(c metricChange, changed bool, rules ruleIndex, path string) bool {
	namespaces := rules.namespaces[c.Metric]
	known := len(namespaces) > 0
	switch {
	case m.hasRelatedError(path + ".metric"):
	case c.Metric == "":
		m.errorf(path, "metric is missing: expected the name of a metric without the namespace, as printed by `signalbox catalog`")
	case changed:
		m.errorf(path+".metric", "%q is duplicated: expected a single entry for each metric", c.Metric)
	case !known && c.Metric == catalog.LastSeen.Metric || strings.HasPrefix(c.Metric, "signalbox_"):
		m.errorf(path+".metric", "%q is maintained by Signalbox itself and cannot be changed", c.Metric)
	case !known && m.tooManyErrors(): // searching for a hint is slow
		m.errorf(path+".metric", "no rule updates the metric %q", c.Metric)
	case !known:
		m.errorf(path+".metric", "no rule updates the metric %q%s", c.Metric, catalog.Hint(c.Metric, rules.metrics, m.source.Catalogs))
	case c.Namespace == "" && len(namespaces) > 1:
		m.errorf(path+".metric", "%q is ambiguous: the namespaces %s have a metric of this name: set namespace to one of them", c.Metric, strings.Join(namespaces, ", "))
	case c.Namespace != "" && !slices.Contains(namespaces, c.Namespace):
		m.errorf(path+".namespace", "no rule updates the metric %q in the namespace %q, expected %s", c.Metric, c.Namespace, strings.Join(namespaces, " or "))
	case c.Drop && !c.changesNothing():
		m.errorf(path+".drop", "drop cannot be combined with other changes")
	case !c.Drop && c.changesNothing() && !m.hasRelatedError(path):
		changes := fieldsOf(reflect.TypeFor[metricChange]())[2:] // without the name of the metric
		m.errorf(path, "the entry changes nothing: expected at least one of %s", strings.Join(changes, ", "))
	default:
		return m.checkSize(c, path)
	}
	return false
}

// apply applies a change to the rules of its metric, which have the given indexes.
func (m *Mapping) apply(c metricChange, rules []int, path string) {
	if m.hasRelatedError(path+".drop_labels") || m.hasRelatedError(path+".add_labels") {
		c.DropLabels, c.AddLabels = nil, nil // an added label may be meant to replace a dropped one
	}
	for _, i := range rules {
		r := &m.Rules[i]
		m.dropLabels(r, c, path)
		m.positions[i].change, m.positions[i].labels = path, len(r.Labels)
		r.Labels = append(r.Labels, c.AddLabels...)
		if len(r.Labels) == 0 {
			r.IdleTTL = 0 // a built-in TTL is for series with labels
		}
		replace(&r.Help, c.Help)
		replace(&r.IdleTTL, c.IdleTTL)
		replace(&r.NativeHistogram, c.NativeHistogram)
		if c.Buckets != nil {
			r.Buckets = c.Buckets
		}
	}
	m.checkAttributes(c, rules, path) // after labels were added
	for _, i := range rules {
		m.Rules[i].Values = changedValues(m.Rules[i].Values, c.Values)
	}
}

// attributesOf returns the attributes that the rule uses; see rule.Rule.Uses.
func attributesOf(r rule.Rule) map[string]bool {
	used := setOf(r.Needs)
	if r.When != nil {
		used[r.When.Attribute] = true
	}
	for _, l := range r.Labels {
		used[l.Attribute] = true
	}
	return used
}

// changedValues returns the lists of values with the changes applied. It does not
// modify its arguments, which are shared with other rules.
func changedValues(values, changes map[string][]string) map[string][]string {
	if len(changes) == 0 {
		return values
	}
	changed := maps.Clone(values)
	if changed == nil {
		changed = map[string][]string{}
	}
	maps.Copy(changed, changes)
	maps.DeleteFunc(changed, func(_ string, values []string) bool { return len(values) == 0 })
	return changed
}

func replace[T any](value, with *T) {
	if with != nil {
		*value = *with
	}
}

// dropLabels removes labels from the rule, and the possible values of attributes that
// the rule then no longer uses. It copies the rule's lists, which are shared with the
// rules of the source.
func (m *Mapping) dropLabels(r *rule.Rule, c metricChange, path string) {
	var names []string
	for _, l := range r.Labels {
		names = append(names, l.Name)
	}
	showsState := func(name string) bool {
		return r.States != nil && name == r.States.Label && !slices.ContainsFunc(c.AddLabels, func(l rule.Label) bool { return l.Name == name })
	}
	seen := map[string]bool{}
	for i, name := range c.DropLabels {
		field := at(path+".drop_labels", i)
		index, duplicated := slices.Index(names, name), seen[name]
		seen[name] = true
		switch {
		case m.hasRelatedError(field): // already reported for another rule of the metric
		case duplicated:
			m.errorf(field, "%q is duplicated", name)
		case index < 0 && len(names) == 0:
			m.errorf(field, "metric %q has no labels", r.Metric)
		case index < 0:
			m.errorf(field, "metric %q has no label %q, expected one of %s%s", r.Metric, name, strings.Join(names, ", "), spelling.Hint(name, names))
		case r.Worker != "" && r.Labels[index].NamesWorker() && !slices.ContainsFunc(c.AddLabels, rule.Label.NamesWorker):
			m.errorf(field, "%q cannot be dropped: it names the worker to which a series of %q belongs", name, r.Metric)
		case showsState(name):
			m.errorf(field, "%q cannot be dropped: it shows the state of a series of %q", name, r.Metric)
		}
	}
	r.Labels = slices.DeleteFunc(slices.Clone(r.Labels), func(l rule.Label) bool {
		return slices.Contains(c.DropLabels, l.Name) && !showsState(l.Name)
	})
	if len(c.DropLabels) > 0 {
		used := attributesOf(*r)
		r.Values = maps.Clone(r.Values)
		maps.DeleteFunc(r.Values, func(attribute string, _ []string) bool { return !used[attribute] })
	}
}
