package mapping

import (
	"slices"

	"github.com/signalbox-ci/signalbox/emitter/rule"
	"github.com/signalbox-ci/signalbox/internal/spelling"
)

// read applies a mapping file to the rules of the source. The document of the result
// contains the errors in the file.
func read(s Source, content []byte) Mapping {
	var f mappingFile
	m := Mapping{document: readDocument(s.File, content, &f)}
	if f.Builtin == nil || *f.Builtin {
		m.Rules, m.SilentEvents = slices.Clone(s.Rules), slices.Clone(s.SilentEvents)
	}
	m.positions = make([]position, len(m.Rules))
	m.dropEvents(f.DropEvents)
	for i, r := range f.Rules {
		path := at("rules", i)
		if divide := path + ".divide"; r.Divide == 0 && m.has(divide) && !m.hasRelatedError(divide) {
			m.errorf(divide, "divide is 0, expected a positive number")
		}
		m.checkReplacements(r.Labels, path+".labels")
		m.Rules = append(m.Rules, r)
		m.positions = append(m.positions, position{rule: path})
	}
	for i, c := range f.Metrics {
		m.checkReplacements(c.AddLabels, at("metrics", i)+".add_labels")
		if m.check(c, f.Metrics[:i], at("metrics", i)) {
			m.apply(c, at("metrics", i))
		}
	}
	m.addSilentEvents(f.SilentEvents)
	for _, p := range m.positions {
		if p.rule != "" {
			m.Own++
		}
	}
	return m
}

// checkReplacements checks that the file sets both fields of all replacements. It
// cannot check the decoded rules, in which a missing field looks like an empty one.
func (m *Mapping) checkReplacements(labels []rule.Label, path string) {
	for i, label := range labels {
		for k := range label.Replace {
			replacement := at(at(path, i)+".replace", k)
			if m.hasRelatedError(replacement) {
				continue
			}
			if !m.has(replacement + ".match") {
				m.errorf(replacement, "match is missing: expected a regular expression, or '' to match the empty value")
			} else if !m.has(replacement + ".with") {
				m.errorf(replacement, "with is missing: expected the new value, which may be ''")
			}
		}
	}
}

// dropEvents removes the rules for the given events.
func (m *Mapping) dropEvents(events []string) {
	known := m.events()
	for i, event := range events {
		path := at("drop_events", i)
		switch {
		case m.hasRelatedError(path):
		case slices.Contains(events[:i], event):
			m.errorf(path, "%q is duplicated", event)
		case slices.Contains(m.SilentEvents, event):
			m.errorf(path, "%q updates no metric, so there is nothing to drop", event)
		case !slices.Contains(known, event):
			m.errorf(path, "there is no built-in rule for event %q%s", event, spelling.Hint(event, known))
		}
	}
	m.removeRules(func(r rule.Rule) bool { return slices.Contains(events, r.Event) })
}

// addSilentEvents adds known events that update no metric.
func (m *Mapping) addSilentEvents(events []string) {
	withRules := m.events()
	for i, event := range events {
		path := at("silent_events", i)
		switch {
		case m.hasRelatedError(path):
		case event == "":
			m.errorf(path, "the event name is empty")
		case slices.Contains(events[:i], event):
			m.errorf(path, "%q is duplicated", event)
		case slices.Contains(withRules, event):
			m.errorf(path, "%q updates a metric: use drop_events to remove the built-in rules for the event", event)
		case !slices.Contains(m.SilentEvents, event):
			m.SilentEvents = append(m.SilentEvents, event)
		}
	}
}

// removeRules removes the rules for which the condition holds. Their events remain
// known, even if no other rule uses them.
func (m *Mapping) removeRules(condition func(rule.Rule) bool) {
	var rules []rule.Rule
	var positions []position
	for i, r := range m.Rules {
		if !condition(r) {
			rules, positions = append(rules, r), append(positions, m.positions[i])
		} else if !slices.Contains(m.SilentEvents, r.Event) {
			m.SilentEvents = append(m.SilentEvents, r.Event)
		}
	}
	m.Rules, m.positions = rules, positions
}

// events returns the events of the rules.
func (m *Mapping) events() (names []string) {
	for _, r := range m.Rules {
		names = append(names, r.Event)
	}
	return names
}

// metrics returns the metrics of the rules.
func (m *Mapping) metrics() (names []string) {
	for _, r := range m.Rules {
		names = append(names, r.Metric)
	}
	return names
}
