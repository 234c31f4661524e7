package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"time"

	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/events"
)

// A decoding decodes the events of an input.
type decoding struct {
	logger     lager.Logger
	rejections *source.Rejections
	tally      events.Tally
	decoder    *events.Decoder
	options    inputOptions
	status     *inputStatus
	progress   *progress // or nil

	firstSkipped time.Time // time at which the first line of a log was skipped
	warned       bool      // whether skip has logged that there are no events
}

// run decodes all of r.
func (d *decoding) run(r io.Reader) error {
	summary := lager.Data{}
	var err error
	if d.options.lager {
		err = d.readLog(r, d.options.rest)
		summary["skipped"] = d.status.skipped.Load()
	} else {
		err = d.decoder.Decode(r, source.Lines, d.accept, d.reject)
	}
	d.progress.Close()

	summary["accepted"], summary["unknown"], summary["rejected"] = d.tally.Accepted, d.tally.Unknown, d.tally.Rejected
	summary["refused"], summary["duplicate"] = d.tally.Refused, d.tally.Duplicate
	switch {
	case err == nil && d.options.keepsRunning && d.events() == 0:
		d.logger.Error("ended", d.noEvents(), summary)
	case err == nil:
		d.logger.Info("ended", summary)
	case errors.Is(err, io.ErrClosedPipe):
		d.logger.Info("interrupted", summary)
		err = nil
	default:
		d.logger.Error("failed", err, summary)
		err = fmt.Errorf("line %d: %w", d.decoder.Line(), err)
	}
	d.status.end.Store(&inputEnd{at: time.Now(), err: err})
	return err
}

// readLog decodes a log, and copies lines that are not events to rest, if it is not
// nil.
func (d *decoding) readLog(r io.Reader, rest io.Writer) error {
	if rest == nil {
		return d.decoder.DecodeLager(r, nil, d.accept, d.reject, d.skip)
	}

	copied := &copier{logger: d.logger, w: rest}
	buffered := bufio.NewWriterSize(copied, 64<<10)
	err := d.decoder.DecodeLager(flushingReader{r, buffered}, buffered, d.accept, d.reject, d.skip)
	buffered.Flush() //nolint:errcheck // a copier never fails
	return err
}

func (d *decoding) accept(event *events.Event) {
	switch d.tally.Accept(event) {
	case events.Known:
		d.status.known.Add(1)
	case events.Unknown:
		d.status.unknown.Add(1)
	case events.Refused:
		d.status.refused.Add(1)
	case events.Duplicate:
		d.status.duplicate.Add(1)
	}
	if d.progress != nil {
		d.progress.accepted.Add(1)
	}
}

// events returns the number of well-formed events.
func (d *decoding) events() int { return d.tally.Accepted + d.tally.Refused + d.tally.Duplicate }

func (d *decoding) reject(line int, err error) {
	d.tally.Reject(err)
	d.status.rejected.Add(1)
	d.rejections.Log("line-rejected", err, lager.Data{"line": line})
	if d.progress != nil {
		d.progress.rejected.Add(1)
	}
}

// A log without events is probably a mistake if it has this many lines, or if this much
// time has passed since the first line. A node that emits events to its log does so
// within ten lines and a few seconds.
const (
	manyLines = 1000
	longTime  = time.Minute
)

// skip counts a line of a log that is not an event. It logs once if there are no
// events.
func (d *decoding) skip() {
	skipped := d.status.skipped.Add(1)
	if d.warned || d.events() > 0 {
		return
	}
	now := time.Now()
	if skipped == 1 {
		d.firstSkipped = now
	}
	if skipped >= manyLines || now.Sub(d.firstSkipped) >= longTime {
		d.warned = true
		d.logger.Error("no-events", d.noEvents(), lager.Data{"skipped": skipped})
	}
}

// noEvents returns the probable reason why an input had no events.
func (d *decoding) noEvents() error {
	switch {
	case d.status.skipped.Load()+d.status.rejected.Load() == 0:
		return errNoLines
	case d.options.lager:
		return errNoLogEvents
	}
	return errNoEvents
}

var (
	errNoLines     = errors.New("standard input had no lines: check the program that writes to it")
	errNoEvents    = errors.New("no line is an event")
	errNoLogEvents = errors.New("no line is an event: run the Concourse web node with CONCOURSE_EMIT_TO_LOGS=true and " +
		"CONCOURSE_LOG_LEVEL=debug, and pass its lines on unchanged, without a prefix")
)
