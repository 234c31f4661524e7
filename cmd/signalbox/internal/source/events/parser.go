package events

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/jsonscan"
	"github.com/signalbox-ci/signalbox/internal/excerpt"
	"github.com/signalbox-ci/signalbox/metric"
)

// An eventParser decodes the JSON of one event. Unknown fields are errors, so that a
// misspelled field is noticed.
//
// It does not use encoding/json, which ignores the case of field names, silently
// replaces invalid text, keeps the last of duplicate fields, and does not preserve the
// text of numbers. Checking for all of this separately would be slower than this
// parser.
//
// It is not safe for concurrent use.
type eventParser struct {
	limits  source.Limits
	scanner jsonscan.Scanner
	texts   texts
	shapes  shapes

	event *Event // the event being read; the caller sets it

	// names contains the names of the event's attributes that have been read. expected
	// is the shape that the event probably has, or nil if what has been read does not
	// match it.
	names    []string
	expected *Shape

	temporary Shape // for events whose shapes are not kept

	attribute []byte // buffer for converting the names of logged attributes
}

// parse returns the event, which is valid until the next call.
//
// The error is a *jsonscan.SyntaxError if the parser found invalid JSON. Any other
// error is the reason why the data is not an event; there may be invalid JSON after it.
func (p *eventParser) parse(data []byte) (*Event, error) {
	s := &p.scanner
	// Nothing after this would notice invalid UTF-8 in a string.
	if !s.Reset(data) {
		return nil, invalidUTF8(data)
	}

	if s.Peek() != '{' {
		return nil, s.Mismatch("event", "an object")
	}

	*p.event = Event{Event: metric.Event{Value: 1}, ID: p.event.ID[:0], Values: p.event.Values[:0]}
	p.names, p.expected = p.names[:0], nil
	if err := p.fields(); err != nil {
		return nil, err
	}
	if err := s.End(); err != nil {
		return nil, err
	}
	if p.event.Name == "" {
		return nil, errors.New("the event has no name")
	}
	p.findShape()
	return p.event, nil
}

// fields reads the event's fields.
func (p *eventParser) fields() error {
	next, seen := 0, 0
	return p.scanner.Members(func() error {
		field := next
		if next == noField || !p.scanner.Skip(fieldKeys[next]) {
			var err error
			if field, err = p.unexpectedField(); err != nil {
				return err
			}
		}
		if seen&(1<<field) != 0 {
			return fmt.Errorf("field %s is duplicated", strings.TrimSuffix(fieldKeys[field], ":"))
		}
		seen |= 1 << field
		next = field + 1
		return p.field(field)
	})
}

// unexpectedField reads the name of a field that may not be the expected one, and the
// colon.
func (p *eventParser) unexpectedField() (int, error) {
	key, err := p.scanner.Key()
	if err != nil {
		return 0, err
	}
	field := fieldOf(key)
	if field == noField {
		return 0, fmt.Errorf("unknown field %s, expected one of name, value, attributes, host, time, id", excerpt.Quote(key))
	}
	return field, nil
}

// findShape sets the shape of the event.
func (p *eventParser) findShape() {
	event := p.event
	event.repeated = true
	if s := p.expected; s != nil && len(s.Attributes) == len(p.names) {
		event.Shape = s
		return
	}
	if event.Shape = p.shapes.find(event.Name, p.names); event.Shape != nil {
		return
	}
	event.repeated = false
	if event.Shape = p.shapes.keep(event.Name, p.names); event.Shape == nil {
		p.temporary.EventType = metric.EventType{Name: event.Name, Attributes: p.names}
		event.Shape = &p.temporary
	}
}

// field reads the value of one field into the event. It ignores a null.
func (p *eventParser) field(field int) error {
	s, event := &p.scanner, p.event
	if c := s.Peek(); c == 'n' && s.Literal("null") {
		return nil
	}

	var err error
	switch field {
	case fieldName:
		event.Name, err = p.name()
	case fieldHost:
		var text []byte
		text, err = p.text("host")
		event.Host = p.texts.of(text)
	case fieldValue:
		event.Value, err = p.value()
	case fieldTime:
		event.Time, err = p.time()
	case fieldID:
		var text []byte
		if text, err = p.text("id"); err == nil && len(text) == 0 {
			err = errors.New("id is empty: omit it, or send a different ID for each event")
		}
		event.ID = append(event.ID, text...)
	case fieldAttributes:
		err = p.readAttributes()
	}
	return err
}

// name reads the name of the event, and guesses the shape.
func (p *eventParser) name() (string, error) {
	text, err := p.text("name")
	if err != nil {
		return "", err
	}
	if len(p.names) == 0 { // otherwise the attributes precede the name
		p.expected = p.shapes.guess(text)
	}
	if p.expected != nil {
		return p.expected.Name, nil
	}
	return p.texts.of(text), nil
}

// text reads the name or the host.
func (p *eventParser) text(what string) ([]byte, error) {
	s := &p.scanner
	if s.Peek() != '"' {
		return nil, s.Mismatch(what, "a string")
	}

	text, err := s.Text()
	if err != nil {
		return nil, err
	}
	if len(text) > p.limits.LabelValueBytes {
		return nil, fmt.Errorf("%s %s has %d bytes, more than the limit of %d",
			what, excerpt.Quote(text), len(text), p.limits.LabelValueBytes)
	}
	return text, nil
}

func (p *eventParser) value() (float64, error) {
	s := &p.scanner
	if c := s.Peek(); c != '-' && (c < '0' || c > '9') {
		return 0, s.Mismatch("value", "a number")
	}

	text, err := s.Number()
	if err != nil {
		return 0, err
	}
	if value, ok := wholeNumber(text); ok {
		return value, nil
	}
	value, err := strconv.ParseFloat(string(text), 64)
	if err != nil {
		return 0, fmt.Errorf("value %s is out of range of a float64", excerpt.Short(text))
	}
	return value, nil
}

// wholeNumber returns the value of a number that consists of digits only, if they are
// few enough for a float64 to be exact.
func wholeNumber(digits []byte) (value float64, ok bool) {
	if len(digits) > 15 {
		return 0, false
	}
	var n int64
	for _, c := range digits {
		if c < '0' || c > '9' { // such as a point, a sign or an exponent
			return 0, false
		}
		n = 10*n + int64(c-'0')
	}
	return float64(n), true
}

func (p *eventParser) time() (time.Time, error) {
	s := &p.scanner
	if s.Peek() != '"' {
		return time.Time{}, s.Mismatch("time", "a string")
	}

	text, err := s.Text()
	if err != nil {
		return time.Time{}, err
	}

	var t time.Time
	if err := t.UnmarshalText(text); err != nil {
		return time.Time{}, fmt.Errorf("got time %s, expected RFC 3339, such as %q", excerpt.Quote(text), "2006-01-02T15:04:05Z")
	}
	return t, nil
}

func invalidUTF8(data []byte) error {
	at := 0
	for {
		r, size := utf8.DecodeRune(data[at:])
		if r == utf8.RuneError && size <= 1 {
			return fmt.Errorf("not UTF-8: %s at byte %d", excerpt.Quote(data[at:min(at+4, len(data))]), at+1)
		}
		at += size
	}
}
