package rule

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/signalbox-ci/signalbox/internal/spelling"
)

// A MappingError is an error in one field of a rule or of a mapping file. Functions
// that find several errors join them with errors.Join; errors.As finds the first one,
// and MappingErrors finds all.
type MappingError struct {
	// File is the path of the mapping file, and Line is the line in it, starting at 1.
	// For a rule that a program passed, File is empty and Line is 0.
	File string
	Line int

	// Event and Metric identify a rule that a program passed. For an error in a file,
	// they are empty.
	Event, Metric string

	// Field is the path of the field, such as "rules[0].labels[1].name" in a file or
	// "labels[1].name" in a program's rule. It is empty if the error concerns the whole
	// file or rule.
	Field string

	// Reason describes the error.
	Reason string
}

// Error returns the position and the reason. The position is the file, line and field,
// or the event and metric of the rule.
func (e *MappingError) Error() string {
	place := fmt.Sprintf("rule for event %q, metric %q", e.Event, e.Metric)
	if e.File != "" {
		place = fmt.Sprintf("%s:%d", e.File, e.Line)
	}
	// The reason names the field itself, but not its index in a list, such as labels.
	if e.Field != "" && (e.File != "" || strings.Contains(e.Field, "[")) {
		place += ": " + e.Field
	}
	return place + ": " + e.Reason
}

// MappingErrors returns an iterator over all errors of type *MappingError in the tree
// of err. If err is nil or contains none, the iterator is empty.
func MappingErrors(err error) iter.Seq[*MappingError] {
	return func(yield func(*MappingError) bool) { eachMappingError(err, yield) }
}

// eachMappingError calls yield for each *MappingError in the tree of err. It stops and
// returns false once yield returns false.
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
	Reason string // description of the error
}

// fieldErrors collects the errors of a rule.
type fieldErrors []FieldError

func (es *fieldErrors) add(field, format string, args ...any) {
	*es = append(*es, FieldError{field, fmt.Sprintf(format, args...)})
}

// check adds an error if ok is false.
func (es *fieldErrors) check(ok bool, field, format string, args ...any) {
	if !ok {
		es.add(field, format, args...)
	}
}

// addPart adds the errors of a part of the rule, such as a label. The field is the path
// of that part.
func (es *fieldErrors) addPart(field string, part fieldErrors) {
	for _, e := range part {
		*es = append(*es, FieldError{strings.TrimSuffix(field+"."+e.Field, "."), e.Reason})
	}
}

// oneOf adds an error to found if the value is not one of the choices. subject is the
// name of the value in the error, such as "type".
func oneOf[T ~string](found *fieldErrors, field, subject string, value T, choices ...T) {
	if slices.Contains(choices, value) {
		return
	}
	var names []string
	for _, c := range choices {
		names = append(names, string(c))
	}
	if value == "" {
		found.add(field, "%s is missing: expected %s", subject, orList(choices))
		return
	}
	found.add(field, "%s %q is not one of %s%s", subject, value, strings.Join(names, ", "), spelling.Hint(string(value), names))
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
