// Package mapping reads mapping files: an operator's changes to the built-in rules.
package mapping

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/signalbox-ci/signalbox/emitter/rule"
	"github.com/signalbox-ci/signalbox/internal/catalog"
	"github.com/signalbox-ci/signalbox/internal/spelling"
)

// A rulePlace is where a rule stands in a mapping file, and the change to its metric
// that was made to it, if any.
type rulePlace struct {
	rule   string // "rules[2]"
	change string // "metrics[0]"
	labels int    // how many labels the rule has that the change did not add
}

// mappingFile is what can be said in a mapping file; see docs/mapping.md.
type mappingFile struct {
	Builtin      *bool          `yaml:"builtin"`       // begin with the built-in catalog, which is the default, or with nothing
	Rules        []rule.Rule    `yaml:"rules"`         // rules to add
	SilentEvents []string       `yaml:"silent_events"` // further events that are known and drive nothing
	DropEvents   []string       `yaml:"drop_events"`   // events whose built-in rules go; the events stay known
	Metrics      []metricChange `yaml:"metrics"`       // changes to metrics, made after all that
}

// A metricChange changes a family, whichever rules drive it.
type metricChange struct {
	Metric          string         `yaml:"metric"`           // which metric, without the namespace
	Drop            bool           `yaml:"drop"`             // takes it away
	Help            *string        `yaml:"help"`             // in the place of what the rules say, as those below
	DropLabels      []string       `yaml:"drop_labels"`      // labels to leave out, and what they require
	AddLabels       []rule.Label   `yaml:"add_labels"`       // labels as those of a rule
	Buckets         []float64      `yaml:"buckets"`          // of a histogram
	IdleTTL         *time.Duration `yaml:"idle_ttl"`         // 0s is for ever
	NativeHistogram *bool          `yaml:"native_histogram"` // of a histogram
}

// Fields returns the names of the fields at the top of a mapping file.
func Fields() []string { return fieldsOf(reflect.TypeFor[mappingFile]()) }

// read reads a mapping file's content and applies it to the rules of the source. What
// is wrong with the content is recorded in the document.
func read(s Source, content []byte) Mapping {
	var f mappingFile
	m := mappingReader{document: readDocument(s.File, content, &f)}
	if f.Builtin == nil || *f.Builtin {
		m.Rules, m.SilentEvents = slices.Clone(s.Rules), slices.Clone(s.SilentEvents)
	}
	m.places = make([]rulePlace, len(m.Rules))
	m.dropEvents(f.DropEvents)
	plain := isPlainWord(s.Namespace, s.Rules)
	for i, r := range f.Rules {
		m.checkPresence(r, at("rules", i))
		if !plain {
			m.checkNamespace(r, at("rules", i), s.Namespace)
		}
		m.Rules = append(m.Rules, r)
		m.places = append(m.places, rulePlace{rule: at("rules", i)})
	}
	for i, change := range f.Metrics {
		m.checkReplacements(change.AddLabels, at("metrics", i)+".add_labels")
		m.change(f.Metrics[:i], change, at("metrics", i))
	}
	m.silence(f.SilentEvents)
	m.Mapping.document = m.document
	for _, p := range m.places {
		if p.rule != "" {
			m.Own++
		}
	}
	return m.Mapping
}

// A mappingReader applies a mapping file to the rules that there are.
type mappingReader struct {
	*document
	Mapping
}

// checkPresence looks for what a rule does not tell from a field that is left out.
func (m *mappingReader) checkPresence(rule rule.Rule, path string) {
	if field := path + ".divide"; rule.Divide == 0 && m.says(field) && !m.doubtful(field) {
		m.fault(0, field, "divide is 0, want a positive number")
	}
	m.checkReplacements(rule.Labels, path+".labels")
}

// checkNamespace looks for a metric that would have the namespace twice.
func (m *mappingReader) checkNamespace(rule rule.Rule, path, namespace string) {
	if before := namespace + "_"; strings.HasPrefix(rule.Metric, before) && !m.doubtful(path+".metric") {
		m.fault(0, path+".metric", "metric %q would become %q: leave out %q, which is the namespace", rule.Metric, namespace+"_"+rule.Metric, before)
	}
}

