// Package pushgateway serves the HTTP API of the Prometheus Pushgateway: jobs push
// metrics to it in groups, and delete them.
//
// The main differences from Pushgateway 1.11.3 are:
//
//   - A %2F in a path is part of a value.
//   - A path of a group with an empty component is rejected, not redirected to the path
//     of another group.
//   - The query parameter ttl of a push sets the TTL of the group.
//   - A push that would make a later scrape fail is rejected immediately.
//   - Scripts of other websites cannot use the API, unless the listener allows it.
//   - Bodies may be compressed with zstd, and their size is limited.
package pushgateway

import (
	"context"
	"iter"
	"net/http"
	"slices"
	"strings"
	"time"

	"code.cloudfoundry.org/lager/v3"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source"
	"github.com/signalbox-ci/signalbox/emitter/aggregator"
	"github.com/signalbox-ci/signalbox/internal/membudget"
	"github.com/signalbox-ci/signalbox/internal/methods"
)

// A Store holds the pushed groups. It is safe for concurrent use.
type Store interface {
	// Push applies a push. It returns an *aggregator.PushError if it rejects the push,
	// or applies it but cannot store it.
	Push(context.Context, aggregator.Push) error

	// Delete deletes the group with the labels, if there is one.
	Delete(context.Context, []aggregator.Label) error

	// List returns the groups, sorted by labels. The groups are not modified later.
	List() iter.Seq[aggregator.Group]

	// Wipe deletes all groups.
	Wipe(context.Context) error
}

// Options configure a handler. Store and Logger are required.
type Options struct {
	Store  Store
	Logger lager.Logger // for rejections

	// BodyBytes is the maximum size of a body after decompression. Zero means 16 MiB.
	BodyBytes int64

	// Buffer and Parse grant the memory for reading and for parsing bodies. Nil means
	// that memory is not limited.
	Buffer *membudget.Budget
	Parse  *membudget.Queue

	// ListBytes is the maximum size of the response to GET /api/v1/metrics. Zero means
	// 64 MiB.
	ListBytes int64

	// UTF8Names allows names of metrics and labels that are arbitrary UTF-8, and the
	// escaped names that the Pushgateway accepts in paths.
	UTF8Names bool

	// Admin enables wiping the store by PUT to /api/v1/admin/wipe.
	Admin bool

	// Page serves GET /metrics. If it is nil, the handler responds with status 404.
	Page http.Handler

	// Hidden, if not nil, returns why clients must not read metrics, or the empty
	// string if they may. The handler then responds with status 403 to requests for the
	// page and for groups and the status.
	Hidden func() string

	// Next serves requests for paths outside this API. If it is nil, the handler
	// responds with status 404.
	Next http.Handler

	// Flags, BuildInfo and StartTime are shown at /api/v1/status.
	Flags, BuildInfo map[string]string
	StartTime        time.Time

	// The metrics about the handler are registered with Registerer, if it is not nil.
	// Two handlers must not have the same Registerer.
	Registerer prometheus.Registerer
}

// A handler serves requests; see NewHandler.
type handler struct {
	Options
	listing    chan struct{} // contains an element for each list of groups being written
	metrics    metrics
	rejections *source.Rejections
}

// NewHandler returns a handler for the Pushgateway's API. It needs the paths of
// requests as clients sent them; see Handles.
func NewHandler(options Options) http.Handler {
	if options.Next == nil {
		options.Next = http.HandlerFunc(serveNotFound)
	}
	if options.BodyBytes == 0 {
		options.BodyBytes = 16 << 20
	}
	if options.ListBytes == 0 {
		options.ListBytes = 64 << 20
	}
	return &handler{
		Options:    options,
		listing:    make(chan struct{}, maxListings),
		metrics:    newMetrics(options.Registerer),
		rejections: source.NewRejections(options.Logger),
	}
}

