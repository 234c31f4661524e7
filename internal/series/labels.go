package series

import (
	"encoding/binary"
	"fmt"
	"sort"
	"strings"
	"unsafe"

	"github.com/prometheus/common/model"
)

// A Label is the name and the value of a label.
type Label struct{ Name, Value string }

// A layout defines how the labels of a family's series are written between the braces of
// a sample, for instance
//
//	job="unit",pipeline="main",status="failed"
//
// The labels, including constant ones, are sorted by name. The text consists of the
// values, and of pieces that are the same for all series of the family: pieces[0] is the
// text before the first value, the last piece is the text after the last value, and the
// others are the texts between two values.
type layout struct {
	names  []string // names of the labels that are not constant, sorted
	pieces []string // len(names)+1
	pairs  []pair   // all labels, including constant ones, sorted by name
}

// A pair is one label of a layout: a constant label, or a reference to a value.
type pair struct {
	name     string
	constant string // if value < 0
	value    int    // index of the value, or -1
}

// newLayout returns the layout for series that have labels with the given names and the
// constant labels. It returns an error if the names are not sorted, or if two labels
// have the same name.
func newLayout(names []string, constants []Label) (layout, error) {
	l := layout{names: names}
	for i, name := range names {
		if i > 0 && names[i-1] >= name {
			return layout{}, fmt.Errorf("label names must be sorted and distinct, got %q before %q", names[i-1], name)
		}
		l.pairs = append(l.pairs, pair{name: name, value: i})
	}
	for _, c := range constants {
		l.pairs = append(l.pairs, pair{name: c.Name, constant: c.Value, value: -1})
	}
	sort.SliceStable(l.pairs, func(i, j int) bool { return l.pairs[i].name < l.pairs[j].name })

	var piece strings.Builder
	for i, p := range l.pairs {
		if i > 0 {
			if l.pairs[i-1].name == p.name {
				return layout{}, fmt.Errorf("constant label %q is also a label of the metric itself", p.name)
			}
			piece.WriteByte(',')
		}
		piece.WriteString(p.name)
		piece.WriteString(`="`)
		if p.value < 0 {
			piece.Write(appendEscaped(nil, p.constant))
		} else {
			l.pieces = append(l.pieces, piece.String())
			piece.Reset()
		}
		piece.WriteByte('"')
	}
	l.pieces = append(l.pieces, piece.String())
	return l, nil
}

// append appends the labels of a series to b.
func (l *layout) append(b []byte, p *packed) []byte {
	return append(l.appendValues(b, p), l.pieces[len(l.names)]...)
}

// appendValues appends the labels of a series up to the last value.
func (l *layout) appendValues(b []byte, p *packed) []byte {
	i := 0
	for v := range p.each {
		b = append(b, l.pieces[i]...)
		b = appendValue(b, v, p.escaped)
		i++
	}
	return b
}

// appendBeforeLast appends what precedes the last value of a series.
func (l *layout) appendBeforeLast(b []byte, p *packed) []byte {
	i := 0
	for v := range p.each {
		b = append(b, l.pieces[i]...)
		if i++; i == len(l.names) {
			break
		}
		b = appendValue(b, v, p.escaped)
	}
	return b
}

// appendValue appends a value, which must be escaped if escaped is true.
func appendValue(b []byte, v string, escaped bool) []byte {
	if escaped {
		return appendEscaped(b, v)
	}
	return append(b, v...)
}

// labels returns an iterator over the labels of a series, including constant ones,
// sorted by name.
func (l *layout) labels(p *packed) func(yield func(name, value string) bool) {
	return func(yield func(string, string) bool) {
		var array [8]string
		values := p.append(array[:0])
		for _, pair := range l.pairs {
			v := pair.constant
			if pair.value >= 0 {
				v = values[pair.value]
			}
			if !yield(pair.name, v) {
				return
			}
		}
	}
}

// valueEnd returns the index of the quote that ends the value at the start of text.
func valueEnd(text string) (end int) {
	for end < len(text) && text[end] != '"' {
		if text[end] == '\\' {
			end++
		}
		end++
	}
	return end
}

// appendEscaped appends v, escaped as a label value in the exposition formats.
func appendEscaped(b []byte, v string) []byte {
	for i := 0; i < len(v); i++ {
		switch c := v[i]; c {
		case '\\', '"':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		default:
			b = append(b, c)
		}
	}
	return b
}

// unescape is the inverse of appendEscaped.
func unescape(v string) string {
	b := make([]byte, 0, len(v))
	for i := 0; i < len(v); i++ {
		c := v[i]
		if c == '\\' && i+1 < len(v) {
			i++
			if c = v[i]; c == 'n' {
				c = '\n'
			}
		}
		b = append(b, c)
	}
	return string(b)
}

