package events

import (
	"fmt"
	"slices"

	"github.com/signalbox-ci/signalbox/internal/excerpt"
)

// readAttributes reads the attributes into p.names and the event's Values.
func (p *eventParser) readAttributes() error {
	s := &p.scanner
	if s.Peek() != '{' {
		return s.Mismatch("attributes", "an object")
	}
	return s.Members(p.readAttribute)
}

// readAttribute reads one attribute.
func (p *eventParser) readAttribute() error {
	s, i := &p.scanner, len(p.names)
	if e := p.expected; e != nil && i < len(e.keys) && s.Skip(e.keys[i]) {
		p.names = append(p.names, e.Attributes[i])
	} else if err := p.attributeName(); err != nil {
		return err
	}

	if e := p.expected; e != nil && s.SkipString(e.latest[i]) {
		p.event.Values = append(p.event.Values, e.latest[i])
		return nil
	}
	value, plain, err := p.attributeValue()
	if err != nil {
		return err
	}
	if p.expected != nil && plain {
		p.expected.latest[i] = value
	}
	p.event.Values = append(p.event.Values, value)
	return nil
}

// attributeName reads the name of an attribute and the colon. If the name is not the
// expected one, it sets p.expected to nil for the rest of the event.
func (p *eventParser) attributeName() error {
	key, err := p.scanner.Key()
	if err != nil {
		return err
	}
	if len(key) > p.limits.LabelValueBytes {
		return fmt.Errorf("attribute %s has a name of %d bytes, more than the limit of %d",
			excerpt.Quote(key), len(key), p.limits.LabelValueBytes)
	}
	i := len(p.names)
	if i == p.limits.Attributes {
		return fmt.Errorf("more attributes than the limit of %d", p.limits.Attributes)
	}
	if e := p.expected; e != nil && i < len(e.Attributes) && e.Attributes[i] == string(key) {
		p.names = append(p.names, e.Attributes[i])
		return nil
	}
	p.expected = nil
	name := p.texts.of(key)
	if slices.Contains(p.names, name) {
		return fmt.Errorf("attribute %s is duplicated", excerpt.Quote(key))
	}
	p.names = append(p.names, name)
	return nil
}

// attributeValue reads a string, number or boolean and returns it as text. plain means
// that it is a string without escapes and short enough to be kept.
func (p *eventParser) attributeValue() (value string, plain bool, err error) {
	s, name := &p.scanner, p.names[len(p.names)-1]

	var text []byte
	switch c := s.Peek(); {
	case c == '"':
		text, err = s.Text()
		plain = s.Plain() && len(text) <= maxTextBytes
	case c == '-' || '0' <= c && c <= '9':
		text, err = s.Number()
	case c == 't' && s.Literal("true"):
		return "true", false, nil
	case c == 'f' && s.Literal("false"):
		return "false", false, nil
	default:
		return "", false, s.Mismatch("attribute "+excerpt.Quote(name), "a string, number or boolean")
	}
	if err != nil {
		return "", false, err
	}
	if len(text) > p.limits.LabelValueBytes {
		return "", false, fmt.Errorf("attribute %s has a value of %d bytes, more than the limit of %d",
			excerpt.Quote(name), len(text), p.limits.LabelValueBytes)
	}
	return p.texts.of(text), plain, nil
}
