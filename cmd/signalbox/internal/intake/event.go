package intake

import (
	"errors"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/reply"
	"github.com/signalbox-ci/signalbox/metric"
)

// The fields of an event, as they are written and as bits of what was seen.
const (
	fieldName = 1 << iota
	fieldValue
	fieldAttributes
	fieldHost
	fieldTime
)

// field returns the bit of the field called key, or 0 if there is none.
func field(key []byte) uint {
	switch string(key) {
	case "name":
		return fieldName
	case "value":
		return fieldValue
	case "attributes":
		return fieldAttributes
	case "host":
		return fieldHost
	case "time":
		return fieldTime
	default:
		return 0
	}
}

// An eventParser turns the JSON of one event into a metric.Event. It reads
// what it knows and nothing else: an event that says something that would be
// ignored is an error, so that nobody waits for a label that was misspelt.
//
// It is written by hand because encoding/json takes NAME for name, repairs
// invalid text in silence, keeps the last of two equal fields and forgets how
// a number was written; to check all that beside it costs more than this does.
//
// It is not safe for concurrent use.
type eventParser struct {
	limits  Limits
	scanner scanner
	texts   texts

	// attributes is lent to each event in turn.
	attributes map[string]string
}

// parse returns the event. Its attributes are good until the next call.
//
// An error is a *syntaxError if the data is not JSON as far as it was read;
// any other says why this JSON is not an event.
func (p *eventParser) parse(data []byte) (metric.Event, error) {
	// Asked first: within a string nothing else would notice.
	if !utf8.Valid(data) {
		return metric.Event{}, invalidUTF8(data)
	}

	s := &p.scanner
	s.reset(data)

	if s.peek() != '{' {
		return metric.Event{}, s.mismatch("an event", "an object")
	}

	event := metric.Event{Value: 1}
	seen := uint(0)

	err := p.members(func(key []byte) error {
		bit := field(key)
		if bit == 0 {
			return fmt.Errorf("unknown field %s; known are name, value, attributes, host, time", reply.Quote(key))
		}
		if seen&bit != 0 {
			return fmt.Errorf("field %s is there twice", reply.Quote(key))
		}
		seen |= bit

		return p.field(&event, bit)
	})
	if err != nil {
		return metric.Event{}, err
	}
	if err := s.end(); err != nil {
		return metric.Event{}, err
	}
	if event.Name == "" {
		return metric.Event{}, errors.New("the event has no name")
	}

	return event, nil
}

// field reads the value of one field into the event. A null leaves it as it is.
func (p *eventParser) field(event *metric.Event, bit uint) error {
	s := &p.scanner
	if c := s.peek(); c == 'n' && s.literal("null") {
		return nil
	}

	var err error
	switch bit {
	case fieldName:
		event.Name, err = p.text("name")
	case fieldHost:
		event.Host, err = p.text("host")
	case fieldValue:
		event.Value, err = p.value()
	case fieldTime:
		event.Time, err = p.time()
	case fieldAttributes:
		event.Attributes, err = p.readAttributes()
	}

	return err
}

// members reads an object and calls member after each key and colon, to read
// the value. The key is good until member reads a string.
func (p *eventParser) members(member func(key []byte) error) error {
	s := &p.scanner

	s.take('{')
	if s.take('}') {
		return nil
	}
	for {
		key, err := s.str()
		if err != nil {
			return err
		}
		if !s.take(':') {
			return s.unexpected("a colon")
		}
		if err := member(key); err != nil {
			return err
		}
		if s.take('}') {
			return nil
		}
		if !s.take(',') {
			return s.unexpected("a comma or the object's end")
		}
	}
}

