package events

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/jsonscan"
	"github.com/signalbox-ci/signalbox/internal/excerpt"
)

// decodeArray decodes the events of an array, one element at a time. Its errors contain
// the number of the element, counted from 1, because most arrays are on a single line.
// A syntax error ends the array.
func (d *Decoder) decodeArray() error {
	d.in.ReadByte() //nolint:errcheck // the bracket that skipSpace has found

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
			d.unexpected(c, "a comma or the end of the array")
			return nil
		}
		d.in.ReadByte() //nolint:errcheck // the comma that skipSpace has found
	}
	d.in.ReadByte() //nolint:errcheck // the bracket that skipSpace has found

	c, err := d.skipSpace()
	if err == nil {
		d.unexpected(c, "the end of the input")
	}
	if err == io.EOF {
		return nil
	}
	return err
}

// decodeElement decodes the element that begins with the byte c, which has not been
// read yet. It reports whether decoding the array can continue.
func (d *Decoder) decodeElement(c byte, number int) (ok bool, err error) {
	start := d.line
	reject := func(line int, err error) { d.reject(line, errors.New(inElement(number, err.Error()))) }

	element, err := d.readElement(jsonscan.NewValueScan(c))
	if err == errLineTooLong {
		reject(start, d.tooLong())
		return true, nil
	}
	if err != nil {
		return false, err
	}

	event, err := d.parse(element)
	if err == nil {
		event.Line, event.Element = start, number
		d.accept(event)
		return true, nil
	}

	// Slow path: the parser stops at the first error. Decoding can continue with the
	// next element only if there is no syntax error in the rest of this one either.
	syntax, broken := errors.AsType[*jsonscan.SyntaxError](err)
	if !broken {
		syntax = jsonscan.Check(element)
		broken = syntax != nil
	}
	if broken {
		reject(start+bytes.Count(element[:syntax.Offset], newline), syntax)
		return false, nil
	}
	reject(start, err)
	return true, nil
}

// inElement returns an error text about an element of an array.
func inElement(number int, text string) string { return fmt.Sprintf("element %d: %s", number, text) }

// readElement reads the element that the scan is for. The bytes are valid until the
// next call. It skips an element that exceeds the limit and returns errLineTooLong.
func (d *Decoder) readElement(scan jsonscan.ValueScan) ([]byte, error) {
	d.long = d.long[:0]
	for {
		if _, err := d.in.Peek(1); err != nil {
			return nil, err
		}
		chunk, _ := d.in.Peek(d.in.Buffered())

		n, done := scan.Next(chunk)
		chunk = chunk[:n]
		d.line += bytes.Count(chunk, newline)
		if room := d.limits.LineBytes + 1 - len(d.long); room > 0 {
			if err := d.reserveFor(len(d.long) + min(room, n)); err != nil {
				return nil, err
			}
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

// endOfArray handles an error from reading an array. If the input has ended, it rejects
// the array as unterminated. It returns any other error.
func (d *Decoder) endOfArray(err error) error {
	if err != io.EOF {
		return err
	}
	d.reject(d.line, errors.New("not JSON: unterminated array"))
	return nil
}

func (d *Decoder) unexpected(c byte, expected string) {
	d.reject(d.line, fmt.Errorf("not JSON: got %s, expected %s", excerpt.Quote([]byte{c}), expected))
}
