// Package secureheaders adds the HTTP headers that isolate the status page.
package secureheaders

import "net/http"

// contentSecurityPolicy allows the page its own files and nothing else: no inline
// script or style, no other server, and no markup made of text.
const contentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; " +
	"img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; " +
	"frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// Add returns a handler that adds the headers to all answers of the given one, errors
// and redirects included.
func Add(handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", contentSecurityPolicy)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")
		handler.ServeHTTP(w, r)
	})
}
