// Package pushgateway serves the HTTP API of the Prometheus Pushgateway: jobs push
// metrics to it in groups, and delete them.
//
// It differs from the Pushgateway 1.11.3 as follows. A %2F in a path is part of a
// value. The query parameter ttl of a push sets the lifetime of its group. Pushes that
// would make a later scrape fail are refused immediately. Bodies may be compressed with
// zstd, and their size is limited.
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
	"github.com/signalbox-ci/signalbox/internal/methods"
)

// A Store holds the pushed groups. It is safe for concurrent use.
type Store interface {
	// Push applies a push. It returns an *aggregator.PushError if it refuses it.
	Push(context.Context, aggregator.Push) error

	// Delete deletes the group with the labels, if there is one.
	Delete(context.Context, []aggregator.Label) error

	// List returns the groups, sorted by labels. They do not change afterwards.
	List() iter.Seq[aggregator.Group]

	// Wipe deletes all groups.
	Wipe(context.Context) error
}

// Options configure a handler. Store and Logger are required.
type Options struct {
	Store  Store
	Logger lager.Logger // receives the refusals

	// BodyBytes is the maximum size of a body after decompression. 0 means 16 MiB. A
	// malicious body can take sixty times as much memory when it is decoded.
	BodyBytes int64

	// Admin enables wiping the store by PUT to /api/v1/admin/wipe.
	Admin bool

	// Page serves GET /metrics. If nil, such requests are answered with status 404.
	Page http.Handler

	// Next serves requests for paths outside this API. If nil, they are answered with
	// status 404.
	Next http.Handler

	// Flags, BuildInfo and StartTime are part of /api/v1/status.
	Flags, BuildInfo map[string]string
	StartTime        time.Time

	// Registerer, if not nil, receives the metrics about the handler. It must not have
	// those of another handler.
	Registerer prometheus.Registerer
}

// A handler serves requests; see NewHandler.
type handler struct {
	Options
	large      chan struct{} // has an element for each large body that is being parsed
	listing    chan struct{} // has an element for each list of groups that is being written
	metrics    metrics
	rejections *source.Rejections
}

// NewHandler returns the handler of the Pushgateway's API. It needs the paths of
// requests as the clients sent them; see Handles.
func NewHandler(options Options) http.Handler {
	if options.Next == nil {
		options.Next = http.HandlerFunc(serveNotFound)
	}
	if options.BodyBytes == 0 {
		options.BodyBytes = 16 << 20
	}
	return &handler{
		Options:    options,
		large:      make(chan struct{}, maxLargeBodies),
		listing:    make(chan struct{}, maxListings),
		metrics:    newMetrics(options.Registerer),
		rejections: source.NewRejections(options.Logger),
	}
}

// A parsed body takes fifty times its size. So the number of large bodies that are
// parsed at the same time is limited. They wait only after they were read, and small
// ones do not wait.
const (
	largeBody      = 1 << 20
	maxLargeBodies = 2
)

// maxListings is the maximum number of lists of all groups that are written at the same
// time.
const maxListings = 2

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	escaped := r.URL.EscapedPath()
	clean := cleanPath(escaped)
	where, components := locate(clean)
	if where != elsewhere && clean != escaped {
		redirect(w, r, clean)
		return
	}

	switch where {
	case theGroup:
		if allow(w, r, http.MethodDelete, http.MethodPost, http.MethodPut) {
			h.serveGroup(w, r, components)
		}
	case thePage:
		h.servePage(w, r)
	case theMetrics:
		setCORS(w)
		if allow(w, r, http.MethodGet) {
			h.serveMetrics(w)
		}
	case theStatus:
		setCORS(w)
		if allow(w, r, http.MethodGet) {
			h.serveStatus(w)
		}
	case theWipe:
		h.serveWipe(w, r)
	case theQuit:
		if allow(w, r, http.MethodPost, http.MethodPut) {
			// A client on the network must not be able to end the daemon.
			refuse(http.StatusForbidden, "the lifecycle API is not enabled").answer(w)
		}
	case nowhere:
		serveNotFound(w, r)
	default:
		h.Next.ServeHTTP(w, r)
	}
}

func serveNotFound(w http.ResponseWriter, _ *http.Request) {
	refuse(http.StatusNotFound, "not found: push metrics to /metrics/job/<job>{/<label>/<value>}").answer(w)
}

// redirect sends the client to a clean path, which locate knows. So the path begins
// with a component of this API and cannot be taken for another host.
func redirect(w http.ResponseWriter, r *http.Request, clean string) {
	if r.URL.RawQuery != "" {
		clean += "?" + r.URL.RawQuery
	}
	w.Header().Set("Location", clean)
	w.WriteHeader(http.StatusTemporaryRedirect)
}

// allow reports whether a request has one of the methods. If not, it answers the
// request. As in the Pushgateway, the answer to OPTIONS lists the methods.
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
	refuse(http.StatusMethodNotAllowed, reason).answer(w)
	return false
}

// servePage serves the metrics page, if there is one.
func (h *handler) servePage(w http.ResponseWriter, r *http.Request) {
	if !allow(w, r, http.MethodGet) {
		return
	}
	if h.Page == nil {
		refuse(http.StatusNotFound, "this listener does not serve metrics: push metrics to /metrics/job/<job>{/<label>/<value>}").answer(w)
		return
	}
	h.Page.ServeHTTP(w, r)
}

func (h *handler) serveWipe(w http.ResponseWriter, r *http.Request) {
	if !h.Admin {
		refuse(http.StatusNotFound, "the admin API is not enabled").answer(w)
		return
	}
	if r.Method == http.MethodOptions {
		setCORS(w)
	}
	if !allow(w, r, http.MethodPut) {
		return
	}
	if err := h.Store.Wipe(r.Context()); err != nil {
		refused := storeRefusal(err)
		h.logRefusal(r, "rejected-wipe", refused)
		refused.answer(w)
		return
	}
	w.WriteHeader(http.StatusAccepted)
}
