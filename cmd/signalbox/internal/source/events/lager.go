package events

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/signalbox-ci/signalbox/internal/excerpt"
)

// With --emit-to-logs, a Concourse web node logs each event, as the data of a line that
// lager writes. Recent versions write the following, on one line:
//
//	{"timestamp":"2026-01-02T15:04:05.123456789Z","level":"debug","source":"atc",
//	 "message":"atc.tracker.build-finished.emit.event","data":{"build-status":"failed",
//	 "name":"build finished","session":"4.7","team-name":"main","value":94000}}
//
// Older versions write "log_level":0 for the level and "1546300800.123456717" for the
// time. The names of attributes are logged with - in place of _. The data also contains
// the logger's own data and the number of its session.

// eventMessage is the end of the message of each line that is an event: Concourse logs
// events in a session named emit. (The message "atc.dex.event" is from the login
// server.)
const eventMessage = ".emit.event"

// eventMark is part of every line that is an event.
var eventMark = []byte(eventMessage + `"`)

// errOtherLine is the error for a line that is not an event.
var errOtherLine = errors.New("not an event")

// DecodeLager reads the events that a Concourse web node emits to its log, until the
// end of r. The lines may be wrapped; see unwrapper. DecodeLager calls accept and
// reject as Decode does. For each line that does not even claim to be an event, it
// calls other instead of reject. Lines that a container runtime has split count as one.
//
// If rest is not nil, DecodeLager copies all lines that are not events to it, including
// rejected ones and ones that exceed the limit. It does not unwrap them.
func (d *Decoder) DecodeLager(r io.Reader, rest io.Writer, accept func(*Event), reject func(line int, err error), other func()) error {
	d.start(r, accept, reject)
	defer d.release()
	lines := unwrapper{limit: d.limits.LineBytes, keepRaw: rest != nil}
	if rest == nil {
		rest = io.Discard
	}
	var copied []byte
	copyLine := func(line []byte) { // in one call, because rest may drop what does not fit
		copied = append(append(copied[:0], line...), '\n')
		rest.Write(copied) //nolint:errcheck // the writer remembers its error
	}
	decode := func(line logLine) {
		if err := d.decodeLogLine(line, other); err != nil && line.raw != nil {
			copyLine(line.raw)
		}
	}

	spilled := false // whether the start of this line has been copied to rest
	d.spill = func(text []byte) {
		if !spilled {
			rest.Write(d.long) //nolint:errcheck // likewise
			spilled = true
		}
		rest.Write(text) //nolint:errcheck // likewise
	}
	for {
		spilled = false
		line, err := d.readLine()
		switch {
		case err == io.EOF:
			for stream := range lines.begun {
				if begun, ok := lines.take(stream); ok {
					decode(begun)
				}
			}
			return nil
		case err == errLineTooLong:
			tooLong := logLine{text: line, raw: line, tooLong: true}
			if spilled {
				tooLong.raw = nil
			}
			decode(tooLong)
		case err != nil:
			return err
		default:
			next, complete := lines.next(line)
			if complete {
				decode(next)
			} else if next.raw != nil {
				copyLine(next.raw)
			}
		}
	}
}

// decodeLogLine decodes a line of a log. It returns an error if the line is not an
// event, after it has called other or reject.
func (d *Decoder) decodeLogLine(line logLine, other func()) error {
	var event *Event
	err := errOtherLine
	if !line.tooLong {
		d.events.event = &d.batch.events[0]
		event, err = d.events.parseLager(line.text)
	} else if bytes.Contains(line.text, eventMark) {
		err = d.tooLong()
	}
	switch err {
	case nil:
		event.Line = d.line
		d.onEvent(event)
	case errOtherLine:
		other()
	default:
		d.rejectData(line.text, d.line, err)
	}
	return err
}

// parseLager returns the event on a line of a log, which is valid until the next call.
// It returns errOtherLine for a line that does not claim to be an event.
func (p *eventParser) parseLager(line []byte) (*Event, error) {
	if !bytes.Contains(line, eventMark) { // true for most lines
		return nil, errOtherLine
	}
	s := &p.scanner
	isText := s.Reset(line)

	*p.event = Event{Values: p.event.Values[:0]}
	p.names, p.expected = p.names[:0], nil
	claims, data, err := p.logLine()
	switch {
	case !claims:
		return nil, errOtherLine
	case !isText:
		return nil, invalidUTF8(line)
	case err != nil:
		return nil, err
	case data < 0:
		return nil, errors.New("the event has no data")
	}
	s.Pos = data
	if err := p.logData(); err != nil {
		return nil, err
	}
	p.findShape()
	return p.event, nil
}

