// Package webconfig checks and applies Prometheus web configuration files. These files
// enable TLS, client certificates, and basic authentication on a listener.
package webconfig

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/prometheus/exporter-toolkit/web"
	"go.yaml.in/yaml/v3"
	"golang.org/x/time/rate"

	"github.com/signalbox-ci/signalbox/internal/excerpt"
	"github.com/signalbox-ci/signalbox/internal/spelling"
	"github.com/signalbox-ci/signalbox/internal/yamlhint"
)

// Fields are the top-level fields of a web configuration file.
var Fields = []string{"tls_server_config", "http_server_config", "basic_auth_users", "rate_limit"}

// Check returns the errors in a web configuration file. It returns nil if there are no
// errors or if the name of the file is empty. The text of the returned error has one
// line for each error, with the file and, if known, the line number. It can contain
// names of fields and users, and some values such as file names, but no passwords.
func Check(file string) error {
	_, err := Open(file)
	return err
}

// parse returns the settings in the content of a file. Apart from that, its errors are
// those of Check.
func parse(file string, content []byte) (*settings, error) {
	s := &settings{content: content}
	if err := s.decode(file); err != nil {
		return nil, err
	}
	if err := checkPasswords(file, content); err != nil {
		return nil, err
	}
	err := web.Validate(file)
	if err == nil && s.config.TLSConfig.IsEnabled() {
		s.tls, err = loadTLS(s.config)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %s", file, HideValues(strings.TrimSuffix(err.Error(), ": ")))
	}
	if l := s.config.RateLimiterConfig; l.Interval != 0 {
		s.limiter = rate.NewLimiter(rate.Every(l.Interval), l.Burst)
	}
	return s, nil
}

// decode decodes the content in strict mode and with the same defaults as
// exporter-toolkit.
func (s *settings) decode(file string) error {
	s.config.TLSConfig.MinVersion, s.config.TLSConfig.MaxVersion = tls.VersionTLS12, tls.VersionTLS13
	s.config.HTTPConfig.HTTP2 = true
	if err := checkKeys(file, s.content); err != nil {
		return err
	}
	decoder := yaml.NewDecoder(bytes.NewReader(s.content))
	decoder.KnownFields(true)
	err := decoder.Decode(&s.config)
	s.config.TLSConfig.SetDirectory(filepath.Dir(file))
	typeError, ok := errors.AsType[*yaml.TypeError](err)
	switch {
	case err == nil, errors.Is(err, io.EOF): // an empty file is valid
		return nil
	case !ok:
		return yamlError(file, strings.TrimPrefix(err.Error(), "yaml: "))
	}
	var errs []error
	for _, text := range typeError.Errors {
		errs = append(errs, yamlError(file, text))
	}
	return errors.Join(errs...)
}

// maxKeys is the maximum number of keys in a mapping, such as the users. The YAML package
// compares each of them with each other one.
const maxKeys = 10_000

// checkKeys returns the errors of mappings that have too many keys, or one of them twice.
// The YAML package has an error for each pair of equal keys. If the content is not valid
// YAML, checkKeys returns nil.
func checkKeys(file string, content []byte) error {
	var document yaml.Node
	if yaml.Unmarshal(content, &document) != nil {
		return nil
	}
	var errs []error
	var walk func(n *yaml.Node)
	walk = func(n *yaml.Node) {
		if n.Kind == yaml.MappingNode {
			if keys := len(n.Content) / 2; keys > maxKeys {
				errs = append(errs, fmt.Errorf("%s:%d: got %d keys in a mapping, expected at most %d", file, n.Line, keys, maxKeys))
				return
			}
			firstLine := map[string]int{}
			for i := 0; i < len(n.Content); i += 2 {
				key := n.Content[i]
				if key.Kind != yaml.ScalarNode {
					continue
				}
				if line := firstLine[key.Value]; line > 0 {
					errs = append(errs, fmt.Errorf("%s:%d: %s is duplicated: it is already set on line %d", file, key.Line, excerpt.Quote(key.Value), line))
				} else {
					firstLine[key.Value] = key.Line
				}
			}
		}
		for _, part := range n.Content {
			walk(part)
		}
	}
	walk(&document)
	return errors.Join(errs...)
}

