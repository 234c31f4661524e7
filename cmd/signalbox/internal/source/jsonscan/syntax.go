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
	if syntax.Error() == "unexpected end of JSON input" {
		return &SyntaxError{Offset: len(data), Reason: "not JSON: unexpected end of input", Unfinished: true}
	}
	// The Offset of json.SyntaxError is that of the byte after the unexpected one.
	return &SyntaxError{Offset: max(0, int(syntax.Offset)-1), Reason: "not JSON: " + syntax.Error()}
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
