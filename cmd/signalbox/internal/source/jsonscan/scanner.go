// Package jsonscan reads JSON (RFC 8259) token by token. It is for sources that must
// reject what encoding/json silently accepts: that package ignores the case of field
// names, replaces invalid characters, and keeps the last of duplicate fields.
package jsonscan

import (
	"encoding/binary"
	"fmt"
	"unicode/utf8"
)

// A Scanner reads the JSON tokens of one value. It is strict: it checks every string
// that it returns, and every escape in it. It skips white space before a token.
//
// The zero value is ready for Reset. A Scanner is not safe for concurrent use.
type Scanner struct {
	// Pos is the offset of the next byte. The caller may set it to an earlier offset,
	// to read a value again.
	Pos int

	data []byte

	// plain reports whether the data contains neither backslashes nor control
	// characters, so that a string ends at the next quote.
	plain bool

	// unescaped contains the latest string that had escapes. Its memory is reused.
	unescaped []byte
}

// Reset makes the Scanner read data. It reports whether data is valid UTF-8.
func (s *Scanner) Reset(data []byte) bool {
	s.data, s.Pos = data, 0
	var ascii bool
	ascii, s.plain = inspect(data)
	return ascii || utf8.Valid(data)
}

// Plain reports whether the data contains neither backslashes nor control characters.
// Then no string in it has an escape.
func (s *Scanner) Plain() bool { return s.plain }

// inspect reports whether data is ASCII, and whether it contains neither backslashes
// nor control characters. It looks at eight bytes at a time: a byte that is less than a
// space or equals a backslash sets a top bit in special.
func inspect(data []byte) (ascii, plain bool) {
	const everyByte = 0x0101_0101_0101_0101
	var nonASCII, special uint64
	for ; len(data) >= 8; data = data[8:] {
		w := binary.LittleEndian.Uint64(data)
		backslash := w ^ '\\'*everyByte
		nonASCII |= w
		special |= (w-' '*everyByte)&^w | (backslash-everyByte)&^backslash
	}
	for _, c := range data {
		nonASCII |= uint64(c)
		if c < ' ' || c == '\\' {
			special |= 0x80
		}
	}
	return nonASCII&(0x80*everyByte) == 0, special&(0x80*everyByte) == 0
}

// Peek returns the first byte of the next token, or 0 at the end.
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

// Take skips the byte c if it comes next, and reports whether it did.
func (s *Scanner) Take(c byte) bool {
	if s.Peek() != c {
		return false
	}
	s.Pos++
	return true
}

// Skip skips the text if it comes next, and reports whether it did. It returns false
// for an empty text.
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

// SkipString skips the string if it comes next, and reports whether it did. The text
// must need no escapes.
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

// Literal skips the word true, false or null if it comes next, and reports whether it
// did.
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

// Members reads an object, which must come next. It calls member for each of its
// members, and returns the first error.
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
			return s.unexpected("a comma or the end of the object")
		}
	}
}

// Elements reads an array, which must come next. It calls element for each of its
// elements, and returns the first error.
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
			return s.unexpected("a comma or the end of the array")
		}
	}
}

// Key reads the name of a member and the colon. The bytes are valid until the next call
// of Key or Text.
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

// SkipValue skips the next value. It checks the value only as much as is necessary to
// find its end.
func (s *Scanner) SkipValue() error {
	scan := NewValueScan(s.Peek())
	n, done := scan.Next(s.data[s.Pos:])
	if n == 0 {
		return s.unexpected("a value")
	}
	s.Pos += n
	if !done {
		return &SyntaxError{Offset: s.Pos, Reason: "not JSON: unterminated value"}
	}
	return nil
}

// End returns an error unless only white space is left.
func (s *Scanner) End() error {
	s.Peek()
	if s.Pos < len(s.data) {
		return s.unexpected("the end of the input")
	}
	return nil
}

// Mismatch returns the error for the next value, which is not of the expected kind. The
// error is a *SyntaxError if it is not a value at all. what names the value in the
// error.
func (s *Scanner) Mismatch(what, expected string) error {
	found, err := s.kind()
	if err != nil {
		return err
	}
	return fmt.Errorf("%s: got %s, expected %s", what, found, expected)
}

// kind returns the kind of the next value, such as "an object".
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
