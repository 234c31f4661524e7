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

// A layout defines how the labels of a family's series are written. The text of a
// series is what scrapes write between the braces of a sample, for instance
//
//	job="unit",pipeline="main",status="failed"
//
// The labels, including constant ones, are sorted by name. The text is created once,
// with the series, and also identifies the series. It consists of the values, and of
// pieces that are the same for all series of the family: pieces[0] is the text before
// the first value, the last piece is the text after the last value, and the others are
// the texts between two values.
type layout struct {
	names     []string // names of the labels that are not constant, sorted
	pieces    []string // len(names)+1
	pieceLens []int    // lengths of the pieces
	pairs     []pair   // all labels, including constant ones, sorted by name
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
	for _, p := range l.pieces {
		l.pieceLens = append(l.pieceLens, len(p))
	}
	return l, nil
}

// size returns the length of the text for the values, and whether the text contains
// escapes.
func (l *layout) size(values *Values) (size int, escaped bool) {
	size = len(l.pieces[len(l.names)])
	for i, from := range values.Order {
		v := values.All[from]
		escapes := countEscapes(v)
		size += len(l.pieces[i]) + len(v) + escapes
		escaped = escaped || escapes > 0
	}
	return size, escaped
}

// render appends the text for the values.
func (l *layout) render(b []byte, values *Values) []byte {
	for i, from := range values.Order {
		b = append(b, l.pieces[i]...)
		b = appendEscaped(b, values.All[from])
	}
	return append(b, l.pieces[len(l.names)]...)
}

// matches reports whether text, which must be a text of the layout, is the text for the
// values. escaped indicates whether text contains escapes.
//
// There are almost never escapes in the text or quotes in the values. Without them,
// each value in the text ends at the next quote, and no value in values contains a
// quote. So two values are equal if their bytes are, and a quote follows in the text.
// The pieces between the values are the same in all texts of a layout, and need not be
// compared.
func (l *layout) matches(text string, escaped bool, values *Values) bool {
	if escaped {
		return l.matchesEscaped(text, values)
	}
	if values.quoted {
		return false
	}
	rest := bytesOf(text)
	for i, from := range values.Order {
		v := values.All[from]
		begin := l.pieceLens[i]
		end := begin + len(v)
		if end >= len(rest) || rest[end] != '"' || !sameBytes(bytesOf(v), rest[begin:end]) {
			return false
		}
		rest = rest[end:]
	}
	return true
}

// matchesEscaped is matches for a text with escapes. It compares byte by byte.
func (l *layout) matchesEscaped(text string, values *Values) bool {
	for i, from := range values.Order {
		if len(text) < l.pieceLens[i] {
			return false
		}
		text = text[l.pieceLens[i]:]
		for _, c := range []byte(values.All[from]) {
			escape := c == '\\' || c == '"' || c == '\n'
			if escape {
				if text[0] != '\\' {
					return false
				}
				text = text[1:]
				if c == '\n' {
					c = 'n'
				}
			} else if text[0] == '\\' {
				return false
			}
			if text[0] != c {
				return false
			}
			text = text[1:]
		}
		if text[0] != '"' {
			return false
		}
	}
	return true
}

// values appends to dst the values that text was rendered from.
func (l *layout) values(dst []string, text string) []string {
	plain := strings.IndexByte(text, '\\') < 0
	for i := range l.names {
		text = text[l.pieceLens[i]:]
		if plain {
			end := strings.IndexByte(text, '"')
			dst = append(dst, text[:end])
			text = text[end:]
			continue
		}
		end, escaped := valueEnd(text)
		v := text[:end]
		if escaped {
			v = unescape(v)
		}
		dst = append(dst, v)
		text = text[end:]
	}
	return dst
}

// valueEnd returns the index of the quote that ends the value at the start of text, and
// whether the value contains escapes.
func valueEnd(text string) (end int, escaped bool) {
	for end < len(text) && text[end] != '"' {
		if text[end] == '\\' {
			escaped = true
			end++
		}
		end++
	}
	return end, escaped
}

// countEscapes returns how many bytes escaping adds to v.
func countEscapes(v string) (n int) {
	for _, c := range []byte(v) {
		if c == '\\' || c == '"' || c == '\n' {
			n++
		}
	}
	return n
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
	return func(yield func(string, string) bool) {
		var array [8]string
		values := f.layout.values(array[:0], s.labels)
		for _, p := range f.layout.pairs {
			v := p.constant
			if p.value >= 0 {
				v = values[p.value]
			}
			if !yield(p.name, v) {
				return
			}
		}
	}
}

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
				end, _ := valueEnd(text[1:])
				nameLen = end + 2
			}
			name, rest := text[:nameLen], text[nameLen+len(`="`):]
			end, _ := valueEnd(rest)
			if !yield(name, rest[:end]) {
				return
			}
			text = strings.TrimPrefix(rest[end+1:], ",")
		}
	}
}
