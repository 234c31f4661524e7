// Package jsonscan reads JSON, as of RFC 8259, token by token. It is for sources that
// refuse what encoding/json accepts: that package takes NAME for name, replaces
// invalid characters, keeps the last of two equal fields, and all that without an
// error.
package jsonscan

import (
	"encoding/binary"
	"fmt"
	"unicode/utf8"
)

// A Scanner reads the JSON tokens of one value. It is strict: every string that it
// returns is written as the RFC says, and every escape in it is a character. White
// space before a token is skipped.
//
// The zero value is ready for Reset. A Scanner is not safe for concurrent use.
type Scanner struct {
	// Pos is the offset of the next byte. It may be set to an earlier offset, to read
	// a value again.
	Pos int

	data []byte

	// plain reports whether there are neither backslashes nor control characters in
	// the data, so that a string ends at the next quote.
	plain bool

	// unescaped holds the last string that had escapes in it. It is reused.
	unescaped []byte
}

// Reset starts to read other data. It reports whether they are UTF-8.
func (s *Scanner) Reset(data []byte) bool {
	s.data, s.Pos = data, 0
	var ascii bool
	ascii, s.plain = inspect(data)
	return ascii || utf8.Valid(data)
}

// Plain reports whether no string in the data has an escape or a control character.
func (s *Scanner) Plain() bool { return s.plain }

// inspect reports whether data are ASCII, and whether they have neither backslashes
// nor control characters. It looks at eight bytes at a time: where one is less than a
// space or equals a backslash, a top bit is set in special.
func inspect(data []byte) (ascii, plain bool) {
	const each = 0x0101_0101_0101_0101
	var beyond, special uint64
	for ; len(data) >= 8; data = data[8:] {
		w := binary.LittleEndian.Uint64(data)
		backslash := w ^ '\\'*each
		beyond |= w
		special |= (w-' '*each)&^w | (backslash-each)&^backslash
	}
	for _, c := range data {
		beyond |= uint64(c)
		if c < ' ' || c == '\\' {
			special |= 0x80
		}
	}
	return beyond&(0x80*each) == 0, special&(0x80*each) == 0
}

// Peek returns the byte that begins the next token, or 0 at the end.
func (s *Scanner) Peek() byte {
	for s.Pos < len(s.data) {
		switch c := s.data[s.Pos]; c {
		case ' ', '\t', '\n', '\r':
			s.Pos++
		default:
			return c
		}
	}
	return 0
}

// Take skips the byte c, and reports whether it came next.
func (s *Scanner) Take(c byte) bool {
	if s.Peek() != c {
		return false
	}
	s.Pos++
	return true
}

// Skip skips the text, and reports whether it came next. An empty text never does.
func (s *Scanner) Skip(text string) bool {
	if text == "" || s.Peek() != text[0] {
		return false
	}
	end := s.Pos + len(text)
	if end > len(s.data) || string(s.data[s.Pos:end]) != text {
		return false
	}
	s.Pos = end
	return true
}

// SkipString skips a string with the content text, which needs no escapes, and
// reports whether it came next.
func (s *Scanner) SkipString(text string) bool {
	if s.Peek() != '"' {
		return false
	}
	start := s.Pos + 1
	end := start + len(text)
	if end >= len(s.data) || s.data[end] != '"' || string(s.data[start:end]) != text {
		return false
	}
	s.Pos = end + 1
	return true
}

// Literal skips the word true, false or null, and reports whether it came next.
func (s *Scanner) Literal(word string) bool {
	s.Peek()
	end := s.Pos + len(word)
	if end > len(s.data) || string(s.data[s.Pos:end]) != word {
		return false
	}
	if end < len(s.data) && isWordByte(s.data[end]) {
		return false
	}
	s.Pos = end
	return true
}

// Members reads an object, which must come next. It calls member to read each of its
// members, and returns its error.
func (s *Scanner) Members(member func() error) error {
	s.Take('{')
	if s.Take('}') {
		return nil
	}
	for {
		if err := member(); err != nil {
			return err
		}
		if s.Take('}') {
			return nil
		}
		if !s.Take(',') {
			return s.unexpected("a comma or the object's end")
		}
	}
}

// Elements reads an array, which must come next. It calls element to read each of its
// elements, and returns its error.
func (s *Scanner) Elements(element func() error) error {
	s.Take('[')
	if s.Take(']') {
		return nil
	}
	for {
		if err := element(); err != nil {
			return err
		}
		if s.Take(']') {
			return nil
		}
		if !s.Take(',') {
			return s.unexpected("a comma or the array's end")
		}
	}
}

// Key reads the name of a member, and the colon. The bytes are valid until the next
// call of Key or Text.
func (s *Scanner) Key() ([]byte, error) {
	key, err := s.Text()
	if err != nil {
		return nil, err
	}
	if !s.Take(':') {
		return nil, s.unexpected("a colon")
	}
	return key, nil
}

// SkipValue skips the next value, whatever it is. It looks at it no closer than it
// must to find its end.
func (s *Scanner) SkipValue() error {
	scan := NewValueScan(s.Peek())
	n, done := scan.Next(s.data[s.Pos:])
	if n == 0 {
		return s.unexpected("a value")
	}
	s.Pos += n
	if !done {
		return &SyntaxError{Offset: s.Pos, Reason: "not JSON: it ends inside a value"}
	}
	return nil
}

// End returns an error unless only white space is left.
func (s *Scanner) End() error {
	s.Peek()
	if s.Pos < len(s.data) {
		return s.unexpected("the end")
	}
	return nil
}

// Mismatch returns the error for a next value that is of another kind than wanted, or
// is no value. Both what, the name of the value, and wanted are for the error.
func (s *Scanner) Mismatch(what, wanted string) error {
	found, err := s.kind()
	if err != nil {
		return err
	}
	return fmt.Errorf("%s is %s, not %s", what, found, wanted)
}

// kind returns the kind of the next value, with an article.
func (s *Scanner) kind() (string, error) {
	switch c := s.Peek(); {
	case c == '{':
		return "an object", nil
	case c == '[':
		return "an array", nil
	case c == '"':
		return "a string", nil
	case c == '-' || '0' <= c && c <= '9':
		return "a number", nil
	case s.Literal("true"), s.Literal("false"):
		return "a boolean", nil
	case s.Literal("null"):
		return "null", nil
	default:
		return "", s.unexpected("a value")
	}
}

func isWordByte(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_'
}
