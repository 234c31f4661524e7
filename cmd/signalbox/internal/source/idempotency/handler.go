package idempotency

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"

	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source"
)

// The header of a request with a key, and the header that marks a stored answer.
const (
	Header         = "Idempotency-Key"
	replayedHeader = "Idempotency-Replayed"
)

// maxKeyBytes is the maximum length of a key.
const maxKeyBytes = 255

// A handler recognizes repeated requests.
type handler struct {
	table      *Table
	bodies     *source.WholeBodies
	rejections *source.Rejections
	isStream   func(*http.Request) bool
	next       http.Handler
}

// NewHandler returns a handler that passes requests to next. If a POST, PUT or DELETE
// request has an Idempotency-Key, the handler reads the whole body first, and stores
// the answer of next in the table. A repeat, which is a request with the same path,
// key, method, query and body, gets the stored answer. A request with the same path and
// key that differs otherwise is rejected with status 422, and a repeat of a request
// that is still being handled with 409.
//
// The handler stores the answer only if it says that the request was handled or is
// invalid: with a status from 200 to 299, 400 or 422. Otherwise, the client can send
// the request again.
//
// isStream reports whether the body of a request may never end. Such a request cannot
// have a key.
func NewHandler(table *Table, bodies *source.WholeBodies, logger lager.Logger, isStream func(*http.Request) bool, next http.Handler) http.Handler {
	return &handler{table, bodies, source.NewRejections(logger, source.PrivateBurst), isStream, next}
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	keys := r.Header.Values(Header)
	if len(keys) == 0 || r.Method != http.MethodPost && r.Method != http.MethodPut && r.Method != http.MethodDelete {
		h.next.ServeHTTP(w, r)
		return
	}
	if len(keys) > 1 || len(keys[0]) == 0 || len(keys[0]) > maxKeyBytes {
		h.reject(w, r, http.StatusBadRequest, fmt.Sprintf("expected one %s of 1 to %d bytes", Header, maxKeyBytes))
		return
	}
	if h.isStream(r) {
		h.reject(w, r, http.StatusBadRequest, "a stream cannot have an "+Header+": give each event an id instead")
		return
	}
	body, ok := h.bodies.Open(w, r, h.rejections)
	if !ok {
		return
	}
	defer body.Close()
	k, request := keyOf("request\x00"+r.URL.EscapedPath(), keys[0]), fingerprint(r, body.Bytes())
	stored, status := h.table.begin(k, request)
	switch {
	case stored != nil:
		w.Header().Set(replayedHeader, "true")
		stored.writeTo(w)
		return
	case status == http.StatusConflict:
		w.Header().Set("Retry-After", "1")
		h.reject(w, r, status, "a request with this "+Header+" is still being handled: repeat it later")
		return
	case status != 0:
		h.reject(w, r, status, "another request to this path had the same "+Header+": expected a new key for each request")
		return
	}

	// Store the answer before the client can receive it and repeat the request.
	h.handle(w, body.Request(), k, request).writeTo(w)
}

// handle passes a request to next, and stores and returns the answer.
func (h *handler) handle(w http.ResponseWriter, r *http.Request, k, request key) *answer {
	var stored *answer
	defer func() { h.table.end(k, stored) }() // also if next panics
	response := &response{ResponseWriter: w, answer: answer{request: request, status: http.StatusOK}}
	h.next.ServeHTTP(response, r)
	a := &response.answer
	a.contentType = w.Header().Get("Content-Type")
	if isFinal(a.status) {
		a.body = bytes.Clone(a.body) // without spare capacity
		stored = a
	}
	return a
}

// isFinal reports whether a repeat of a request with this status should get the same
// answer.
func isFinal(status int) bool {
	return status/100 == 2 || status == http.StatusBadRequest || status == http.StatusUnprocessableEntity
}

// fingerprint returns a hash of everything in a request that makes it different from
// others with the same path.
func fingerprint(r *http.Request, body []byte) key {
	h := sha256.New()
	fmt.Fprintf(h, "%s\x00%s\x00%s\x00", r.Method, r.URL.RawQuery, r.Header.Get("Content-Encoding"))
	h.Write(body)
	return key(h.Sum(nil)[:len(key{})])
}

func (h *handler) reject(w http.ResponseWriter, r *http.Request, status int, reason string) {
	h.rejections.Log("request-rejected", errors.New(reason), lager.Data{
		"remote": r.RemoteAddr, "path": r.URL.Path, "status": status,
	})
	source.Reject(w, status, reason)
}

// A response holds an answer until it is complete.
type response struct {
	http.ResponseWriter
	answer      answer
	wroteHeader bool
}

// WriteHeader implements http.ResponseWriter.
func (r *response) WriteHeader(status int) {
	if !r.wroteHeader && status >= 200 {
		r.answer.status, r.wroteHeader = status, true
	}
}

// Write implements http.ResponseWriter.
func (r *response) Write(b []byte) (int, error) {
	r.wroteHeader = true
	r.answer.body = append(r.answer.body, b...)
	return len(b), nil
}

// Unwrap lets http.ResponseController set deadlines.
func (r *response) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func (a *answer) writeTo(w http.ResponseWriter) {
	if a.contentType != "" {
		w.Header().Set("Content-Type", a.contentType)
		w.Header().Set("X-Content-Type-Options", "nosniff")
	}
	w.WriteHeader(a.status)
	w.Write(a.body) //nolint:errcheck // the client is gone
}