// logLine reads the line except for its data, and returns the offset of the data, or
// -1. It reports whether the line claims to be an event, even if it also returns an
// error.
func (p *eventParser) logLine() (claims bool, data int, err error) {
	s := &p.scanner
	if s.Peek() != '{' {
		return false, -1, errOtherLine
	}

	data = -1
	var timeErr error
	err = s.Members(func() error {
		key, err := s.Key()
		if err != nil {
			return err
		}
		switch string(key) {
		case "message":
			var text []byte
			text, err = s.Text()
			claims = bytes.HasSuffix(text, []byte(eventMessage))
		case "timestamp":
			var text []byte
			if text, err = s.Text(); err == nil {
				p.event.Time, timeErr = logTime(text)
			}
		case "data":
			s.Peek()
			data = s.Pos
			err = s.SkipValue()
		default:
			err = s.SkipValue()
		}
		return err
	})
	if err == nil {
		err = s.End()
	}
	if err == nil {
		err = timeErr
	}
	return claims, data, err
}

// logData reads the data of a line into the event.
func (p *eventParser) logData() error {
	s := &p.scanner
	if s.Peek() != '{' {
		return s.Mismatch("data", "an object")
	}

	named, valued := false, false
	err := s.Members(func() error {
		key, err := s.Key()
		if err != nil {
			return err
		}
		var text []byte
		switch string(key) {
		case "name":
			named = true
			text, err = p.text("name")
			p.event.Name = p.texts.of(text)
		case "value":
			valued = true
			p.event.Value, err = p.value()
		case "session":
			err = s.SkipValue()
		case "host":
			if s.Peek() != '"' {
				return s.SkipValue()
			}
			text, err = p.text("host")
			p.event.Host = p.texts.of(text)
		default:
			err = p.logAttribute(key)
		}
		return err
	})
	switch {
	case err != nil:
		return err
	case !named || p.event.Name == "":
		return errors.New("the data of the event has no name")
	case !valued:
		return errors.New("the data of the event has no value")
	}
	return nil
}

// logAttribute reads the value of an attribute that is logged as key. It skips values
// that are not strings, numbers or booleans, which belong to the logger.
//
// If two keys become the same name, the first one is used. Lager sorts keys, so that is
// the one with hyphens, which Concourse's emitter writes.
func (p *eventParser) logAttribute(key []byte) error {
	s := &p.scanner
	if len(key) > p.limits.LabelValueBytes {
		return fmt.Errorf("attribute %s has a name of %d bytes, more than the limit of %d",
			excerpt.Quote(key), len(key), p.limits.LabelValueBytes)
	}
	p.attribute = append(p.attribute[:0], key...)
	for i, c := range p.attribute {
		if c == '-' {
			p.attribute[i] = '_'
		}
	}
	name := p.texts.of(p.attribute)
	if c := s.Peek(); c == '{' || c == '[' || c == 'n' || slices.Contains(p.names, name) {
		return s.SkipValue()
	}
	if len(p.names) == p.limits.Attributes {
		return fmt.Errorf("more attributes than the limit of %d", p.limits.Attributes)
	}

	p.names = append(p.names, name)
	value, _, err := p.attributeValue()
	p.event.Values = append(p.event.Values, value)
	return err
}

// logTime parses the time of a line, in RFC 3339 or in seconds since the epoch.
func logTime(text []byte) (time.Time, error) {
	var t time.Time
	if t.UnmarshalText(text) == nil {
		return t, nil
	}

	whole, fraction, _ := strings.Cut(string(text), ".")
	seconds, err := strconv.ParseInt(whole, 10, 64)
	nanoseconds, fractionErr := strconv.ParseUint((fraction + "000000000")[:9], 10, 64)
	if err != nil || fractionErr != nil {
		return t, fmt.Errorf("got timestamp %s, expected RFC 3339 or seconds since the epoch", excerpt.Quote(text))
	}
	return time.Unix(seconds, int64(nanoseconds)).UTC(), nil
}
