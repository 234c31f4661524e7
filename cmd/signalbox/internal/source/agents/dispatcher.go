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

// A dispatcher finds the updates of one body, hands them to the sink in order, and
// keeps account of what became of them.
//
// A broken line is rejected and the next one read. Anywhere else broken JSON ends the
// body, since there is no telling where the next update begins.
type dispatcher struct {
	ctx       context.Context
	sink      Sink
	malformed func()

	// body is what was read, complete whether that is all. If it is not, an update
	// that reaches to the end of body may be only a part of what was sent.
	//
	// It is the caller's, and so is the parser.
	body     []byte
	complete bool

	update int // the index of the next update
	parser *parser

	// lines is how many lines end before the offset counted.
	lines, counted int

	answer answer
}

func newDispatcher(ctx context.Context, options Options, parser *parser, body []byte, complete bool) *dispatcher {
	body = bytes.TrimPrefix(body, []byte(source.ByteOrderMark))
	if complete {
		// Where it is cut short, the end is behind what is there.
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

// dispatch goes through the body. What is not promised to be lines may be an array,
// lines or, if its first line is only the beginning of an update, updates that are
// spread over lines.
func (d *dispatcher) dispatch(format source.Format) {
	start := jsonscan.SkipSpace(d.body, 0)

	switch {
	case start == len(d.body):
	case format == source.Lines:
		d.takeLines()
	case d.body[start] == '[':
		d.takeArray(start)
	case isBeginning(firstLine(d.body[start:])): // or there is only one
		d.takeSequence(start)
	default:
		d.takeLines()
	}
}

// firstLine returns the first line, if it has an ending, and with it: a string that is
// open there is not the beginning of anything.
func firstLine(data []byte) []byte {
	return data[:bytes.IndexByte(data, '\n')+1]
}

// isBeginning reports whether data are JSON as far as they go, but lack an end.
func isBeginning(data []byte) bool {
	err := jsonscan.Check(data)
	return err != nil && err.Unfinished
}

// takeLines takes one update a line. Blank lines carry nothing.
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

// takeSequence takes updates with nothing but white space between them.
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

// good returns the body up to the error, or nil, of checking it from start on.
func (d *dispatcher) good(start int, err *jsonscan.SyntaxError) []byte {
	if err == nil {
		return d.body
	}
	return d.body[:start+err.Offset]
}

// takeUpdate takes the update between start and end, which is JSON.
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

// list lists an error of the update at the given place, or of a metric of it if the
// index is one. It lists no more than the answer has room for.
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

// rejectSyntax rejects an update, or what is in the place of one, that begins at start
// and is not JSON. The column is counted from 1, in bytes.
func (d *dispatcher) rejectSyntax(start int, err *jsonscan.SyntaxError) {
	offset := start + err.Offset
	column := offset - bytes.LastIndexByte(d.body[:offset], '\n')
	d.reject(offset, fmt.Errorf("%w (column %d)", err, column))
}

// breakOff rejects what is missing of the body, for the error that ended it.
func (d *dispatcher) breakOff(err error) {
	// It must show, whatever came before.
	d.answer.Errors = d.answer.Errors[:min(len(d.answer.Errors), source.MaxErrors-1)]
	d.reject(len(d.body), err)
}

func (d *dispatcher) reject(offset int, err error) {
	d.malformed()
	d.answer.Rejected++
	d.list(fault{Line: d.line(offset), Update: d.update}, -1, "", err)
	d.update++
}

// line is the number of the line, from 1, that has the byte at offset. The offset must
// not be less than the last time: the lines before that are not counted again.
func (d *dispatcher) line(offset int) int {
	d.lines += bytes.Count(d.body[d.counted:offset], []byte{'\n'})
	d.counted = offset
	return d.lines + 1
}
