package excerpt

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Escape returns text with Go escape sequences in place of everything that is invisible
// or can change how the surrounding text is shown: control characters, such as newlines
// and those of terminals; characters that change the direction of text; line
// separators, spaces other than " ", and characters without a width; and bytes that are
// not UTF-8. It returns other text unchanged, without allocating.
func Escape(text string) string {
	at := firstHidden(text)
	if at < 0 {
		return text
	}
	b := append(make([]byte, 0, len(text)+16), text[:at]...)
	for at < len(text) {
		r, size := utf8.DecodeRuneInString(text[at:])
		char := text[at : at+size]
		if isHidden(r, size) {
			quoted := strconv.QuoteToASCII(char)
			char = quoted[1 : len(quoted)-1]
		}
		b = append(b, char...)
		at += size
	}
	return string(b)
}

// EscapeLines is like Escape, but leaves newlines unchanged.
func EscapeLines(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		line, newline := strings.CutSuffix(line, "\n")
		b.WriteString(Escape(line))
		if newline {
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// EscapeJSON is like Escape for a JSON text. It replaces the same characters, except
// the white space between values, with the escape sequences of JSON, so that the values
// do not change. JSON encoders escape only a few of these characters.
func EscapeJSON(encoded []byte) []byte {
	isEscaped := func(r rune) bool { return r >= utf8.RuneSelf-1 && r != utf8.RuneError && isHidden(r, utf8.RuneLen(r)) }
	text := string(encoded)
	at := strings.IndexFunc(text, isEscaped)
	if at < 0 {
		return encoded
	}
	b := append(make([]byte, 0, len(text)+16), text[:at]...)
	for _, r := range text[at:] {
		switch high, low := utf16.EncodeRune(r); {
		case !isEscaped(r):
			b = utf8.AppendRune(b, r)
		case high != unicode.ReplacementChar:
			b = appendHex(appendHex(b, high), low)
		default:
			b = appendHex(b, r)
		}
	}
	return b
}

// firstHidden returns the index of the first character that Escape replaces, or -1.
func firstHidden(text string) int {
	for at := 0; at < len(text); {
		r, size := utf8.DecodeRuneInString(text[at:])
		if isHidden(r, size) {
			return at
		}
		at += size
	}
	return -1
}

// isHidden reports whether Escape replaces a character, which has the given size in
// UTF-8.
func isHidden(r rune, size int) bool {
	const brailleBlank = '\u2800'
	switch {
	case r < utf8.RuneSelf:
		return r < ' ' || r == '\x7f'
	case r == utf8.RuneError && size == 1:
		return true
	}
	// strconv.IsPrint regards some characters as printable that are not shown, because
	// they are letters, marks or symbols.
	return !strconv.IsPrint(r) || r == brailleBlank ||
		unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

func appendHex(b []byte, r rune) []byte {
	const digits = "0123456789abcdef"
	return append(b, '\\', 'u', digits[r>>12&0xf], digits[r>>8&0xf], digits[r>>4&0xf], digits[r&0xf])
}
