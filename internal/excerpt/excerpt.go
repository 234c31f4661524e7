// Package excerpt shortens text for display: what a client sent, as errors, log
// lines and the status page show it. No function splits a UTF-8 character.
package excerpt

import (
	"strconv"
	"unicode/utf8"
)

// MaxQuoted is how many bytes of a text Quote and Short show: enough to recognize it
// by, too few to flood a log with.
const MaxQuoted = 64

const ellipsis = "…"

// Prefix returns as much of the beginning of text as fits into max bytes.
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

// Quote returns text in double quotes, with Go's escapes. Of a text of more than
// MaxQuoted bytes it returns the beginning, with an ellipsis after the quotes.
func Quote[T string | []byte](text T) string {
	shown, end := short(text)
	return strconv.Quote(shown) + end
}

// Short is Quote without the quotes, for numbers, names, and text that is quoted
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
