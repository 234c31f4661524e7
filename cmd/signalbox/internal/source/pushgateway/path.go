package pushgateway

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/prometheus/common/model"

	"github.com/signalbox-ci/signalbox/emitter/aggregator"
)

// base64Suffix is what a label's name has in a path if its value is in base64.
const base64Suffix = "@base64"

// A place is where a path leads.
type place uint8

const (
	elsewhere  place = iota // not to this handler
	nowhere                 // below /metrics, but to nothing
	thePage                 // /metrics
	theGroup                // /metrics/job/<job>…
	theMetrics              // /api/v1/metrics
	theStatus               // /api/v1/status
	theWipe                 // /api/v1/admin/wipe
	theQuit                 // /-/quit
)

// Handles reports whether a request is for a handler of this package: whether its
// path is /metrics, is below it, or is one of the API's. An http.ServeMux must not
// see such a request first, for it takes the %2F of a label's value for a slash.
func Handles(r *http.Request) bool {
	where, _ := locate(cleanPath(r.URL.EscapedPath()))
	return where != elsewhere
}

// locate returns where a clean escaped path leads, and for a group the components
// that name it, still escaped: job or job@base64, the job, and what follows.
func locate(escaped string) (place, []string) {
	if !strings.HasPrefix(escaped, "/") {
		return elsewhere, nil
	}

	// Split first and unescape later, or a %2F would split too.
	components := strings.Split(escaped[1:], "/")
	switch {
	case begins(components, "metrics", "job") || begins(components, "metrics", "job"+base64Suffix):
		if len(components) == 2 {
			return nowhere, nil
		}
		return theGroup, components[1:]
	case begins(components, "metrics"):
		if len(components) == 1 {
			return thePage, nil
		}
		return nowhere, nil
	case begins(components, "api", "v1", "metrics") && len(components) == 3:
		return theMetrics, nil
	case begins(components, "api", "v1", "status") && len(components) == 3:
		return theStatus, nil
	case begins(components, "api", "v1", "admin", "wipe") && len(components) == 4:
		return theWipe, nil
	case begins(components, "-", "quit") && len(components) == 2:
		return theQuit, nil
	}
	return elsewhere, nil
}

// begins reports whether escaped components begin with these.
func begins(components []string, want ...string) bool {
	if len(components) < len(want) {
		return false
	}
	for i := range want {
		if got, err := url.PathUnescape(components[i]); err != nil || got != want[i] {
			return false
		}
	}
	return true
}

// cleanPath returns an escaped path without empty, . and .. components. A slash at its
// end stays: it can be the end of an empty value. What is escaped stays as it is, so a
// value may be %2E%2E.
func cleanPath(escaped string) string {
	if !strings.HasPrefix(escaped, "/") {
		return escaped
	}

	clean := path.Clean(escaped)
	if clean == "/" || !strings.HasSuffix(escaped, "/") {
		return clean
	}
	if len(escaped) == len(clean)+1 {
		return escaped // nothing was cleaned away but that slash
	}
	return clean + "/"
}

// parseGroup returns the labels, sorted by name, that a group's components name. If a
// name is there more than once, the last counts, except that nothing changes the job.
func parseGroup(components []string) ([]aggregator.Label, error) {
	job, err := parseLabel(components[0], components[1])
	if err != nil {
		return nil, err
	}

	rest := components[2:]
	if len(rest) == 1 && rest[0] == "" {
		rest = nil // just a slash at the end
	}
	if len(rest)%2 != 0 {
		return nil, fmt.Errorf("odd number of components in label string %q", "/"+strings.Join(rest, "/"))
	}

	labels := make([]aggregator.Label, 0, 1+len(rest)/2)
	for i := 0; i < len(rest); i += 2 {
		label, err := parseLabel(rest[i], rest[i+1])
		if err != nil {
			return nil, err
		}
		if label.Name != model.JobLabel {
			labels = append(labels, label)
		}
	}
	if job.Value == "" {
		return nil, errors.New("job name is required")
	}

	// Behind all others of its name is the one that counts.
	slices.Reverse(labels)
	labels = append(labels, job)
	slices.SortStableFunc(labels, func(a, b aggregator.Label) int { return cmp.Compare(a.Name, b.Name) })
	return slices.CompactFunc(labels, func(a, b aggregator.Label) bool { return a.Name == b.Name }), nil
}

// parseLabel returns the label of an escaped name, which may have base64Suffix, and
// an escaped value.
func parseLabel(escapedName, escapedValue string) (aggregator.Label, error) {
	var none aggregator.Label

	name, err := url.PathUnescape(escapedName)
	if err != nil {
		return none, fmt.Errorf("improper label name %q: %w", escapedName, err)
	}
	name, encoded := strings.CutSuffix(name, base64Suffix)
	if !model.LegacyValidation.IsValidLabelName(name) || strings.HasPrefix(name, model.ReservedLabelPrefix) {
		return none, fmt.Errorf("improper label name %q", name)
	}

	value, err := url.PathUnescape(escapedValue)
	if err != nil {
		return none, fmt.Errorf("improper value for label %s: %w", name, err)
	}
	if encoded {
		raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(value, "="))
		if err != nil {
			return none, fmt.Errorf("invalid base64 encoding for label %s=%q: %w", name, value, err)
		}
		value = string(raw)
	}
	if !utf8.ValidString(value) {
		return none, fmt.Errorf("the value of label %s is not UTF-8: %q", name, value)
	}
	return aggregator.Label{Name: name, Value: value}, nil
}
