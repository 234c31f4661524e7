package engine

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/signalbox-ci/signalbox/emitter/rule"
	"github.com/signalbox-ci/signalbox/internal/names"
	"github.com/signalbox-ci/signalbox/internal/series"
)

// constantLabels converts the node's attributes to labels that every series has, sorted
// by name. It returns an AttributeError if two attributes become the same label, if an
// attribute becomes a label that a rule uses, or if it cannot become a label.
func constantLabels(attributes map[string]string, rules []rule.Rule) ([]series.Label, error) {
	usedBy := map[string]string{"le": "the buckets of histograms"}
	for _, r := range slices.Backward(rules) {
		for _, l := range r.Labels {
			usedBy[l.Name] = "metric " + r.Metric
		}
	}

	var labels []series.Label
	keys := map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(attributes)) {
		name, value := sanitize(key), attributes[key]
		switch {
		case !names.IsLabel(name):
			return nil, AttributeError(fmt.Sprintf("attribute %q cannot become a label: expected an ASCII letter before any digit", key))
		case keys[name] != "":
			return nil, AttributeError(fmt.Sprintf("attributes %q and %q both become the label %q", keys[name], key, name))
		case usedBy[name] != "":
			return nil, AttributeError(fmt.Sprintf("attribute %q becomes the label %q, which is already used by %s", key, name, usedBy[name]))
		case !utf8.ValidString(value):
			return nil, AttributeError(fmt.Sprintf("attribute %q has the value %q, which is not valid UTF-8", key, value))
		}
		keys[name] = key
		labels = append(labels, series.Label{Name: name, Value: value})
	}
	slices.SortFunc(labels, func(a, b series.Label) int { return strings.Compare(a.Name, b.Name) })
	return labels, nil
}

var nonLabelChars = regexp.MustCompile(`[^a-zA-Z0-9]+`)

// sanitize converts the key of an attribute to a label name. It replaces each run of
// characters other than letters and digits with one underscore, and removes leading and
// trailing underscores.
func sanitize(key string) string {
	return strings.Trim(nonLabelChars.ReplaceAllString(key, "_"), "_")
}

// An AttributeError reports an attribute of the node that cannot become a label.
type AttributeError string

// Error implements error.
func (e AttributeError) Error() string { return string(e) }
