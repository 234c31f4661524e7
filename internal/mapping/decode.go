package mapping

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/signalbox-ci/signalbox/internal/duration"
	"github.com/signalbox-ci/signalbox/internal/excerpt"
	"github.com/signalbox-ci/signalbox/internal/spelling"
)

// maxValues is the maximum number of values in a file. With aliases, a small file can
// have very many.
const maxValues = 1 << 17

// readDocument decodes a file into to, a pointer to a struct with yaml tags. Unlike the
// YAML package's own decoding, it remembers the position of each field, and limits what
// aliases can stand for.
func readDocument(file string, content []byte, to any) *document {
	d := newDocument(file)
	first, second, err := parse(content)
	switch {
	case err != nil:
		line, text := syntaxFault(content, err)
		d.faultAt(line, "", "not YAML: %s", text)
	case first != nil && !d.tooManyValues(first.Content[0]):
		d.field("").line = first.Line
		d.decode(first.Content[0], "", reflect.ValueOf(to).Elem())
	}
	if second != nil {
		d.faultAt(second.Line, "", "got a second document, expected one document in the file")
	}
	return d
}

// tooManyValues counts the values in n. It reports whether there are more than
// maxValues, and records that as a fault.
func (d *document) tooManyValues(n *yaml.Node) bool {
	n = resolve(n)
	if d.values++; d.values > maxValues {
		d.faultAt(n.Line, "", "got more than %d values in the file, which is the limit; an alias counts as what it stands for", maxValues)
		return true
	}
	for i, part := range n.Content {
		if isKey := n.Kind == yaml.MappingNode && i%2 == 0; !isKey && d.tooManyValues(part) {
			return true
		}
	}
	return false
}

// resolve returns the node that n is an alias of, or else n.
func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// decode decodes the value of a field. Null leaves what to contains.
func (d *document) decode(n *yaml.Node, path string, to reflect.Value) {
	n = resolve(n)
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return
	}
	d.field(path).hasValue = true
	if to.Kind() == reflect.Pointer {
		to.Set(reflect.New(to.Type().Elem()))
		to = to.Elem()
	}
	switch {
	case to.Type() == reflect.TypeFor[time.Duration]():
		d.decodeDuration(n, path, to)
	case to.Kind() == reflect.Struct:
		d.decodeStruct(n, path, to)
	case to.Kind() == reflect.Slice:
		d.decodeList(n, path, to)
	case n.Kind == yaml.ScalarNode && to.Kind() == reflect.String:
		to.SetString(n.Value)
	case n.Kind != yaml.ScalarNode || n.Decode(to.Addr().Interface()) != nil:
		expected := map[reflect.Kind]string{reflect.Bool: "true or false", reflect.String: "a string", reflect.Float64: "a number"}
		d.fault(path, "expected %s, got %s", expected[to.Kind()], describe(n))
	}
}

func (d *document) decodeDuration(n *yaml.Node, path string, to reflect.Value) {
	value, err := time.ParseDuration(n.Value)
	if n.Kind == yaml.ScalarNode && err == nil {
		to.SetInt(int64(value))
		return
	}
	hint := duration.Hint(n.Value)
	if n.Tag == "!!int" {
		hint = fmt.Sprintf(": did you mean %ss?", n.Value)
	}
	d.fault(path, "expected a duration such as 30s, 10m or 24h, got %s%s", describe(n), hint)
}

func (d *document) decodeList(n *yaml.Node, path string, to reflect.Value) {
	if n.Kind != yaml.SequenceNode {
		d.fault(path, "expected a list, got %s", describe(n))
		return
	}
	to.Set(reflect.MakeSlice(to.Type(), len(n.Content), len(n.Content)))
	for i, element := range n.Content {
		d.field(at(path, i)).line = element.Line
		d.decode(element, at(path, i), to.Index(i))
		if !d.says(at(path, i)) {
			d.fault(at(path, i), "expected a value after the dash")
		}
	}
}

func (d *document) decodeStruct(n *yaml.Node, path string, to reflect.Value) {
	if n.Kind != yaml.MappingNode {
		d.fault(path, "expected fields and their values, got %s", describe(n))
		return
	}
	fields := fieldsOf(to.Type())
	firstLine := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		name := key.Value
		index := slices.Index(fields, name)
		fieldPath := join(path, readable(name))
		switch first := firstLine[name]; {
		case key.Tag == "!!merge":
			d.faultAt(key.Line, path, "merge keys (<<) are not supported: write the fields out")
		case index < 0:
			d.unknownField(key, path, fieldPath, fields)
		case first > 0:
			d.faultAt(key.Line, path, "field %q is duplicated, first on line %d", name, first)
		default:
			firstLine[name] = key.Line
			d.field(fieldPath).line = key.Line
			d.decode(value, fieldPath, to.Field(index))
		}
	}
}

// unknownField records the fault of a field that does not exist. The field that was
// probably meant becomes doubtful.
func (d *document) unknownField(key *yaml.Node, path, fieldPath string, fields []string) {
	if meant := spelling.Nearest(key.Value, fields); meant != "" {
		d.field(join(path, meant)).wrong = true
		d.faultAt(key.Line, fieldPath, "unknown field: did you mean %q?", meant)
		return
	}
	d.faultAt(key.Line, fieldPath, "unknown field: expected one of %s", strings.Join(fields, ", "))
}

var plainName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// readable returns a field's name as errors show it.
func readable(name string) string {
	if plainName.MatchString(name) {
		return name
	}
	return excerpt.Quote(name)
}

// fieldsOf returns the names of a struct's fields in YAML, by index.
func fieldsOf(t reflect.Type) (names []string) {
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ",")
		names = append(names, name)
	}
	return names
}

// describe returns the value of a node as errors show it.
func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "fields"
	case yaml.SequenceNode:
		return "a list"
	}
	return excerpt.Quote(n.Value)
}
