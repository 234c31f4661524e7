package emitter

import (
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"github.com/prometheus/exporter-toolkit/web"
	"go.yaml.in/yaml/v3"
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
	content, err := ReadRegularFile(file)
	if err != nil {
		return err
	}
	if err := web.Validate(file); err != nil {
		return explainWebFault(file, content, err.Error())
	}
	return nil
}

// What exporter-toolkit and the YAML package that it uses have to say.
var (
	webLine        = regexp.MustCompile(`^line (\d+): (.*)$`)
	webUnknown     = regexp.MustCompile(`^field (.*) not found in type (web\.\w+)$`)
	webTwice       = regexp.MustCompile(`^field (.*) already set in type web\.\w+$`)
	webOtherType   = regexp.MustCompile("(?s)^cannot unmarshal !!(\\w+)(?: `(.*)`)? into (.*)$")
	webTLSValue    = regexp.MustCompile(`^(?:unknown (?:TLS version|cipher|curve)|invalid ClientAuth): (.*)$`)
	webTLSFile     = regexp.MustCompile(`^failed to read (cert_file|key_file) `)
	webTLS         = regexp.MustCompile(`cert_file|X509KeyPair|key_file|client CA`)
	webNoHash      = regexp.MustCompile(`^(?:crypto/bcrypt|strconv\.\w+): `)
	webHeader      = regexp.MustCompile(`^HTTP header "(.*)" can not be configured$`)
	webHeaderValue = regexp.MustCompile(`^invalid value for ([\w-]+)\. `)
	bcryptHash     = regexp.MustCompile(`^\$2[a-z]?\$\d\d\$[./A-Za-z0-9]{53}$`)
)

// explainWebFault makes errors of exporter-toolkit readable, and says where in the file
// the fault is.
func explainWebFault(file string, content []byte, message string) error {
	d := readWebFile(file, content)
	if list, ok := strings.CutPrefix(message, "yaml: unmarshal errors:\n"); ok {
		for text := range strings.Lines(list) {
			d.typeFault(strings.TrimSpace(text))
		}
		return d.err()
	}
	if line, text := syntaxFault(content); line > 0 && strings.HasPrefix(message, "yaml: ") {
		return fmt.Errorf("%s:%d: not YAML: %s", file, line, text)
	}

	const tls = "tls_server_config"
	if webNoHash.MatchString(message) && d.passwordFaults() {
		return d.err()
	}
	path := ""
	if parts := webTLSValue.FindStringSubmatch(message); parts != nil {
		path = d.pathOf(tls, parts[1])
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
		return fmt.Errorf("%s: %s", file, message)
	}
	d.fault(0, path, "%s", message)
	return d.err()
}

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

// pathOf is the field in a section that has the value, or empty.
func (w *webFile) pathOf(section, value string) string {
	for _, s := range w.scalars {
		if s.value == value && strings.HasPrefix(s.path, section+".") {
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
		w.fault(line, "", "want %s, got %s", webKind(parts[3]), describeWebValue(parts[1], parts[2], parts[3]))
	} else {
		w.fault(line, "", "%s", text)
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

// describeWebValue says what stands in the file, unless it may be a password.
func describeWebValue(tag, value, typ string) string {
	switch {
	case tag == "map":
		return "fields"
	case tag == "seq":
		return "a list"
	case strings.Contains(typ, "config."):
		return "something else"
	default:
		return shortened(value)
	}
}

func (config *PrometheusConfig) checkWebConfig() error {
	err := CheckWebConfig(config.WebConfigFile)
	if err == nil {
		return nil
	}
	return fmt.Errorf("--prometheus-web-config-file: %w", err)
}
