package events

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/reply"
)

// A syntaxError is input that is not JSON. After one there is no telling where
// the next value begins, unless lines tell.
type syntaxError struct {
	offset int // into the scanned data, of the byte that does not fit
	reason string
}

func (e *syntaxError) Error() string { return e.reason }

// A scanner reads the JSON tokens of one event. It is strict: what it accepts
// is JSON as of RFC 8259, and every escape is a character.
type scanner struct {
	data []byte
	pos  int

	// plain says that there are neither backslashes nor control characters in
	// the data, so that a string ends at the next quote.
	plain bool

	// unescaped holds the last string that had escapes in it. It is reused.
	unescaped []byte
}

// reset starts over with other data. It returns false if that is not UTF-8.
func (s *scanner) reset(data []byte) bool {
	s.data, s.pos = data, 0
	var ascii bool
	ascii, s.plain = look(data)

	return ascii || utf8.Valid(data)
}

// look looks for what makes data less than easy: characters beyond ASCII, and
// backslashes and control characters. It looks at eight bytes at a time: where one is
// less than a space or equals a backslash, a top bit is set in special.
func look(data []byte) (ascii, plain bool) {
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

// skip skips white space and the text, if it comes next. It skips no empty text.
func (s *scanner) skip(text string) bool {
	if text == "" || s.peek() != text[0] {
		return false
	}
	end := s.pos + len(text)
	if end > len(s.data) || string(s.data[s.pos:end]) != text {
		return false
	}
	s.pos = end

	return true
}

// skipString skips white space and the string, if it comes next and is written
// plainly, which the caller knows it can be.
func (s *scanner) skipString(text string) bool {
	if s.peek() != '"' {
		return false
	}
	start := s.pos + 1
	end := start + len(text)
	if end >= len(s.data) || s.data[end] != '"' || string(s.data[start:end]) != text {
		return false
	}
	s.pos = end + 1

	return true
}

// peek skips white space and returns the byte that begins the next token, or 0
// at the end.
func (s *scanner) peek() byte {
	for s.pos < len(s.data) {
		switch c := s.data[s.pos]; c {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return c
		}
	}

	return 0
}

// take skips white space and the byte c, if c comes next.
func (s *scanner) take(c byte) bool {
	if s.peek() != c {
		return false
	}
	s.pos++

	return true
}

// end returns an error unless there is nothing left but white space.
func (s *scanner) end() error {
	s.peek()
	if s.pos < len(s.data) {
		return s.unexpected("the end")
	}

	return nil
}

// kind says what the next value is, with an article, for errors.
func (s *scanner) kind() (string, error) {
	switch c := s.peek(); {
	case c == '{':
		return "an object", nil
	case c == '[':
		return "an array", nil
	case c == '"':
		return "a string", nil
	case c == '-' || '0' <= c && c <= '9':
		return "a number", nil
	case s.literal("true"), s.literal("false"):
		return "a boolean", nil
	case s.literal("null"):
		return "null", nil
	default:
		return "", s.unexpected("a value")
	}
}

// literal skips white space and the word true, false or null, if it comes next.
func (s *scanner) literal(word string) bool {
	s.peek()

	end := s.pos + len(word)
	if end > len(s.data) || string(s.data[s.pos:end]) != word {
		return false
	}
	if end < len(s.data) && isWordByte(s.data[end]) {
		return false
	}
	s.pos = end

	return true
}

// members reads an object and calls member to read each of its members.
func (s *scanner) members(member func() error) error {
	s.take('{')
	if s.take('}') {
		return nil
	}
	for {
		if err := member(); err != nil {
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

// key reads the name of a member, and the colon. The bytes are good until the
// next call of str.
func (s *scanner) key() ([]byte, error) {
	key, err := s.str()
	if err != nil {
		return nil, err
	}
	if !s.take(':') {
		return nil, s.unexpected("a colon")
	}

	return key, nil
}

// str reads a string, without its quotes and with its escapes undone. The
// bytes are good until the next call of str.
func (s *scanner) str() ([]byte, error) {
	if !s.take('"') {
		return nil, s.unexpected("a string")
	}

	start := s.pos
	if s.plain {
		n := bytes.IndexByte(s.data[start:], '"')
		if n < 0 {
			s.pos = len(s.data)
			return nil, s.unended()
		}
		s.pos += n + 1
		return s.data[start : start+n], nil
	}
	for s.pos < len(s.data) {
		switch c := s.data[s.pos]; {
		case c == '"':
			s.pos++
			return s.data[start : s.pos-1], nil
		case c == '\\':
			s.unescaped = append(s.unescaped[:0], s.data[start:s.pos]...)
			return s.escapedStr()
		case c < ' ':
			return nil, s.controlCharacter()
		}
		s.pos++
	}

	return nil, s.unended()
}

// escapedStr goes on with a string at its first backslash.
func (s *scanner) escapedStr() ([]byte, error) {
	for s.pos < len(s.data) {
		c := s.data[s.pos]
		switch {
		case c == '"':
			s.pos++
			return s.unescaped, nil
		case c < ' ':
			return nil, s.controlCharacter()
		case c != '\\':
			s.unescaped = append(s.unescaped, c)
			s.pos++
		default:
			if err := s.escape(); err != nil {
				return nil, err
			}
		}
	}

	return nil, s.unended()
}

// escape reads one escape, or two that make one character.
func (s *scanner) escape() error {
	if s.pos+1 >= len(s.data) {
		return s.unended()
	}

	c := s.data[s.pos+1]
	switch c {
	case '"', '\\', '/':
	case 'b':
		c = '\b'
	case 'f':
		c = '\f'
	case 'n':
		c = '\n'
	case 'r':
		c = '\r'
	case 't':
		c = '\t'
	case 'u':
		return s.unicodeEscape()
	default:
		return s.badEscape(s.pos + 2)
	}
	s.unescaped = append(s.unescaped, c)
	s.pos += 2

	return nil
}

func (s *scanner) unicodeEscape() error {
	r, ok := s.hex4(s.pos)
	if !ok {
		return s.badEscape(s.pos + 6)
	}

	length := 6
	if utf16.IsSurrogate(r) {
		// encoding/json turns a half of a pair into U+FFFD. Two different
		// values would become one label value, so it is an error here.
		low, _ := s.hex4(s.pos + 6)
		r = utf16.DecodeRune(r, low)
		if r == utf8.RuneError {
			return s.badEscape(s.pos + 6)
		}
		length = 12
	}
	s.unescaped = utf8.AppendRune(s.unescaped, r)
	s.pos += length

	return nil
}

// hex4 reads the escape \uXXXX at an offset.
func (s *scanner) hex4(at int) (rune, bool) {
	if at+6 > len(s.data) || s.data[at] != '\\' || s.data[at+1] != 'u' {
		return 0, false
	}

	var r rune
	for _, c := range s.data[at+2 : at+6] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}

	return r, true
}

// skipValue skips the next value, whatever it is. It looks no closer than it must to
// find the end.
func (s *scanner) skipValue() error {
	scan := newElementScan(s.peek())
	n, done := scan.next(s.data[s.pos:])
	if n == 0 {
		return s.unexpected("a value")
	}
	s.pos += n
	if !done {
		return &syntaxError{s.pos, "not JSON: it ends inside a value"}
	}

	return nil
}

// number reads a number and returns its text.
func (s *scanner) number() ([]byte, error) {
	s.peek()

	start := s.pos
	if s.pos < len(s.data) && s.data[s.pos] == '-' {
		s.pos++
	}
	if s.pos < len(s.data) && s.data[s.pos] == '0' {
		s.pos++ // nothing but a fraction or an exponent may follow
	} else if !s.digits() {
		return nil, s.unexpected("a digit")
	}
	if s.pos < len(s.data) && s.data[s.pos] == '.' {
		s.pos++
		if !s.digits() {
			return nil, s.unexpected("a digit")
		}
	}
	if s.pos < len(s.data) && (s.data[s.pos] == 'e' || s.data[s.pos] == 'E') {
		s.pos++
		if s.pos < len(s.data) && (s.data[s.pos] == '+' || s.data[s.pos] == '-') {
			s.pos++
		}
		if !s.digits() {
			return nil, s.unexpected("a digit")
		}
	}

	return s.data[start:s.pos], nil
}

// digits skips digits, and tells whether there were any.
func (s *scanner) digits() bool {
	start := s.pos
	for s.pos < len(s.data) && '0' <= s.data[s.pos] && s.data[s.pos] <= '9' {
		s.pos++
	}

	return s.pos > start
}

// unexpected is the error for what comes next, when wanted should.
func (s *scanner) unexpected(wanted string) error {
	if s.pos >= len(s.data) {
		return &syntaxError{s.pos, fmt.Sprintf("not JSON: it ends where %s should be", wanted)}
	}

	found := s.data[s.pos:]
	if isWordByte(found[0]) {
		length := 1
		for length < len(found) && isWordByte(found[length]) {
			length++
		}
		found = found[:length]
	} else {
		_, size := utf8.DecodeRune(found)
		found = found[:size]
	}

	return &syntaxError{s.pos, fmt.Sprintf("not JSON: %s where %s should be", reply.Quote(found), wanted)}
}

func (s *scanner) unended() error {
	return &syntaxError{s.pos, "not JSON: it ends inside a string"}
}

func (s *scanner) controlCharacter() error {
	return &syntaxError{s.pos, fmt.Sprintf("not JSON: a bare %s in a string", reply.Quote(s.data[s.pos:s.pos+1]))}
}

func (s *scanner) badEscape(end int) error {
	end = min(end, len(s.data))

	return &syntaxError{s.pos, fmt.Sprintf("%s in a string is no character", reply.Quote(s.data[s.pos:end]))}
}

func isWordByte(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_'
}
