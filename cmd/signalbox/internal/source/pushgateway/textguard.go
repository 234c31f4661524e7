package pushgateway

import (
	"fmt"
	"io"

	"github.com/prometheus/common/expfmt"
)

// maxLabels is how many labels a line of text may have. The Store has its own limit,
// but the text parser takes time that grows with the square of the number: at ten
// thousand, which fit into 90 KB, it is many seconds.
const maxLabels = 64

// A textGuard reads text for the text parser. It fails at a line that has too many
// labels.
type textGuard struct {
	r    io.Reader
	line int
	err  error // once it has failed

	// braces is whether a line begins with a brace, and has its name within.
	braces bool

	state  textState
	labels int // in this line
}

// A textState is what part of a line comes next.
type textState uint8

const (
	lineStart textState = iota
	comment
	sample
	quoted
	escaped // in quotes, behind a backslash
)

func newTextGuard(r io.Reader) *textGuard { return &textGuard{r: r, line: 1} }

// Read implements io.Reader.
func (g *textGuard) Read(p []byte) (int, error) {
	if g.err != nil {
		return 0, g.err
	}

	n, err := g.r.Read(p)
	if good, bad := g.check(p[:n]); bad != "" {
		n, g.err = good, expfmt.ParseError{Line: g.line, Msg: bad}
		err = g.err
	}

	return n, err
}

// check returns how much of the text is good, and why not all of it is.
func (g *textGuard) check(text []byte) (good int, bad string) {
	for i, c := range text {
		switch {
		case c == '\n':
			g.line++
			g.state, g.labels = lineStart, 0
		case g.state == comment:
		case g.state == lineStart:
			switch c {
			case ' ', '\t':
			case '#':
				g.state = comment
			case '"':
				g.state = quoted
			case '{':
				g.braces = true
				g.state = sample
			default:
				g.state = sample
			}
		case g.state == escaped:
			g.state = quoted
		case g.state == quoted:
			switch c {
			case '"':
				g.state = sample
			case '\\':
				g.state = escaped
			}
		case c == '"':
			g.state = quoted
		case c == '=':
			if g.labels++; g.labels > maxLabels {
				return i, fmt.Sprintf("a metric with more than %d labels", maxLabels)
			}
		}
	}

	return len(text), ""
}