// isPlainWord tells whether the namespace is a word that metrics of the rules, or of the
// catalog in either naming, begin with themselves: then to have it twice is no mistake.
func isPlainWord(namespace string, rules []rule.Rule) bool {
	return namespace == "" || slices.ContainsFunc(slices.Concat(rules, catalog.Rules(catalog.Inherited), catalog.Rules(catalog.Modern)), func(r rule.Rule) bool {
		return strings.HasPrefix(r.Metric, namespace+"_")
	})
}

// checkReplacements looks for replacements of which the file does not say what they are
// for. What is empty must be written out.
func (m *mappingReader) checkReplacements(labels []rule.Label, path string) {
	for i, label := range labels {
		for k := range label.Replace {
			replacement := at(at(path, i)+".replace", k)
			if !m.says(replacement+".match") && !m.doubtful(replacement) {
				m.fault(0, replacement, "match is missing: want a regular expression, or '' for the empty value")
			}
			if !m.says(replacement+".with") && !m.doubtful(replacement) {
				m.fault(0, replacement, "with is missing: want what the value becomes, or '' for the empty value")
			}
		}
	}
}

// dropEvents takes away the rules of events.
func (m *mappingReader) dropEvents(events []string) {
	known := m.events()
	for i, event := range events {
		path := at("drop_events", i)
		switch {
		case m.doubtful(path):
		case slices.Contains(events[:i], event):
			m.fault(0, path, "%q is duplicated", event)
		case slices.Contains(m.SilentEvents, event):
			m.fault(0, path, "%q drives nothing anyway", event)
		case !slices.Contains(known, event):
			m.fault(0, path, "no built-in rule is for the event %q%s", event, spelling.Hint(event, known))
		}
	}
	m.remove(func(r rule.Rule) bool { return slices.Contains(events, r.Event) })
}

// silence adds events that are known to drive nothing.
func (m *mappingReader) silence(events []string) {
	driving := m.events()
	for i, event := range events {
		path := at("silent_events", i)
		switch {
		case m.doubtful(path):
		case event == "":
			m.fault(0, path, "the name of an event is empty")
		case slices.Contains(events[:i], event):
			m.fault(0, path, "%q is duplicated", event)
		case slices.Contains(driving, event):
			m.fault(0, path, "%q drives a metric: drop_events is for taking away the built-in rules of an event", event)
		case !slices.Contains(m.SilentEvents, event):
			m.SilentEvents = append(m.SilentEvents, event)
		}
	}
}

// change makes one change to a metric. before are those made already.
func (m *mappingReader) change(before []metricChange, c metricChange, path string) {
	metrics := m.metrics()
	if m.within[path] {
		// That much is known to be wrong. So may be the rest, but not as a consequence.
		if m.doubtful(path + ".metric") {
			return
		}
		if m.doubtful(path+".drop_labels") || m.doubtful(path+".add_labels") {
			c.DropLabels, c.AddLabels = nil, nil // one may be to take the place of another
		}
	}
	switch {
	case m.wrong[path]:
		return
	case c.Metric == "":
		m.fault(0, path, "there is no metric: want the name of one, as `signalbox catalog` has it, without the namespace")
		return
	case slices.ContainsFunc(before, func(b metricChange) bool { return b.Metric == c.Metric }):
		m.fault(0, path+".metric", "there are changes to %q already: want all of them together", c.Metric)
		return
	case c.Metric == catalog.LastSeen.Metric || strings.HasPrefix(c.Metric, "signalbox_"):
		m.fault(0, path+".metric", "%q is not driven by rules, and cannot be changed", c.Metric)
		return
	case !slices.Contains(metrics, c.Metric):
		m.fault(0, path+".metric", "no rule drives the metric %q%s", c.Metric, catalog.Hint(c.Metric, metrics))
		return
	case c.Drop && !c.changesNothing():
		m.fault(0, path+".drop", "a metric that is dropped cannot be changed as well")
		return
	case c.Drop:
		m.remove(func(r rule.Rule) bool { return r.Metric == c.Metric })
		return
	case c.changesNothing() && m.within[path]:
		return
	case c.changesNothing():
		changes := fieldsOf(reflect.TypeFor[metricChange]())[1:] // without the metric's name
		m.fault(0, path, "nothing is changed: want one of %s", strings.Join(changes, ", "))
		return
	}
	for i := range m.Rules {
		if r := &m.Rules[i]; r.Metric == c.Metric {
			m.dropLabels(r, c, path)
			m.places[i].change, m.places[i].labels = path, len(r.Labels)
			c.apply(r)
		}
	}
}

