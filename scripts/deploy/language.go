package main

import (
	"fmt"
	"regexp"
	"strings"

	catalogrule "github.com/signalbox-ci/signalbox/emitter/rule"
	"github.com/signalbox-ci/signalbox/internal/catalog"
)

// A language holds the names of the catalog's families and labels in one naming and
// namespace.
type language struct {
	naming    catalog.Naming
	namespace string
	families  map[string]family // by inherited name without namespace
}

// A family is the counterpart, in a language, of a family of the inherited catalog.
type family struct {
	name      string            // with namespace
	labels    map[string]string // by inherited name
	histogram bool

	// milliseconds is set if the inherited family observes milliseconds, and the modern
	// one seconds.
	milliseconds bool
}

// lastSeen is the only family that no rule of the catalog updates.
const lastSeen = "workers_last_seen_timestamp_seconds"

// namespacePattern matches the values that --prometheus-namespace accepts, and the
// empty string.
var namespacePattern = regexp.MustCompile(`^([a-zA-Z_][a-zA-Z0-9_]*)?$`)

// newLanguage returns the language of a naming and a namespace. It fails if the
// catalogs of the two namings do not have the same rules in the same order, or if the
// namespace is invalid.
func newLanguage(naming catalog.Naming, namespace string) (*language, error) {
	if !namespacePattern.MatchString(namespace) {
		return nil, fmt.Errorf("-namespace: got %q, expected letters, digits and _, not starting with a digit", namespace)
	}
	l := &language{naming: naming, namespace: namespace, families: map[string]family{}}
	inherited, modern, named := catalog.Rules(catalog.Inherited), catalog.Rules(catalog.Modern), catalog.Rules(naming)
	if len(modern) != len(inherited) || len(named) != len(inherited) {
		return nil, fmt.Errorf("the catalog has %d rules, but %d in the naming %q: expected the same number", len(inherited), len(named), naming)
	}
	for i, r := range inherited {
		if named[i].Event != r.Event || modern[i].Event != r.Event {
			return nil, fmt.Errorf("rule %d of the catalog is for event %q, but for %q in the naming %q: expected the same order",
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

// prefixed returns the name with the namespace.
func (l *language) prefixed(name string) string {
	if l.namespace == "" {
		return name
	}
	return l.namespace + "_" + name
}

// fixedPrefixes lists the prefixes of metrics that have the same name in each naming:
// those of the catalog ci, metrics about Signalbox itself and about pushes, and those
// that Prometheus and its client library add.
var fixedPrefixes = []string{ciPrefix, "signalbox_", "push_", "go_", "process_", "up", "scrape_", "ALERTS"}

// metric translates the name of a metric in a query. It also returns the family if that
// is in the catalog.
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
	for _, prefix := range fixedPrefixes {
		if strings.HasPrefix(name, prefix) {
			return name, family{}, nil
		}
	}
	return "", family{}, fmt.Errorf("%s is not a series of the inherited catalog: expected the name of a family without namespace, or of a histogram with _bucket, _sum or _count",
		name)
}

// ciPrefix is the namespace of the catalog ci, which has no namings.
const ciPrefix = string(catalog.CI) + "_"

// recorded returns the name of a recorded series, level:metric:operation, and adds the
// namespace to the metric unless that is of the catalog ci. Name and unit are the same in
// both namings, so that recorded series continue when the naming changes.
func (l *language) recorded(name string) string {
	level, rest, _ := strings.Cut(name, ":")
	if strings.HasPrefix(rest, ciPrefix) {
		return name
	}
	return level + ":" + l.prefixed(rest)
}
