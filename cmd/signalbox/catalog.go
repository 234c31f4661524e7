package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/signalbox-ci/signalbox/emitter/rule"

	"github.com/signalbox-ci/signalbox/internal/catalog"
)

// defaultNamespace is the default of --prometheus-namespace.
const defaultNamespace = "concourse"

// catalogCommand prints the built-in rules.
type catalogCommand struct {
	Format  string      `long:"format" choice:"table" choice:"markdown" choice:"json" choice:"yaml" default:"table" description:"Output format. JSON and YAML contain every field of each rule, and metric names without the namespace. YAML is a mapping file to start from."`
	Catalog catalogList `long:"catalog" value-name:"LIST" default:"concourse,ci" description:"Catalogs to print: concourse, ci or concourse,ci. Where events of Concourse update metrics with the namespace ci, signalbox run must be started with both catalogs."`
	Naming  string      `long:"prometheus-naming" choice:"inherited" choice:"modern" default:"inherited" description:"Naming of metrics and labels, as in signalbox run. Tables also show the other naming where it differs."`

	Args struct {
		Event []string `positional-arg-name:"[EVENT]"`
	} `positional-args:"yes"`
}

func (c *catalogCommand) run(w world) error {
	out := bufio.NewWriter(w.stdout)
	printed := newCatalog(catalog.Naming(c.Naming), c.Catalog.list())
	var event catalog.Event
	if len(c.Args.Event) > 0 {
		var err error
		if event, err = findEvent(strings.Join(c.Args.Event, " "), c.Catalog.list()); err != nil { // quoting the name is optional
			return err
		}
		printed = printed.only(event.Name)
	}

	var err error
	switch c.Format {
	case "json":
		err = printed.writeJSON(out)
	case "yaml":
		err = printed.writeYAML(out)
	case "markdown":
		err = printed.writeMarkdown(out)
	default:
		if event.Name != "" {
			err = printed.writeEvent(out, styleOf(w.stdout), event)
		} else {
			err = printed.writeTable(out, styleOf(w.stdout))
		}
	}
	return ignoreBrokenPipe(errors.Join(err, out.Flush()))
}

// A printedCatalog contains the built-in rules in one naming, in the form of a mapping
// file that replaces them.
type printedCatalog struct {
	Builtin      bool        `yaml:"builtin"`
	Rules        []rule.Rule `yaml:"rules"`
	SilentEvents []string    `yaml:"silent_events"`

	naming, other catalog.Naming
	otherRules    []rule.Rule // in the order of Rules
}

func newCatalog(naming catalog.Naming, catalogs []catalog.Name) printedCatalog {
	other := catalog.Modern
	if naming == catalog.Modern {
		other = catalog.Inherited
	}
	return printedCatalog{
		Rules:        catalog.Rules(naming, catalogs...),
		SilentEvents: catalog.SilentEvents(catalogs...),
		naming:       naming,
		other:        other,
		otherRules:   catalog.Rules(other, catalogs...),
	}
}

// writeTable prints each event as a heading, with a line below it for every metric that
// the event updates. A table with events and metrics in one row would be wider than a
// terminal.
func (c printedCatalog) writeTable(w *bufio.Writer, s style) error {
	fmt.Fprintln(w, s.bold("EVENT"))
	writeRow(w, "unit", "", "UNIT OF THE VALUE")
	writeRow(w, "values", "", "ATTRIBUTE: POSSIBLE VALUES")
	writeRow(w, "TYPE", "OPERATION", "METRIC{LABELS}")
	for start := 0; start < len(c.Rules); {
		event := c.Rules[start].Event
		end := start + 1
		for end < len(c.Rules) && c.Rules[end].Event == event {
			end++
		}
		rules := printedCatalog{Rules: c.Rules[start:end], otherRules: c.otherRules[start:end], other: c.other}
		fmt.Fprintf(w, "\n%s\n", s.bold(event))
		if unit := rules.unit(); unit != "" {
			writeRow(w, "unit", "", unit)
		}
		if values := rules.values(); values != "" {
			writeRow(w, "values", "", values)
		}
		rules.writeRows(w)
		start = end
	}
	fmt.Fprintln(w)
	if note := c.bothCatalogs(); note != "" {
		writeWrapped(w, "", note)
		fmt.Fprintln(w)
	}
	writeWrapped(w, "", c.silent())
	return nil // Flush returns the first error
}

// writeRows prints a line for each rule, and one for the other naming where it differs.
func (c printedCatalog) writeRows(w io.Writer) {
	for i, r := range c.Rules {
		writeRow(w, string(r.Type), operation(r), strings.TrimSpace(series(r)+" "+conditions(r)))
		if other := c.otherRules[i]; series(other) != series(r) {
			writeRow(w, "= "+string(c.other), operation(other), series(other))
		}
	}
}

func writeRow(w io.Writer, typ, operation, series string) {
	fmt.Fprintf(w, "  %-11s  %-12s  %s\n", typ, operation, series)
}

// unit returns the unit of the rules of a single event.
func (c printedCatalog) unit() string {
	for _, r := range c.Rules {
		if r.Unit != "" {
			return r.Unit
		}
	}
	return ""
}

