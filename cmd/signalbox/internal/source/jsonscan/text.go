package jsonscan

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// Text reads a string and returns it without its quotes and escapes. The bytes are
// valid until the next call of Key or Text.
func (s *Scanner) Text() ([]byte, error) {
	if !s.Take('"') {
		return nil, s.unexpected("a string")
	}

	start := s.Pos
	if s.plain {
		n := bytes.IndexByte(s.data[start:], '"')
		if n < 0 {
			s.Pos = len(s.data)
			return nil, s.unterminated()
		}
		s.Pos += n + 1
		return s.data[start : start+n], nil
	}
	for s.Pos < len(s.data) {
		switch c := s.data[s.Pos]; {
		case c == '"':
			s.Pos++
			return s.data[start : s.Pos-1], nil
		case c == '\\':
			s.unescaped = append(s.unescaped[:0], s.data[start:s.Pos]...)
			return s.escapedText()
		case c < ' ':
			return nil, s.controlCharacter()
		}
		s.Pos++
	}
	return nil, s.unterminated()
}

// escapedText reads the rest of a string, from its first backslash.
func (s *Scanner) escapedText() ([]byte, error) {
	for s.Pos < len(s.data) {
		c := s.data[s.Pos]
		switch {
		case c == '"':
			s.Pos++
			return s.unescaped, nil
		case c < ' ':
			return nil, s.controlCharacter()
		case c != '\\':
			s.unescaped = append(s.unescaped, c)
			s.Pos++
		default:
			if err := s.escape(); err != nil {
				return nil, err
			}
		}
	}
	return nil, s.unterminated()
}

// escape reads one escape sequence, or two that form one character.
func (s *Scanner) escape() error {
	if s.Pos+1 >= len(s.data) {
		return s.unterminated()
	}

	c := s.data[s.Pos+1]
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
		return s.badEscape(s.Pos + 2)
	}
	s.unescaped = append(s.unescaped, c)
	s.Pos += 2
	return nil
}

func (s *Scanner) unicodeEscape() error {
	r, ok := s.hex4(s.Pos)
	if !ok {
		return s.badEscape(s.Pos + 6)
	}

	length := 6
	if utf16.IsSurrogate(r) {
		// encoding/json replaces half of a surrogate pair with U+FFFD. Different values
		// could then become the same label value, so this is an error here.
		low, _ := s.hex4(s.Pos + 6)
		r = utf16.DecodeRune(r, low)
		if r == utf8.RuneError {
			return s.badEscape(s.Pos + 6)
		}
		length = 12
	}
	s.unescaped = utf8.AppendRune(s.unescaped, r)
	s.Pos += length
	return nil
}

// hex4 reads the escape sequence \uXXXX at an offset.
func (s *Scanner) hex4(at int) (rune, bool) {
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
