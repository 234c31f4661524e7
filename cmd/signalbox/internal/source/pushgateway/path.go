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
	"github.com/signalbox-ci/signalbox/internal/excerpt"
	"github.com/signalbox-ci/signalbox/internal/names"
)

// base64Suffix follows the name of a label in a path if the value is base64-encoded.
const base64Suffix = "@base64"

// An endpoint is what a path refers to.
type endpoint uint8

const (
	otherPath       endpoint = iota // not a path of this handler
	unknownEndpoint                 // a path below /metrics that does not exist
	pageEndpoint                    // /metrics
	groupEndpoint                   // /metrics/job/<job>…
	metricsEndpoint                 // /api/v1/metrics
	statusEndpoint                  // /api/v1/status
	wipeEndpoint                    // /api/v1/admin/wipe
	quitEndpoint                    // /-/quit
)

// Handles reports whether a request is for a handler of this package: whether its path
// is /metrics, is below it, or is one of the API's. The request must not pass through
// an http.ServeMux first, which would treat a %2F in a label value as a slash.
func Handles(r *http.Request) bool {
	target, _ := locate(cleanPath(r.URL.EscapedPath()))
	return target != otherPath
}

// locate returns the endpoint of a clean escaped path. For a group, it also returns the
// components that identify the group, still escaped: job or job@base64, the name of the
// job, and the names and values of the other labels.
func locate(escaped string) (endpoint, []string) {
	if !strings.HasPrefix(escaped, "/") {
		return otherPath, nil
	}

	// Split before unescaping, so that a %2F does not split.
	components := strings.Split(escaped[1:], "/")
	switch {
	case hasPrefix(components, "metrics", "job") || hasPrefix(components, "metrics", "job"+base64Suffix):
		if len(components) == 2 {
			return unknownEndpoint, nil
		}
		return groupEndpoint, components[1:]
	case hasPrefix(components, "metrics"):
		if len(components) == 1 {
			return pageEndpoint, nil
		}
		return unknownEndpoint, nil
	case hasPrefix(components, "api", "v1", "metrics") && len(components) == 3:
		return metricsEndpoint, nil
	case hasPrefix(components, "api", "v1", "status") && len(components) == 3:
		return statusEndpoint, nil
	case hasPrefix(components, "api", "v1", "admin", "wipe") && len(components) == 4:
		return wipeEndpoint, nil
	case hasPrefix(components, "-", "quit") && len(components) == 2:
		return quitEndpoint, nil
	}
	return otherPath, nil
}

// hasPrefix reports whether the components, once unescaped, begin with the prefix.
func hasPrefix(components []string, prefix ...string) bool {
	if len(components) < len(prefix) {
		return false
	}
	for i := range prefix {
		if got, err := url.PathUnescape(components[i]); err != nil || got != prefix[i] {
			return false
		}
	}
	return true
}

// cleanPath removes empty, . and .. components from an escaped path. It keeps a slash
// at the end, because the path may end in an empty value. It does not unescape the
// path, so a value may be %2E%2E.
func cleanPath(escaped string) string {
	if !strings.HasPrefix(escaped, "/") {
		return escaped
	}

	clean := path.Clean(escaped)
	if clean == "/" || !strings.HasSuffix(escaped, "/") {
		return clean
	}
	if len(escaped) == len(clean)+1 {
		return escaped // Clean removed only the slash at the end
	}
	return clean + "/"
}

// checkUnclean returns an error if the part of an escaped path that identifies a group
// is not clean. Without the empty components, the path would be that of another group:
// in /metrics/job/j/branch//pr/7, the client meant an empty branch. The rest of the
// path may be unclean.
func checkUnclean(escaped string) error {
	components := strings.Split(escaped, "/")
	var kept []string
	isGroup := func() bool {
		return hasPrefix(kept, "metrics", "job") || hasPrefix(kept, "metrics", "job"+base64Suffix)
	}
	for len(components) > 0 && !(len(kept) == 2 && isGroup()) {
		switch c := components[0]; c {
		case "", ".":
		case "..":
			kept = kept[:max(len(kept)-1, 0)]
		default:
			kept = append(kept, c)
		}
		components = components[1:]
	}
	if len(components) == 2 && components[0] == "" && components[1] == "" {
		return errNoJob
	}
	for i, c := range components {
		if c != "" && c != "." && c != ".." || c == "" && i == len(components)-1 {
			continue // an empty value at the end is unambiguous
		}
		if i == 0 && c == "" {
			return errNoJob
		}
		if i%2 == 1 {
			return fmt.Errorf("got an empty label name or %q in the path, expected /metrics/job/<job>{/<label>/<value>}", c)
		}
		name := "job"
		if i > 0 {
			name = components[i-1]
		}
		name = strings.TrimSuffix(name, base64Suffix)
		return fmt.Errorf("label %s: got the value %q, which servers and clients remove from paths: write /%s%s/%s",
			excerpt.Short(name), c, excerpt.Short(name), base64Suffix, cmp.Or(base64.RawURLEncoding.EncodeToString([]byte(c)), "="))
	}
	return nil
}

var errNoJob = errors.New("job name is required")

// parseGroup returns the labels, sorted by name, in the components of a group. If a
// name is duplicated, the last value is used, except for job, where it is the first.
func (h *handler) parseGroup(components []string) ([]aggregator.Label, error) {
	job, err := h.parseLabel(components[0], components[1])
	if err != nil {
		return nil, err
	}

	rest := components[2:]
	if len(rest) == 1 && rest[0] == "" {
		rest = nil // the path ends with a slash
	}
	if len(rest)%2 != 0 {
		return nil, fmt.Errorf("odd number of components in label string %q", "/"+strings.Join(rest, "/"))
	}

	if n := 1 + len(rest)/2; n > aggregator.MaxGroupingLabels {
		return nil, fmt.Errorf("got %d grouping labels, expected at most %d", n, aggregator.MaxGroupingLabels)
	}

	labels := make([]aggregator.Label, 0, 1+len(rest)/2)
	for i := 0; i < len(rest); i += 2 {
		label, err := h.parseLabel(rest[i], rest[i+1])
		if err != nil {
			return nil, err
		}
		if label.Name != model.JobLabel {
			labels = append(labels, label)
		}
	}
	if job.Value == "" {
		return nil, errNoJob
	}

	// Of labels with the same name, use the last.
	slices.Reverse(labels)
	labels = append(labels, job)
	slices.SortStableFunc(labels, func(a, b aggregator.Label) int { return cmp.Compare(a.Name, b.Name) })
	return slices.CompactFunc(labels, func(a, b aggregator.Label) bool { return a.Name == b.Name }), nil
}

// parseLabel returns the label for an escaped name, which may end with base64Suffix,
// and an escaped value.
func (h *handler) parseLabel(escapedName, escapedValue string) (aggregator.Label, error) {
	var none aggregator.Label

	name, err := url.PathUnescape(escapedName)
	if err != nil {
		return none, fmt.Errorf("improper label name %q: %w", escapedName, err)
	}
	name, encoded := strings.CutSuffix(name, base64Suffix)
	reserved := strings.HasPrefix(name, model.ReservedLabelPrefix)
	if h.UTF8Names {
		name = model.UnescapeName(name, model.ValueEncodingEscaping) // such as U__team_2e_name
	}
	if reserved || !names.IsLabelIn(h.scheme(), name) {
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
