package source

import (
	"io"
	"net/http"
)

// NewMux returns a mux that serves the health checks /-/healthy and /-/ready. For paths
// without a handler, it responds with status 404 and notFound as the error.
func NewMux(notFound string) *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("/-/healthy", serveOK)
	mux.HandleFunc("/-/ready", serveOK)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		Refuse(w, http.StatusNotFound, notFound)
	})
	return mux
}

func serveOK(w http.ResponseWriter, r *http.Request) {
	if !AllowMethods(w, r, http.MethodGet, http.MethodHead) {
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	io.WriteString(w, "OK") //nolint:errcheck // the client is gone
}
