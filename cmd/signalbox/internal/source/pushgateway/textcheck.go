package pushgateway

import (
	"fmt"

	"github.com/prometheus/common/expfmt"
)

// maxLabels is how many labels a line of text may have. The Store has its own limit,
// but the text parser takes time that grows with the square of the number: at ten
// thousand, which fit into 90 KB, it is many seconds.
const maxLabels = 64

// A textState is what part of a line comes next.
type textState uint8

const (
	lineStart textState = iota
	comment
	sample
	quoted
	escaped // in quotes, behind a backslash
)

// checkText returns an error if a line has more than maxLabels labels. It reports
// whether a line begins with a brace, and so has the metric's name within.
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
				return braces, expfmt.ParseError{Line: line, Msg: fmt.Sprintf("a metric with more than %d labels", maxLabels)}
			}
		}
	}
	return braces, nil
}
