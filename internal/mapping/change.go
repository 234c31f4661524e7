package mapping

import (
	"reflect"
	"slices"
	"strings"

	"github.com/signalbox-ci/signalbox/emitter/rule"
	"github.com/signalbox-ci/signalbox/internal/catalog"
	"github.com/signalbox-ci/signalbox/internal/spelling"
)

// check reports whether a change, which follows the given preceding changes, can be
// applied. If not, it records the error.
func (m *Mapping) check(c metricChange, preceding []metricChange, path string) bool {
	metrics := m.metrics()
	switch {
	case m.hasRelatedError(path + ".metric"):
	case c.Metric == "":
		m.errorf(path, "metric is missing: expected the name of a metric without the namespace, as printed by `signalbox catalog`")
	case slices.ContainsFunc(preceding, func(b metricChange) bool { return b.Metric == c.Metric }):
		m.errorf(path+".metric", "%q is duplicated: expected a single entry for each metric", c.Metric)
	case c.Metric == catalog.LastSeen.Metric || strings.HasPrefix(c.Metric, "signalbox_"):
		m.errorf(path+".metric", "%q is maintained by Signalbox itself and cannot be changed", c.Metric)
	case !slices.Contains(metrics, c.Metric):
		m.errorf(path+".metric", "no rule updates the metric %q%s", c.Metric, catalog.Hint(c.Metric, metrics))
	case c.Drop && !c.changesNothing():
		m.errorf(path+".drop", "drop cannot be combined with other changes")
	case !c.Drop && c.changesNothing() && !m.hasRelatedError(path):
		changes := fieldsOf(reflect.TypeFor[metricChange]())[1:] // without the name of the metric
		m.errorf(path, "the entry changes nothing: expected at least one of %s", strings.Join(changes, ", "))
	default:
		return true
	}
	return false
}

// apply applies a change to the rules of its metric.
func (m *Mapping) apply(c metricChange, path string) {
	if c.Drop {
		m.removeRules(func(r rule.Rule) bool { return r.Metric == c.Metric })
		return
	}
	if m.hasRelatedError(path+".drop_labels") || m.hasRelatedError(path+".add_labels") {
		c.DropLabels, c.AddLabels = nil, nil // an added label may be meant to replace a dropped one
	}
	for i := range m.Rules {
		r := &m.Rules[i]
		if r.Metric != c.Metric {
			continue
		}
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
}

func replace[T any](value, with *T) {
	if with != nil {
		*value = *with
	}
}

// dropLabels removes labels from the rule. It copies the rule's list of labels, which
// is shared with the rules of the source.
func (m *Mapping) dropLabels(r *rule.Rule, c metricChange, path string) {
	var names []string
	for _, l := range r.Labels {
		names = append(names, l.Name)
	}
	for i, name := range c.DropLabels {
		field := at(path+".drop_labels", i)
		index := slices.Index(names, name)
		switch {
		case m.hasRelatedError(field): // already reported for another rule of the metric
		case slices.Contains(c.DropLabels[:i], name):
			m.errorf(field, "%q is duplicated", name)
		case index < 0 && len(names) == 0:
			m.errorf(field, "metric %q has no labels", r.Metric)
		case index < 0:
			m.errorf(field, "metric %q has no label %q, expected one of %s%s", r.Metric, name, strings.Join(names, ", "), spelling.Hint(name, names))
		case r.Worker != "" && r.Labels[index].NamesWorker() && !slices.ContainsFunc(c.AddLabels, rule.Label.NamesWorker):
			m.errorf(field, "%q cannot be dropped: it names the worker to which a series of %q belongs", name, r.Metric)
		}
	}
	r.Labels = slices.DeleteFunc(slices.Clone(r.Labels), func(l rule.Label) bool { return slices.Contains(c.DropLabels, l.Name) })
}
