package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/events"
	"github.com/signalbox-ci/signalbox/emitter/rule"
	"github.com/signalbox-ci/signalbox/internal/catalog"
	"github.com/signalbox-ci/signalbox/internal/spelling"
)

// defaultIntakeURL is the URL of the intake listener with the default flags.
const defaultIntakeURL = "http://127.0.0.1:19391"

// findEvent returns the event of the catalogs with the name. The error suggests a name.
func findEvent(name string, catalogs []catalog.Name) (catalog.Event, error) {
	var names []string
	for _, e := range catalog.Events(catalogs...) {
		if e.Name == name {
			return e, nil
		}
		names = append(names, e.Name)
	}
	hint := spelling.Hint(name, names)
	if other := catalog.EventHint(name, catalogs); other != "" {
		hint = ": " + other
	}
	for _, r := range slices.Concat(catalog.Rules(catalog.Inherited, catalogs...), catalog.Rules(catalog.Modern, catalogs...)) {
		if name == r.Metric || name == r.FullName(defaultNamespace) {
			hint = fmt.Sprintf(": it is a metric, which the event %q updates", r.Event)
			break
		}
	}
	if hint == "" {
		hint = ": signalbox catalog lists all events"
	}
	return catalog.Event{}, usageError(fmt.Sprintf("catalog: no built-in event has the name %q%s", name, hint))
}

// only returns the catalog with the rules of a single event.
func (c printedCatalog) only(event string) printedCatalog {
	selected := c
	selected.Rules, selected.otherRules, selected.SilentEvents = []rule.Rule{}, nil, []string{}
	for i, r := range c.Rules {
		if r.Event == event {
			selected.Rules = append(selected.Rules, r)
			selected.otherRules = append(selected.otherRules, c.otherRules[i])
		}
	}
	if slices.Contains(c.SilentEvents, event) {
		selected.SilentEvents = append(selected.SilentEvents, event)
	}
	return selected
}

// writeEvent describes an event, whose rules are the only ones in the catalog.
func (c printedCatalog) writeEvent(w *bufio.Writer, s style, event catalog.Event) error {
	heading := func(text string) { fmt.Fprintf(w, "\n%s\n", s.bold(text)) }
	fmt.Fprintf(w, "%s\n\n", s.bold(event.Name))
	writeWrapped(w, "", event.Meaning)
	heading("UNIT OF THE VALUE")
	fmt.Fprintf(w, "  %s\n", event.Unit)
	attributes, rules := c.ownAttributes()
	if len(attributes) > 0 {
		heading("ATTRIBUTES")
		row := func(name, required, values string) {
			fmt.Fprintln(w, strings.TrimRight(fmt.Sprintf("  %-14s  %-21s  %s", name, required, values), " "))
		}
		row("NAME", "REQUIRED", "VALUES")
		for _, a := range attributes {
			row(a.name, a.required(rules), orAny(event.Values[a.name]))
		}
	}
	heading("METRICS")
	c.writeRows(w)
	if len(c.Rules) == 0 {
		fmt.Fprintln(w, "  The event is known, but updates no metric.")
	}
	if !slices.ContainsFunc(catalog.Events(), func(e catalog.Event) bool { return e.Name == event.Name }) {
		fmt.Fprintln(w, "  The event is in the catalog ci: start signalbox run with --catalog ci or concourse,ci.")
	} else if note := c.bothCatalogs(); note != "" {
		fmt.Fprintln(w, "  "+note)
	}
	heading("EXAMPLE")
	fmt.Fprintln(w, exampleCommand(event, attributes))
	return nil // Flush returns the first error
}

// ownAttributes returns the attributes of an event, and the number of rules that use
// them. It ignores the rules with which an event of Concourse updates metrics of the
// catalog ci: they use the same attributes, and fixed values in place of those that the
// event does not have.
func (c printedCatalog) ownAttributes() ([]attributeUse, int) {
	own := slices.DeleteFunc(slices.Clone(c.Rules), func(r rule.Rule) bool { return r.Namespace != c.Rules[0].Namespace })
	return attributesOf(own), len(own)
}

