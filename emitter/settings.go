package emitter

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/signalbox-ci/signalbox/internal/status"
)

// masked stands for a secret.
const masked = "<secret>"

// What tells a secret: by its name in lower case, and within a value.
var (
	// An author is not a secret, but authorization is.
	secretName = regexp.MustCompile(`pass($|[-_.])|passw(or)?d|pass[-_]?phrase|passcode|pwd|secret|token|credential|creds?$|bearer|cookie|` +
		`auth($|[^o]|o($|[^r])|ori[sz])|api[-_. ]?key|keys?$|signature|(^|[-_.])(pw|sig|sas|jwt|otp|pin)$`)

	// What only says where a secret is, or a switch.
	plainName  = regexp.MustCompile(`[-_.](file|path|dir|url|uri)$`)
	plainValue = regexp.MustCompile(`^(true|false|)$`)

	// user:password@ of a URL, or a token in their place. The last @ counts, since
	// somebody may have forgotten to escape one; but what begins like a port and a path
	// is that. A database's address may have no scheme.
	userinfo = regexp.MustCompile(`(://)(?:([^:@/?#\s]*)(:)[^\s,]*|[^:@/?#\s,]+)@`)
	hasPort  = regexp.MustCompile(`^://[^:@/?#\s]*:\d+/`)
	bareDSN  = regexp.MustCompile(`([^\s:/@]+:)[^\s]*(@(?:tcp|tcp6|unix)\()`)

	// What tells that it is one by its form: a web token, tokens of well-known services,
	// the value of a header, a private key.
	telling = regexp.MustCompile(`eyJ[\w-]+\.[\w-]+\.[\w-]*|\b(?:gh[pousr]_|github_pat_|glpat-|xox[a-z]-)[\w-]+|` +
		`(?s:-----BEGIN [A-Z ]*PRIVATE KEY-----.*)`)
	scheme = regexp.MustCompile(`\b((?i:basic|bearer) )[\w+/=.~-]{8,}`)

	// name=value and name: value, as in a query, a DSN or a header.
	pairs = []*regexp.Regexp{
		regexp.MustCompile(`([\w.-]+)("?\s*=\s*)(` + quoted + `|[^\s&;,\]}]+)`),
		regexp.MustCompile(`([\w-]+)("?\s*:\s*)(` + quoted + `|(?:(?i:basic|bearer|token)\s+)?[^/\s&;,\]}][^\s&;,\]}]*)`),
	}
)

const quoted = `"(?:[^"\\]|\\.)*"|'[^']*'`

// MaskSecret returns the value of a setting as it may be shown to anybody: it is
// "<secret>" if the name says that it is one (a password, token, key or the like),
// unless that names a file or URL; so are passwords in URLs, and what has such a name
// in a query, a header or a list of pairs. Masking twice changes nothing.
func MaskSecret(name, value string) string {
	if plainValue.MatchString(value) {
		return value
	}
	if isSecret(name) {
		return masked
	}
	value = telling.ReplaceAllString(value, masked)
	value = scheme.ReplaceAllString(value, "${1}"+masked)
	value = bareDSN.ReplaceAllString(value, "${1}"+masked+"${2}")
	value = userinfo.ReplaceAllStringFunc(value, func(found string) string {
		if hasPort.MatchString(found) {
			return found
		}
		return userinfo.ReplaceAllString(found, "${1}${2}${3}"+masked+"@")
	})
	for _, pair := range pairs {
		value = maskPairs(pair, value)
	}
	return value
}

// maskPairs masks the secrets among the pairs in a text, and in their values.
func maskPairs(pair *regexp.Regexp, text string) string {
	return pair.ReplaceAllStringFunc(text, func(found string) string {
		parts := pair.FindStringSubmatch(found)
		if isSecret(parts[1]) {
			return parts[1] + parts[2] + masked
		}
		return parts[1] + parts[2] + maskPairs(pair, parts[3])
	})
}

func isSecret(name string) bool {
	name = strings.ToLower(name)
	return secretName.MatchString(name) && !plainName.MatchString(name)
}

// settingsOf lists the values in force by their names.
func settingsOf(values map[string]string) []status.Setting {
	list := make([]status.Setting, 0, len(values))
	for name, value := range values {
		list = append(list, status.Setting{Name: presented(name), Value: presented(MaskSecret(name, value))})
	}
	slices.SortFunc(list, func(a, b status.Setting) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// settingsInForce are those that the configuration was given to show, if it was, of
// which it knows its own better: a zero that was given stands for the default.
func (config *PrometheusConfig) settingsInForce() map[string]string {
	own := config.ownSettings()
	if config.Settings == nil {
		return own
	}
	values := maps.Clone(config.Settings())
	for name := range values {
		if value, ok := own[name]; ok {
			values[name] = value
		}
	}
	return values
}

// ownSettings are the values of the configuration's own flags.
func (config *PrometheusConfig) ownSettings() map[string]string {
	values := make(map[string]string)
	v := reflect.ValueOf(config).Elem()
	for i := range v.NumField() {
		if name := v.Type().Field(i).Tag.Get("long"); name != "" {
			values[name] = fmt.Sprint(v.Field(i).Interface())
		}
	}
	return values
}
