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
// lines, but counts them.
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

// readLine reads a line and returns it without its line ending, LF or CRLF, which the
// last line may lack. The line is valid until the next call.
//
// It skips a line that exceeds the limit, and returns errLineTooLong with the part that
// it kept. It returns io.EOF after the last line. After any other error the line is
// lost.
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

// readLongLine continues reading a line that exceeds the buffer. It keeps only as much
// of the line as shows whether it exceeds the limit.
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

// trimLineEnding removes an LF or CRLF. To JSON, a CR by itself is white space.
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
