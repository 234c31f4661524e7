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
	"github.com/signalbox-ci/signalbox/internal/names"
)

// base64Suffix follows the name of a label in a path if the value is in base64.
const base64Suffix = "@base64"

// A place is the target of a path.
type place uint8

const (
	elsewhere  place = iota // not a path of this handler
	nowhere                 // below /metrics, but not found
	thePage                 // /metrics
	theGroup                // /metrics/job/<job>…
	theMetrics              // /api/v1/metrics
	theStatus               // /api/v1/status
	theWipe                 // /api/v1/admin/wipe
	theQuit                 // /-/quit
)

// Handles reports whether a request is for a handler of this package: whether its path
// is /metrics, is below it, or is one of the API's. The request must not pass through
// an http.ServeMux first, which would take the %2F in a label value for a slash.
func Handles(r *http.Request) bool {
	where, _ := locate(cleanPath(r.URL.EscapedPath()))
	return where != elsewhere
}

// locate returns the target of a clean escaped path. For a group, it also returns the
// components that identify it, still escaped: job or job@base64, the job, and the
// others.
func locate(escaped string) (place, []string) {
	if !strings.HasPrefix(escaped, "/") {
		return elsewhere, nil
	}

	// Split before unescaping, so that a %2F does not split.
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

// begins reports whether the escaped components begin with the given ones.
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

// cleanPath returns an escaped path without empty, . and .. components. It keeps a
// slash at the end, which can be the end of an empty value. It does not unescape, so a
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
		return escaped // only that slash was removed
	}
	return clean + "/"
}

// parseGroup returns the labels, sorted by name, in the components of a group. If a
// name is duplicated, the last one counts, except for job.
func parseGroup(components []string) ([]aggregator.Label, error) {
	job, err := parseLabel(components[0], components[1])
	if err != nil {
		return nil, err
	}

	rest := components[2:]
	if len(rest) == 1 && rest[0] == "" {
		rest = nil // the path ended in a slash
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

	// The last label with a name counts.
	slices.Reverse(labels)
	labels = append(labels, job)
	slices.SortStableFunc(labels, func(a, b aggregator.Label) int { return cmp.Compare(a.Name, b.Name) })
	return slices.CompactFunc(labels, func(a, b aggregator.Label) bool { return a.Name == b.Name }), nil
}

// parseLabel returns the label for an escaped name, which may end in base64Suffix, and
// an escaped value.
func parseLabel(escapedName, escapedValue string) (aggregator.Label, error) {
	var none aggregator.Label

	name, err := url.PathUnescape(escapedName)
	if err != nil {
		return none, fmt.Errorf("improper label name %q: %w", escapedName, err)
	}
	name, encoded := strings.CutSuffix(name, base64Suffix)
	if !names.IsLabel(name) {
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
