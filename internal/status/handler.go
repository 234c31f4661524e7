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

// MaxLimit is how many entries a list of the overview has at most, and defaultLimit if
// the request does not say.
const (
	MaxLimit     = 1000
	defaultLimit = 100
)

// An overview can be large, and whoever asks for it slow to read it. So many may be
// under way, and each must have been read in that time.
const (
	maxInFlight  = 8
	writeTimeout = 15 * time.Second
)

// newHandler serves the status page at /, what it is made of below /assets/, and
// the overview that it shows, as JSON, at /api/v1/overview. Any other path is
// answered 404, any method but GET and HEAD 405.
//
// The overview function is called for each request for the JSON, by up to 8 goroutines
// at once: requests beyond that are answered 503. Its limit is from 1 to MaxLimit. Its
// second result tells overviews apart: as long as it stays the same, so does what the
// function returns for a limit.
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
	compressed, err := gzhttp.NewWrapper(gzhttp.EnableZstd(false), gzhttp.MinSize(1024))
	if err != nil {
		panic("BUG: " + err.Error()) // the options above are constants
	}
	return secureheaders.Add(compressed(mux))
}

// An overviewHandler answers with the overview as JSON.
type overviewHandler struct {
	overview  func(limit int) (Overview, uint64)
	slots     chan struct{} // one taken for each answer under way
	encodings encodings
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
		http.Error(w, fmt.Sprintf("%d overviews are under way, which is the limit: try again in a second", maxInFlight), http.StatusServiceUnavailable)
		return
	}
	o, number := h.overview(limit)
	body, err := h.encodings.of(o, number, limit)
	if err != nil {
		http.Error(w, "the overview cannot be JSON: "+err.Error(), http.StatusInternalServerError)
		return
	}
	// Where it cannot be set, the server's own time-out has to do.
	http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTimeout)) //nolint:errcheck
	w.Header().Set("Content-Type", "application/json")
	w.Write(body) //nolint:errcheck // the client is gone
}

// requestedLimit is how many entries the request wants of each list.
func requestedLimit(r *http.Request) (int, error) {
	query := r.URL.Query()
	if !query.Has("limit") {
		return defaultLimit, nil
	}
	given := query.Get("limit")
	limit, err := strconv.Atoi(given)
	if err != nil || limit < 1 || limit > MaxLimit {
		return 0, fmt.Errorf("limit is %s, want a whole number from 1 to %d", excerpt.Quote(given), MaxLimit)
	}
	return limit, nil
}
