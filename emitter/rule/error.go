package rule

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/signalbox-ci/signalbox/internal/spelling"
)

// A MappingError is an error in one field of a rule or of a mapping file. Functions
// that find several join them with errors.Join; errors.As finds the first.
type MappingError struct {
	// File is the path of the mapping file, and Line the line in it, from 1. File is
	// empty, and Line 0, for a rule that a program passed.
	File string
	Line int

	// Event and Metric identify a rule that a program passed. They are empty for an
	// error in a file.
	Event, Metric string

	// Field is the path of the field, such as "rules[0].labels[1].name" in a file or
	// "labels[1].name" in a program's rule. It is empty for an error in the whole file
	// or rule.
	Field string

	// Reason is the error, in words.
	Reason string
}

// Error returns the position and the reason. The position is the file, line and field,
// or the event and metric of the rule.
func (e *MappingError) Error() string {
	place := fmt.Sprintf("rule for event %q, metric %q", e.Event, e.Metric)
	if e.File != "" {
		place = fmt.Sprintf("%s:%d", e.File, e.Line)
	}
	// The reason names a field of the rule itself, but not which label is meant.
	if e.Field != "" && (e.File != "" || strings.Contains(e.Field, "[")) {
		place += ": " + e.Field
	}
	return place + ": " + e.Reason
}

// MappingErrors returns all errors of type *MappingError in the tree of err.
func MappingErrors(err error) iter.Seq[*MappingError] {
	return func(yield func(*MappingError) bool) { eachMappingError(err, yield) }
}

// eachMappingError returns false once yield did.
func eachMappingError(err error, yield func(*MappingError) bool) bool {
	switch e := err.(type) {
	case *MappingError:
		return yield(e)
	case interface{ Unwrap() error }:
		return eachMappingError(e.Unwrap(), yield)
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			if !eachMappingError(inner, yield) {
				return false
			}
		}
	}
	return true
}

// A FieldError is an error in one field of a rule.
type FieldError struct {
	Field  string // path of the field, such as "labels[0].name"; empty for the whole rule
	Reason string // the error, in words
}

// faults collects the errors of a rule.
type faults []FieldError

func (fs *faults) add(field, format string, args ...any) {
	*fs = append(*fs, FieldError{field, fmt.Sprintf(format, args...)})
}

// unless adds an error if good is false.
func (fs *faults) unless(good bool, field, format string, args ...any) {
	if !good {
		fs.add(field, format, args...)
	}
}

// under adds the errors of the part of the rule that the field contains.
func (fs *faults) under(field string, part faults) {
	for _, f := range part {
		*fs = append(*fs, FieldError{strings.TrimSuffix(field+"."+f.Field, "."), f.Reason})
	}
}

// oneOf adds an error if the value is not one of the choices.
func oneOf[T ~string](found *faults, field, what string, value T, choices ...T) {
	if slices.Contains(choices, value) {
		return
	}
	var names []string
	for _, c := range choices {
		names = append(names, string(c))
	}
	if value == "" {
		found.add(field, "%s is missing: expected %s", what, orList(choices))
		return
	}
	found.add(field, "%s %q is not one of %s%s", what, value, strings.Join(names, ", "), spelling.Hint(string(value), names))
}

// orList returns "a", "a or b", or "a, b or c".
func orList[T ~string](choices []T) string {
	var b strings.Builder
	for i, c := range choices {
		switch i {
		case 0:
		case len(choices) - 1:
			b.WriteString(" or ")
		default:
			b.WriteString(", ")
		}
		b.WriteString(string(c))
	}
	return b.String()
}

// plural returns "1 group" or "2 groups".
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
