package payload

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// An ID is a JSON number or string. It is empty for other values.
type ID string

// UnmarshalJSON implements json.Unmarshaler. It returns no error.
func (id *ID) UnmarshalJSON(value []byte) error {
	*id = ""
	switch c := value[0]; {
	case c == '"':
		var text string
		if json.Unmarshal(value, &text) == nil {
			*id = ID(text)
		}
	case c == '-' || '0' <= c && c <= '9':
		*id = ID(value)
	}
	return nil
}

// ShortID returns an ID of at most 64 bytes: the text, or a hash if it is longer.
func ShortID(text string) string {
	if len(text) <= maxIDBytes {
		return text
	}
	sum := sha256.Sum256([]byte(text))
	return "sha256:" + hex.EncodeToString(sum[:16])
}

// Seconds is a duration in seconds that is a JSON number. The zero value, null and
// other values mean that the duration is unknown.
type Seconds struct {
	duration time.Duration
	known    bool
}

// maxSeconds is about ten years. Longer durations are unknown.
const maxSeconds = 10 * 366 * 24 * 60 * 60

// UnmarshalJSON implements json.Unmarshaler. It returns no error.
func (s *Seconds) UnmarshalJSON(value []byte) error {
	*s = Seconds{}
	seconds, err := strconv.ParseFloat(string(value), 64)
	if err == nil && -maxSeconds < seconds && seconds < maxSeconds {
		s.duration, s.known = time.Duration(math.Round(seconds*float64(time.Second))), true
	}
	return nil
}

// Duration returns the duration, or nil if it is unknown.
func (s Seconds) Duration() *time.Duration {
	if !s.known {
		return nil
	}
	return &s.duration
}

// Host returns the lower-case host of the URL, with its port, or an empty text if it is
// public or the URL has none. The public server of a CI system is the instance without
// a name.
func Host(address, public string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	if host := strings.ToLower(u.Host); host != public && len(host) <= maxIDBytes {
		return host
	}
	return ""
}

// Owner returns the owner of a repository: all but the last part of its path.
func Owner(repository string) string {
	return repository[:max(0, strings.LastIndexByte(repository, '/'))]
}

// RepositoryPath returns the path of a repository on its server, such as "octo-org/api",
// from the URL from which Git clones it, or from an address such as
// git@example.com:octo-org/api.git. It returns an empty text for anything else.
func RepositoryPath(remote string) string {
	var path string
	if u, err := url.Parse(remote); err == nil && u.Host != "" {
		path = u.Path
	} else if host, rest, ok := strings.Cut(remote, ":"); ok && !strings.Contains(host, "/") && !strings.HasPrefix(rest, "//") {
		path = rest
	}
	return strings.TrimSuffix(strings.Trim(path, "/"), ".git")
}

// BranchKind returns the value of Attributes.RefKind for a branch: default or branch, or
// an empty text if that is unknown.
func BranchKind(branch, defaultBranch string) string {
	switch {
	case branch == "" || defaultBranch == "":
		return ""
	case branch == defaultBranch:
		return "default"
	}
	return "branch"
}

// RunnerClass returns a name for the labels of a runner: in lower case, sorted, each
// once, and separated by commas. It omits "self-hosted" unless it is the only label.
func RunnerClass(labels []string) string {
	const selfHosted = "self-hosted"
	class, isSelfHosted := make([]string, 0, len(labels)), false
	for _, label := range labels {
		switch label = strings.ToLower(strings.TrimSpace(label)); label {
		case "":
		case selfHosted:
			isSelfHosted = true
		default:
			class = append(class, label)
		}
	}
	if len(class) == 0 && isSelfHosted {
		return selfHosted
	}
	slices.Sort(class)
	return strings.Join(slices.Compact(class), ",")
}

// Between returns the time from start to end. It returns nil if one of them is unknown,
// or if they are not in this order, or more than about ten years apart.
func Between(start, end time.Time) *time.Duration {
	d := end.Sub(start)
	if start.IsZero() || end.IsZero() || d < 0 || d > maxSeconds*time.Second {
		return nil
	}
	return &d
}