// text reads the name or the host.
func (p *eventParser) text(what string) (string, error) {
	s := &p.scanner
	if s.peek() != '"' {
		return "", s.mismatch(what, "a string")
	}

	text, err := s.str()
	if err != nil {
		return "", err
	}
	if len(text) > p.limits.LabelValueBytes {
		return "", fmt.Errorf("%s %s has %d bytes, more than the limit of %d",
			what, reply.Quote(text), len(text), p.limits.LabelValueBytes)
	}

	return p.texts.of(text), nil
}

func (p *eventParser) value() (float64, error) {
	s := &p.scanner
	if c := s.peek(); c != '-' && (c < '0' || c > '9') {
		return 0, s.mismatch("value", "a number")
	}

	text, err := s.number()
	if err != nil {
		return 0, err
	}
	value, err := strconv.ParseFloat(string(text), 64)
	if err != nil {
		return 0, fmt.Errorf("value %s is out of the range of a double", reply.Shorten(text))
	}

	return value, nil
}

func (p *eventParser) time() (time.Time, error) {
	s := &p.scanner
	if s.peek() != '"' {
		return time.Time{}, s.mismatch("time", "a string")
	}

	text, err := s.str()
	if err != nil {
		return time.Time{}, err
	}

	var t time.Time
	if err := t.UnmarshalText(text); err != nil {
		return time.Time{}, fmt.Errorf("time %s is not RFC 3339, like %q", reply.Quote(text), "2006-01-02T15:04:05Z")
	}

	return t, nil
}

// readAttributes reads the attributes into the map that is lent to the event.
func (p *eventParser) readAttributes() (map[string]string, error) {
	s := &p.scanner
	if s.peek() != '{' {
		return nil, s.mismatch("attributes", "an object")
	}

	if p.attributes == nil {
		p.attributes = make(map[string]string)
	}
	clear(p.attributes)

	err := p.members(func(key []byte) error {
		if len(key) > p.limits.LabelValueBytes {
			return fmt.Errorf("attribute %s has a name of %d bytes, more than the limit of %d",
				reply.Quote(key), len(key), p.limits.LabelValueBytes)
		}
		if len(p.attributes) == p.limits.Attributes {
			return fmt.Errorf("more attributes than the limit of %d", p.limits.Attributes)
		}

		name := p.texts.of(key)
		value, err := p.attributeValue(name)
		if err != nil {
			return err
		}
		before := len(p.attributes)
		p.attributes[name] = value
		if len(p.attributes) == before {
			return fmt.Errorf("attribute %s is there twice", reply.Quote(name))
		}

		return nil
	})

	return p.attributes, err
}

// attributeValue reads a string, or a number or boolean as its text.
func (p *eventParser) attributeValue(name string) (string, error) {
	s := &p.scanner

	var (
		text []byte
		err  error
	)
	switch c := s.peek(); {
	case c == '"':
		text, err = s.str()
	case c == '-' || '0' <= c && c <= '9':
		text, err = s.number()
	case c == 't' && s.literal("true"):
		return "true", nil
	case c == 'f' && s.literal("false"):
		return "false", nil
	default:
		return "", s.mismatch("attribute "+reply.Quote(name), "a string, number or boolean")
	}
	if err != nil {
		return "", err
	}
	if len(text) > p.limits.LabelValueBytes {
		return "", fmt.Errorf("attribute %s has a value of %d bytes, more than the limit of %d",
			reply.Quote(name), len(text), p.limits.LabelValueBytes)
	}

	return p.texts.of(text), nil
}

// mismatch is the error for a value of the wrong kind, or for no value at all.
func (s *scanner) mismatch(what, wanted string) error {
	found, err := s.kind()
	if err != nil {
		return err
	}

	return fmt.Errorf("%s is %s, not %s", what, found, wanted)
}

func invalidUTF8(data []byte) error {
	at := 0
	for {
		r, size := utf8.DecodeRune(data[at:])
		if r == utf8.RuneError && size <= 1 {
			return fmt.Errorf("not UTF-8: %s at byte %d", reply.Quote(data[at:min(at+4, len(data))]), at+1)
		}
		at += size
	}
}
