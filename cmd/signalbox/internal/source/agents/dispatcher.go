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
// If a body consists of lines, the dispatcher rejects a line that is not JSON and
// continues with the next one. Otherwise a syntax error ends the body, because it is
// unknown where the next update begins.
type dispatcher struct {
	ctx       context.Context
	sink      Sink
	malformed func()

	// body contains what was read of the body. complete reports whether that is the
	// whole body; if not, an update at the end of it may be cut off.
	//
	// The caller owns body and parser.
	body     []byte
	complete bool

	update int // the index of the next update
	parser *parser

	// lines is the number of line endings before linesEnd, an offset in body.
	lines, linesEnd int

	response response
	atLimit  int // rejected metrics that exceeded the limit of series or memory
}

func newDispatcher(ctx context.Context, options Options, parser *parser, body []byte, complete bool) *dispatcher {
	body = bytes.TrimPrefix(body, []byte(source.ByteOrderMark))
	if complete {
		// In an incomplete body, white space shows that the update before it is
		// complete.
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

// dispatch processes the body. Unless the format is Lines, the body is an array, lines,
// or a sequence of updates that may span several lines. It is such a sequence if its
// first line is the beginning of an update, but incomplete.
func (d *dispatcher) dispatch(format source.Format) {
	start := jsonscan.SkipSpace(d.body, 0)

	switch {
	case start == len(d.body):
	case format == source.Lines:
		d.dispatchLines()
	case d.body[start] == '[':
		d.dispatchArray(start)
	case isBeginning(firstLine(d.body[start:])): // also if there is only one line
		d.dispatchSequence(start)
	default:
		d.dispatchLines()
	}
}

// firstLine returns the first line of data with its line ending, or nothing if there is
// no line ending. With the line ending, a string that is not closed on the line is
// invalid, not incomplete.
func firstLine(data []byte) []byte {
	return data[:bytes.IndexByte(data, '\n')+1]
}

// isBeginning reports whether data is the beginning of a JSON value, but incomplete. It
// may be empty.
func isBeginning(data []byte) bool {
	err := jsonscan.Check(data)
	return err != nil && err.Unfinished
}

// dispatchLines dispatches one update per line. It skips blank lines.
func (d *dispatcher) dispatchLines() {
	for start := 0; start < len(d.body); {
		length := bytes.IndexByte(d.body[start:], '\n')
		if length < 0 && !d.complete {
			return
		}
		if length < 0 {
			length = len(d.body) - start
		}
		d.dispatchLine(start, start+length)
		start += length + 1
	}
}

func (d *dispatcher) dispatchLine(start, end int) {
	start = jsonscan.SkipSpace(d.body[:end], start)
	if start == end {
		return
	}

	if err := jsonscan.Check(d.body[start:end]); err != nil {
		d.rejectSyntax(start, err)
		return
	}
	d.dispatchUpdate(start, end)
}

// dispatchSequence dispatches updates that are separated only by white space.
func (d *dispatcher) dispatchSequence(start int) {
	for start = jsonscan.SkipSpace(d.body, start); start < len(d.body); start = jsonscan.SkipSpace(d.body, start) {
		err := jsonscan.Check(d.body[start:])
		end, ended := len(d.body), true
		if err != nil || !d.complete {
			end, ended = jsonscan.ValueEnd(d.validPart(start, err), start)
		}
		if !d.complete && end == len(d.body) {
			return
		}
		if !ended {
			d.rejectSyntax(start, err)
			return
		}
		d.dispatchUpdate(start, end)
		start = end
	}
}

// dispatchArray dispatches the updates in the array that begins at start.
func (d *dispatcher) dispatchArray(start int) {
	err := jsonscan.Check(d.body[start:])
	valid := d.validPart(start, err)

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
		d.dispatchUpdate(at, end)
		at = end
	}

	if err != nil && (d.complete || !err.Unfinished) {
		d.rejectSyntax(start, err)
	}
}

// validPart returns the body before err, a syntax error in the part that begins at
// start. If err is nil, it returns the whole body.
func (d *dispatcher) validPart(start int, err *jsonscan.SyntaxError) []byte {
	if err == nil {
		return d.body
	}
	return d.body[:start+err.Offset]
}

// dispatchUpdate passes the update between start and end, which must be valid JSON, to
// the sink.
func (d *dispatcher) dispatchUpdate(start, end int) {
	at := updateError{Line: d.line(start), Update: d.update}
	d.update++

	p := d.parser
	if err := p.parse(d.body[start:end]); err != nil {
		d.malformed()
		d.response.Rejected += max(1, p.found)
		d.addError(at, -1, "", err)
		return
	}
	for range p.found - len(p.metrics) {
		d.malformed()
	}

	err := d.sink.UpdateFrom(d.ctx, p.base, p.metrics)
	partial, _ := errors.AsType[*aggregator.RejectedError](err)
	if err != nil && partial == nil {
		d.response.Rejected += max(1, p.found)
		d.addError(at, -1, "", err)
		return
	}

	accepted, errs := len(p.metrics), p.errs
	if partial != nil {
		accepted -= len(partial.Rejections)
		for i := range partial.Rejections {
			if partial.Rejections[i].LimitReached() {
				d.atLimit++
			}
		}
		for _, r := range partial.Rejections[:min(len(partial.Rejections), source.MaxErrors)] {
			errs = append(errs, metricError{p.indexes[r.Index], r.Name, r.Err})
		}
		slices.SortStableFunc(errs, func(a, b metricError) int { return a.index - b.index })
	}
	d.response.Accepted += accepted
	d.response.Rejected += p.found - accepted
	for _, e := range errs {
		d.addError(at, e.index, e.name, e.err)
	}
}

// addError adds an error to the response, unless it already has MaxErrors errors. at
// contains the line and the index of the update. If metric is not negative, it is the
// index of the metric with the error, and name is the metric's name.
func (d *dispatcher) addError(at updateError, metric int, name string, err error) {
	if len(d.response.Errors) == source.MaxErrors {
		return
	}
	at.Reason = err.Error()
	if metric >= 0 {
		at.Metric = &metric
		at.Name = excerpt.Short(name)
	}
	d.response.Errors = append(d.response.Errors, at)
}

// rejectSyntax rejects the update that begins at start and is not JSON. It adds the
// column, counted from 1 in bytes, to the error.
func (d *dispatcher) rejectSyntax(start int, err *jsonscan.SyntaxError) {
	offset := start + err.Offset
	column := offset - bytes.LastIndexByte(d.body[:offset], '\n')
	d.reject(offset, fmt.Errorf("%w (column %d)", err, column))
}

// rejectRest rejects the part of the body that could not be read because of err.
func (d *dispatcher) rejectRest(err error) {
	// List this error even if there are MaxErrors others.
	d.response.Errors = d.response.Errors[:min(len(d.response.Errors), source.MaxErrors-1)]
	d.reject(len(d.body), err)
}

func (d *dispatcher) reject(offset int, err error) {
	d.malformed()
	d.response.Rejected++
	d.addError(updateError{Line: d.line(offset), Update: d.update}, -1, "", err)
	d.update++
}

// line returns the number, from 1, of the line with the byte at offset. The offset must
// not be less than in the previous call. That way, line counts each line ending once.
func (d *dispatcher) line(offset int) int {
	d.lines += bytes.Count(d.body[d.linesEnd:offset], []byte{'\n'})
	d.linesEnd = offset
	return d.lines + 1
}
