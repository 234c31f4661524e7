// Package excerpt shortens and escapes text from clients for display in errors, log
// messages, terminals, and the status page. No function splits a UTF-8 character.
package excerpt

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// MaxQuoted is the maximum number of bytes of a text that Quote and Short return,
// before escaping. This is enough to recognize the text, but does not flood a log.
const MaxQuoted = 64

const ellipsis = "…"

// Prefix returns the longest prefix of text that has at most max bytes.
func Prefix(text string, max int) string {
	if len(text) <= max {
		return text
	}
	for max > 0 && !utf8.RuneStart(text[max]) {
		max--
	}
	return text[:max]
}

// Cut returns text if it has at most max bytes. Otherwise, it returns a prefix followed
// by an ellipsis, which together have at most max bytes.
func Cut(text string, max int) string {
	if len(text) <= max {
		return text
	}
	return Prefix(text, max-len(ellipsis)) + ellipsis
}

// MaxDisplayed is the maximum number of bytes of a text that Display returns, before
// escaping.
const MaxDisplayed = 1 << 10

// Display returns text for display on the status page, cut to MaxDisplayed bytes and
// escaped by Escape.
func Display(text string) string { return Escape(Cut(text, MaxDisplayed)) }

// Keep returns a copy of at most the first max bytes of text, converted to valid UTF-8.
// The copy lets the caller store a part of a request without keeping the rest in
// memory.
func Keep(text string, max int) string {
	return strings.Clone(strings.ToValidUTF8(Prefix(text, max), "\uFFFD"))
}

// Quote returns text in double quotes, with Go escape sequences. If text has more than
// MaxQuoted bytes, Quote returns only the beginning, with an ellipsis after the quotes.
func Quote[T string | []byte](text T) string {
	shown, end := short(text)
	return Escape(strconv.Quote(shown)) + end
}

// Short is like Quote, but returns the text without quotes and escape sequences. It is
// for numbers, names, and text that the caller quotes. What shows an error to a user
// escapes it.
func Short[T string | []byte](text T) string {
	shown, end := short(text)
	return shown + end
}

func short[T string | []byte](text T) (shown, end string) {
	if len(text) <= MaxQuoted {
		return string(text), ""
	}
	return Prefix(string(text[:MaxQuoted+1]), MaxQuoted), ellipsis
}