// values describes the possible values of attributes in the rules.
func (c printedCatalog) values() string {
	var texts []string
	for _, r := range c.Rules {
		for _, attribute := range slices.Sorted(maps.Keys(r.Values)) {
			if text := attribute + ": " + strings.Join(r.Values[attribute], ", "); !slices.Contains(texts, text) {
				texts = append(texts, text)
			}
		}
	}
	return strings.Join(texts, "; ")
}

func (c printedCatalog) writeMarkdown(w io.Writer) error {
	row := func(cells ...string) {
		fmt.Fprint(w, "|")
		for _, cell := range cells {
			fmt.Fprintf(w, " %s |", strings.ReplaceAll(cell, "|", `\|`))
		}
		fmt.Fprintln(w)
	}

	row("event", "unit", "possible values", "type", "operation", string(c.naming)+" metric", string(c.other)+" metric, where it differs")
	row("---", "---", "---", "---", "---", "---", "---")
	for i, r := range c.Rules {
		event := r.Event
		if condition := conditions(r); condition != "" {
			event += " " + condition
		}
		differs := ""
		if other := c.otherRules[i]; series(other) != series(r) {
			differs = series(other)
			if operation(other) != operation(r) {
				differs += " (" + operation(other) + ")"
			}
		}
		row(event, r.Unit, printedCatalog{Rules: c.Rules[i : i+1]}.values(), string(r.Type), operation(r), series(r), differs)
	}

	if note := c.bothCatalogs(); note != "" {
		fmt.Fprintf(w, "\n%s\n", note)
	}
	_, err := fmt.Fprintf(w, "\n%s\n", c.silent())
	return err
}

// bothCatalogs returns a note about the metrics of the catalog ci that events of
// Concourse update, or an empty string if there are none.
func (c printedCatalog) bothCatalogs() string {
	for i, r := range c.Rules {
		if i > 0 && r.Event == c.Rules[i-1].Event && r.Namespace != c.Rules[i-1].Namespace {
			return "Events of Concourse update metrics with the namespace ci only if signalbox run is started with --catalog concourse,ci."
		}
	}
	return ""
}

func (c printedCatalog) silent() string {
	if len(c.SilentEvents) == 0 {
		return ""
	}
	return "Known events that update no metric: " + strings.Join(c.SilentEvents, ", ") + "."
}

func (c printedCatalog) writeYAML(w io.Writer) error {
	fmt.Fprintf(w, "# Signalbox's built-in rules, with %s names, for signalbox run --mapping-file FILE.\n", c.naming)
	encoder := yaml.NewEncoder(w)
	encoder.SetIndent(2)
	return errors.Join(encoder.Encode(c), encoder.Close())
}

func (c printedCatalog) writeJSON(w io.Writer) error {
	// YAML writes durations as 5m0s; JSON would write nanoseconds.
	type jsonRule struct {
		rule.Rule
		IdleTTL string `json:"idle_ttl,omitempty"`
	}
	rules := make([]jsonRule, len(c.Rules))
	for i, r := range c.Rules {
		rules[i].Rule = r
		if r.IdleTTL != 0 {
			rules[i].IdleTTL = r.IdleTTL.String()
		}
	}

	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(struct {
		Builtin      bool       `json:"builtin"`
		Rules        []jsonRule `json:"rules"`
		SilentEvents []string   `json:"silent_events"`
	}{c.Builtin, rules, c.SilentEvents})
}

// operation returns the operation and the divisor of a rule.
func operation(r rule.Rule) string {
	if r.Divide != 0 && r.Divide != 1 {
		return fmt.Sprintf("%s/%g", r.Operation, r.Divide)
	}
	return string(r.Operation)
}

// series returns a family with its labels. A label is shown as name←attribute, or as
// the name alone if both are the same. It is followed by ! if the attribute must be
// present, and by !! if it must be present and not empty. A label with a fixed value is
// shown with this value, as name="value". A label that shows a state is also followed by
// the states.
func series(r rule.Rule) string {
	var labels []string
	for _, label := range r.Labels {
		text := label.Name
		if by := label.Replace; len(by) == 1 && (by[0].Match == "" || by[0].Match == ".*") {
			text += fmt.Sprintf("=%q", by[0].With)
		} else if label.Attribute != label.Name {
			text += "←" + label.Attribute
		}
		switch label.Required {
		case rule.Present:
			text += "!"
		case rule.NonEmpty:
			text += "!!"
		}
		if r.States != nil && r.States.Label == label.Name {
			text += "=" + strings.Join(r.States.Values, "|")
		}
		labels = append(labels, text)
	}
	if len(labels) == 0 {
		return r.FullName(defaultNamespace)
	}
	return r.FullName(defaultNamespace) + "{" + strings.Join(labels, ", ") + "}"
}

// conditions returns what a rule requires of an event in addition to its labels.
func conditions(r rule.Rule) string {
	var required []string
	if r.When != nil {
		required = append(required, "if "+r.When.Attribute+"="+r.When.Value)
	}
	if len(r.Needs) > 0 {
		required = append(required, "needs "+strings.Join(r.Needs, "!, ")+"!")
	}
	if len(required) == 0 {
		return ""
	}
	return "(" + strings.Join(required, ", ") + ")"
}
