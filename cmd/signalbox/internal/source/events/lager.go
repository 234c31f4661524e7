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

// A Concourse web node that is told to emit to its logs logs each event as the data
// of a line of lager's. Newer nodes write
//
//	{"timestamp":"2026-01-02T15:04:05.123456789Z","level":"debug","source":"atc",
//	 "message":"atc.tracker.build-finished.emit.event","data":{"build-status":"failed",
//	 "name":"build finished","session":"4.7","team-name":"main","value":94000}}
//
// in one line, older ones "log_level":0 for the level and "1546300800.123456717" for
// the time. Each _ in the name of an attribute is a - there, and what the logger had
// to say before stands among the attributes; so does the number of its session.

// eventMessage is what the message of a line ends in that is an event: the monitor
// logs in a session of its own. (The message "atc.dex.event" is the login server's.)
const eventMessage = ".emit.event"

// eventMark is in every line that is an event.
var eventMark = []byte(eventMessage + `"`)

// errOtherLine says that a line of a log is no event, and does not claim to be one.
var errOtherLine = errors.New("not an event")

// DecodeLager reads the events that a Concourse web node emits to its log, up to the
// end of r. It calls good and bad as Decode does, but what is not an event and does
// not claim to be one is nothing bad: it calls other for each such line.
//
// If rest is not nil, all lines but the events are copied there, other lines and bad
// ones, of whatever length.
func (d *Decoder) DecodeLager(r io.Reader, rest io.Writer, good func(*Event), bad func(line int, err error), other func()) error {
	d.start(r, good, bad)
	defer d.release()
	if rest == nil {
		rest = io.Discard
	}

	spilled := false // of this line, its beginning included
	d.spill = func(text []byte) {
		if !spilled {
			rest.Write(d.long) //nolint:errcheck // the writer's concern
			spilled = true
		}
		rest.Write(text) //nolint:errcheck // likewise
	}
	for {
		spilled = false
		line, err := d.readLine()
		switch {
		case err == io.EOF:
			return nil
		case err == errLineTooLong:
			err = errOtherLine
			if bytes.Contains(line, eventMark) {
				err = d.tooLong()
			}
		case err != nil:
			return err
		default:
			var event *Event
			if event, err = d.events.parseLager(line); err == nil {
				d.good(event)
				continue
			}
		}

		if err == errOtherLine {
			other()
		} else {
			d.reject(line, d.line, err)
		}
		if !spilled {
			rest.Write(line)    //nolint:errcheck // likewise
			rest.Write(newline) //nolint:errcheck // likewise
		}
	}
}

// parseLager returns the event in a line of a log, which is good until the next call.
// It returns errOtherLine for a line that does not claim to be an event.
func (p *eventParser) parseLager(line []byte) (*Event, error) {
	if !bytes.Contains(line, eventMark) { // of most lines there is no more to be seen
		return nil, errOtherLine
	}
	s := &p.scanner
	isText := s.Reset(line)

	p.event = Event{Values: p.event.Values[:0]}
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
	return &p.event, nil
}

// logLine reads all of the line but its data, of which it returns the offset, or -1.
// It reports whether the line claims to be an event, as far as it could be read.
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
		return errors.New("the event has no name in its data")
	case !valued:
		return errors.New("the event has no value in its data")
	}
	return nil
}

// logAttribute reads the value of an attribute whose name is logged as key. What is
// not text, a number or a boolean is the logger's, and skipped.
//
// Where two keys come to the same name the first counts. Lager sorts them, so that is
// the one with hyphens, which the emitter has written.
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

// logTime is the time of a line: RFC 3339, or seconds since the epoch.
func logTime(text []byte) (time.Time, error) {
	var t time.Time
	if t.UnmarshalText(text) == nil {
		return t, nil
	}

	whole, fraction, _ := strings.Cut(string(text), ".")
	seconds, err := strconv.ParseInt(whole, 10, 64)
	nanoseconds, fractionErr := strconv.ParseUint((fraction + "000000000")[:9], 10, 64)
	if err != nil || fractionErr != nil {
		return t, fmt.Errorf("timestamp %s is neither RFC 3339 nor seconds since the epoch", excerpt.Quote(text))
	}
	return time.Unix(seconds, int64(nanoseconds)).UTC(), nil
}
