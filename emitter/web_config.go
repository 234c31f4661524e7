package emitter

import (
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"github.com/prometheus/exporter-toolkit/web"
	"go.yaml.in/yaml/v3"

	"github.com/signalbox-ci/signalbox/internal/regularfile"
)

// CheckWebConfig tells what is wrong with a web configuration file, as
// --prometheus-web-config-file takes it. The error names the file, and has a line for
// each fault, with the line of the file where it is known; it never shows a password.
// Having none, an empty name, is fine.
func CheckWebConfig(file string) error {
	if file == "" {
		return nil
	}
	// What reads it otherwise would wait for ever for a named pipe.
	content, err := regularfile.Read(file)
	if err != nil {
		return err
	}
	if err := web.Validate(file); err != nil {
		return explainWebFault(file, content, err.Error())
	}
	// It looks at the beginnings of hashes only.
	if d := readWebFile(file, content); d.passwordFaults() {
		return d.err()
	}
	return nil
}

// What exporter-toolkit and the YAML package that it uses have to say.
var (
	webLine        = regexp.MustCompile(`^line (\d+): (.*)$`)
	webUnknown     = regexp.MustCompile(`^field (.*) not found in type (web\.\w+)$`)
	webTwice       = regexp.MustCompile(`^field (.*) already set in type web\.\w+$`)
	webOtherType   = regexp.MustCompile("(?s)^cannot unmarshal !!(\\w+)(?: `.*`)? into (.*)$")
	webTLSValue    = regexp.MustCompile(`^(unknown TLS version|unknown cipher|unknown curve|invalid ClientAuth): (.*)$`)
	webTLSFile     = regexp.MustCompile(`^failed to read (cert_file|key_file) `)
	webTLS         = regexp.MustCompile(`cert_file|X509KeyPair|key_file|client CA`)
	webNoHash      = regexp.MustCompile(`^(?:crypto/bcrypt|strconv\.\w+): `)
	webHeader      = regexp.MustCompile(`^HTTP header "(.*)" can not be configured$`)
	webHeaderValue = regexp.MustCompile(`^invalid value for ([\w-]+)\. `)
	bcryptHash     = regexp.MustCompile(`^\$2[a-z]?\$(0[4-9]|[12]\d|3[01])\$[./A-Za-z0-9]{53}$`)

	// webFaults begins each of several faults of the YAML package, whose values may
	// have several lines.
	webFaults = regexp.MustCompile(`\n {2}line \d+: `)

	// webQuoted is what is repeated of the file.
	webQuoted = regexp.MustCompile("(?s)`.*`|(unknown anchor )'[^']*'")
)

// webTLSFields are the fields that a message about a value of TLS can be about.
var webTLSFields = map[string]*regexp.Regexp{
	"unknown TLS version": regexp.MustCompile(`\.(min|max)_version$`),
	"unknown cipher":      regexp.MustCompile(`\.cipher_suites\[\d+\]$`),
	"unknown curve":       regexp.MustCompile(`\.curve_preferences\[\d+\]$`),
	"invalid ClientAuth":  regexp.MustCompile(`\.client_auth_type$`),
}

// explainWebFault makes errors of exporter-toolkit readable, and says where in the file
// the fault is.
func explainWebFault(file string, content []byte, message string) error {
	d := readWebFile(file, content)
	if list, ok := strings.CutPrefix(message, "yaml: unmarshal errors:\n"); ok {
		list = "\n" + list
		starts := webFaults.FindAllStringIndex(list, -1)
		for i, start := range starts {
			end := len(list)
			if i+1 < len(starts) {
				end = starts[i+1][0]
			}
			d.typeFault(strings.TrimSpace(list[start[0]:end]))
		}
		return d.err()
	}
	if line, text := syntaxFault(content); line > 0 && strings.HasPrefix(message, "yaml: ") {
		return fmt.Errorf("%s:%d: not YAML: %s", file, line, concealed(text))
	}

	const tls = "tls_server_config"
	if webNoHash.MatchString(message) && d.passwordFaults() {
		return d.err()
	}
	path := ""
	if parts := webTLSValue.FindStringSubmatch(message); parts != nil {
		path = d.pathOf(webTLSFields[parts[1]], parts[2])
	} else if parts := webTLSFile.FindStringSubmatch(message); parts != nil {
		path = join(tls, parts[1])
	} else if strings.HasPrefix(message, "open ") {
		path = join(tls, "client_ca_file")
	} else if parts := webHeader.FindStringSubmatch(message); parts != nil {
		path = "http_server_config.headers." + readable(parts[1])
	} else if parts := webHeaderValue.FindStringSubmatch(message); parts != nil {
		path = "http_server_config.headers." + parts[1]
	} else if webTLS.MatchString(message) {
		path = tls
	}
	if d.lines[path] == 0 || path == "" {
		return fmt.Errorf("%s: %s", file, concealed(message))
	}
	d.fault(0, path, "%s", strings.TrimSuffix(message, ": "))
	return d.err()
}

