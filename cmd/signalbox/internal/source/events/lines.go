package events

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

var newline = []byte{'\n'}

// errLineTooLong says that a line was skipped because of its length.
var errLineTooLong = errors.New("line too long")

// decodeLines decodes one event a line, up to the end of the input. Blank lines count,
// but carry nothing.
func (d *Decoder) decodeLines() error {
	for {
		line, err := d.readLine()
		switch {
		case err == io.EOF:
			return nil
		case err == errLineTooLong:
			d.bad(d.line, d.tooLong())
		case err != nil:
			return err
		case !isBlank(line):
			d.decodeEvent(line, d.line)
		}
		d.indent = 0
	}
}

// readLine reads a line and returns it without its ending, LF or CRLF, which the last
// line may lack. The line is good until the next call.
//
// It returns errLineTooLong for a line past the limit, which it has skipped, with
// what it has kept of it, and io.EOF behind the last line. After any other error the
// line is lost.
func (d *Decoder) readLine() ([]byte, error) {
	d.line++

	line, err := d.in.ReadSlice('\n')
	if err == bufio.ErrBufferFull {
		line, err = d.readLongLine(line)
	}
	if err != nil && (err != io.EOF || len(line) == 0) {
		return nil, err
	}

	line = trimLineEnding(line)
	if len(line) > d.limits.LineBytes {
		return line, errLineTooLong
	}
	return line, nil
}

// readLongLine goes on with a line that overflows the buffer. Of a line past the limit
// it keeps no more than shows that it is.
func (d *Decoder) readLongLine(line []byte) ([]byte, error) {
	const lineEnding = 2

	d.long = append(d.long[:0], line...)
	for {
		more, err := d.in.ReadSlice('\n')
		room := max(0, d.limits.LineBytes+lineEnding+1-len(d.long))
		kept := min(room, len(more))
		d.long = append(d.long, more[:kept]...)
		if d.spill != nil && kept < len(more) {
			d.spill(more[kept:])
		}
		if err != bufio.ErrBufferFull {
			return d.long, err
		}
	}
}

// trimLineEnding cuts off an LF or CRLF. A lone CR is white space to JSON.
func trimLineEnding(line []byte) []byte {
	line = bytes.TrimSuffix(line, newline)
	return bytes.TrimSuffix(line, []byte{'\r'})
}

// isBlank reports whether there is nothing but JSON's white space in a line.
func isBlank(line []byte) bool {
	for _, c := range line {
		if c != ' ' && c != '\t' && c != '\r' {
			return false
		}
	}
	return true
}
