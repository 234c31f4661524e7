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

// constantLabels turns the node's attributes into labels that every series has, sorted
// by name. It returns an AttributeError that names the attributes if two of them become
// the same label, if one becomes a label that a rule uses, or if one cannot be a label.
func constantLabels(attributes map[string]string, rules []rule.Rule) ([]series.Label, error) {
	usedBy := map[string]string{"le": "the histograms' buckets"}
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
			return nil, AttributeError(fmt.Sprintf("attribute %q cannot become a label: expected a letter in it, before any digit", key))
		case keys[name] != "":
			return nil, AttributeError(fmt.Sprintf("attributes %q and %q both become the label %q", keys[name], key, name))
		case usedBy[name] != "":
			return nil, AttributeError(fmt.Sprintf("attribute %q becomes the label %q, which is already a label of %s", key, name, usedBy[name]))
		case !utf8.ValidString(value):
			return nil, AttributeError(fmt.Sprintf("attribute %q has a value that is not UTF-8: %q", key, value))
		}
		keys[name] = key
		labels = append(labels, series.Label{Name: name, Value: value})
	}
	slices.SortFunc(labels, func(a, b series.Label) int { return strings.Compare(a.Name, b.Name) })
	return labels, nil
}

var notInLabels = regexp.MustCompile(`[^a-zA-Z0-9]+`)

// sanitize turns an attribute's key into a label name: it replaces every run of other
// characters than letters and digits by one underscore, and removes underscores at the
// ends.
func sanitize(key string) string {
	return strings.Trim(notInLabels.ReplaceAllString(key, "_"), "_")
}

// An AttributeError is the error for an attribute of the node that cannot become a
// label.
type AttributeError string

// Error implements error.
func (e AttributeError) Error() string { return string(e) }
