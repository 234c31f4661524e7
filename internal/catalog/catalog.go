// Package catalog contains the built-in rules: two catalogs, one of which has two
// namings.
package catalog

import (
	"fmt"
	"slices"
	"strings"

	"github.com/signalbox-ci/signalbox/emitter/rule"
	"github.com/signalbox-ci/signalbox/internal/spelling"
)

// A Name is the name of a catalog. In a list of catalogs, the order does not matter. An
// empty list means Concourse.
type Name string

// The catalogs.
const (
	Concourse Name = "concourse" // events of Concourse's web node; the namespace is that of --prometheus-namespace
	CI        Name = "ci"        // events of any CI system; the namespace is ci
)

// All returns all catalogs.
func All() []Name { return []Name{Concourse, CI} }

// Parse returns the catalogs in a list that is separated by commas.
func Parse(list string) (names []Name, err error) {
	for text := range strings.SplitSeq(list, ",") {
		name := Name(strings.TrimSpace(text))
		if !slices.Contains(All(), name) {
			return nil, fmt.Errorf("got %q, expected concourse, ci or concourse,ci%s", text, spelling.Hint(text, texts(All())))
		}
		names = append(names, name)
	}
	return names, nil
}

// Includes reports whether the list includes the catalog.
func Includes(list []Name, name Name) bool {
	return slices.Contains(list, name) || len(list) == 0 && name == Concourse
}

func texts(list []Name) (texts []string) {
	for _, name := range list {
		texts = append(texts, string(name))
	}
	return texts
}

// Rules returns the rules of the catalogs in a naming, in the order in which `signalbox
// catalog` prints them: all rules of an event follow each other. If both catalogs are
// listed, events of Concourse also update families of the catalog CI. Rules returns nil
// if the naming does not exist. A rule has the same index in both namings. The namings
// differ only in the names of metrics and labels and, for histograms that observe
// milliseconds in the inherited form, in the unit, help text, and buckets. The caller
// may modify the returned rules.
func Rules(n Naming, catalogs ...Name) (rules []rule.Rule) {
	if n != "" && n != Inherited && n != Modern {
		return nil
	}
	if Includes(catalogs, Concourse) {
		for i, r := range concourse {
			r = r.Clone()
			if n == Modern {
				rename(&r)
			}
			rules = append(rules, r)
			if lastOfEvent := i+1 == len(concourse) || concourse[i+1].Event != r.Event; lastOfEvent && Includes(catalogs, CI) {
				rules = append(rules, clone(rulesFor(r.Event, concourseAsCI))...)
			}
		}
	}
	if Includes(catalogs, CI) {
		rules = append(rules, clone(ci)...)
	}
	return rules
}

func clone(rules []rule.Rule) []rule.Rule {
	cloned := make([]rule.Rule, len(rules))
	for i, r := range rules {
		cloned[i] = r.Clone()
	}
	return cloned
}

// rulesFor returns the rules for the event.
func rulesFor(event string, rules []rule.Rule) []rule.Rule {
	return slices.DeleteFunc(slices.Clone(rules), func(r rule.Rule) bool { return r.Event != event })
}

// Events returns the known events of the catalogs, those of each catalog in the order
// of its rules, followed by those that update no series. The caller must not modify the
// events.
func Events(catalogs ...Name) (events []Event) {
	if Includes(catalogs, Concourse) {
		events = append(events, concourseEvents...)
	}
	if Includes(catalogs, CI) {
		events = append(events, ciEvents...)
	}
	return events
}

// SilentEvents returns the names of the known events that update no series.
func SilentEvents(catalogs ...Name) (names []string) {
	for _, e := range Events(catalogs...) {
		if len(rulesFor(e.Name, concourse)) == 0 && len(rulesFor(e.Name, ci)) == 0 {
			names = append(names, e.Name)
		}
	}
	return names
}

// EventHint returns a hint if the event is unknown only because its catalog is not
// selected, and otherwise an empty string.
func EventHint(event string, selected []Name) string {
	return hint(selected, "this event", func(catalog Name) bool {
		return slices.ContainsFunc(Events(catalog), func(e Event) bool { return e.Name == event })
	})
}

// metricHint is like EventHint, for a metric in either naming.
func metricHint(metric string, selected []Name) string {
	return hint(selected, "this metric", func(catalog Name) bool {
		return slices.ContainsFunc(slices.Concat(Rules(Inherited, catalog), Rules(Modern, catalog)), func(r rule.Rule) bool { return r.Metric == metric })
	})
}

// hint returns a hint that names a catalog that is not selected and has the thing.
func hint(selected []Name, thing string, has func(Name) bool) string {
	for _, other := range All() {
		if !Includes(selected, other) && has(other) {
			return fmt.Sprintf("the catalog %s has %s: use --catalog %s", other, thing, strings.Join(texts(All()), ","))
		}
	}
	return ""
}
