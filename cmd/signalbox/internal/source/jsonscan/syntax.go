package jsonscan

import (
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/signalbox-ci/signalbox/internal/excerpt"
)

// A SyntaxError is the error for data that are not JSON. What follows the offset
// cannot be trusted: nothing shows where the next value begins, except in lines.
type SyntaxError struct {
	Offset int // of the byte that does not fit
	Reason string

	// Unfinished reports whether the data are JSON as far as they go, but lack an
	// end. Only Check sets it.
	Unfinished bool
}

func (e *SyntaxError) Error() string { return e.Reason }

// Check returns nil if data are one JSON value.
func Check(data []byte) *SyntaxError {
	if json.Valid(data) {
		return nil
	}
	var none json.RawMessage
	syntax, ok := errors.AsType[*json.SyntaxError](json.Unmarshal(data, &none))
	if !ok {
		panic("BUG: JSON that is neither valid nor invalid")
	}
	if syntax.Error() == "unexpected end of JSON input" {
		return &SyntaxError{Offset: len(data), Reason: "not JSON: it ends too early", Unfinished: true}
	}
	// json.SyntaxError's Offset is behind the byte.
	return &SyntaxError{Offset: max(0, int(syntax.Offset)-1), Reason: "not JSON: " + syntax.Error()}
}

// unexpected returns the error for what comes next where wanted should.
func (s *Scanner) unexpected(wanted string) error {
	if s.Pos >= len(s.data) {
		return s.syntaxError("not JSON: it ends where %s should be", wanted)
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
	return s.syntaxError("not JSON: %s where %s should be", excerpt.Quote(found), wanted)
}

func (s *Scanner) unended() error {
	return s.syntaxError("not JSON: it ends inside a string")
}

func (s *Scanner) controlCharacter() error {
	return s.syntaxError("not JSON: a bare %s in a string", excerpt.Quote(s.data[s.Pos:s.Pos+1]))
}

func (s *Scanner) badEscape(end int) error {
	return s.syntaxError("%s in a string is no character", excerpt.Quote(s.data[s.Pos:min(end, len(s.data))]))
}

// syntaxError returns an error for the next byte.
func (s *Scanner) syntaxError(format string, args ...any) error {
	return &SyntaxError{Offset: s.Pos, Reason: fmt.Sprintf(format, args...)}
}
