package mapping

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"iter"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/signalbox-ci/signalbox/emitter/rule"
	"github.com/signalbox-ci/signalbox/internal/excerpt"
	"github.com/signalbox-ci/signalbox/internal/spelling"
)

// A document is a YAML file that is being read, with the lines that its fields
// stand on and what is wrong with it.
type document struct {
	file   string
	lines  map[string]int  // by the path of the field
	empty  map[string]bool // the fields after which there is nothing
	faults []locatedFault
	known  map[locatedFault]bool // those
	wrong  map[string]bool       // the fields that have a fault
	within map[string]bool       // the fields of which a part has one
	meant  map[string]bool       // the fields that misspelt ones were probably meant to be
	nodes  int                   // read so far
}

// A locatedFault says what is wrong with a field, and on which line.
type locatedFault struct {
	line        int
	field, text string
}

// maxFaults is how many faults are told.
const maxFaults = 100

// maxNodes is how many values a file may have. Aliases make many of few.
const maxNodes = 1 << 17

func newDocument(file string) *document {
	return &document{
		file: file, lines: map[string]int{}, empty: map[string]bool{}, known: map[locatedFault]bool{},
		wrong: map[string]bool{}, within: map[string]bool{}, meant: map[string]bool{},
	}
}

// readDocument reads a file into to, a pointer to a struct with yaml tags. It is
// stricter than the YAML package is, and remembers where everything stands.
func readDocument(file string, content []byte, to any) *document {
	d := newDocument(file)
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	var root, more yaml.Node
	switch err := decoder.Decode(&root); {
	case errors.Is(err, io.EOF):
		return d // empty, or nothing but comments
	case err != nil:
		d.notYAML(content, err)
		return d
	}
	d.decode(root.Content[0], "", reflect.ValueOf(to).Elem())
	switch err := decoder.Decode(&more); {
	case errors.Is(err, io.EOF):
	case err != nil:
		d.notYAML(content, err)
	default:
		d.fault(more.Line, "", "a second document begins here, want one in a file")
	}
	return d
}

// notYAML records an error of the YAML package.
func (d *document) notYAML(content []byte, err error) {
	line, text := syntaxFault(content)
	if line == 0 { // which nothing is known of that would have this
		line, text = 1, yamlError.ReplaceAllString(err.Error(), "")
	}
	d.fault(line, "", "not YAML: %s", text)
}

// fault records what is wrong with a field. Line 0 means where the field stands.
func (d *document) fault(line int, path, format string, args ...any) {
	if line == 0 {
		line = d.lineOf(path)
	}
	f := locatedFault{line, path, fmt.Sprintf(format, args...)}
	if d.known[f] {
		return
	}
	d.known[f] = true
	d.faults = append(d.faults, f)
	if path != "" {
		d.wrong[path] = true
		for whole := range wholes(path) {
			d.within[whole] = true
		}
	}
}

// wholes are the fields that a field is a part of, the nearest first.
func wholes(path string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for {
			i := strings.LastIndexAny(path, ".[")
			if i < 0 || !yield(path[:i]) {
				return
			}
			path = path[:i]
		}
	}
}

// lineOf is the line that a field stands on, or else what it is part of.
func (d *document) lineOf(path string) int {
	if line, ok := d.lines[path]; ok {
		return line
	}
	for whole := range wholes(path) {
		if line, ok := d.lines[whole]; ok {
			return line
		}
	}
	return max(d.lines[""], 1)
}

// says tells whether the file has a value for the field.
func (d *document) says(path string) bool {
	_, ok := d.lines[path]
	return ok && !d.empty[path]
}

// doubtful tells whether there is a fault of the field, of what it is part of, or of
// a part of it, or one that was probably meant to be it: then what else is wrong with
// it may be a consequence.
func (d *document) doubtful(path string) bool {
	if d.meant[path] || d.wrong[path] || d.within[path] {
		return true
	}
	for whole := range wholes(path) {
		if d.wrong[whole] {
			return true
		}
	}
	return false
}

// err is what is wrong, in the order of the lines: everything, or else the beginning
// and how much more there is.
func (d *document) err() error {
	slices.SortStableFunc(d.faults, func(a, b locatedFault) int { return cmp.Compare(a.line, b.line) })
	var errs []error
	for i, f := range d.faults {
		if i == maxFaults {
			errs = append(errs, &rule.MappingError{File: d.file, Line: f.line, Reason: fmt.Sprintf("and %d more", len(d.faults)-i)})
			break
		}
		errs = append(errs, &rule.MappingError{File: d.file, Line: f.line, Field: f.field, Reason: f.text})
	}
	return errors.Join(errs...)
}

