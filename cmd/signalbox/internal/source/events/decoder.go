// Package events takes events, from a reader or over HTTP: newline-delimited JSON, a
// JSON array, a JSON object, or the log of a Concourse web node.
package events

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/jsonscan"
)

// bufferBytes is how much a Decoder reads at once. Longer lines are put together in a
// buffer of their own.
const bufferBytes = 64 << 10

// A Decoder reads events from one input after the other, keeping its buffers. It holds
// one event's bytes at a time, never a whole body, except where only the whole body can
// tell whether it is one object: then at most a line's limit of it.
//
// It is not safe for concurrent use. Make one with NewDecoder.
type Decoder struct {
	limits source.Limits
	events eventParser

	// buffer is the Decoder's own; in is what it reads from: the buffer, or what was
	// read ahead of it and then the buffer.
	buffer, in *bufio.Reader

	// line is the number of the line that is being read, from 1. indent is how much
	// white space was skipped at its start before it was read.
	line, indent int

	// long holds a line or array element that does not lie in the buffer in one piece,
	// whole what was read in search of a single object. Both are reused.
	long, whole []byte

	good func(*Event)
	bad  func(line int, err error)

	// spill, if not nil, gets what of a line is beyond the limit and not in long.
	spill func(text []byte)
}

// NewDecoder returns a Decoder that holds events to the limits, of which BodyBytes is
// not the Decoder's concern.
func NewDecoder(limits source.Limits) *Decoder {
	limits = limits.WithDefaults()
	return &Decoder{
		limits: limits,
		events: eventParser{limits: limits},
		buffer: bufio.NewReaderSize(nil, bufferBytes),
	}
}

// Decode reads events up to the end of r. It calls good with each event, in order,
// which may use it until it returns. It calls bad with each piece of input that is not
// an event, where it is and why, and goes on behind it where it can: behind a line and
// behind a well-formed element of an array. Broken JSON in an array ends the array.
//
// An error is the reader's. What came before it has been decoded, except for an
// unfinished line or element. Line returns where it was.
func (d *Decoder) Decode(r io.Reader, format source.Format, good func(*Event), bad func(line int, err error)) error {
	d.start(r, good, bad)
	defer d.release()

	if format == source.Lines {
		return d.decodeLines()
	}
	return d.decodeSniffed()
}

// Line is the number of the line, from 1, that was reached in the latest input.
func (d *Decoder) Line() int { return d.line }

// start begins with another input.
func (d *Decoder) start(r io.Reader, good func(*Event), bad func(line int, err error)) {
	d.buffer.Reset(r)
	d.in, d.line, d.indent = d.buffer, 0, 0
	d.good, d.bad = good, bad

	if start, _ := d.in.Peek(len(source.ByteOrderMark)); string(start) == source.ByteOrderMark {
		d.in.Discard(len(source.ByteOrderMark)) //nolint:errcheck // it was peeked at
	}
}

// release lets go of what belongs to the caller.
func (d *Decoder) release() {
	d.buffer.Reset(nil)
	d.in, d.good, d.bad, d.spill = nil, nil, nil, nil
}

// decodeSniffed finds out what the input is, and decodes it.
func (d *Decoder) decodeSniffed() error {
	d.line = 1
	c, err := d.skipSpace()
	if err == io.EOF {
		return nil
	}
	if err != nil {
		return err
	}
	if c == '[' {
		return d.decodeArray()
	}

	d.line-- // of this line nothing but space was read
	line, err := d.readLine()
	switch {
	case err == errLineTooLong:
		d.bad(d.line, d.tooLong())
	case err != nil:
		return err
	case json.Valid(line):
		d.decodeEvent(line, d.line)
	default:
		return d.decodeObjectOrLines(line)
	}
	d.indent = 0
	return d.decodeLines()
}

// decodeObjectOrLines decodes input whose first line is not JSON in itself: an object
// that is spread over lines, or else lines, the first of them broken.
func (d *Decoder) decodeObjectOrLines(first []byte) error {
	start := d.line

	whole := bytes.NewBuffer(d.whole[:0])
	whole.Write(first)
	whole.WriteByte('\n')
	_, err := whole.ReadFrom(io.LimitReader(d.in, int64(d.limits.LineBytes)+1))
	d.whole = whole.Bytes()

	// The last line ending does not count against the limit, as for lines.
	if err == nil && len(trimLineEnding(d.whole)) <= d.limits.LineBytes && json.Valid(d.whole) {
		d.decodeEvent(d.whole, start)
		d.line += bytes.Count(trimLineEnding(d.whole), newline)
		return nil
	}

	rest := io.Reader(d.in)
	if err != nil {
		rest = failingReader{err}
	}
	d.in = bufio.NewReaderSize(io.MultiReader(bytes.NewReader(d.whole), rest), bufferBytes)
	d.line = start - 1
	return d.decodeLines()
}

// decodeEvent decodes the event that begins in the given line, as the first thing there
// but for the indent.
func (d *Decoder) decodeEvent(data []byte, line int) {
	event, err := d.events.parse(data)
	if err != nil {
		d.reject(data, line, err)
		return
	}
	d.good(event)
}

// reject reports what is wrong with the data of an event that begins in the given
// line. Broken JSON is reported at its own line and column, both from 1, the column
// in bytes.
func (d *Decoder) reject(data []byte, line int, err error) {
	if syntax, ok := errors.AsType[*jsonscan.SyntaxError](err); ok {
		before := data[:syntax.Offset]
		column := syntax.Offset - bytes.LastIndexByte(before, '\n')
		if further := bytes.Count(before, newline); further > 0 {
			line += further
		} else {
			column += d.indent
		}
		err = fmt.Errorf("%w (column %d)", err, column)
	}
	d.bad(line, err)
}

func (d *Decoder) tooLong() error {
	return fmt.Errorf("longer than the limit of %d bytes", d.limits.LineBytes)
}

// skipSpace skips white space, counting lines, and returns the byte after it without
// reading it.
func (d *Decoder) skipSpace() (byte, error) {
	for {
		c, err := d.in.ReadByte()
		if err != nil {
			return 0, err
		}

		switch c {
		case '\n':
			d.line++
			d.indent = 0
		case ' ', '\t', '\r':
			d.indent++
		default:
			return c, d.in.UnreadByte()
		}
	}
}

// A failingReader fails with its error.
type failingReader struct{ err error }

func (r failingReader) Read([]byte) (int, error) { return 0, r.err }
