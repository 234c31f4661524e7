package exposition

import (
	"cmp"
	"errors"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/prometheus/common/expfmt"

	"github.com/signalbox-ci/signalbox/internal/excerpt"
)

// A Scrape describes an answered request for the metrics page.
type Scrape struct {
	Took      time.Duration // from the request to the last byte of the answer
	Bytes     int64         // length of the body as sent, after compression
	Format    string        // text, openmetrics or protobuf; empty if Refused
	Encoding  string        // gzip, zstd or empty
	Status    int           // HTTP status code
	Aborted   bool          // whether the answer is incomplete because the client did not read it
	Remote    string        // host of the client
	UserAgent string        // truncated if it is long
}

// Refused reports whether the scrape exceeded the limit on concurrent scrapes.
func (s *Scrape) Refused() bool { return s.Status == http.StatusServiceUnavailable }

// maxUserAgentBytes is the maximum length of Scrape.UserAgent.
const maxUserAgentBytes = 200

// A countedWriter records the status and counts the bytes of an answer.
type countedWriter struct {
	http.ResponseWriter
	slot     *slot // nil if the scrape has none
	status   int
	bytes    int64
	failed   bool // whether a write failed
	timedOut bool // whether one failed because the client did not read for too long
}

// WriteHeader implements http.ResponseWriter.
func (w *countedWriter) WriteHeader(status int) {
	w.status = cmp.Or(w.status, status)
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *countedWriter) Write(b []byte) (int, error) {
	if w.slot != nil {
		w.slot.beginWrite()
	}
	n, err := w.ResponseWriter.Write(b)
	if w.slot != nil {
		w.slot.endWrite(n)
	}
	w.bytes += int64(n)
	w.failed = w.failed || err != nil
	w.timedOut = w.timedOut || errors.Is(err, os.ErrDeadlineExceeded)
	return n, err
}

// Flush implements http.Flusher.
func (w *countedWriter) Flush() {
	if f, ok := w.ResponseWriter.(http.Flusher); ok {
		f.Flush()
	}
}

// Unwrap lets http.ResponseController find the underlying writer.
func (w *countedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// scrape returns the Scrape for the request and its answer.
func (w *countedWriter) scrape(r *http.Request, took time.Duration) Scrape {
	s := Scrape{
		Took:     took,
		Bytes:    w.bytes,
		Encoding: w.Header().Get("Content-Encoding"),
		Status:   cmp.Or(w.status, http.StatusOK),
		Aborted:  w.timedOut || w.slot != nil && w.slot.aborted.Load(),
		Remote:   hostOf(r),
	}
	s.UserAgent = excerpt.Keep(r.UserAgent(), maxUserAgentBytes)
	if !s.Refused() {
		s.Format = formatName(expfmt.Format(w.Header().Get("Content-Type")))
	}
	return s
}

// hostOf returns the address of the client without the port.
func hostOf(r *http.Request) string {
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		return host
	}
	return r.RemoteAddr
}

// scraperOf returns what identifies the client.
func scraperOf(r *http.Request) scraper {
	short := func(s string) string { return strings.Clone(s[:min(len(s), maxUserAgentBytes)]) }
	return scraper{hostOf(r), short(r.UserAgent()), short(r.Header.Get("Accept")), short(r.Header.Get("Accept-Encoding"))}
}

// formatName returns the short name of a format.
func formatName(f expfmt.Format) string {
	switch f.FormatType() {
	case expfmt.TypeOpenMetrics:
		return "openmetrics"
	case expfmt.TypeProtoDelim, expfmt.TypeProtoCompact, expfmt.TypeProtoText:
		return "protobuf"
	}
	return "text"
}