// decode reads a value. Null leaves what there is.
func (d *document) decode(n *yaml.Node, path string, to reflect.Value) {
	if _, ok := d.lines[path]; !ok {
		d.lines[path] = n.Line
	}
	if d.nodes++; d.nodes > maxNodes {
		if d.nodes == maxNodes+1 {
			d.fault(n.Line, "", "there are more than %d values in the file, aliases counted as what they stand for", maxNodes)
		}
		return
	}
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		d.empty[path] = true
		return
	}
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
	case n.Kind != yaml.ScalarNode:
		d.fault(n.Line, path, "want %s, got %s", kindOf(to), describeNode(n))
	case to.Kind() == reflect.String:
		to.SetString(n.Value)
	default:
		if err := n.Decode(to.Addr().Interface()); err != nil {
			d.fault(n.Line, path, "want %s, got %s", kindOf(to), describeNode(n))
		}
	}
}

func (d *document) decodeDuration(n *yaml.Node, path string, to reflect.Value) {
	duration, err := time.ParseDuration(n.Value)
	if n.Kind == yaml.ScalarNode && err == nil {
		to.SetInt(int64(duration))
		return
	}
	hint := ""
	if seconds := n.Value + "s"; n.Tag == "!!int" {
		hint = fmt.Sprintf(": did you mean %s?", seconds)
	} else if days, ok := strings.CutSuffix(n.Value, "d"); ok {
		if count, err := strconv.ParseUint(days, 10, 16); err == nil {
			hint = fmt.Sprintf(": did you mean %dh?", 24*count)
		}
	}
	d.fault(n.Line, path, "want a duration like 30s, 10m or 24h, got %s%s", describeNode(n), hint)
}

func (d *document) decodeList(n *yaml.Node, path string, to reflect.Value) {
	if n.Kind != yaml.SequenceNode {
		d.fault(n.Line, path, "want a list, got %s", describeNode(n))
		return
	}
	if len(n.Content) > maxNodes {
		d.nodes = maxNodes
		d.decode(&yaml.Node{Line: n.Line}, path, to) // which says so
		return
	}
	list := reflect.MakeSlice(to.Type(), len(n.Content), len(n.Content))
	for i, element := range n.Content {
		d.decode(element, at(path, i), list.Index(i))
		if element.Tag == "!!null" {
			d.fault(element.Line, at(path, i), "there is nothing after the dash")
		}
	}
	to.Set(list)
}

func (d *document) decodeStruct(n *yaml.Node, path string, to reflect.Value) {
	if n.Kind != yaml.MappingNode {
		d.fault(n.Line, path, "want fields and their values, got %s", describeNode(n))
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if key := n.Content[i]; key.Tag == "!!merge" {
			d.fault(key.Line, path, "merge keys (<<) are not supported: write the fields out")
			return
		}
	}
	fields := fieldsOf(to.Type())
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		name := key.Value
		index := slices.Index(fields, name)
		field := join(path, readable(name))
		switch first := seen[name]; {
		case index < 0:
			d.unknownField(key.Line, field, path, name, fields)
		case first > 0:
			d.fault(key.Line, path, "field %q is duplicated, first on line %d", name, first)
		default:
			seen[name] = key.Line
			d.lines[field] = key.Line
			d.decode(value, field, to.Field(index))
		}
	}
}

// unknownField records a field that there is not, and what it may have been meant to
// be.
func (d *document) unknownField(line int, field, path, name string, fields []string) {
	if meant := spelling.Nearest(name, fields); meant != "" {
		d.meant[join(path, meant)] = true
		d.fault(line, field, "unknown field: did you mean %q?", meant)
		return
	}
	d.fault(line, field, "unknown field: want one of %s", strings.Join(fields, ", "))
}

var plainField = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// readable is the name of a field as an error shows it.
func readable(name string) string {
	if plainField.MatchString(name) {
		return name
	}
	return excerpt.Quote(name)
}

// fieldsOf are the names of a struct's fields in YAML, by their indexes.
func fieldsOf(t reflect.Type) (names []string) {
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ",")
		names = append(names, name)
	}
	return names
}

// kindOf says what kind of value a field has.
func kindOf(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a text"
	default:
		return "a number"
	}
}

// describeNode says what stands in the file.
func describeNode(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "fields"
	case yaml.SequenceNode:
		return "a list"
	}
	return excerpt.Quote(n.Value)
}

// join makes one path of two.
func join(path, field string) string {
	if path == "" || field == "" {
		return path + field
	}
	return path + "." + field
}

// at returns the path of an element of a list.
func at(list string, index int) string { return fmt.Sprintf("%s[%d]", list, index) }