// maxListings is the maximum number of requests for all groups that are served at the
// same time.
const maxListings = 2

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	escaped := r.URL.EscapedPath()
	clean := cleanPath(escaped)
	target, components := locate(clean)
	if target != otherPath && clean != escaped {
		if err := checkUnclean(escaped); target == groupEndpoint && err != nil {
			h.rejectGroup(w, r, badRequest(err))
			return
		}
		redirect(w, r, clean)
		return
	}

	switch target {
	case groupEndpoint:
		if allow(w, r, http.MethodDelete, http.MethodPost, http.MethodPut) {
			h.serveGroup(w, r, components)
		}
	case pageEndpoint:
		h.servePage(w, r)
	case metricsEndpoint:
		if h.mayRead(w) && allow(w, r, http.MethodGet) {
			h.serveMetrics(w)
		}
	case statusEndpoint:
		if h.mayRead(w) && allow(w, r, http.MethodGet) {
			h.serveStatus(w)
		}
	case wipeEndpoint:
		h.serveWipe(w, r)
	case quitEndpoint:
		if allow(w, r, http.MethodPost, http.MethodPut) {
			// Clients on the network must not be able to stop the daemon.
			reject(http.StatusForbidden, "the lifecycle API is not enabled").writeTo(w)
		}
	case unknownEndpoint:
		serveNotFound(w, r)
	default:
		h.Next.ServeHTTP(w, r)
	}
}

func serveNotFound(w http.ResponseWriter, _ *http.Request) {
	reject(http.StatusNotFound, "not found: push metrics to /metrics/job/<job>{/<label>/<value>}").writeTo(w)
}

// redirect redirects the client to a clean path. The path must be one of this API: it
// then begins with a component of the API, and cannot be mistaken for another host.
func redirect(w http.ResponseWriter, r *http.Request, clean string) {
	if r.URL.RawQuery != "" {
		clean += "?" + r.URL.RawQuery
	}
	w.Header().Set("Location", clean)
	w.WriteHeader(http.StatusTemporaryRedirect)
}

// allow reports whether a request has one of the methods. If not, it responds to the
// request. As in the Pushgateway, the response to OPTIONS lists the methods.
func allow(w http.ResponseWriter, r *http.Request, served ...string) bool {
	if slices.Contains(served, r.Method) {
		return true
	}

	reason := methods.NotAllowed(w.Header(), r.Method, served...)
	allowed := slices.Sorted(slices.Values(append(served, http.MethodOptions)))
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	if r.Method == http.MethodOptions {
		w.WriteHeader(http.StatusOK)
		return false
	}
	reject(http.StatusMethodNotAllowed, reason).writeTo(w)
	return false
}

// mayRead reports whether clients may read metrics. If not, it responds to the request.
// If they may, it forbids caches to keep the response.
func (h *handler) mayRead(w http.ResponseWriter) bool {
	if h.Hidden != nil {
		if why := h.Hidden(); why != "" {
			reject(http.StatusForbidden, why).writeTo(w)
			return false
		}
	}
	w.Header().Set("Cache-Control", "no-cache, no-store, must-revalidate")
	return true
}

// servePage serves the metrics page, if there is one.
func (h *handler) servePage(w http.ResponseWriter, r *http.Request) {
	if !h.mayRead(w) || !allow(w, r, http.MethodGet) {
		return
	}
	if h.Page == nil {
		reject(http.StatusNotFound, "this listener does not serve metrics: push metrics to /metrics/job/<job>{/<label>/<value>}").writeTo(w)
		return
	}
	h.Page.ServeHTTP(w, r)
}

func (h *handler) serveWipe(w http.ResponseWriter, r *http.Request) {
	if !h.Admin {
		reject(http.StatusNotFound, "the admin API is not enabled; --enable-admin-api enables it").writeTo(w)
		return
	}
	if !allow(w, r, http.MethodPut) {
		return
	}
	if rejected := h.wipe(r); rejected != nil {
		h.logRejection(r, "wipe-rejected", rejected)
		rejected.writeTo(w)
		return
	}
	w.WriteHeader(http.StatusAccepted)
}

func (h *handler) wipe(r *http.Request) *rejection {
	if _, err := source.Query(r.URL.RawQuery); err != nil {
		return badRequest(err)
	}
	if err := h.Store.Wipe(r.Context()); err != nil {
		return storeRejection(err)
	}
	return nil
}
