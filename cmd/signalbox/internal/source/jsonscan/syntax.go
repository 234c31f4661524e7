package jsonscan

import (
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/signalbox-ci/signalbox/internal/excerpt"
)

// A SyntaxError is the error for data that is not JSON. It is unknown where the next
// value after the error begins, unless every value has its own line.
type SyntaxError struct {
	Offset int // the offset of the unexpected byte
	Reason string

	// Unfinished reports whether the data is the beginning of a JSON value, but
	// incomplete. Only Check sets it.
	Unfinished bool
}

func (e *SyntaxError) Error() string { return e.Reason }

// Check returns nil if data is one JSON value, or else the syntax error in it.
func Check(data []byte) *SyntaxError {
	if json.Valid(data) {
		return nil
	}
	var none json.RawMessage
	syntax, ok := errors.AsType[*json.SyntaxError](json.Unmarshal(data, &none))
	if !ok {
		panic("BUG: json.Valid and json.Unmarshal disagree")
	}
	found := &SyntaxError{Reason: "not JSON: " + syntax.Error()}
	// The words are those of the Scanner, which names the unexpected token. It needs
	// the data only up to the end of that token, because callers check the rest of the
	// data again and again.
	var s Scanner
	s.Reset(data[:min(len(data), int(syntax.Offset)+excerpt.MaxQuoted)])
	if e, ok := errors.AsType[*SyntaxError](errors.Join(s.checkValue(0), s.End())); ok && e.Offset <= int(syntax.Offset) {
		found.Reason = e.Reason
	}
	if found.Unfinished = syntax.Error() == "unexpected end of JSON input"; found.Unfinished {
		found.Offset = len(data)
	} else {
		found.Offset = max(0, int(syntax.Offset)-1) // syntax.Offset is that of the next byte
	}
	return found
}

// maxDepth is the maximum depth of a JSON value, as in encoding/json.
const maxDepth = 10_000

// checkValue reads the next value, and returns the first syntax error in it. depth is
// the number of values that contain it.
func (s *Scanner) checkValue(depth int) (err error) {
	if depth > maxDepth {
		return s.syntaxError("not JSON: got more than %d nested values", maxDepth)
	}
	switch c := s.Peek(); {
	case c == '{':
		return s.Members(func() error {
			if _, err := s.Key(); err != nil {
				return err
			}
			return s.checkValue(depth + 1)
		})
	case c == '[':
		return s.Elements(func() error { return s.checkValue(depth + 1) })
	case c == '"':
		_, err = s.Text()
	case c == '-' || '0' <= c && c <= '9':
		_, err = s.Number()
	default:
		_, err = s.kind()
	}
	return err
}

// unexpected returns the error for a next token that is not the expected one.
func (s *Scanner) unexpected(expected string) error {
	if s.Pos >= len(s.data) {
		return s.syntaxError("not JSON: got the end of the input, expected %s", expected)
	}

	found := s.data[s.Pos:]
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
	return s.syntaxError("not JSON: got %s, expected %s", excerpt.Quote(found), expected)
}

func (s *Scanner) unterminated() error {
	return s.syntaxError("not JSON: unterminated string")
}

func (s *Scanner) controlCharacter() error {
	return s.syntaxError("not JSON: unescaped control character %s in a string", excerpt.Quote(s.data[s.Pos:s.Pos+1]))
}

func (s *Scanner) badEscape(end int) error {
	return s.syntaxError("invalid escape sequence %s in a string", excerpt.Quote(s.data[s.Pos:min(end, len(s.data))]))
}

// syntaxError returns a SyntaxError at the next byte.
func (s *Scanner) syntaxError(format string, args ...any) error {
	return &SyntaxError{Offset: s.Pos, Reason: fmt.Sprintf(format, args...)}
}
