package exposition

import (
	"cmp"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/common/expfmt"

	"github.com/signalbox-ci/signalbox/internal/excerpt"
)

// A Scrape is one request for the page, answered.
type Scrape struct {
	Took      time.Duration // from the request to the last byte
	Bytes     int64         // of the body, as sent
	Format    string        // text, openmetrics or protobuf; empty if it was refused
	Encoding  string        // gzip, zstd or empty
	Status    int           // of HTTP
	Remote    string        // the host that asked
	UserAgent string        // its beginning, if it is long
}

// Refused tells whether the scrape was one too many.
func (s *Scrape) Refused() bool { return s.Status == http.StatusServiceUnavailable }

// maxUserAgentBytes is how much is kept of what a scraper says that it is.
const maxUserAgentBytes = 200

// A countedWriter counts what it passes on.
type countedWriter struct {
	http.ResponseWriter
	status int
	bytes  int64
}

// WriteHeader implements http.ResponseWriter.
func (w *countedWriter) WriteHeader(status int) {
	w.status = cmp.Or(w.status, status)
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *countedWriter) Write(b []byte) (int, error) {
	n, err := w.ResponseWriter.Write(b)
	w.bytes += int64(n)
	return n, err
}

// ReadFrom implements io.ReaderFrom, which the server may do without copying.
func (w *countedWriter) ReadFrom(r io.Reader) (int64, error) {
	n, err := io.Copy(w.ResponseWriter, r)
	w.bytes += n
	return n, err
}

// Flush implements http.Flusher.
func (w *countedWriter) Flush() {
	if f, ok := w.ResponseWriter.(http.Flusher); ok {
		f.Flush()
	}
}

// Unwrap is for http.ResponseController.
func (w *countedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// scrape is what came of the request.
func (w *countedWriter) scrape(r *http.Request, took time.Duration) Scrape {
	s := Scrape{
		Took:     took,
		Bytes:    w.bytes,
		Encoding: w.Header().Get("Content-Encoding"),
		Status:   cmp.Or(w.status, http.StatusOK),
		Remote:   r.RemoteAddr,
	}
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		s.Remote = host
	}
	s.UserAgent = excerpt.Keep(r.UserAgent(), maxUserAgentBytes)
	if !s.Refused() {
		s.Format = formatName(expfmt.Format(w.Header().Get("Content-Type")))
	}
	return s
}

// formatName is what people call a format.
func formatName(f expfmt.Format) string {
	switch f.FormatType() {
	case expfmt.TypeOpenMetrics:
		return "openmetrics"
	case expfmt.TypeProtoDelim, expfmt.TypeProtoCompact, expfmt.TypeProtoText:
		return "protobuf"
	}
	return "text"
}
