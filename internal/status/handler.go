package status

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/klauspost/compress/gzhttp"

	"github.com/signalbox-ci/signalbox/internal/excerpt"
	"github.com/signalbox-ci/signalbox/internal/secureheaders"
)

// MaxLimit is the maximum number of entries in a list of the overview. defaultLimit
// applies to requests that have no limit.
const (
	MaxLimit     = 1000
	defaultLimit = 100
)

// An overview can be large, and a client can be slow to read it, so the number of
// concurrent responses is limited, and so is the time for writing each of them.
const (
	maxInFlight  = 8
	writeTimeout = 15 * time.Second
)

// newHandler returns a handler that serves the status page at /, the page's files below
// /assets/, and the overview as JSON at /api/v1/overview. It answers 404 to other paths
// and 405 to methods other than GET and HEAD.
//
// The handler calls the overview function for each request for the JSON, in up to 8
// goroutines at once; it answers further requests with 503. It passes the function a
// limit from 1 to MaxLimit. The second result is the overview's sequence number:
// overviews with the same number and limit are equal.
func newHandler(overview func(limit int) (Overview, uint64)) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", pageFile("index.html"))
	for _, name := range assetNames() {
		mux.Handle("GET /assets/"+name, pageFile("assets/"+name))
	}
	mux.Handle("GET /api/v1/overview", &overviewHandler{
		overview: overview,
		slots:    make(chan struct{}, maxInFlight),
	})
	mux.HandleFunc("GET /", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "not found: the metrics are at /metrics, and the status page is at /", http.StatusNotFound)
	})
	compressed, err := gzhttp.NewWrapper(gzhttp.EnableZstd(false), gzhttp.MinSize(1024))
	if err != nil {
		panic("BUG: " + err.Error()) // the options are constants
	}
	return secureheaders.Add(compressed(mux))
}

// An overviewHandler answers with the overview as JSON.
type overviewHandler struct {
	overview func(limit int) (Overview, uint64)
	slots    chan struct{} // has one element for each response in progress
	encoded  encodingCache
}

func (h *overviewHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	limit, err := requestedLimit(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	default:
		w.Header().Set("Retry-After", "1")
		http.Error(w, fmt.Sprintf("limit of %d concurrent requests for the overview reached: try again in a second", maxInFlight), http.StatusServiceUnavailable)
		return
	}
	o, number := h.overview(limit)
	body, err := h.encoded.get(o, number, limit)
	if err != nil {
		http.Error(w, "encoding the overview: "+err.Error(), http.StatusInternalServerError)
		return
	}
	// If w does not support deadlines, the server's own timeout applies.
	http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTimeout)) //nolint:errcheck
	w.Header().Set("Content-Type", "application/json")
	w.Write(body) //nolint:errcheck // the client is gone
}

// requestedLimit returns the request's limit, or the default if it has none.
func requestedLimit(r *http.Request) (int, error) {
	query := r.URL.Query()
	if !query.Has("limit") {
		return defaultLimit, nil
	}
	given := query.Get("limit")
	limit, err := strconv.Atoi(given)
	if err != nil || limit < 1 || limit > MaxLimit {
		return 0, fmt.Errorf("got limit %s, expected an integer from 1 to %d", excerpt.Quote(given), MaxLimit)
	}
	return limit, nil
}
