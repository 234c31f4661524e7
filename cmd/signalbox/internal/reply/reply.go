// Package reply is how the daemon answers those who send it something.
package reply

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"
)

// JSON answers with a value that can be JSON.
func JSON(w http.ResponseWriter, status int, value any) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false) // it is not HTML, and people read it
	if err := encoder.Encode(value); err != nil {
		panic("BUG: an answer that is not JSON: " + err.Error())
	}

	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(b.Len()))
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	w.Write(b.Bytes()) //nolint:errcheck // the client is gone
}

// Refuse answers a request of which nothing was read.
func Refuse(w http.ResponseWriter, status int, reason string) {
	JSON(w, status, struct {
		Error string `json:"error"`
	}{reason})
}

// NotAllowed is what is said of a request with a method other than those wanted.
func NotAllowed(method string, want ...string) string {
	list := want[len(want)-1]
	if before := want[:len(want)-1]; len(before) > 0 {
		list = strings.Join(before, ", ") + " or " + list
	}

	return "the method " + Shorten(method) + " is not allowed here, want " + list
}

// maxShown is how many bytes of somebody's input an error repeats: enough to
// recognise it by, too few to flood a log with.
const maxShown = 64

// Quote shows a piece of input in an error: quoted, and cut short when long.
func Quote[T string | []byte](text T) string {
	shown, cut := shorten(text)
	return strconv.Quote(shown) + cut
}

// Shorten is Quote for what needs no quotes, a number or a name.
func Shorten[T string | []byte](text T) string {
	shown, cut := shorten(text)
	return shown + cut
}

func shorten[T string | []byte](text T) (shown, cut string) {
	if len(text) <= maxShown {
		return string(text), ""
	}

	// The character that is cut in two, if there is one, goes.
	return Cut(string(text[:maxShown+1]), maxShown), "…"
}

// Cut returns the first n bytes of a longer text, or a few less: it cuts no
// character in two.
func Cut(text string, n int) string {
	cut := n
	for cut > n-utf8.UTFMax && !utf8.RuneStart(text[cut]) {
		cut--
	}

	return text[:cut]
}
