package agents

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/reply"
)

// What is JSON and what is not, encoding/json says. What is in it is read here: of
// two equal fields encoding/json keeps the last, it takes NAME for name, repairs
// invalid text and ignores null, all in silence. That the rest of this file may rely
// on valid JSON keeps it short.

// errUnfinished is the error of JSON that lacks its end.
var errUnfinished = errors.New("not JSON: it ends too early")

// check tells whether the data is one JSON value. If it is not, the first n bytes
// are at most the beginning of one.
func check(data []byte) (n int, err error) {
	if json.Valid(data) {
		return len(data), nil
	}

	var none json.RawMessage
	syntax, ok := errors.AsType[*json.SyntaxError](json.Unmarshal(data, &none))
	if !ok {
		panic("BUG: JSON that is neither valid nor invalid")
	}
	if syntax.Error() == "unexpected end of JSON input" {
		return len(data), errUnfinished
	}

	// The offset counts the byte that does not fit.
	return int(syntax.Offset) - 1, fmt.Errorf("not JSON: %w", syntax)
}

// isBeginning tells whether the data is JSON as far as it goes, but goes not far enough.
func isBeginning(data []byte) bool {
	_, err := check(data)

	return err == errUnfinished
}

// skipSpace returns where the white space ends that may begin at the offset.
func skipSpace(data []byte, at int) int {
	for at < len(data) {
		switch data[at] {
		case ' ', '\t', '\n', '\r':
			at++
		default:
			return at
		}
	}

	return at
}

// valueEnd returns where the value ends that begins at the offset, and false if that
// does not show before the data's end.
func valueEnd(data []byte, at int) (end int, ended bool) {
	depth := 0
	for at < len(data) {
		switch data[at] {
		case '"':
			at, ended = stringEnd(data, at)
			if depth == 0 || !ended {
				return at, ended
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 { // of the value around a bare one
				return at, true
			}
			depth--
			if depth == 0 {
				return at + 1, true
			}
		case ',', ' ', '\t', '\n', '\r':
			if depth == 0 { // behind a bare value
				return at, true
			}
		}
		at++
	}

	return at, false
}

// stringEnd is valueEnd for a string.
func stringEnd(data []byte, at int) (end int, ended bool) {
	for at++; at < len(data); at++ {
		switch data[at] {
		case '"':
			return at + 1, true
		case '\\':
			at++
		}
	}

	return len(data), false
}

// A cursor walks through valid JSON. Its methods that are about a kind of value are
// only for where such a value begins.
type cursor struct {
	data []byte
	at   int

	// clean says that the data is valid UTF-8. To ask once for all of it costs much
	// less than to ask for each string.
	clean bool
}

func newCursor(data []byte) cursor {
	c := cursor{data: data, clean: utf8.Valid(data)}
	c.peek()

	return c
}

// peek skips white space, and returns the byte behind it.
func (c *cursor) peek() byte {
	for {
		switch b := c.data[c.at]; b {
		case ' ', '\t', '\n', '\r':
			c.at++
		default:
			return b
		}
	}
}

// raw reads a value, and returns its JSON.
func (c *cursor) raw() []byte {
	start := c.at
	c.at, _ = valueEnd(c.data, c.at)

	return c.data[start:c.at]
}

// members reads an object. It stops behind each key, which is the JSON of a string,
// for the value to be read; it skips a value that is not. Who leaves the loop finds the
// cursor behind the object.
func (c *cursor) members() iter.Seq[[]byte] {
	return func(yield func(key []byte) bool) {
		wanted := true
		for c.at++; ; {
			switch c.peek() {
			case '}':
				c.at++
				return
			case ',':
				c.at++
				c.peek()
			}

			start := c.at
			c.at, _ = stringEnd(c.data, c.at)
			key := c.data[start:c.at]
			c.peek()
			c.at++ // the colon
			c.peek()

			start = c.at
			wanted = wanted && yield(key)
			if c.at == start {
				c.raw()
			}
		}
	}
}

// elements is members for an array. It counts the elements, from 0.
func (c *cursor) elements() iter.Seq[int] {
	return func(yield func(index int) bool) {
		wanted := true
		c.at++
		for index := 0; ; index++ {
			switch c.peek() {
			case ']':
				c.at++
				return
			case ',':
				c.at++
				c.peek()
			}

			start := c.at
			wanted = wanted && yield(index)
			if c.at == start {
				c.raw()
			}
		}
	}
}

// text returns what a string says that the cursor has read. It may be a part of the
// data.
func (c *cursor) text(str []byte) ([]byte, error) {
	text := str[1 : len(str)-1]
	if !c.clean && !utf8.Valid(text) {
		return nil, fmt.Errorf("%s is not UTF-8", reply.Quote(string(text)))
	}
	if bytes.IndexByte(text, '\\') < 0 {
		return text, nil
	}

	// encoding/json turns a half of a pair into U+FFFD. Two different values would
	// become one label value, so it is an error here.
	if half := halfSurrogate(text); half != nil {
		return nil, fmt.Errorf("%s in a string is no character", reply.Quote(string(half)))
	}
	var unescaped string
	if err := json.Unmarshal(str, &unescaped); err != nil {
		panic("BUG: a JSON string that is none: " + err.Error())
	}

	return []byte(unescaped), nil
}

// expect returns an error unless the next value is of the kind, which is one of those
// that kind knows.
func (c *cursor) expect(what, kind string) error {
	if found := c.kind(); found != kind {
		return fmt.Errorf("%s is %s, not %s", what, found, kind)
	}

	return nil
}

// kind says what the next value is, with an article, for errors.
func (c *cursor) kind() string {
	switch c.data[c.at] {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a string"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	default:
		return "a number"
	}
}

// halfSurrogate returns the first escape that is half of a surrogate pair and has no
// other half, or nil.
func halfSurrogate(text []byte) []byte {
	for at := 0; at < len(text); at++ {
		if text[at] != '\\' {
			continue
		}
		r, ok := hexEscape(text[at:])
		if !ok {
			at++ // what is escaped may be a backslash
			continue
		}
		if !utf16.IsSurrogate(r) {
			continue
		}

		low, _ := hexEscape(text[at+6:])
		if utf16.DecodeRune(r, low) == utf8.RuneError {
			return text[at : at+6]
		}
		at += 11
	}

	return nil
}

// hexEscape reads the escape \uXXXX, if that is what the text begins with.
func hexEscape(text []byte) (rune, bool) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	r, err := strconv.ParseUint(string(text[2:6]), 16, 16)

	return rune(r), err == nil
}
