// Package excerpt shortens text from clients for display in errors, log lines and the
// status page. No function splits a UTF-8 character.
package excerpt

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// MaxQuoted is the maximum number of bytes of a text that Quote and Short return,
// before escaping. It is enough to recognize the text and does not flood a log.
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

// Cut returns text if it has at most max bytes. Otherwise it returns a prefix that
// ends in an ellipsis and has at most max bytes, ellipsis included.
func Cut(text string, max int) string {
	if len(text) <= max {
		return text
	}
	return Prefix(text, max-len(ellipsis)) + ellipsis
}

// MaxDisplayed is how many bytes of a text Display returns.
const MaxDisplayed = 1 << 10

// Display returns text as the status page shows it, cut to MaxDisplayed bytes.
func Display(text string) string { return Cut(text, MaxDisplayed) }

// Keep returns a copy of the first max bytes of text, in valid UTF-8: to keep a part of
// what a client sent without keeping the rest in memory.
func Keep(text string, max int) string {
	return strings.Clone(strings.ToValidUTF8(Prefix(text, max), "\uFFFD"))
}

// Quote returns text in double quotes, with Go's escapes. If text has more than
// MaxQuoted bytes, it returns the beginning, with an ellipsis after the quotes.
func Quote[T string | []byte](text T) string {
	shown, end := short(text)
	return strconv.Quote(shown) + end
}

// Short is like Quote without the quotes, for numbers, names, and text that is quoted
// elsewhere.
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
