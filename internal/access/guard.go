// Package access decides which requests a listener accepts. It rejects those that a
// website sends through the browser of a user, and those without valid credentials.
package access

import (
	"net"
	"net/http"

	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/internal/excerpt"
)

// Options configure a Guard. Logger is required.
type Options struct {
	// Hosts are the additional names that the Host header of a request may have; see
	// CheckHost. If there are none, the Guard checks the header only if Address is a
	// loopback address.
	Hosts   []string
	Address net.Addr // of the listener

	// Origins are the origins of websites that may use the listener from a browser; see
	// CheckOrigin. By default, none may.
	Origins []string

	// Tokens, if not nil, are required from clients.
	Tokens *Tokens

	// Denials counts the requests that the Guard rejects. Nil means a new one, whose
	// counts nothing reads.
	Denials *Denials

	Logger func() lager.Logger // returns the current logger
}

// A Guard protects a listener. It passes a request to the listener's handler only if
//
//   - the Host header names the listener. Otherwise, a website could resolve its own name
//     to the address of the listener, and use the listener as if it were part of the
//     website (DNS rebinding).
//   - the request changes nothing, or does not come from another website.
//   - the request has valid credentials, if any are required.
//
// It passes on all health checks, because load balancers and kubelets have no
// credentials. It is safe for concurrent use.
type Guard struct {
	options Options
	origins *origins
	next    http.Handler
}

// New returns a Guard for the handler. The hosts and origins must be valid.
func New(o Options, next http.Handler) *Guard {
	if o.Denials == nil {
		o.Denials = NewDenials("")
	}
	g := &Guard{options: o, next: next}
	g.origins = newOrigins(o.Origins)
	return g
}

// ServeHTTP implements http.Handler.
func (g *Guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if isHealthCheck(r) {
		g.next.ServeHTTP(w, r)
		return
	}
	if !g.isKnownHost(r.Host) {
		g.deny(w, r, foreignHost, http.StatusForbidden, "the host "+excerpt.Quote(hostname(r.Host))+
			" is not allowed, because it could be that of a malicious website: add it with --allowed-host, or use localhost or an IP address")
		return
	}
	if g.origins.serveCORS(w, r) {
		return
	}
	if err := g.origins.protection.Check(r); err != nil {
		g.deny(w, r, crossOrigin, http.StatusForbidden, "requests that change something are not allowed from other websites: the Origin "+
			excerpt.Quote(r.Header.Get("Origin"))+" can be allowed with --cors-origin")
		return
	}
	if !g.authenticate(w, r) {
		return
	}
	g.next.ServeHTTP(w, r)
}

func isHealthCheck(r *http.Request) bool {
	return r.URL.RawPath == "" && (r.URL.Path == "/-/healthy" || r.URL.Path == "/-/ready")
}

// authenticate reports whether the request has the required credentials. If not, it
// responds to the request.
func (g *Guard) authenticate(w http.ResponseWriter, r *http.Request) bool {
	if g.options.Tokens == nil || g.options.Tokens.Authenticate(r) {
		return true
	}
	w.Header().Add("WWW-Authenticate", `Bearer realm="signalbox"`)
	reason, text := badCredentials, "invalid credentials"
	if r.Header.Get("Authorization") == "" {
		reason, text = noCredentials, "credentials are required"
	}
	g.deny(w, r, reason, http.StatusUnauthorized, text+": expected the header Authorization: Bearer with a valid token")
	return false
}

// deny responds to a request with the status and the text. It counts and logs the
// denial.
func (g *Guard) deny(w http.ResponseWriter, r *http.Request, why reason, status int, text string) {
	g.options.Denials.add(why, g.options.Logger, r, text)
	http.Error(w, text, status)
}
