package events

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/reply"
)

// decodeArray decodes the events of an array, of which nothing is read yet,
// one element at a time. What is wrong with an element is reported with its
// number, from 1: most arrays come in a single line. Broken JSON ends the array.
func (d *Decoder) decodeArray() error {
	d.in.ReadByte() //nolint:errcheck // skipSpace has seen the bracket

	for number := 1; ; number++ {
		c, err := d.skipSpace()
		if err != nil {
			return d.endOfArray(err)
		}
		if c == ']' && number == 1 {
			break
		}
		if c == ']' || c == ',' || c == '}' || c == ':' {
			d.unexpected(c, "a value")
			return nil
		}

		ok, err := d.decodeElement(c, number)
		if err != nil {
			return d.endOfArray(err)
		}
		if !ok {
			return nil
		}

		c, err = d.skipSpace()
		if err != nil {
			return d.endOfArray(err)
		}
		if c == ']' {
			break
		}
		if c != ',' {
			d.unexpected(c, "a comma or the array's end")
			return nil
		}
		d.in.ReadByte() //nolint:errcheck // skipSpace has seen the comma
	}
	d.in.ReadByte() //nolint:errcheck // skipSpace has seen the bracket

	c, err := d.skipSpace()
	if err == nil {
		d.unexpected(c, "the end")
	}
	if err == io.EOF {
		return nil
	}

	return err
}

// decodeElement decodes the element that begins with the byte c, which is not
// read yet. It tells whether the array can go on.
func (d *Decoder) decodeElement(c byte, number int) (ok bool, err error) {
	start := d.line
	reject := func(line int, err error) { d.bad(line, fmt.Errorf("element %d: %w", number, err)) }

	element, err := d.readElement(newElementScan(c))
	if err == errLineTooLong {
		reject(start, d.tooLong())
		return true, nil
	}
	if err != nil {
		return false, err
	}

	event, err := d.events.parse(element)
	if err == nil {
		d.good(event)
		return true, nil
	}

	// Slow path: the parser stops at the first thing that is wrong, but it is
	// broken JSON further on that decides whether the array can be trusted.
	syntax, broken := errors.AsType[*syntaxError](err)
	if !broken {
		syntax, broken = findSyntaxError(element)
	}
	if broken {
		reject(start+bytes.Count(element[:syntax.offset], newline), syntax)
		return false, nil
	}
	reject(start, err)

	return true, nil
}

// readElement reads to the end of the element. What it returns is good until
// the next call. It returns errLineTooLong for an element past the limit,
// which it has skipped.
func (d *Decoder) readElement(scan elementScan) ([]byte, error) {
	d.long = d.long[:0]
	for {
		if _, err := d.in.Peek(1); err != nil {
			return nil, err
		}
		chunk, _ := d.in.Peek(d.in.Buffered())

		n, done := scan.next(chunk)
		chunk = chunk[:n]
		d.line += bytes.Count(chunk, newline)
		if room := d.limits.LineBytes + 1 - len(d.long); room > 0 {
			d.long = append(d.long, chunk[:min(room, n)]...)
		}
		d.in.Discard(n) //nolint:errcheck // it was peeked at

		if done {
			break
		}
	}
	if len(d.long) > d.limits.LineBytes {
		return nil, errLineTooLong
	}

	return d.long, nil
}

// endOfArray reports an array that lacks its end, or returns the reader's error.
func (d *Decoder) endOfArray(err error) error {
	if err != io.EOF {
		return err
	}
	d.bad(d.line, errors.New("not JSON: it ends inside the array"))

	return nil
}

func (d *Decoder) unexpected(c byte, wanted string) {
	d.bad(d.line, fmt.Errorf("not JSON: %s where %s should be", reply.Quote([]byte{c}), wanted))
}

// findSyntaxError returns the first syntax error in the whole of the data.
func findSyntaxError(data []byte) (*syntaxError, bool) {
	var whole json.RawMessage
	syntax, ok := errors.AsType[*json.SyntaxError](json.Unmarshal(data, &whole))
	if !ok {
		return nil, false
	}

	offset := max(0, int(syntax.Offset)-1) // it counts the offending byte

	return &syntaxError{offset, "not JSON: " + syntax.Error()}, true
}

// An elementScan finds the end of an element of an array, knowing no more of
// JSON than strings and brackets. Where the element is broken it may stop too
// early or too late, but then the element will not parse.
type elementScan struct {
	bare     bool // neither string nor brackets around it: a number, a word
	depth    int
	inString bool
	escaped  bool
}

// newElementScan returns the scan of an element that begins with the byte c.
func newElementScan(c byte) elementScan {
	return elementScan{bare: c != '{' && c != '[' && c != '"'}
}

// next goes on with another chunk. It returns how much of it belongs to the
// element, and whether the element ends there.
func (e *elementScan) next(chunk []byte) (n int, done bool) {
	for i, c := range chunk {
		switch {
		case e.bare:
			switch c {
			case ',', ']', '}', ' ', '\t', '\r', '\n':
				return i, true
			}
		case e.escaped:
			e.escaped = false
		case e.inString:
			switch c {
			case '\\':
				e.escaped = true
			case '"':
				e.inString = false
				if e.depth == 0 {
					return i + 1, true
				}
			}
		default:
			switch c {
			case '"':
				e.inString = true
			case '{', '[':
				e.depth++
			case '}', ']':
				e.depth--
				if e.depth == 0 {
					return i + 1, true
				}
			}
		}
	}

	return len(chunk), false
}
