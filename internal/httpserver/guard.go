package httpserver

import (
	"net"
	"net/http"
	"time"

	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/internal/loglimit"
	"github.com/signalbox-ci/signalbox/internal/webconfig"
)

// A guard authenticates requests, and passes those that are allowed to the handler.
type guard struct {
	options Options
	began   time.Time
	limit   loglimit.Limiter
}

// newGuard returns the handler of the options, behind a guard if they require one.
func newGuard(o Options) http.Handler {
	if o.WebConfig == nil && o.Authenticate == nil {
		return o.Handler
	}
	return &guard{options: o, began: time.Now()}
}

// ServeHTTP implements http.Handler.
func (g *guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if isHealthCheck(r) {
		g.options.Handler.ServeHTTP(w, r)
		return
	}
	admission := webconfig.NoUsers
	if g.options.WebConfig != nil {
		admission = g.options.WebConfig.Admit(w.Header(), r)
	}
	switch {
	case admission == webconfig.TooMany:
		http.Error(w, "too many requests: the rate_limit of the web configuration file is exceeded", http.StatusTooManyRequests)
	case admission == webconfig.Admitted,
		g.options.Authenticate != nil && g.options.Authenticate(r),
		g.options.Authenticate == nil && admission == webconfig.NoUsers:
		g.options.Handler.ServeHTTP(w, r)
	default:
		g.reject(w, r, admission)
	}
}

// isHealthCheck reports whether a request is a health check. Programs that send health
// checks often cannot send passwords, and the answer is no secret.
func isHealthCheck(r *http.Request) bool {
	return r.URL.RawPath == "" && (r.URL.Path == "/-/healthy" || r.URL.Path == "/-/ready")
}

// reject answers a request that is not authenticated.
func (g *guard) reject(w http.ResponseWriter, r *http.Request, admission webconfig.Admission) {
	if admission == webconfig.Unauthorized {
		w.Header().Add("WWW-Authenticate", "Basic")
	}
	if g.options.Authenticate != nil {
		w.Header().Add("WWW-Authenticate", "Bearer")
	}
	http.Error(w, http.StatusText(http.StatusUnauthorized), http.StatusUnauthorized)
	if ok, unlogged := g.limit.Allow(time.Since(g.began)); ok {
		remote, _, _ := net.SplitHostPort(r.RemoteAddr)
		g.options.Logger().Info("request-unauthorized", lager.Data{"remote": remote, "path": r.URL.Path, "unlogged": unlogged})
	}
}
