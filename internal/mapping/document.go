package mapping

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/signalbox-ci/signalbox/emitter/rule"
)

// maxFaults is the maximum number of faults of a file that are reported. Faults in a
// program's rules are all reported.
const maxFaults = 100

// A document is a mapping file that is being read: the positions of its fields and
// their faults.
type document struct {
	file   string
	fields map[string]*field // by path
	faults []*rule.MappingError
	values int // counted so far
}

func newDocument(file string) *document {
	return &document{file: file, fields: map[string]*field{}}
}

// A field is a value in the file, or a value that the file lacks. Its path is that in
// errors, such as "rules[0].labels[1].name"; the path of the whole file is empty.
type field struct {
	parent    *field // nil for the whole file
	line      int    // the parent's line if the file lacks the field
	hasValue  bool   // the file has a value other than null
	wrong     bool   // the field has a fault
	partWrong bool   // a part of the field has a fault
}

// field returns the field with the path, and creates it if necessary.
func (d *document) field(path string) *field {
	f := d.fields[path]
	if f == nil {
		f = &field{line: 1}
		if path != "" {
			f.parent = d.field(path[:max(0, strings.LastIndexAny(path, ".["))])
			f.line = f.parent.line
		}
		d.fields[path] = f
	}
	return f
}

// fault records a fault of a field, at the line of the field.
func (d *document) fault(path, format string, args ...any) {
	d.faultAt(d.field(path).line, path, format, args...)
}

// faultAt records a fault of a field, at another line.
func (d *document) faultAt(line int, path, format string, args ...any) {
	d.faults = append(d.faults, &rule.MappingError{File: d.file, Line: line, Field: path, Reason: fmt.Sprintf(format, args...)})
	f := d.field(path)
	f.wrong = true
	for f = f.parent; f != nil; f = f.parent {
		f.partWrong = true
	}
}

// says reports whether the file has a value for the field.
func (d *document) says(path string) bool { return d.field(path).hasValue }

// doubtful reports whether the field, a part of it, or a field that it is a part of has
// a fault. Further faults of the field may then be consequences of that one.
func (d *document) doubtful(path string) bool {
	f := d.field(path)
	if f.partWrong {
		return true
	}
	for ; f.parent != nil; f = f.parent {
		if f.wrong {
			return true
		}
	}
	return false
}

// err returns the faults in the order of their lines: all of them, or the first
// maxFaults and the number of the others.
func (d *document) err() error {
	slices.SortStableFunc(d.faults, func(a, b *rule.MappingError) int { return cmp.Compare(a.Line, b.Line) })
	var errs []error
	for i, f := range d.faults {
		if i == maxFaults && d.file != "" {
			errs = append(errs, fmt.Errorf("%s:%d: and %d more", d.file, f.Line, len(d.faults)-i))
			break
		}
		errs = append(errs, f)
	}
	return errors.Join(errs...)
}

// join returns the path of a field of a struct.
func join(path, field string) string {
	if path == "" || field == "" {
		return path + field
	}
	return path + "." + field
}

// at returns the path of an element of a list.
func at(list string, index int) string { return fmt.Sprintf("%s[%d]", list, index) }
