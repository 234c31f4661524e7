package pushgateway

import (
	"fmt"

	"github.com/prometheus/common/expfmt"
)

// maxLabels is the maximum number of labels on a line of text. The Store has its own
// limit, but the running time of the text parser is quadratic in the number of labels:
// ten thousand, which fit into 90 KB, take many seconds.
const maxLabels = 64

// A textState is the part of a line that the next byte belongs to.
type textState uint8

const (
	lineStart textState = iota
	comment
	sample
	quoted
	escaped // within quotes, after a backslash
)

// checkText returns an error if a line has more than maxLabels labels. It reports
// whether any line begins with a brace, which means that the metric name is inside the
// braces.
func checkText(text []byte) (braces bool, err error) {
	state, line, labels := lineStart, 1, 0
	for _, c := range text {
		switch {
		case c == '\n':
			line++
			state, labels = lineStart, 0
		case state == comment:
		case state == lineStart:
			switch c {
			case ' ', '\t':
			case '#':
				state = comment
			case '"':
				state = quoted
			case '{':
				braces = true
				state = sample
			default:
				state = sample
			}
		case state == escaped:
			state = quoted
		case state == quoted:
			switch c {
			case '"':
				state = sample
			case '\\':
				state = escaped
			}
		case c == '"':
			state = quoted
		case c == '=':
			if labels++; labels > maxLabels {
				return braces, expfmt.ParseError{Line: line, Msg: fmt.Sprintf("a metric has more than %d labels, which is the limit", maxLabels)}
			}
		}
	}
	return braces, nil
}