func (c metricChange) changesNothing() bool {
	return c.Help == nil && len(c.DropLabels) == 0 && len(c.AddLabels) == 0 && c.Buckets == nil && c.IdleTTL == nil && c.NativeHistogram == nil
}

// dropLabels takes labels away from a rule, which must not share them with another.
func (m *mappingReader) dropLabels(r *rule.Rule, c metricChange, path string) {
	var names []string
	for _, l := range r.Labels {
		names = append(names, l.Name)
	}
	for i, name := range c.DropLabels {
		field := at(path+".drop_labels", i)
		index := slices.Index(names, name)
		switch {
		case slices.Contains(c.DropLabels[:i], name):
			m.fault(0, field, "%q is duplicated", name)
		case index < 0 && len(names) == 0:
			m.fault(0, field, "metric %q has no labels", r.Metric)
		case index < 0:
			m.fault(0, field, "metric %q has no label %q, only %s%s", r.Metric, name, strings.Join(names, ", "), spelling.Hint(name, names))
		case r.Worker != "" && r.Labels[index].NamesWorker() && !slices.ContainsFunc(c.AddLabels, rule.Label.NamesWorker):
			m.fault(0, field, "%q says which worker a series of %q belongs to, and goes with, so it must stay", name, r.Metric)
		}
	}
	r.Labels = slices.DeleteFunc(slices.Clone(r.Labels), func(l rule.Label) bool { return slices.Contains(c.DropLabels, l.Name) })
}

// apply makes the change to a rule, but for labels to drop.
func (c metricChange) apply(r *rule.Rule) {
	r.Labels = append(r.Labels, c.AddLabels...)
	if c.Help != nil {
		r.Help = *c.Help
	}
	if c.Buckets != nil {
		r.Buckets = c.Buckets
	}
	if c.IdleTTL != nil {
		r.IdleTTL = *c.IdleTTL
	}
	if c.NativeHistogram != nil {
		r.NativeHistogram = *c.NativeHistogram
	}
}

// remove takes rules away. Their events remain known, though they may drive nothing.
func (m *mappingReader) remove(which func(rule.Rule) bool) {
	var rules []rule.Rule
	var places []rulePlace
	for i, r := range m.Rules {
		if which(r) {
			if !slices.Contains(m.SilentEvents, r.Event) {
				m.SilentEvents = append(m.SilentEvents, r.Event)
			}
			continue
		}
		rules, places = append(rules, r), append(places, m.places[i])
	}
	m.Rules, m.places = rules, places
}

// events are the events that drive something.
func (m *mappingReader) events() []string {
	return distinct(m.Rules, func(r rule.Rule) string { return r.Event })
}

// metrics are the metrics that are driven.
func (m *mappingReader) metrics() []string {
	return distinct(m.Rules, func(r rule.Rule) string { return r.Metric })
}

func distinct(rules []rule.Rule, of func(rule.Rule) string) (names []string) {
	seen := map[string]bool{}
	for _, r := range rules {
		if name := of(r); !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	return names
}

// path is where the field of a rule stands in the file: with a change to its metric,
// unless that says nothing of it. Empty if neither is in the file.
func (p rulePlace) path(field string, d *document) string {
	if p.change != "" {
		changed := field
		var index int
		if n, _ := fmt.Sscanf(field, "labels[%d]", &index); n == 1 {
			rest := strings.TrimPrefix(field, at("labels", index))
			changed = at("add_labels", index-p.labels) + rest
		}
		if field == "worker" {
			changed = "drop_labels"
		}
		top, _, _ := strings.Cut(changed, "[")
		if _, ok := d.lines[join(p.change, top)]; ok && !strings.Contains(changed, "[-") || p.rule == "" {
			return join(p.change, changed)
		}
	}
	if p.rule == "" {
		return ""
	}
	return join(p.rule, field)
}
