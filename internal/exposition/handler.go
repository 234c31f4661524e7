package exposition

import (
	"fmt"
	"net/http"
	"time"

	"code.cloudfoundry.org/lager/v3"
	"github.com/klauspost/compress/gzhttp"
	"github.com/klauspost/compress/gzip"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/common/expfmt"

	"github.com/signalbox-ci/signalbox/internal/excerpt"
	"github.com/signalbox-ci/signalbox/internal/loglimit"
	"github.com/signalbox-ci/signalbox/internal/methods"
	"github.com/signalbox-ci/signalbox/internal/secureheaders"
)

// HandlerOptions are the options of a handler.
type HandlerOptions struct {
	Page Page

	// Formats are the formats in which the handler serves the page, as ParseFormats
	// returns them. A scraper that accepts none of them gets text if it is in the list,
	// and otherwise the first one. Nil means all formats.
	Formats []expfmt.Format

	// Status serves / and all paths without another handler. Nil means 404.
	Status http.Handler

	// Reload reloads the mapping file, and returns what changed. If it is nil, there is
	// no /-/reload. Unless EnableReload is true, the handler answers requests for
	// /-/reload with 403.
	Reload       func() (changes string, err error)
	EnableReload bool

	// WrongListenerHint, if not nil, returns a hint that names the right listener for a
	// request with a method other than GET and HEAD, or an empty string.
	WrongListenerHint func(*http.Request) string

	// Logger returns the current logger.
	Logger func() lager.Logger

	// MaxInFlight is the maximum number of concurrent scrapes of the handler. Done is
	// called at the end of each scrape, including those that were rejected because of
	// this limit.
	MaxInFlight int
	Done        func(Scrape)
}

// NewHandler returns a handler that serves the page at /metrics, health checks at
// /-/healthy and /-/ready, reloads at /-/reload, and the status at /.
func NewHandler(o HandlerOptions) http.Handler {
	mux := http.NewServeMux()
	// The scrapes are counted in the same metrics as by promhttp.Handler.
	mux.Handle("GET /metrics", promhttp.InstrumentMetricHandler(prometheus.DefaultRegisterer, newMetricsHandler(o)))
	mux.HandleFunc("GET /-/healthy", ok)
	mux.HandleFunc("GET /-/ready", ok)
	if o.Reload != nil {
		mux.Handle("/-/reload", reloadHandler(o))
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			rejectMethod(w, r, o.WrongListenerHint)
		case o.Status != nil:
			o.Status.ServeHTTP(w, r)
		default:
			http.NotFound(w, r)
		}
	})
	// Browsers also show the errors and redirects of mux, so these need the headers,
	// too. Only answers to scrapes do not need them.
	secured := secureheaders.Add(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/metrics" && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
			mux.ServeHTTP(w, r)
			return
		}
		secured.ServeHTTP(w, r)
	})
}

// rejectMethod answers a request other than GET and HEAD. The client may have confused
// this listener with another one, so the answer includes a hint.
func rejectMethod(w http.ResponseWriter, r *http.Request, hint func(*http.Request) string) {
	text := methods.NotAllowed(w.Header(), r.Method, http.MethodGet, http.MethodHead)
	if hint != nil {
		if h := hint(r); h != "" {
			text += "; " + h
		}
	}
	http.Error(w, text, http.StatusMethodNotAllowed)
}

func ok(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprint(w, "OK")
}

// reloadHandler returns a handler that reloads on POST and PUT. It rejects cross-origin
// requests of browsers: otherwise, any website could reload the mapping file through
// the browser of a user who can reach the listener.
func reloadHandler(o HandlerOptions) http.Handler {
	reload := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		changes, err := o.Reload()
		if err != nil {
			http.Error(w, excerpt.EscapeLines(err.Error()), http.StatusInternalServerError)
			return
		}
		fmt.Fprintln(w, changes)
	})
	guarded := http.NewCrossOriginProtection().Handler(reload)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method != http.MethodPost && r.Method != http.MethodPut:
			http.Error(w, methods.NotAllowed(w.Header(), r.Method, http.MethodPost, http.MethodPut), http.StatusMethodNotAllowed)
		case !o.EnableReload:
			http.Error(w, "reloading over HTTP is disabled; --enable-reload-api enables it", http.StatusForbidden)
		default:
			guarded.ServeHTTP(w, r)
		}
	})
}

// A metricsHandler answers scrapes with the page, in the format and compression that
// the scraper prefers. Beyond the limit on concurrent scrapes, it aborts those whose
// clients do not read, and answers others with 503.
type metricsHandler struct {
	HandlerOptions
	slots *slots
	page  http.Handler
	began time.Time
	limit loglimit.Limiter // limits log lines about aborted scrapes
}

func newMetricsHandler(o HandlerOptions) *metricsHandler {
	compressed, err := gzhttp.NewWrapper(
		gzhttp.MinSize(1024),
		gzhttp.CompressionLevel(gzip.BestSpeed), // Prometheus requests gzip even on a fast network
		gzhttp.ContentTypeFilter(func(string) bool { return true }),
	)
	if err != nil {
		panic("BUG: " + err.Error()) // the options above are constants
	}
	formats := o.Formats
	if formats == nil {
		formats = expfmt.DefaultOpenMetricsAcceptedFormats()
	}
	now := time.Now()
	return &metricsHandler{
		HandlerOptions: o,
		slots:          newSlots(o.MaxInFlight),
		page:           compressed(&pageHandler{page: o.Page, formats: formats, logger: o.Logger, began: now}),
		began:          now,
	}
}

// ServeHTTP implements http.Handler. HEAD requests are not scrapes.
func (h *metricsHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodHead {
		h.page.ServeHTTP(w, r)
		return
	}
	begin := time.Now()
	counted := &countedWriter{ResponseWriter: w}
	slot := h.slots.take(r.Context(), scraperOf(r), func() {
		http.NewResponseController(w).SetWriteDeadline(begin) //nolint:errcheck // in the past; the server supports it
	})
	if slot != nil {
		counted.slot = slot
		defer func() { slot.free(!counted.failed && counted.bytes > 0) }()
		h.page.ServeHTTP(counted, r)
	} else {
		http.Error(counted, fmt.Sprintf("the limit of %d concurrent scrapes is reached", h.MaxInFlight), http.StatusServiceUnavailable)
	}
	s := counted.scrape(r, time.Since(begin))
	if s.Aborted {
		if ok, unlogged := h.limit.Allow(time.Since(h.began)); ok {
			h.Logger().Info("scrape-aborted", lager.Data{"remote": s.Remote, "bytes": s.Bytes, loglimit.DataKey: unlogged})
		}
	}
	h.Done(s)
}

// A pageHandler answers scrapes with the page.
type pageHandler struct {
	page    Page
	formats []expfmt.Format // not empty
	logger  func() lager.Logger
	began   time.Time
	limit   loglimit.Limiter // limits log lines about errors
}

func (h *pageHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	format := expfmt.NegotiateAccept(r.Header, h.formats...)
	w.Header().Set("Content-Type", string(format))
	if r.Method == http.MethodHead {
		return
	}
	if err := h.page.Write(w, format); err != nil && r.Context().Err() == nil {
		if ok, unlogged := h.limit.Allow(time.Since(h.began)); ok {
			h.logger().Error("scrape-incomplete", err, lager.Data{loglimit.DataKey: unlogged})
		}
	}
}
