package agents

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/jsonscan"
	"github.com/signalbox-ci/signalbox/emitter/aggregator"
	"github.com/signalbox-ci/signalbox/internal/excerpt"
)

// A dispatcher finds the updates in one body, passes them to the sink in order, and
// counts the results.
//
// It rejects a line that is not JSON and continues with the next one. Anywhere else a
// syntax error ends the body, because it is unknown where the next update begins.
type dispatcher struct {
	ctx       context.Context
	sink      Sink
	malformed func()

	// body is what was read of the body; complete reports whether that is everything.
	// If it is not, an update at the end of body may be cut off.
	//
	// The caller owns body and the parser.
	body     []byte
	complete bool

	update int // index of the next update
	parser *parser

	// lines is the number of lines that end before the offset counted.
	lines, counted int

	answer answer
}

func newDispatcher(ctx context.Context, options Options, parser *parser, body []byte, complete bool) *dispatcher {
	body = bytes.TrimPrefix(body, []byte(source.ByteOrderMark))
	if complete {
		// A body that was cut off continues after its white space.
		body = bytes.TrimRight(body, " \t\r\n")
	}
	return &dispatcher{
		ctx:       ctx,
		sink:      options.Sink,
		malformed: options.Malformed,
		body:      body,
		complete:  complete,
		parser:    parser,
	}
}

// dispatch processes the body. If the format does not say that it consists of lines, it
// is an array, lines or, if its first line is only the beginning of an update, updates
// that span several lines.
func (d *dispatcher) dispatch(format source.Format) {
	start := jsonscan.SkipSpace(d.body, 0)

	switch {
	case start == len(d.body):
	case format == source.Lines:
		d.takeLines()
	case d.body[start] == '[':
		d.takeArray(start)
	case isBeginning(firstLine(d.body[start:])): // or there is only one line
		d.takeSequence(start)
	default:
		d.takeLines()
	}
}

// firstLine returns the first line of data with its line ending: a string that is open
// at the line ending is invalid, not incomplete.
func firstLine(data []byte) []byte {
	return data[:bytes.IndexByte(data, '\n')+1]
}

// isBeginning reports whether data is the beginning of a JSON value, but incomplete.
func isBeginning(data []byte) bool {
	err := jsonscan.Check(data)
	return err != nil && err.Unfinished
}

// takeLines takes one update per line. It skips blank lines.
func (d *dispatcher) takeLines() {
	for start := 0; start < len(d.body); {
		length := bytes.IndexByte(d.body[start:], '\n')
		if length < 0 && !d.complete {
			return
		}
		if length < 0 {
			length = len(d.body) - start
		}
		d.takeLine(start, start+length)
		start += length + 1
	}
}

func (d *dispatcher) takeLine(start, end int) {
	start = jsonscan.SkipSpace(d.body[:end], start)
	if start == end {
		return
	}

	if err := jsonscan.Check(d.body[start:end]); err != nil {
		d.rejectSyntax(start, err)
		return
	}
	d.takeUpdate(start, end)
}

// takeSequence takes updates separated by nothing but white space.
func (d *dispatcher) takeSequence(start int) {
	for start = jsonscan.SkipSpace(d.body, start); start < len(d.body); start = jsonscan.SkipSpace(d.body, start) {
		err := jsonscan.Check(d.body[start:])
		end, ended := len(d.body), true
		if err != nil || !d.complete {
			end, ended = jsonscan.ValueEnd(d.good(start, err), start)
		}
		if !d.complete && end == len(d.body) {
			return
		}
		if !ended {
			d.rejectSyntax(start, err)
			return
		}
		d.takeUpdate(start, end)
		start = end
	}
}

// takeArray takes the updates of the array that begins at start.
func (d *dispatcher) takeArray(start int) {
	err := jsonscan.Check(d.body[start:])
	valid := d.good(start, err)

	at := start + 1
	for {
		at = jsonscan.SkipSpace(valid, at)
		if at == len(valid) || valid[at] == ']' {
			break
		}
		if valid[at] == ',' {
			at++
			continue
		}

		end, ended := jsonscan.ValueEnd(valid, at)
		if !ended || !d.complete && end == len(d.body) {
			break
		}
		d.takeUpdate(at, end)
		at = end
	}

	if err != nil && (d.complete || !err.Unfinished) {
		d.rejectSyntax(start, err)
	}
}

// good returns the part of the body before the error that checking it from start
// returned, or all of it if the error is nil.
func (d *dispatcher) good(start int, err *jsonscan.SyntaxError) []byte {
	if err == nil {
		return d.body
	}
	return d.body[:start+err.Offset]
}

// takeUpdate takes the update between start and end, which must be valid JSON.
func (d *dispatcher) takeUpdate(start, end int) {
	at := fault{Line: d.line(start), Update: d.update}
	d.update++

	p := d.parser
	if err := p.parse(d.body[start:end]); err != nil {
		d.malformed()
		d.answer.Rejected += max(1, p.found)
		d.list(at, -1, "", err)
		return
	}
	for range p.found - len(p.metrics) {
		d.malformed()
	}

	err := d.sink.UpdateFrom(d.ctx, p.base, p.metrics)
	some, _ := errors.AsType[*aggregator.RejectedError](err)
	if err != nil && some == nil {
		d.answer.Rejected += max(1, p.found)
		d.list(at, -1, "", err)
		return
	}

	accepted, faults := len(p.metrics), p.faults
	if some != nil {
		accepted -= len(some.Rejections)
		for _, r := range some.Rejections[:min(len(some.Rejections), source.MaxErrors)] {
			faults = append(faults, metricFault{p.indexes[r.Index], r.Name, r.Err})
		}
		slices.SortStableFunc(faults, func(a, b metricFault) int { return a.index - b.index })
	}
	d.answer.Accepted += accepted
	d.answer.Rejected += p.found - accepted
	for _, f := range faults {
		d.list(at, f.index, f.name, f.err)
	}
}

// list adds an error to the answer: of the update at the given place, or of one of its
// metrics if the index is not negative. It drops errors beyond MaxErrors.
func (d *dispatcher) list(at fault, metric int, name string, err error) {
	if len(d.answer.Errors) == source.MaxErrors {
		return
	}
	at.Reason = err.Error()
	if metric >= 0 {
		at.Metric = &metric
		at.Name = excerpt.Short(name)
	}
	d.answer.Errors = append(d.answer.Errors, at)
}

// rejectSyntax rejects the update that begins at start and is not JSON. The column is
// counted from 1, in bytes.
func (d *dispatcher) rejectSyntax(start int, err *jsonscan.SyntaxError) {
	offset := start + err.Offset
	column := offset - bytes.LastIndexByte(d.body[:offset], '\n')
	d.reject(offset, fmt.Errorf("%w (column %d)", err, column))
}

// breakOff rejects the missing rest of the body, with the error that ended it.
func (d *dispatcher) breakOff(err error) {
	// Always list this error, even if there are MaxErrors others.
	d.answer.Errors = d.answer.Errors[:min(len(d.answer.Errors), source.MaxErrors-1)]
	d.reject(len(d.body), err)
}

func (d *dispatcher) reject(offset int, err error) {
	d.malformed()
	d.answer.Rejected++
	d.list(fault{Line: d.line(offset), Update: d.update}, -1, "", err)
	d.update++
}

// line returns the number, from 1, of the line with the byte at offset. The offset must
// not be less than in the previous call, so that each line is counted once.
func (d *dispatcher) line(offset int) int {
	d.lines += bytes.Count(d.body[d.counted:offset], []byte{'\n'})
	d.counted = offset
	return d.lines + 1
}
