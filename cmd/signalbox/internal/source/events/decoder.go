// Package events decodes events from a reader or HTTP requests: newline-delimited JSON,
// a JSON array, a JSON object, or the log of a Concourse web node.
package events

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/jsonscan"
)

// bufferBytes is the size of a Decoder's read buffer. Longer lines are assembled in a
// separate buffer.
const bufferBytes = 64 << 10

// decoderBytes is the amount of memory that a Decoder needs for lines that are not
// longer than its buffer.
const decoderBytes = 2 * bufferBytes

// bytesPerLongByte is the amount of memory for each byte of a longer line: growing a
// slice can take twice its size, and parsing an event copies its texts.
const bytesPerLongByte = 4

// A Decoder reads events from one input after another and reuses its buffers. It holds
// a few events in memory at a time, not the whole input. If the input may be a single
// object spread over several lines, the Decoder also holds the beginning of the input,
// up to the maximum length of a line.
//
// It is not safe for concurrent use. Create it with NewDecoder.
type Decoder struct {
	limits source.Limits
	events eventParser

	// buffer belongs to the Decoder. in is the current reader: buffer, or data that was
	// read ahead followed by buffer.
	buffer, in *bufio.Reader

	// line is the number of the current line, from 1. indent is the number of bytes of
	// white space that were skipped at its start.
	line, indent int

	// partial means that the input ended with an error within a line.
	partial bool

	// long holds a line or array element that is not contiguous in the buffer. whole
	// holds the input that was read to find a single object. Both are reused.
	long, whole []byte

	source  io.Reader // the input
	batch   batch
	onEvent func(*Event)
	onError func(line int, err error)

	// Reserve, if not nil, reserves memory before the Decoder allocates more than its
	// buffer. If it returns an error, so does Decode. If the number is negative, the
	// Decoder no longer needs this memory. Decode sets Reserve to nil.
	Reserve  func(bytes int64) error
	reserved int64 // number of bytes that it has reserved

	// spill, if not nil, receives the part of a line that exceeds the limit and is not
	// in long.
	spill func(text []byte)
}

// NewDecoder returns a Decoder with the limits. It ignores BodyBytes.
func NewDecoder(limits source.Limits) *Decoder {
	limits = limits.WithDefaults()
	return &Decoder{
		limits: limits,
		events: eventParser{limits: limits},
		buffer: bufio.NewReaderSize(nil, bufferBytes),
	}
}

// Decode reads events until the end of r. It calls accept with each event, in order;
// the event is valid until accept returns. For each line, array element or object that
// is not an event, it calls reject with the line number and the reason, and continues.
// A syntax error in an array ends the array. Decode calls these functions for all that
// it has read before it reads more from r.
//
// Decode returns the errors of the reader, except for io.EOF. It has then decoded
// everything before the error except for an incomplete line or element. Line returns
// the line of the error.
func (d *Decoder) Decode(r io.Reader, format source.Format, accept func(*Event), reject func(line int, err error)) error {
	d.start(r, accept, reject)
	defer d.release()

	err := d.decode(format)
	d.flush()
	return err
}

func (d *Decoder) decode(format source.Format) error {
	if format == source.Lines {
		return d.decodeLines()
	}
	return d.decodeSniffed()
}

// Line returns the number, from 1, of the last line that was reached in the latest
// input.
func (d *Decoder) Line() int { return d.line }

// start prepares the Decoder for another input.
func (d *Decoder) start(r io.Reader, accept func(*Event), reject func(line int, err error)) {
	d.source, d.onEvent, d.onError = r, accept, reject
	d.batch.n = 0 // it is not if accept has panicked
	d.buffer.Reset((*flushingReader)(d))
	d.in, d.line, d.indent, d.partial = d.buffer, 0, 0, false

	if start, _ := d.in.Peek(len(source.ByteOrderMark)); string(start) == source.ByteOrderMark {
		d.in.Discard(len(source.ByteOrderMark)) //nolint:errcheck // it was peeked at
	}
}

// shrink releases the memory for a long line before the Decoder waits for more input. It
// does nothing while more input is in the buffer, because the next line may be long too.
func (d *Decoder) shrink() error {
	if d.reserved == 0 || d.in != d.buffer || d.in.Buffered() > 0 {
		return nil
	}
	d.flush()
	n := d.reserved // the memory of the held events is part of it
	d.long, d.reserved = nil, 0
	return d.Reserve(-n)
}

// release drops references to values of the caller.
func (d *Decoder) release() {
	d.buffer.Reset(nil)
	d.in, d.source, d.onEvent, d.onError, d.spill = nil, nil, nil, nil, nil
	d.Reserve, d.reserved = nil, 0
	if cap(d.long)+cap(d.whole) > bufferBytes {
		d.long, d.whole = nil, nil // long lines are rare
	}
}

// reserveFor reserves memory for holding a text of n bytes that does not fit into the
// buffer, unless enough is reserved already.
func (d *Decoder) reserveFor(n int) error {
	more := bytesPerLongByte*int64(n) - d.reserved
	if d.Reserve == nil || more <= 0 {
		return nil
	}
	more = max(more, d.reserved, bufferBytes)
	d.reserved += more
	return d.Reserve(more)
}

// A reservingReader reserves memory for what is read.
type reservingReader struct {
	io.Reader
	decoder *Decoder
	n       int
}

func (r *reservingReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.n += n
	return n, cmp.Or(r.decoder.reserveFor(r.n), err)
}

// decodeSniffed detects the format of the input and decodes it.
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

	d.line-- // readLine counts this line, of which only white space was read
	line, err := d.readLine()
	switch {
	case err == errLineTooLong:
		d.reject(d.line, d.tooLong())
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

// decodeObjectOrLines decodes input whose first line is not a JSON value: a single
// object spread over several lines, or lines of which the first is invalid.
func (d *Decoder) decodeObjectOrLines(first []byte) error {
	start := d.line

	whole := bytes.NewBuffer(d.whole[:0])
	whole.Write(first)
	whole.WriteByte('\n')
	_, err := whole.ReadFrom(&reservingReader{Reader: io.LimitReader(d.in, int64(d.limits.LineBytes)+1), decoder: d})
	d.whole = whole.Bytes()

	// As in lines, the last line ending does not count toward the limit.
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

// decodeEvent decodes an event that begins on the given line, preceded only by the
// indent.
func (d *Decoder) decodeEvent(data []byte, line int) {
	event, err := d.parse(data)
	if err != nil {
		d.rejectData(data, line, err)
		return
	}
	event.Line = line
	d.accept(event)
}

// rejectData rejects the data of an event that begins on the given line. A syntax error
// is reported with its own line and column, both counted from 1, the column in bytes.
func (d *Decoder) rejectData(data []byte, line int, err error) {
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
	d.reject(line, err)
}

func (d *Decoder) tooLong() error {
	return fmt.Errorf("the event is longer than the limit of %d bytes", d.limits.LineBytes)
}

// skipSpace skips white space, counting lines, and returns the next byte without
// consuming it.
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

// A failingReader is a reader that fails with err.
type failingReader struct{ err error }

func (r failingReader) Read([]byte) (int, error) { return 0, r.err }
