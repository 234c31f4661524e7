package mapping

import (
	"slices"

	"github.com/signalbox-ci/signalbox/emitter/rule"
	"github.com/signalbox-ci/signalbox/internal/spelling"
)

// read applies a mapping file to the rules of the source. The document of the result
// has the faults of the file.
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
		if divide := path + ".divide"; r.Divide == 0 && m.says(divide) && !m.doubtful(divide) {
			m.fault(divide, "divide is 0, expected a positive number")
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
	m.silence(f.SilentEvents)
	for _, p := range m.positions {
		if p.rule != "" {
			m.Own++
		}
	}
	return m
}

// checkReplacements checks that the file has both fields of all replacements; in a
// decoded rule, a missing field looks like an empty one.
func (m *Mapping) checkReplacements(labels []rule.Label, path string) {
	for i, label := range labels {
		for k := range label.Replace {
			replacement := at(at(path, i)+".replace", k)
			if m.doubtful(replacement) {
				continue
			}
			if !m.says(replacement + ".match") {
				m.fault(replacement, "match is missing: expected a regular expression, or '' for the empty value")
			} else if !m.says(replacement + ".with") {
				m.fault(replacement, "with is missing: expected the new value, or '' for the empty value")
			}
		}
	}
}

// dropEvents removes the rules of events.
func (m *Mapping) dropEvents(events []string) {
	known := m.events()
	for i, event := range events {
		path := at("drop_events", i)
		switch {
		case m.doubtful(path):
		case slices.Contains(events[:i], event):
			m.fault(path, "%q is duplicated", event)
		case slices.Contains(m.SilentEvents, event):
			m.fault(path, "%q updates no metric, so there is nothing to drop", event)
		case !slices.Contains(known, event):
			m.fault(path, "no built-in rule is for the event %q%s", event, spelling.Hint(event, known))
		}
	}
	m.remove(func(r rule.Rule) bool { return slices.Contains(events, r.Event) })
}

// silence adds events that are known and update nothing.
func (m *Mapping) silence(events []string) {
	driving := m.events()
	for i, event := range events {
		path := at("silent_events", i)
		switch {
		case m.doubtful(path):
		case event == "":
			m.fault(path, "the name of an event is empty")
		case slices.Contains(events[:i], event):
			m.fault(path, "%q is duplicated", event)
		case slices.Contains(driving, event):
			m.fault(path, "%q updates a metric: use drop_events to remove the built-in rules of an event", event)
		case !slices.Contains(m.SilentEvents, event):
			m.SilentEvents = append(m.SilentEvents, event)
		}
	}
}

// remove removes rules. Their events stay known, even if they no longer update anything.
func (m *Mapping) remove(which func(rule.Rule) bool) {
	var rules []rule.Rule
	var positions []position
	for i, r := range m.Rules {
		if !which(r) {
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
