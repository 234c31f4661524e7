package mapping

import (
	"reflect"
	"slices"
	"strings"

	"github.com/signalbox-ci/signalbox/emitter/rule"
	"github.com/signalbox-ci/signalbox/internal/catalog"
	"github.com/signalbox-ci/signalbox/internal/spelling"
)

// check reports whether a change can be applied after the changes before it. If not, it
// records the fault.
func (m *Mapping) check(c metricChange, before []metricChange, path string) bool {
	metrics := m.metrics()
	switch {
	case m.doubtful(path + ".metric"):
	case c.Metric == "":
		m.fault(path, "metric is missing: expected the name of a metric, as `signalbox catalog` prints it, without the namespace")
	case slices.ContainsFunc(before, func(b metricChange) bool { return b.Metric == c.Metric }):
		m.fault(path+".metric", "%q is duplicated: expected all changes to a metric in one place", c.Metric)
	case c.Metric == catalog.LastSeen.Metric || strings.HasPrefix(c.Metric, "signalbox_"):
		m.fault(path+".metric", "%q is not updated by rules and cannot be changed", c.Metric)
	case !slices.Contains(metrics, c.Metric):
		m.fault(path+".metric", "no rule updates the metric %q%s", c.Metric, catalog.Hint(c.Metric, metrics))
	case c.Drop && !c.changesNothing():
		m.fault(path+".drop", "drop cannot be combined with other changes")
	case !c.Drop && c.changesNothing() && !m.doubtful(path):
		changes := fieldsOf(reflect.TypeFor[metricChange]())[1:] // without the metric's name
		m.fault(path, "nothing is changed: expected one of %s", strings.Join(changes, ", "))
	default:
		return true
	}
	return false
}

// apply applies a change to the rules of its metric.
func (m *Mapping) apply(c metricChange, path string) {
	if c.Drop {
		m.remove(func(r rule.Rule) bool { return r.Metric == c.Metric })
		return
	}
	if m.doubtful(path+".drop_labels") || m.doubtful(path+".add_labels") {
		c.DropLabels, c.AddLabels = nil, nil // an added label may replace a dropped one
	}
	for i := range m.Rules {
		r := &m.Rules[i]
		if r.Metric != c.Metric {
			continue
		}
		m.dropLabels(r, c, path)
		m.positions[i].change, m.positions[i].labels = path, len(r.Labels)
		r.Labels = append(r.Labels, c.AddLabels...)
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

// dropLabels removes labels from a copy of the rule's list.
func (m *Mapping) dropLabels(r *rule.Rule, c metricChange, path string) {
	var names []string
	for _, l := range r.Labels {
		names = append(names, l.Name)
	}
	for i, name := range c.DropLabels {
		field := at(path+".drop_labels", i)
		index := slices.Index(names, name)
		switch {
		case m.doubtful(field): // reported for another rule of the metric
		case slices.Contains(c.DropLabels[:i], name):
			m.fault(field, "%q is duplicated", name)
		case index < 0 && len(names) == 0:
			m.fault(field, "metric %q has no labels", r.Metric)
		case index < 0:
			m.fault(field, "metric %q has no label %q, only %s%s", r.Metric, name, strings.Join(names, ", "), spelling.Hint(name, names))
		case r.Worker != "" && r.Labels[index].NamesWorker() && !slices.ContainsFunc(c.AddLabels, rule.Label.NamesWorker):
			m.fault(field, "%q names the worker that a series of %q belongs to, so it must stay", name, r.Metric)
		}
	}
	r.Labels = slices.DeleteFunc(slices.Clone(r.Labels), func(l rule.Label) bool { return slices.Contains(c.DropLabels, l.Name) })
}
