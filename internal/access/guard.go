// Package access decides which requests a listener accepts. It rejects those that a
// website sends through the browser of a user, and those without valid credentials.
package access

import (
	"fmt"
	"net"
	"net/http"
	"strings"

	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/internal/excerpt"
	"github.com/signalbox-ci/signalbox/internal/webconfig"
)

// Options configure a Guard. Logger is required.
type Options struct {
	// Hosts are the additional names that the Host header of a request may have; see
	// CheckHost. If there are none, the Guard checks the header only if Address is a
	// loopback address.
	Hosts   []string
	Address net.Addr // of the listener

	// AnyHost turns off the check of the Host header. It is for listeners that show
	// nothing and accept only signed requests, which often come through a proxy.
	AnyHost bool

	// Origins are the origins of websites that may use the listener from a browser; see
	// CheckOrigin. By default, none may.
	Origins    []string
	OriginFlag string // name of the flag that adds Origins, for error messages; may be empty

	// Tokens and WebConfig, if not nil, decide which credentials are required: one of
	// the tokens, or the name and password of one of the users in the web configuration
	// file. Either suffices. If there are no Tokens and no users, none are required.
	// The Guard also applies the headers and the rate limit in the file.
	Tokens    *Tokens
	WebConfig *webconfig.File

	// Denials counts the requests that the Guard rejects. Nil means a new one, whose
	// counts nothing reads.
	Denials *Denials

	Logger func() lager.Logger // returns the current logger
}

// A Guard protects a listener. It passes a request to the listener's handler only if
//
//   - the Host header names the listener. Otherwise, a website could resolve its own
//     name to the address of the listener, and use the listener as if it were part of
//     the website (DNS rebinding).
//   - the request changes nothing, or does not come from another website.
//   - the request has valid credentials, if any are required.
//
// It passes on all health checks. It is safe for concurrent use.
type Guard struct {
	options Options
	hosts   []string // Options.Hosts as they appear in the Host header
	origins *origins
	next    http.Handler
}

// New returns a Guard for the handler. The hosts and origins must be valid.
func New(o Options, next http.Handler) *Guard {
	if o.Denials == nil {
		o.Denials = NewDenials("")
	}
	g := &Guard{options: o, hosts: asciiHosts(o.Hosts), next: next}
	g.origins = newOrigins(o.Origins)
	return g
}

// ServeHTTP implements http.Handler.
func (g *Guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if isHealthCheck(r) {
		g.next.ServeHTTP(w, r)
		return
	}
	admission := webconfig.NoUsers
	if g.options.WebConfig != nil {
		admission = g.options.WebConfig.Admit(w.Header(), r)
	}
	if admission == webconfig.TooMany {
		g.deny(w, r, rateLimit, http.StatusTooManyRequests, "too many requests: the rate_limit of the web configuration file is exceeded")
		return
	}
	if !g.options.AnyHost && !g.isKnownHost(r.Host) {
		g.deny(w, r, foreignHost, http.StatusForbidden, "the host "+excerpt.Quote(hostname(r.Host))+
			" is not allowed, because it could be that of a malicious website: allow it with --allowed-host, or use localhost or an IP address")
		return
	}
	if g.origins.serveCORS(w, r) {
		return
	}
	if err := g.origins.protection.Check(r); err != nil {
		g.deny(w, r, crossOrigin, http.StatusForbidden, g.crossOriginText(r))
		return
	}
	if g.authenticate(w, r, admission) {
		g.next.ServeHTTP(w, r)
	}
}

// crossOriginText returns the error for a request that another website sent.
func (g *Guard) crossOriginText(r *http.Request) string {
	text := "a browser sent this request for another website"
	if origin := r.Header.Get("Origin"); origin != "" {
		text += " (Origin " + excerpt.Quote(origin) + ")"
	}
	text += ", which must not change anything here"
	switch flag := g.options.OriginFlag; {
	case flag == "":
	case g.origins.allowsAny():
		text += fmt.Sprintf(": %s %s allows only reading; to allow writing, name the website in another %s, such as https://ci.example.com", flag, anyOrigin, flag)
	default:
		text += ": allow it with " + flag
	}
	return text
}

// isHealthCheck reports whether a request is a health check. Programs that send health
// checks often cannot send credentials, and the answer is no secret.
func isHealthCheck(r *http.Request) bool {
	return r.URL.RawPath == "" && (r.URL.Path == "/-/healthy" || r.URL.Path == "/-/ready")
}

// authenticate reports whether the request has the required credentials. If not, it
// responds to the request.
func (g *Guard) authenticate(w http.ResponseWriter, r *http.Request, admission webconfig.Admission) bool {
	tokens := g.options.Tokens
	if admission == webconfig.Admitted || tokens == nil && admission == webconfig.NoUsers || tokens != nil && tokens.Authenticate(r) {
		return true
	}
	var expected []string
	if tokens != nil {
		w.Header().Add("WWW-Authenticate", `Bearer realm="signalbox"`)
		expected = append(expected, "the header Authorization: Bearer with a valid token")
	}
	if admission == webconfig.Unauthorized {
		w.Header().Add("WWW-Authenticate", `Basic realm="signalbox", charset="UTF-8"`)
		expected = append(expected, "basic authentication with the name and password of a user")
	}
	reason, text := badCredentials, "invalid credentials"
	if r.Header.Get("Authorization") == "" {
		reason, text = noCredentials, "credentials are required"
	}
	g.deny(w, r, reason, http.StatusUnauthorized, text+": expected "+strings.Join(expected, ", or "))
	return false
}

// deny responds to a request with the status and the text. It counts and logs the
// denial.
func (g *Guard) deny(w http.ResponseWriter, r *http.Request, why reason, status int, text string) {
	g.options.Denials.add(why, g.options.Logger, r, text)
	http.Error(w, text, status)
}
