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

// maxValues is the maximum number of values in a file, after expanding aliases. Without
// the limit, aliases could make a small file expand to a very large one.
const maxValues = 1 << 17

// readDocument decodes a file. The destination is a pointer to a struct with yaml tags.
// It records the position of each field, which the decoder of the YAML package does
// not. It limits the expansion of aliases to maxValues.
func readDocument(file string, content []byte, to any) *document {
	d := newDocument(file)
	first, second, err := parse(content)
	switch {
	case err != nil:
		line, text := syntaxError(content, err)
		d.errorAt(line, "", "invalid YAML: %s", text)
	case first != nil && !d.tooManyValues(first.Content[0]):
		d.field("").line = first.Line
		d.decode(first.Content[0], "", reflect.ValueOf(to).Elem())
	}
	if second != nil {
		d.errorAt(second.Line, "", "got a second document, expected a single document")
	}
	return d
}

// tooManyValues counts the values in n, and reports whether the file has more than
// maxValues. If so, it records an error.
func (d *document) tooManyValues(n *yaml.Node) bool {
	n = resolve(n)
	if d.values++; d.values > maxValues {
		d.errorAt(n.Line, "", "the file has too many values, expected at most %d after expanding aliases", maxValues)
		return true
	}
	for i, part := range n.Content {
		if isKey := n.Kind == yaml.MappingNode && i%2 == 0; !isKey && d.tooManyValues(part) {
			return true
		}
	}
	return false
}

// resolve returns the node to which n is an alias. It returns n if n is not an alias.
func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// decode decodes the value of a field. A null value leaves the destination unchanged.
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
	case to.Kind() == reflect.Map:
		d.decodeMap(n, path, to)
	case n.Kind == yaml.ScalarNode && to.Kind() == reflect.String:
		to.SetString(n.Value)
	case n.Kind != yaml.ScalarNode || n.Decode(to.Addr().Interface()) != nil:
		expected := map[reflect.Kind]string{reflect.Bool: "true or false", reflect.String: "a string", reflect.Float64: "a number"}
		d.errorf(path, "got %s, expected %s", describe(n), expected[to.Kind()])
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
	d.errorf(path, "got %s, expected a duration such as 30s, 10m, or 24h%s", describe(n), hint)
}

func (d *document) decodeList(n *yaml.Node, path string, to reflect.Value) {
	if n.Kind != yaml.SequenceNode {
		d.errorf(path, "got %s, expected a list", describe(n))
		return
	}
	to.Set(reflect.MakeSlice(to.Type(), len(n.Content), len(n.Content)))
	for i, element := range n.Content {
		d.field(at(path, i)).line = element.Line
		d.decode(element, at(path, i), to.Index(i))
		if !d.has(at(path, i)) {
			d.errorf(at(path, i), "the list entry is empty, expected a value after the dash")
		}
	}
}

// decodeMap decodes a mapping with arbitrary strings as keys.
func (d *document) decodeMap(n *yaml.Node, path string, to reflect.Value) {
	if n.Kind != yaml.MappingNode {
		d.errorf(path, "got %s, expected names with their values", describe(n))
		return
	}
	to.Set(reflect.MakeMap(to.Type()))
	firstLine := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := resolve(n.Content[i]), n.Content[i+1]
		fieldPath := join(path, readable(key.Value))
		switch {
		case key.Tag == "!!merge":
			d.errorAt(key.Line, path, "merge keys (<<) are not supported: repeat the fields instead")
		case key.Kind != yaml.ScalarNode:
			d.errorAt(key.Line, path, "got %s as a name, expected a string", describe(key))
		case firstLine[key.Value] > 0:
			d.errorAt(key.Line, path, "%s is duplicated: it is already set on line %d", excerpt.Quote(key.Value), firstLine[key.Value])
		default:
			firstLine[key.Value] = key.Line
			d.field(fieldPath).line = key.Line
			element := reflect.New(to.Type().Elem()).Elem()
			d.decode(value, fieldPath, element)
			to.SetMapIndex(reflect.ValueOf(key.Value), element)
		}
	}
}

func (d *document) decodeStruct(n *yaml.Node, path string, to reflect.Value) {
	if n.Kind != yaml.MappingNode {
		d.errorf(path, "got %s, expected fields with their values", describe(n))
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
			d.errorAt(key.Line, path, "merge keys (<<) are not supported: repeat the fields instead")
		case index < 0:
			d.unknownField(key, path, fieldPath, fields)
		case first > 0:
			d.errorAt(key.Line, path, "field %q is duplicated: it is already set on line %d", name, first)
		default:
			firstLine[name] = key.Line
			d.field(fieldPath).line = key.Line
			d.decode(value, fieldPath, to.Field(index))
		}
	}
}

// unknownField records an error for a field that does not exist. If the name is similar
// to that of an existing field, it also marks that field as invalid, so that the
// absence of that field does not cause further errors.
func (d *document) unknownField(key *yaml.Node, path, fieldPath string, fields []string) {
	if d.tooManyErrors() { // searching for a hint is slow
		d.errorAt(key.Line, fieldPath, "unknown field")
		return
	}
	if meant := spelling.Nearest(key.Value, fields); meant != "" {
		d.field(join(path, meant)).invalid = true
		d.errorAt(key.Line, fieldPath, "unknown field: did you mean %q?", meant)
		return
	}
	d.errorAt(key.Line, fieldPath, "unknown field: expected one of %s", strings.Join(fields, ", "))
}

var plainName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// readable returns the name of a field for use in errors.
func readable(name string) string {
	if plainName.MatchString(name) {
		return name
	}
	return excerpt.Quote(name)
}

// fieldsOf returns the YAML names of a struct's fields, by index.
func fieldsOf(t reflect.Type) (names []string) {
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ",")
		names = append(names, name)
	}
	return names
}

// describe returns the value of a node for use in errors.
func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "fields"
	case yaml.SequenceNode:
		return "a list"
	}
	return excerpt.Quote(n.Value)
}
