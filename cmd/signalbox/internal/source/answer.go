package source

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"

	"github.com/signalbox-ci/signalbox/internal/excerpt"
	"github.com/signalbox-ci/signalbox/internal/membudget"
	"github.com/signalbox-ci/signalbox/internal/methods"
)

// MaxErrors is the maximum number of errors that a response lists. Further errors
// usually repeat these.
const MaxErrors = 10

// EncodeLine returns the value as a line of JSON, in which characters that are invisible
// or change the direction of text are escaped. It panics if the value cannot be encoded.
func EncodeLine(value any) []byte {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false) // the response is not HTML, and people read it
	if err := encoder.Encode(value); err != nil {
		panic("BUG: encoding a response: " + err.Error())
	}
	return excerpt.EscapeJSON(b.Bytes())
}

// Answer responds with the status and the value, which EncodeLine encodes.
func Answer(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	body := EncodeLine(value)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.Header().Set("X-Content-Type-Options", "nosniff")
	SuggestRetry(w.Header(), status)
	w.WriteHeader(status)
	w.Write(body) //nolint:errcheck // the client is gone
}

// SuggestRetry adds a Retry-After to the header of a response with a status that means
// that the client should try again: that there is too little memory at the moment.
func SuggestRetry(header http.Header, status int) {
	if status == http.StatusServiceUnavailable {
		header.Set("Retry-After", "2")
	}
}

// Reject responds with the status and the reason, as JSON. It is for requests whose
// body was not read.
func Reject(w http.ResponseWriter, status int, reason string) {
	Answer(w, status, struct {
		Error string `json:"error"`
	}{reason})
}

// AllowMethods reports whether the request has one of the methods. If not, it responds
// with status 405.
func AllowMethods(w http.ResponseWriter, r *http.Request, allowed ...string) bool {
	if slices.Contains(allowed, r.Method) {
		return true
	}
	Reject(w, http.StatusMethodNotAllowed, methods.NotAllowed(w.Header(), r.Method, allowed...))
	return false
}

// StatusOf returns the status of the response to a request. rejected is the number of
// rejected events or metrics, and readErr is the error from reading the body, or nil.
func StatusOf(rejected int, readErr error) int {
	switch {
	case errors.Is(readErr, ErrTooLarge), errors.Is(readErr, membudget.ErrTooLarge):
		return http.StatusRequestEntityTooLarge
	case errors.Is(readErr, membudget.ErrExhausted):
		return http.StatusServiceUnavailable
	case rejected > 0:
		return http.StatusBadRequest
	default:
		return http.StatusOK
	}
}
