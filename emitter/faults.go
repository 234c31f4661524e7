package emitter

import (
	"fmt"
	"slices"
	"strings"
)

// A fault is what is wrong with one field of something that was configured. The
// field is a path, as in a mapping file: "labels[0].name"; empty for the whole.
type fault struct{ field, text string }

type faults []fault

func (fs *faults) add(field, format string, args ...any) {
	*fs = append(*fs, fault{field, fmt.Sprintf(format, args...)})
}

// unless adds a fault if things are not as they should be.
func (fs *faults) unless(good bool, field, format string, args ...any) {
	if !good {
		fs.add(field, format, args...)
	}
}

// under adds the faults of a part.
func (fs *faults) under(field string, part faults) {
	for _, f := range part {
		fs.add(join(field, f.field), "%s", f.text)
	}
}

// join makes one path of two.
func join(path, field string) string {
	if path == "" || field == "" || strings.HasPrefix(field, "[") {
		return path + field
	}
	return path + "." + field
}

// at is the path of an element of a list.
func at(list string, index int) string { return fmt.Sprintf("%s[%d]", list, index) }

// A ruleFault is what is wrong with one of a number of rules.
type ruleFault struct {
	index int
	rule  Rule
	fault
}

// Error implements error, for rules that did not come from a file.
func (f ruleFault) Error() string {
	return fmt.Sprintf("rule for event %q, metric %q: %s", f.rule.Event, f.rule.Metric, f.text)
}

// oneOf adds a fault if the value is none of those that it can be.
func oneOf[T ~string](found *faults, field, what string, value T, choices ...T) {
	if slices.Contains(choices, value) {
		return
	}
	var names []string
	for _, c := range choices {
		names = append(names, string(c))
	}
	if value == "" {
		found.add(field, "%s is missing: want %s", what, orList(choices))
		return
	}
	found.add(field, "%s %q is not one of %s%s", what, value, strings.Join(names, ", "), didYouMean(string(value), names))
}

// orList is "a", "a or b", "a, b or c".
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

// plural is "1 group" or "2 groups".
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
