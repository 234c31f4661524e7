package events

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

var newline = []byte{'\n'}

// errLineTooLong is the error for a line that was skipped because of its length.
var errLineTooLong = errors.New("line too long")

// decodeLines decodes one event per line, until the end of the input. It skips blank
// lines but counts them.
func (d *Decoder) decodeLines() error {
	for {
		line, err := d.readLine()
		switch {
		case err == io.EOF:
			return nil
		case err == errLineTooLong:
			d.reject(d.line, d.tooLong())
		case err != nil:
			return err
		case !isBlank(line):
			d.decodeEvent(line, d.line)
		}
		d.indent = 0
		if err := d.shrink(); err != nil {
			return err
		}
	}
}

// readLine reads a line and returns it without its line ending, LF or CRLF. The last
// line need not have a line ending. The line is valid until the next call.
//
// If a line exceeds the limit, readLine skips it, and returns its beginning and
// errLineTooLong. It returns io.EOF after the last line. With any other error, the part
// of the line that was read is lost.
func (d *Decoder) readLine() ([]byte, error) {
	d.line++

	line, err := d.in.ReadSlice('\n')
	if err == bufio.ErrBufferFull {
		line, err = d.readLongLine(line)
	}
	if err != nil && (err != io.EOF || len(line) == 0) {
		d.partial = len(line) > 0
		return nil, err
	}

	line = trimLineEnding(line)
	if len(line) > d.limits.LineBytes {
		return line, errLineTooLong
	}
	return line, nil
}

// readLongLine reads the rest of a line that exceeds the buffer. It keeps only as much
// of the line as is needed to detect that it exceeds the limit.
func (d *Decoder) readLongLine(line []byte) ([]byte, error) {
	const lineEnding = 2

	d.long = append(d.long[:0], line...)
	for {
		more, err := d.in.ReadSlice('\n')
		room := max(0, d.limits.LineBytes+lineEnding+1-len(d.long))
		kept := min(room, len(more))
		if err := d.reserveFor(len(d.long) + kept); err != nil {
			return d.long, err
		}
		d.long = append(d.long, more[:kept]...)
		if d.spill != nil && kept < len(more) {
			d.spill(more[kept:])
		}
		if err != bufio.ErrBufferFull {
			return d.long, err
		}
	}
}

// trimLineEnding removes LF or CRLF. It also removes a CR by itself, which is white
// space in JSON.
func trimLineEnding(line []byte) []byte {
	line = bytes.TrimSuffix(line, newline)
	return bytes.TrimSuffix(line, []byte{'\r'})
}

// isBlank reports whether a line contains only JSON's white space.
func isBlank(line []byte) bool {
	for _, c := range line {
		if c != ' ' && c != '\t' && c != '\r' {
			return false
		}
	}
	return true
}