// compareTexts compares two texts of one layout by their values, label by label, which
// is the order in which client_golang sorts series. Only the first byte that differs
// decides: it is either the end of a value or a character, plain or escaped.
func compareTexts(a, b string) int {
	i := commonPrefix(a, b)
	if i == len(a) || i == len(b) {
		return len(a) - len(b)
	}
	inEscape := false
	for j := i; j > 0 && a[j-1] == '\\'; j-- {
		inEscape = !inEscape
	}
	return charAt(a, i, inEscape) - charAt(b, i, inEscape)
}

// charAt returns the byte of the value that is written at text[i], or -1 if the value
// ends there. inEscape indicates whether text[i-1] is a backslash that starts an
// escape.
func charAt(text string, i int, inEscape bool) int {
	c := text[i]
	switch {
	case !inEscape && c == '"':
		return -1
	case !inEscape && c == '\\' && i+1 < len(text):
		return charAt(text, i+1, true)
	case inEscape && c == 'n':
		return '\n'
	}
	return int(c)
}

// commonPrefix returns the length of the longest common prefix. It compares eight bytes
// at a time, because sorting a million series compares twenty million pairs of texts.
func commonPrefix(a, b string) int {
	n := min(len(a), len(b))
	x := unsafe.Slice(unsafe.StringData(a), n)
	y := unsafe.Slice(unsafe.StringData(b), n)
	i := 0
	for ; i+8 <= n; i += 8 {
		if binary.LittleEndian.Uint64(x[i:]) != binary.LittleEndian.Uint64(y[i:]) {
			break
		}
	}
	for i < n && x[i] == y[i] {
		i++
	}
	return i
}

// Labels returns an iterator over the labels of a series, including constant ones,
// sorted by name.
func (f *Family) Labels(s *Series) func(yield func(name, value string) bool) {
	return f.layout.labels(&s.labels)
}

// AppendLabels appends the labels of a series as written between the braces of a sample:
// sorted by name, escaped, including constant ones.
func (f *Family) AppendLabels(b []byte, s *Series) []byte { return f.layout.append(b, &s.labels) }

// LabelText returns the text of the labels as written between the braces of a sample.
// It does not sort them. A name that contains characters other than ASCII letters,
// digits and underscores is quoted.
func LabelText(labels []Label) string {
	n := 0
	for _, l := range labels {
		n += len(l.Name) + len(l.Value) + len(`="",`)
	}
	b := make([]byte, 0, n)
	for i, l := range labels {
		if i > 0 {
			b = append(b, ',')
		}
		if IsQuotedLabel(l.Name) {
			b = append(b, '"')
			b = append(appendEscaped(b, l.Name), '"')
		} else {
			b = append(b, l.Name...)
		}
		b = append(b, '=', '"')
		b = appendEscaped(b, l.Value)
		b = append(b, '"')
	}
	return unsafe.String(unsafe.SliceData(b), len(b))
}

// IsQuotedLabel reports whether the name of a label must be quoted on a page.
func IsQuotedLabel(name string) bool { return !model.LegacyValidation.IsValidLabelName(name) }

// IsQuoted reports whether the name of a metric must be quoted on a page.
func IsQuoted(name string) bool { return !model.LegacyValidation.IsValidMetricName(name) }

// HasQuoted reports whether the text of labels contains a quoted name.
func HasQuoted(text string) bool {
	if !strings.HasPrefix(text, `"`) && !strings.Contains(text, `,"`) {
		return false
	}
	for name := range rawLabels(text) {
		if name[0] == '"' {
			return true
		}
	}
	return false
}

// LabelsOf returns an iterator over the labels in a text that LabelText returned.
func LabelsOf(text string) func(yield func(name, value string) bool) {
	return func(yield func(string, string) bool) {
		for name, value := range rawLabels(text) {
			if strings.IndexByte(value, '\\') >= 0 {
				value = unescape(value)
			}
			if name[0] == '"' {
				name = unescape(name[1 : len(name)-1])
			}
			if !yield(name, value) {
				return
			}
		}
	}
}

// rawLabels returns an iterator over the labels in a text that LabelText returned, as
// they are written there.
func rawLabels(text string) func(yield func(name, value string) bool) {
	return func(yield func(string, string) bool) {
		for text != "" {
			nameLen := strings.IndexByte(text, '=')
			if text[0] == '"' {
				nameLen = valueEnd(text[1:]) + 2
			}
			name, rest := text[:nameLen], text[nameLen+len(`="`):]
			end := valueEnd(rest)
			if !yield(name, rest[:end]) {
				return
			}
			text = strings.TrimPrefix(rest[end+1:], ",")
		}
	}
}
