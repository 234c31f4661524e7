package intake

import (
	"strconv"
	"unicode/utf8"
)

// maxQuoted is how many bytes of somebody's input an error repeats: enough to
// recognise it by, too few to flood a log with.
const maxQuoted = 64

// quote shows a piece of input in an error: quoted, and cut short when long.
func quote(text []byte) string {
	if len(text) <= maxQuoted {
		return strconv.Quote(string(text))
	}

	cut := maxQuoted
	for cut > maxQuoted-utf8.UTFMax && !utf8.RuneStart(text[cut]) {
		cut--
	}

	return strconv.Quote(string(text[:cut])) + "…"
}

// shorten is quote for a number, which needs no quotes.
func shorten(text []byte) string {
	if len(text) <= maxQuoted {
		return string(text)
	}

	return string(text[:maxQuoted]) + "…"
}
