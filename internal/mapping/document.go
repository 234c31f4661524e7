package mapping

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/signalbox-ci/signalbox/emitter/rule"
)

// maxErrors is the maximum number of errors reported for a file. There is no limit for
// errors in the rules of a program.
const maxErrors = 100

// A document contains the positions of the fields in a mapping file, and the errors in
// the file.
type document struct {
	file   string
	fields map[string]*field // by path
	errs   []*rule.MappingError
	values int // number of values counted so far
}

func newDocument(file string) *document {
	return &document{file: file, fields: map[string]*field{}}
}

// A field describes a field of the mapping file, whether or not the file sets it.
// Errors show its path, such as "rules[0].labels[1].name". The path of the whole file
// is empty.
type field struct {
	parent      *field // nil for the whole file
	line        int    // line of the parent if the file omits the field
	hasValue    bool   // the file has a value other than null
	invalid     bool   // the field has an error
	partInvalid bool   // a part of the field has an error
}

// field returns the field with the path. It creates the field if necessary.
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

// errorf records an error in a field, at the line of the field.
func (d *document) errorf(path, format string, args ...any) {
	d.errorAt(d.field(path).line, path, format, args...)
}

// errorAt records an error in a field, at the given line.
func (d *document) errorAt(line int, path, format string, args ...any) {
	d.errs = append(d.errs, &rule.MappingError{File: d.file, Line: line, Field: path, Reason: fmt.Sprintf(format, args...)})
	f := d.field(path)
	f.invalid = true
	for f = f.parent; f != nil; f = f.parent {
		f.partInvalid = true
	}
}

// tooManyErrors reports whether further errors are probably not shown.
func (d *document) tooManyErrors() bool { return len(d.errs) >= maxErrors }

// has reports whether the file has a value for the field.
func (d *document) has(path string) bool { return d.field(path).hasValue }

// hasRelatedError reports whether the field, a part of it, or a field that contains it
// has an error. If so, further errors in the field may be consequences of that error,
// and are not worth reporting.
func (d *document) hasRelatedError(path string) bool {
	f := d.field(path)
	if f.partInvalid {
		return true
	}
	for ; f.parent != nil; f = f.parent {
		if f.invalid {
			return true
		}
	}
	return false
}

// err returns the recorded errors, sorted by line. If a file has more than maxErrors,
// it returns the first maxErrors and the number of the others.
func (d *document) err() error {
	slices.SortStableFunc(d.errs, func(a, b *rule.MappingError) int { return cmp.Compare(a.Line, b.Line) })
	var errs []error
	for i, e := range d.errs {
		if i == maxErrors && d.file != "" {
			errs = append(errs, fmt.Errorf("%s:%d: and %d more", d.file, e.Line, len(d.errs)-i))
			break
		}
		errs = append(errs, e)
	}
	return errors.Join(errs...)
}

// join returns the path of a field in the struct that has the given path.
func join(path, field string) string {
	if path == "" || field == "" {
		return path + field
	}
	return path + "." + field
}

// at returns the path of an element of the list that has the given path.
func at(list string, index int) string { return fmt.Sprintf("%s[%d]", list, index) }
