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

// serveGroup changes or deletes the group with the path components.
func (h *handler) serveGroup(w http.ResponseWriter, r *http.Request, components []string) {
	start := time.Now()
	var refused *refusal
	var size int64
	status := http.StatusOK
	if r.Method == http.MethodDelete {
		status = http.StatusAccepted
		refused = h.deleteGroup(r, components)
	} else {
		size, refused = h.push(r, components)
	}
	if refused != nil {
		status = refused.status
		h.logRefusal(r, "rejected-push", refused)
	}
	h.metrics.observe(r.Method, status, time.Since(start), size)

	if refused != nil {
		refused.answer(w)
		return
	}
	w.WriteHeader(status)
}

func (h *handler) deleteGroup(r *http.Request, components []string) *refusal {
	grouping, err := parseGroup(components)
	if err != nil {
		return badRequest(err)
	}
	if err := h.Store.Delete(r.Context(), grouping); err != nil {
		return storeRefusal(err)
	}
	return nil
}

// push applies a body to a group. It returns the size of the body before decompression.
func (h *handler) push(r *http.Request, components []string) (size int64, refused *refusal) {
	grouping, err := parseGroup(components)
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
		return size, refuse(http.StatusRequestEntityTooLarge, err.Error())
	case err != nil:
		return size, badRequest(err)
	}

	if buffer.Len() > largeBody {
		// The whole body has been read, so a slow client does not make others wait.
		select {
		case h.large <- struct{}{}:
			defer func() { <-h.large }()
		case <-r.Context().Done():
			return size, refuse(http.StatusServiceUnavailable, "too many large bodies are being read")
		}
	}
	families, err := decode(buffer.Bytes(), r.Header.Get("Content-Type"))
	if err != nil {
		return size, badRequest(err)
	}
	err = h.Store.Push(r.Context(), aggregator.Push{
		Grouping: grouping,
		Families: families,
		Replace:  r.Method == http.MethodPut,
		TTL:      ttl,
	})
	if err != nil {
		return size, storeRefusal(err)
	}
	return size, nil
}

// read reads the body of a request into the buffer. It returns the size of the body
// before decompression.
func (h *handler) read(r *http.Request, buffer *bytes.Buffer) (size int64, err error) {
	body, unsupported := source.OpenBody(r, h.BodyBytes)
	if unsupported != nil {
		// As in the Pushgateway, an unknown encoding is not an error. The body can
		// almost never be parsed then.
		body, _ = source.NewBody(r.Body, "", h.BodyBytes)
	}
	defer body.Close()
	if _, err := buffer.ReadFrom(body); err != nil {
		return body.SentBytes(), source.Explain(err)
	}
	gzipped := unsupported == nil && strings.Contains(strings.ToLower(r.Header.Get("Content-Encoding")), "gzip")
	if gzipped && body.SentBytes() == 0 {
		// Even an empty body has a header in gzip. Treated as an empty body, this one
		// would empty the group. In the other encodings, an empty body may have no
		// bytes.
		return 0, source.Explain(fmt.Errorf("decoding gzip: %w", io.ErrUnexpectedEOF))
	}
	return body.SentBytes(), nil
}

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

// invalidPrefix begins the Pushgateway's error for pushes that can be decoded but are
// invalid.
const invalidPrefix = "pushed metrics are invalid or inconsistent with existing metrics: "

// storeRefusal returns the refusal for an error of the Store.
func storeRefusal(err error) *refusal {
	refused, ok := errors.AsType[*aggregator.PushError](err)
	if !ok {
		return refuse(http.StatusInternalServerError, err.Error())
	}

	switch refused.Refusal {
	case aggregator.Invalid, aggregator.Inconsistent:
		return refuse(http.StatusBadRequest, invalidPrefix+err.Error())
	case aggregator.LimitReached:
		return refuse(http.StatusTooManyRequests, err.Error())
	default:
		// A change that could not be stored is still served, so the service is not
		// unavailable: a 503 might cause a proxy to send clients elsewhere.
		return refuse(http.StatusInternalServerError, err.Error())
	}
}

func (h *handler) logRefusal(r *http.Request, action string, refused *refusal) {
	h.rejections.Log(action, errors.New(refused.reason), lager.Data{
		"method": r.Method,
		"path":   shorten(r.URL.EscapedPath()),
		"remote": r.RemoteAddr,
		"status": refused.status,
	})
}
