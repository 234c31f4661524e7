package mapping

import (
	"slices"

	"github.com/signalbox-ci/signalbox/emitter/rule"
	"github.com/signalbox-ci/signalbox/internal/catalog"
	"github.com/signalbox-ci/signalbox/internal/spelling"
)

// read applies a mapping file to the rules of the source. The document of the result
// contains the errors in the file.
func read(s Source, content []byte) Mapping {
	var f mappingFile
	m := Mapping{source: s, document: readDocument(s.File, content, &f)}
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
	m.applyChanges(f.Metrics)
	m.addSilentEvents(f.SilentEvents)
	for _, p := range m.positions {
		if p.rule != "" {
			m.Custom++
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
	withRules, silent, dropped := setOf(known), setOf(m.SilentEvents), map[string]bool{}
	for i, event := range events {
		path := at("drop_events", i)
		switch {
		case m.hasRelatedError(path):
		case dropped[event]:
			m.errorf(path, "%q is duplicated", event)
		case silent[event]:
			m.errorf(path, "%q updates no metric, so there is nothing to drop", event)
		case !withRules[event] && m.tooManyErrors(): // searching for a hint is slow
			m.errorf(path, "there is no built-in rule for event %q", event)
		case !withRules[event]:
			hint := spelling.Hint(event, known)
			if other := catalog.EventHint(event, m.source.Catalogs); other != "" {
				hint = ": " + other
			}
			m.errorf(path, "there is no built-in rule for event %q%s", event, hint)
		}
		dropped[event] = true
	}
	m.removeRules(func(r rule.Rule) bool { return dropped[r.Event] })
}

// addSilentEvents adds known events that update no metric.
func (m *Mapping) addSilentEvents(events []string) {
	withRules, silent, added := setOf(m.events()), setOf(m.SilentEvents), map[string]bool{}
	for i, event := range events {
		path := at("silent_events", i)
		switch {
		case m.hasRelatedError(path):
		case event == "":
			m.errorf(path, "the event name is empty")
		case added[event]:
			m.errorf(path, "%q is duplicated", event)
		case withRules[event]:
			m.errorf(path, "%q updates a metric: use drop_events to remove the built-in rules for the event", event)
		case !silent[event]:
			m.SilentEvents = append(m.SilentEvents, event)
		}
		added[event] = true
	}
}

// removeRules removes the rules for which the condition holds. Their events remain
// known, even if no other rule uses them.
func (m *Mapping) removeRules(condition func(rule.Rule) bool) {
	var rules []rule.Rule
	var positions []position
	silent := setOf(m.SilentEvents)
	for i, r := range m.Rules {
		if !condition(r) {
			rules, positions = append(rules, r), append(positions, m.positions[i])
		} else if !silent[r.Event] {
			silent[r.Event] = true
			m.SilentEvents = append(m.SilentEvents, r.Event)
		}
	}
	m.Rules, m.positions = rules, positions
}

func setOf(names []string) map[string]bool {
	set := make(map[string]bool, len(names))
	for _, name := range names {
		set[name] = true
	}
	return set
}

// events returns the events of the rules.
func (m *Mapping) events() (names []string) {
	for _, r := range m.Rules {
		names = append(names, r.Event)
	}
	return names
}
