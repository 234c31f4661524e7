package agents

import (
	"strconv"
	"unicode/utf8"
)

// maxShown is how many bytes of somebody's input an error repeats: enough to
// recognise it by, too few to flood a log with.
const maxShown = 64

// shorten cuts a piece of input short, if it is long.
func shorten(text string) string {
	if len(text) <= maxShown {
		return text
	}

	cut := maxShown
	for cut > maxShown-utf8.UTFMax && !utf8.RuneStart(text[cut]) {
		cut--
	}

	return text[:cut] + "…"
}

// quote shows a piece of input in an error: quoted, and cut short when long.
func quote(text string) string { return strconv.Quote(shorten(text)) }