// yamlError converts an error text of the YAML package, such as "line 3: text", to an
// error that starts with the file and the line.
func yamlError(file, text string) error {
	var line int
	if n, _ := fmt.Sscanf(text, "line %d: ", &line); n == 1 {
		_, text, _ = strings.Cut(text, ": ")
		return fmt.Errorf("%s:%d: %s", file, line, explain(text))
	}
	return fmt.Errorf("%s: %s", file, explain(text))
}

// unknownField matches the YAML package's error for a field that does not exist.
var unknownField = regexp.MustCompile(`^field (.+) not found in type (\S+)$`)

// explain returns an error text of the YAML package without values of the file, and
// with a hint if there is one.
func explain(text string) string {
	parts := unknownField.FindStringSubmatch(text)
	if parts == nil {
		return HideValues(text) + yamlhint.For(text)
	}
	fields := fieldsOf(reflect.TypeFor[web.Config](), parts[2])
	if near := spelling.Nearest(parts[1], fields); near != "" {
		return fmt.Sprintf("%s: unknown field: did you mean %q?", parts[1], near)
	}
	return fmt.Sprintf("%s: unknown field: expected one of %s", parts[1], strings.Join(fields, ", "))
}

// fieldsOf returns the YAML names of the fields of the named struct type, which is t or
// the type of a field in it, at any depth. It returns nil if it finds no such type.
func fieldsOf(t reflect.Type, name string) (names []string) {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	for i := range t.NumField() {
		if field, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ","); t.String() == name && field != "" {
			names = append(names, field)
		} else if names := fieldsOf(t.Field(i).Type, name); names != nil {
			return names
		}
	}
	return names
}

var (
	// fileValue matches text from the file in errors of the YAML package: the beginning
	// of a value in backquotes, the name of an anchor in quotes, or a tag after an
	// exclamation mark. Any of these can be a password that lacks quotes in the file.
	fileValue = regexp.MustCompile("(?s)\\s(`.*`|'.*'|![^!\\s]\\S*)")

	// bcryptHash matches the hashes that the bcrypt package accepts. exporter-toolkit
	// checks only the beginning of a hash. If the rest is invalid, it accepts the file
	// and then rejects every password.
	bcryptHash = regexp.MustCompile(`^\$2[a-z]?\$(0[4-9]|[12]\d|3[01])\$[./A-Za-z0-9]{53}$`)
)

// HideValues replaces with an ellipsis those parts of an error message of
// exporter-toolkit or the YAML package that can be passwords.
func HideValues(message string) string { return fileValue.ReplaceAllString(message, " …") }

// checkPasswords checks that the passwords are bcrypt hashes.
func checkPasswords(file string, content []byte) error {
	var config struct {
		Users map[string]yaml.Node `yaml:"basic_auth_users"`
	}
	if err := yaml.Unmarshal(content, &config); err != nil {
		return yamlError(file, strings.TrimPrefix(err.Error(), "yaml: "))
	}
	users := slices.SortedFunc(maps.Keys(config.Users), func(a, b string) int {
		return cmp.Or(cmp.Compare(config.Users[a].Line, config.Users[b].Line), strings.Compare(a, b))
	})
	var errs []error
	for _, user := range users {
		if hash := config.Users[user]; !bcryptHash.MatchString(hash.Value) {
			errs = append(errs, fmt.Errorf("%s:%d: basic_auth_users: user %s: not a bcrypt hash, expected the part after the colon in the output of `htpasswd -nBC 10 USER`",
				file, hash.Line, excerpt.Quote(user)))
		}
	}
	return errors.Join(errs...)
}