func orAny(values []string) string {
	if len(values) == 0 {
		return "any"
	}
	return strings.Join(values, ", ")
}

// An attributeUse describes how the rules of an event use an attribute.
type attributeUse struct {
	name     string
	requires int  // number of rules that require it
	nonEmpty bool // a rule requires a value that is not empty
}

// required describes whether the attribute is required, given the number of rules.
func (a attributeUse) required(rules int) string {
	switch {
	case a.requires == 0:
		return "no"
	case a.requires < rules:
		return fmt.Sprintf("for %d of %d metrics", a.requires, rules)
	case a.nonEmpty:
		return "yes, and not empty"
	}
	return "yes"
}

// attributesOf returns the attributes that the rules of an event use, sorted by name.
func attributesOf(rules []rule.Rule) (sorted []attributeUse) {
	uses := map[string]*attributeUse{}
	for _, r := range rules {
		required := map[string]bool{}
		for _, l := range r.Labels {
			required[l.Attribute] = required[l.Attribute] || l.Required != ""
		}
		for _, l := range r.Exemplar {
			required[l.Attribute] = required[l.Attribute] || false
		}
		for _, attribute := range r.Needs {
			required[attribute] = true
		}
		if r.When != nil {
			required[r.When.Attribute] = true
		}
		for attribute, isRequired := range required {
			use := uses[attribute]
			if use == nil {
				use = &attributeUse{name: attribute}
				uses[attribute] = use
			}
			if isRequired {
				use.requires++
			}
			use.nonEmpty = use.nonEmpty || slices.ContainsFunc(r.Labels, func(l rule.Label) bool {
				return l.Attribute == attribute && l.Required == rule.NonEmpty
			})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(uses)) {
		sorted = append(sorted, *uses[name])
	}
	return sorted
}

// exampleValues are the values of attributes in examples.
var exampleValues = map[string]string{
	"action": "ListAllJobs", "build_id": "4711", "ConnectionName": "api", "environment": "production", "error_type": "script_failure", "job": "unit", "jobName": "unit", "job_id": "12",
	"message": "atc.tracker.failed", "method": "GET", "pipeline": "web", "pipelineName": "web", "platform": "linux",
	"queue": "default", "ref_kind": "default", "repository": "example/web", "retry": "false", "run_id": "4711", "runner_class": "ubuntu-latest",
	"service": "shop", "system": "github", "tier": "production",
	"route": "ListBuilds", "status": "200", "tags": "gpu", "teamId": "1", "teamName": "main", "team_name": "main",
	"trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "type": "task", "worker": "worker-1", "workerTags": "gpu",
}

// exampleCommand returns a command that sends the event to a daemon with the default
// flags.
func exampleCommand(event catalog.Event, attributes []attributeUse) string {
	example := struct {
		Name       string            `json:"name"`
		Value      float64           `json:"value"`
		Attributes map[string]string `json:"attributes,omitempty"`
	}{event.Name, exampleValue(event.Unit), map[string]string{}}
	for _, a := range attributes {
		value, ok := exampleValues[a.name]
		if listed := event.Values[a.name]; len(listed) > 0 {
			value = listed[0]
		} else if !ok {
			value = "example"
		}
		example.Attributes[a.name] = value
	}
	body, err := json.Marshal(example)
	if err != nil {
		panic("BUG: encoding an example: " + err.Error())
	}
	return fmt.Sprintf("curl -d '%s' %s%s", strings.ReplaceAll(string(body), "'", `'\''`), defaultIntakeURL, events.Path)
}

// exampleValue returns a plausible value of an event with the unit.
func exampleValue(unit string) float64 {
	switch unit {
	case "milliseconds":
		return 94000
	case "seconds":
		return 12
	case "seconds since the Unix epoch":
		return 1767366245
	}
	return 1
}
