package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
	"text/tabwriter"

	"go.yaml.in/yaml/v3"

	"github.com/signalbox-ci/signalbox/emitter"
)

// catalogNamespace is what the metrics' names begin with unless
// --prometheus-namespace says otherwise.
const catalogNamespace = "concourse_"

// catalogCommand prints the built-in rules.
type catalogCommand struct {
	Format string `long:"format" choice:"table" choice:"markdown" choice:"json" choice:"yaml" default:"table" description:"How to print it. JSON and YAML hold everything about each rule, the metrics' names without a namespace."`
}

func (c *catalogCommand) run(w world) error {
	out := bufio.NewWriter(w.stdout)
	printed := catalog{Rules: emitter.Catalog(), SilentEvents: emitter.SilentEvents()}

	var err error
	switch c.Format {
	case "json":
		err = printed.writeJSON(out)
	case "yaml":
		err = printed.writeYAML(out)
	case "markdown":
		err = printed.writeMarkdown(out)
	default:
		err = printed.writeTable(out, styleOf(w.stdout))
	}
	err = errors.Join(err, out.Flush())
	if errors.Is(err, syscall.EPIPE) {
		return nil // the reader has seen enough, as in `signalbox catalog | head`
	}

	return err
}

// A catalog is everything that the built-in rules say.
type catalog struct {
	Rules        []emitter.Rule `yaml:"rules"`
	SilentEvents []string       `yaml:"silent_events"`
}

// columns are the headings of the table.
var columns = []string{"EVENT", "METRIC", "TYPE", "LABELS", "OPERATION"}

func (c catalog) writeTable(w io.Writer, s style) error {
	var aligned strings.Builder
	table := tabwriter.NewWriter(&aligned, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, strings.Join(columns, "\t"))
	for _, rule := range c.Rules {
		fmt.Fprintln(table, strings.Join(cells(rule), "\t"))
	}
	if err := table.Flush(); err != nil {
		return err
	}

	headings, rows, _ := strings.Cut(aligned.String(), "\n")
	_, err := fmt.Fprintf(w, "%s\n%s\nKnown, and driving nothing: %s.\n", s.bold(headings), rows, strings.Join(c.SilentEvents, ", "))

	return err
}

func (c catalog) writeMarkdown(w io.Writer) error {
	fmt.Fprintf(w, "| %s |\n", strings.ToLower(strings.Join(columns, " | ")))
	fmt.Fprintf(w, "|%s\n", strings.Repeat(" --- |", len(columns)))
	for _, rule := range c.Rules {
		fmt.Fprint(w, "|")
		for _, cell := range cells(rule) {
			fmt.Fprintf(w, " %s |", strings.ReplaceAll(cell, "|", `\|`))
		}
		fmt.Fprintln(w)
	}

	_, err := fmt.Fprintf(w, "\nKnown, and driving nothing: %s.\n", strings.Join(c.SilentEvents, ", "))

	return err
}

func (c catalog) writeYAML(w io.Writer) error {
	encoder := yaml.NewEncoder(w)
	encoder.SetIndent(2)

	return errors.Join(encoder.Encode(c), encoder.Close())
}

func (c catalog) writeJSON(w io.Writer) error {
	// YAML writes durations as 5m0s; JSON would count nanoseconds.
	type rule struct {
		emitter.Rule
		IdleTTL string `json:"idle_ttl,omitempty"`
	}
	rules := make([]rule, len(c.Rules))
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
		Rules        []rule   `json:"rules"`
		SilentEvents []string `json:"silent_events"`
	}{rules, c.SilentEvents})
}

// cells returns the columns of a rule's line.
func cells(rule emitter.Rule) []string {
	event := rule.Event
	if rule.When != nil {
		event += ", " + rule.When.Attribute + "=" + rule.When.Value
	}

	operation := string(rule.Operation)
	if rule.Divide != 0 && rule.Divide != 1 {
		operation = fmt.Sprintf("%s/%g", operation, rule.Divide)
	}

	return []string{event, catalogNamespace + rule.Metric, string(rule.Type), labelsCell(rule), operation}
}

// labelsCell shows labels as name←attribute, or as the name where both are the
// same, followed by ! if the attribute must be present and by !! if it must
// not be empty either.
func labelsCell(rule emitter.Rule) string {
	var labels []string
	for _, label := range rule.Labels {
		text := label.Name
		if label.Attribute != label.Name {
			text += "←" + label.Attribute
		}
		switch label.Required {
		case emitter.Present:
			text += "!"
		case emitter.NonEmpty:
			text += "!!"
		}
		labels = append(labels, text)
	}
	cell := strings.Join(labels, ", ")

	if len(rule.Needs) > 0 {
		needs := "(needs " + strings.Join(rule.Needs, "!, ") + "!)"
		if cell != "" {
			cell += " "
		}
		cell += needs
	}

	return cell
}
