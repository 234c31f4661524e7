package pushgateway

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"code.cloudfoundry.org/lager/v3"
	dto "github.com/prometheus/client_model/go"

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
	if r.Header.Get("X-Prometheus-Remote-Write-Version") != "" {
		return 0, badRequest(errors.New("got a remote write request, expected text, OpenMetrics or delimited protobuf: Prometheus scrapes pushed metrics from the metrics page"))
	}
	body, err := source.OpenBody(r, h.BodyBytes, h.Buffer)
	if err != nil {
		// The Pushgateway ignores such a header, and then usually cannot parse the
		// body.
		return 0, reject(http.StatusUnsupportedMediaType, err.Error())
	}
	defer body.Close()
	content, err := read(r, body)
	size = body.SentBytes()
	if err != nil {
		return size, bodyRejection(err)
	}

	// The whole body has been read by now, so a slow client does not block others.
	done, err := h.Parse.Acquire(r.Context(), weigh(content, r.Header.Get("Content-Type"), grouping))
	if err != nil {
		return size, bodyRejection(err)
	}
	defer done()
	var families []*dto.MetricFamily
	source.InTurn(len(content), func() { families, err = h.decode(content, r.Header.Get("Content-Type")) })
	if err != nil && !isContent(err) {
		return size, badRequest(err)
	}
	err = h.Store.Push(r.Context(), aggregator.Push{
		Grouping: grouping,
		Families: families,
		Invalid:  err,
		Replace:  r.Method == http.MethodPut,
		TTL:      ttl,
	})
	if err != nil {
		return size, storeRejection(err)
	}
	return size, nil
}

// read returns the content of the body of a request.
func read(r *http.Request, body *source.Body) ([]byte, error) {
	content, err := body.ReadAll()
	if err != nil {
		return nil, source.Explain(err)
	}
	gzipped := strings.Contains(strings.ToLower(r.Header.Get("Content-Encoding")), "gzip")
	if gzipped && body.SentBytes() == 0 {
		// In gzip, even an empty body has a header. If a body without one counted as
		// empty, a PUT would remove all metrics from the group. In the other encodings,
		// an empty body may have no bytes.
		return nil, source.Explain(fmt.Errorf("decoding gzip: %w", io.ErrUnexpectedEOF))
	}
	return content, nil
}

// bodyRejection returns the rejection for an error from reading a body, or from
// acquiring memory to parse it.
func bodyRejection(err error) *rejection {
	status := source.StatusOf(0, err)
	if status == http.StatusOK { // any other error is the client's
		status = http.StatusBadRequest
	}
	return reject(status, err.Error())
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
