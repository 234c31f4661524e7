package pushgateway

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/body"
	"github.com/signalbox-ci/signalbox/emitter/aggregator"
)

// serveGroup changes or deletes the group that the components name.
func (h *handler) serveGroup(w http.ResponseWriter, r *http.Request, components []string) {
	start := time.Now()
	wire := &countingReader{Reader: r.Body}

	var refused *refusal
	status := http.StatusOK
	if r.Method == http.MethodDelete {
		refused, status = h.deleteGroup(r, components), http.StatusAccepted
	} else {
		refused = h.push(r, wire, components)
	}
	if refused != nil {
		status = refused.status
		h.logRefusal(r, "rejected-push", refused)
	}
	h.metrics.observe(r.Method, status, time.Since(start), wire.read)

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

func (h *handler) push(r *http.Request, wire *countingReader, components []string) *refusal {
	grouping, err := parseGroup(components)
	if err != nil {
		return badRequest(err)
	}
	ttl, err := parseTTL(r.URL.RawQuery)
	if err != nil {
		return badRequest(err)
	}

	encoding := r.Header.Get("Content-Encoding")
	content, ok := body.Open(wire, encoding, h.BodyBytes)
	if !ok {
		// As the Pushgateway does. Almost always it fails to parse.
		encoding = ""
		content, _ = body.Open(wire, encoding, h.BodyBytes)
	}
	defer content.Close()
	if encoding == "" && r.ContentLength > h.BodyBytes {
		return refuse(http.StatusRequestEntityTooLarge, fmt.Sprintf("%v: %d bytes, more than the limit of %d bytes",
			body.ErrTooLarge, r.ContentLength, h.BodyBytes))
	}

	buffer := buffers.Get().(*bytes.Buffer)
	defer putBuffer(buffer)
	_, readErr := buffer.ReadFrom(content)
	if buffer.Len() > largeBody {
		// It is here, so nobody waits for a client that is slow.
		select {
		case h.large <- struct{}{}:
			defer func() { <-h.large }()
		case <-r.Context().Done():
			return refuse(http.StatusServiceUnavailable, "too many large bodies are being read")
		}
	}

	families, err := decode(io.MultiReader(buffer, failingReader{readErr}), r.Header.Get("Content-Type"))
	switch {
	case errors.Is(err, body.ErrTooLarge):
		return refuse(http.StatusRequestEntityTooLarge, err.Error())
	case err != nil:
		return badRequest(err)
	case wire.read == 0 && strings.Contains(strings.ToLower(encoding), "gzip"):
		// Even an empty body has a header in gzip. Taken for an empty body it
		// would empty the group. The other encodings may write nothing for nothing.
		return badRequest(errors.New("the body is cut off: in gzip: there is none of it"))
	}

	err = h.Store.Push(r.Context(), aggregator.Push{
		Grouping: grouping,
		Families: families,
		Replace:  r.Method == http.MethodPut,
		TTL:      ttl,
	})
	if err != nil {
		return storeRefusal(err)
	}

	return nil
}

// invalidPrefix is what the Pushgateway says of pushes that can be read, but not taken.
const invalidPrefix = "pushed metrics are invalid or inconsistent with existing metrics: "

// storeRefusal is how an error of the Store is told.
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
		// What is not stored is still served, so it is not that the service is
		// unavailable: a 503 might make a proxy send clients away.
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

// A countingReader counts what is read.
type countingReader struct {
	io.Reader
	read int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.read += int64(n)

	return n, err
}

// A failingReader is what follows what could be read: the reason, or nothing more.
type failingReader struct{ err error }

func (r failingReader) Read([]byte) (int, error) {
	if r.err == nil {
		return 0, io.EOF
	}

	return 0, r.err
}
