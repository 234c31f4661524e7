package pushgateway

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source"
	"github.com/signalbox-ci/signalbox/emitter/aggregator"
)

// serveGroup pushes to or deletes the group that the path components identify.
func (h *handler) serveGroup(w http.ResponseWriter, r *http.Request, components []string) {
	start := time.Now()
	var rejected *rejection
	var size int64
	status := http.StatusOK
	if r.Method == http.MethodDelete {
		status = http.StatusAccepted
		rejected = h.deleteGroup(r, components)
	} else {
		size, rejected = h.push(r, components)
	}
	if rejected != nil {
		status = rejected.status
		h.logRejection(r, "push-rejected", rejected)
	}
	h.metrics.observe(r.Method, status, time.Since(start), size)

	if rejected != nil {
		rejected.writeTo(w)
		return
	}
	w.WriteHeader(status)
}

// rejectGroup answers a request for a group whose body is not read.
func (h *handler) rejectGroup(w http.ResponseWriter, r *http.Request, rejected *rejection) {
	if !allow(w, r, http.MethodDelete, http.MethodPost, http.MethodPut) {
		return
	}
	h.logRejection(r, "push-rejected", rejected)
	h.metrics.observe(r.Method, rejected.status, 0, 0)
	rejected.writeTo(w)
}

func (h *handler) deleteGroup(r *http.Request, components []string) *rejection {
	grouping, err := h.parseGroup(components)
	if err != nil {
		return badRequest(err)
	}
	if _, err := source.Query(r.URL.RawQuery, ttlParameter); err != nil {
		return badRequest(err) // ttl has no effect, but clients may send it with each request
	}
	if err := h.Store.Delete(r.Context(), grouping); err != nil {
		return storeRejection(err)
	}
	return nil
}

// push applies the body of a request to a group. It returns the size of the body before
// decompression.
func (h *handler) push(r *http.Request, components []string) (size int64, rejected *rejection) {
	grouping, err := h.parseGroup(components)
	if err != nil {
		return 0, badRequest(err)
	}
	ttl, err := parseTTL(r.URL.RawQuery)
	if err != nil {
		return 0, badRequest(err)
	}
	buffer := buffers.Get().(*bytes.Buffer)
	defer release(buffer)
	size, err = h.read(r, buffer)
	switch {
	case errors.Is(err, source.ErrTooLarge):
		return size, reject(http.StatusRequestEntityTooLarge, err.Error())
	case errors.As(err, new(encodingError)):
		return size, reject(http.StatusUnsupportedMediaType, err.Error())
	case err != nil:
		return size, badRequest(err)
	}

	if buffer.Len() > largeBody {
		// The whole body has been read by now, so a slow client does not block others.
		select {
		case h.large <- struct{}{}:
			defer func() { <-h.large }()
		case <-r.Context().Done():
			return size, reject(http.StatusServiceUnavailable, "too many large bodies are being parsed")
		}
	}
	families, err := h.decode(buffer.Bytes(), r.Header.Get("Content-Type"))
	invalid, _ := errors.AsType[contentError](err)
	if err != nil && invalid.error == nil {
		return size, badRequest(err)
	}
	err = h.Store.Push(r.Context(), aggregator.Push{
		Grouping: grouping,
		Families: families,
		Invalid:  invalid.error,
		Replace:  r.Method == http.MethodPut,
		TTL:      ttl,
	})
	if err != nil {
		return size, storeRejection(err)
	}
	return size, nil
}

// read reads the body of a request into the buffer. It returns the size of the body
// before decompression.
func (h *handler) read(r *http.Request, buffer *bytes.Buffer) (size int64, err error) {
	body, unsupported := source.OpenBody(r, h.BodyBytes)
	if unsupported != nil {
		return 0, encodingError{unsupported}
	}
	defer body.Close()
	if _, err := buffer.ReadFrom(body); err != nil {
		return body.SentBytes(), source.Explain(err)
	}
	gzipped := strings.Contains(strings.ToLower(r.Header.Get("Content-Encoding")), "gzip")
	if gzipped && body.SentBytes() == 0 {
		// In gzip, even an empty body has a header. If a body without one counted as
		// empty, a PUT would remove all metrics from the group. In the other encodings,
		// an empty body may have no bytes.
		return 0, source.Explain(fmt.Errorf("decoding gzip: %w", io.ErrUnexpectedEOF))
	}
	return body.SentBytes(), nil
}

// An encodingError means that a Content-Encoding is not supported. The Pushgateway
// ignores such a header, and then usually cannot parse the body.
type encodingError struct{ error }

// maxKeptBytes is the maximum size of a buffer that is reused.
const maxKeptBytes = 64 << 10

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// release returns a buffer to the pool, unless it is too large.
func release(b *bytes.Buffer) {
	if b.Cap() <= maxKeptBytes {
		b.Reset()
		buffers.Put(b)
	}
}

// invalidPrefix is the beginning of the Pushgateway's error for pushes that can be
// decoded but are invalid.
const invalidPrefix = "pushed metrics are invalid or inconsistent with existing metrics: "

// storeRejection returns the rejection for an error of the Store.
func storeRejection(err error) *rejection {
	pushErr, ok := errors.AsType[*aggregator.PushError](err)
	if !ok {
		return reject(http.StatusInternalServerError, err.Error())
	}

	switch pushErr.Refusal {
	case aggregator.Invalid, aggregator.Inconsistent:
		return reject(http.StatusBadRequest, invalidPrefix+err.Error())
	case aggregator.LimitReached:
		return reject(http.StatusTooManyRequests, err.Error())
	default:
		// The change is in effect even though it could not be written to disk. So the
		// status is not 503, which might cause a proxy to send the client to another
		// server.
		return reject(http.StatusInternalServerError, err.Error())
	}
}

func (h *handler) logRejection(r *http.Request, action string, rejected *rejection) {
	h.rejections.Log(action, errors.New(rejected.reason), lager.Data{
		"method": r.Method,
		"path":   shorten(r.URL.EscapedPath()),
		"remote": r.RemoteAddr,
		"status": rejected.status,
	})
}
