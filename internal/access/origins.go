package access

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/signalbox-ci/signalbox/internal/excerpt"
)

// anyOrigin is the origin that allows all websites to read.
const anyOrigin = "*"

// CheckOrigin returns an error unless an origin can be one of Options.Origins: an
// origin such as https://ci.example.com, whose pages may read from the listener and
// write to it, or *, which allows all websites to read.
func CheckOrigin(origin string) error {
	if origin == anyOrigin {
		return nil
	}
	u, err := url.Parse(origin)
	if err == nil && strings.Contains(u.Host, "*") {
		return fmt.Errorf("got %q, expected * or an origin such as https://ci.example.com: patterns are not supported", origin)
	}
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Scheme+"://"+u.Host != origin {
		return fmt.Errorf("got %q, expected * or an origin such as https://ci.example.com, without a path", origin)
	}
	if port := u.Port(); u.Scheme == "http" && port == "80" || u.Scheme == "https" && port == "443" {
		return fmt.Errorf("got %q, expected %s://%s: browsers omit the default port", origin, u.Scheme, u.Hostname())
	}
	ascii, err := toASCII(u.Hostname())
	if err != nil {
		return fmt.Errorf("got %s, expected * or an origin such as https://ci.example.com: %w", excerpt.Quote(origin), err)
	}
	if sent := u.Scheme + "://" + strings.ToLower(strings.Replace(u.Host, u.Hostname(), ascii, 1)); sent != origin {
		return fmt.Errorf("got %q, expected %s: browsers send it in this form", origin, sent)
	}
	return nil
}

// origins are the origins of websites that may use a listener from a browser.
type origins struct {
	allowed    []string
	protection *http.CrossOriginProtection // rejects writes from other websites
}

func newOrigins(allowed []string) *origins {
	o := &origins{allowed: allowed, protection: http.NewCrossOriginProtection()}
	for _, origin := range allowed {
		if origin == anyOrigin {
			continue
		}
		if err := o.protection.AddTrustedOrigin(origin); err != nil {
			panic("BUG: " + err.Error()) // CheckOrigin accepts only valid origins
		}
	}
	return o
}

// allowsAny reports whether all websites may read.
func (o *origins) allowsAny() bool { return slices.Contains(o.allowed, anyOrigin) }

// serveCORS sets the headers that allow scripts of the allowed origins to read the
// response. If the request is a preflight request, by which a browser asks whether a
// script may send another request, serveCORS responds to it and returns true. Such
// requests have no credentials.
func (o *origins) serveCORS(w http.ResponseWriter, r *http.Request) (done bool) {
	if len(o.allowed) == 0 {
		return false
	}
	header := w.Header()
	origin, methods := r.Header.Get("Origin"), "GET, HEAD"
	switch {
	case origin != "" && slices.Contains(o.allowed, origin):
		methods = "GET, HEAD, POST, PUT, DELETE"
	case o.allowsAny():
		origin = anyOrigin
	default:
		header.Add("Vary", "Origin")
		return false
	}
	if origin != anyOrigin || len(o.allowed) > 1 {
		header.Add("Vary", "Origin")
	}
	header.Set("Access-Control-Allow-Origin", origin)
	header.Set("Access-Control-Expose-Headers", "Accept-Encoding, Allow, Date, Idempotency-Replayed, Retry-After")
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	header.Set("Access-Control-Allow-Headers", "Accept, Authorization, Content-Encoding, Content-Type, Idempotency-Key")
	header.Set("Access-Control-Allow-Methods", methods)
	w.WriteHeader(http.StatusNoContent)
	return true
}
