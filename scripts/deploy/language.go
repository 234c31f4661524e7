package main

import (
	"fmt"
	"regexp"
	"strings"

	catalogrule "github.com/signalbox-ci/signalbox/emitter/rule"
	"github.com/signalbox-ci/signalbox/internal/catalog"
)

// A language is what the families of the catalog, and their labels, are called where
// dashboards and rules are used.
type language struct {
	naming    catalog.Naming
	namespace string
	families  map[string]family // by the inherited name, without the namespace
}

// A family is what a language has for a family of the inherited catalog.
type family struct {
	name      string            // with the namespace
	labels    map[string]string // by the inherited name
	histogram bool

	// milliseconds says that the inherited family observes milliseconds, and the
	// modern one seconds.
	milliseconds bool
}

// lastSeen is the one family that no rule of the catalog drives.
const lastSeen = "workers_last_seen_timestamp_seconds"

// namespaces are what --prometheus-namespace takes, or nothing.
var namespaces = regexp.MustCompile(`^([a-zA-Z_][a-zA-Z0-9_]*)?$`)

// newLanguage fails if the namings' catalogs are not of the same rules in the same
// order, or if the namespace is none.
func newLanguage(naming catalog.Naming, namespace string) (*language, error) {
	if !namespaces.MatchString(namespace) {
		return nil, fmt.Errorf("-namespace is %q, want letters, digits and _, not starting with a digit", namespace)
	}
	l := &language{naming: naming, namespace: namespace, families: map[string]family{}}
	inherited, modern, named := catalog.Rules(catalog.Inherited), catalog.Rules(catalog.Modern), catalog.Rules(naming)
	if len(modern) != len(inherited) || len(named) != len(inherited) {
		return nil, fmt.Errorf("the catalog has %d rules, and %d in the naming %q: want as many", len(inherited), len(named), naming)
	}
	for i, r := range inherited {
		if named[i].Event != r.Event || modern[i].Event != r.Event {
			return nil, fmt.Errorf("rule %d of the catalog is for event %q, and for %q in the naming %q: want the same order",
				i, r.Event, named[i].Event, naming)
		}
		f := family{
			name:         l.prefixed(named[i].Metric),
			labels:       map[string]string{},
			histogram:    r.Type == catalogrule.Histogram,
			milliseconds: r.Divide != modern[i].Divide,
		}
		attributes := map[string]string{}
		for _, label := range named[i].Labels {
			attributes[label.Attribute] = label.Name
		}
		for _, label := range r.Labels {
			f.labels[label.Name] = attributes[label.Attribute]
		}
		l.families[r.Metric] = f
	}
	l.families[lastSeen] = family{name: l.prefixed(lastSeen), labels: map[string]string{"worker": "worker"}}
	return l, nil
}

func (l *language) prefixed(name string) string {
	if l.namespace == "" {
		return name
	}
	return l.namespace + "_" + name
}

// foreign are the beginnings of names that are the same everywhere: what Signalbox
// tells of itself, of what was pushed, and what Prometheus and its client add.
var foreign = []string{"signalbox_", "push_", "go_", "process_", "up", "scrape_", "ALERTS"}

// metric is the name of a series that a query names, with its family if that is one
// of the catalog.
func (l *language) metric(name string) (string, family, error) {
	if f, ok := l.families[name]; ok && !f.histogram {
		return f.name, f, nil
	}
	for _, suffix := range []string{"_bucket", "_sum", "_count"} {
		base, found := strings.CutSuffix(name, suffix)
		if f, ok := l.families[base]; found && ok && f.histogram {
			f.milliseconds = f.milliseconds && suffix != "_count"
			return f.name + suffix, f, nil
		}
	}
	if strings.Contains(name, ":") {
		return l.recorded(name), family{}, nil
	}
	for _, prefix := range foreign {
		if strings.HasPrefix(name, prefix) {
			return name, family{}, nil
		}
	}
	return "", family{}, fmt.Errorf("%s is no series of the inherited catalog: want a family's name without the namespace, a histogram's with _bucket, _sum or _count",
		name)
}

// recorded is the name of what a rule records: level:metric:operation, where the
// metric gets the namespace. It is the same in either naming, and so is its unit,
// so that changing the naming does not end what was recorded.
func (l *language) recorded(name string) string {
	level, rest, _ := strings.Cut(name, ":")
	return level + ":" + l.prefixed(rest)
}