// concealed is a message without what it repeats of the file, which may be a password.
func concealed(message string) string { return webQuoted.ReplaceAllString(message, "$1…") }

// A webFile is a web configuration file in which faults are looked for.
type webFile struct {
	*document
	scalars []webScalar
}

// A webScalar is a text or the like that stands in the file.
type webScalar struct{ path, key, value string }

// readWebFile reads where everything stands.
func readWebFile(file string, content []byte) *webFile {
	w := &webFile{document: newDocument(file)}
	var root yaml.Node
	if yaml.Unmarshal(content, &root) == nil && len(root.Content) > 0 {
		w.walk(root.Content[0], "", "")
	}
	return w
}

func (w *webFile) walk(n *yaml.Node, path, key string) {
	if _, ok := w.lines[path]; !ok {
		w.lines[path] = n.Line
	}
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			name := n.Content[i]
			field := join(path, readable(name.Value))
			w.lines[field] = name.Line
			w.walk(n.Content[i+1], field, name.Value)
		}
	case yaml.SequenceNode:
		for i, element := range n.Content {
			w.walk(element, at(path, i), "")
		}
	case yaml.ScalarNode:
		w.scalars = append(w.scalars, webScalar{path, key, n.Value})
	}
}

// pathOf is the field of TLS, among those that match, that has the value, or empty.
func (w *webFile) pathOf(field *regexp.Regexp, value string) string {
	for _, s := range w.scalars {
		if s.value == value && strings.HasPrefix(s.path, "tls_server_config.") && field.MatchString(s.path) {
			return s.path
		}
	}
	return ""
}

// passwordFaults records the users whose passwords are no hashes, and tells whether
// there are any.
func (w *webFile) passwordFaults() bool {
	for _, s := range w.scalars {
		if !strings.HasPrefix(s.path, "basic_auth_users.") || bcryptHash.MatchString(s.value) {
			continue
		}
		user := "alice"
		if plainField.MatchString(s.key) {
			user = s.key
		}
		w.fault(0, s.path, "this is no bcrypt hash: want what `htpasswd -nBC 10 %s` prints after the colon", user)
	}
	return len(w.faults) > 0
}

// typeFault records a fault that the YAML package found in the file.
func (w *webFile) typeFault(text string) {
	line := 0
	if parts := webLine.FindStringSubmatch(text); parts != nil {
		line, _ = strconv.Atoi(parts[1])
		text = parts[2]
	}
	if parts := webUnknown.FindStringSubmatch(text); parts != nil {
		section, fields := webSection(parts[2])
		w.unknownField(line, join(section, readable(parts[1])), section, parts[1], fields)
	} else if parts := webTwice.FindStringSubmatch(text); parts != nil {
		w.fault(line, "", "field %q is there twice", parts[1])
	} else if parts := webOtherType.FindStringSubmatch(text); parts != nil {
		w.fault(line, "", "want %s, got %s", webKind(parts[2]), webValue(parts[1]))
	} else {
		w.fault(line, "", "%s", concealed(text))
	}
}

// webSection is where a type of exporter-toolkit stands in the file, and its fields;
// these are nil if it is no section.
func webSection(typ string) (path string, fields []string) {
	whole := reflect.TypeFor[web.Config]()
	if typ == whole.String() {
		return "", fieldsOf(whole)
	}
	for i, name := range fieldsOf(whole) {
		if t := whole.Field(i).Type; t.Kind() == reflect.Struct && t.String() == typ {
			return name, fieldsOf(t)
		}
	}
	return "", nil
}

// webKind says what kind of value a Go type has in the file.
func webKind(typ string) string {
	_, fields := webSection(typ)
	switch {
	case typ == "int":
		return "a number"
	case typ == "bool":
		return "true or false"
	case typ == "time.Duration":
		return "a duration like 30s"
	case strings.HasPrefix(typ, "[]"):
		return "a list"
	case strings.HasPrefix(typ, "map["), fields != nil:
		return "fields and their values"
	default:
		return "a text"
	}
}

// webValue says what stands in the file, but not its value: that may be a password.
func webValue(tag string) string {
	switch tag {
	case "map":
		return "fields"
	case "seq":
		return "a list"
	default:
		return "another value"
	}
}

func (config *PrometheusConfig) checkWebConfig() error {
	err := CheckWebConfig(config.WebConfigFile)
	if err == nil {
		return nil
	}
	return fmt.Errorf("--prometheus-web-config-file: %w", err)
}
