package browser

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// A fakeServer is a reverse proxy in front of a daemon, below a path prefix. It serves
// the daemon's status page, but answers requests for the overview itself.
type fakeServer struct {
	page   string // URL of the status page
	server *httptest.Server

	mu       sync.Mutex
	overview http.HandlerFunc // answers requests for the overview
}

const prefix = "/behind/a/proxy"

// newFakeServer returns a fakeServer whose page shows the overview.
func newFakeServer(d *daemon, overview any) *fakeServer {
	GinkgoHelper()
	target, err := url.Parse(d.page)
	Expect(err).NotTo(HaveOccurred())
	s := &fakeServer{}
	s.show(overview)
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	s.server = httptest.NewServer(http.StripPrefix(prefix, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/api/v1/overview") {
			proxy.ServeHTTP(w, r)
			return
		}
		s.mu.Lock()
		overview := s.overview
		s.mu.Unlock()
		overview(w, r)
	})))
	DeferCleanup(s.server.Close)
	s.page = s.server.URL + prefix + "/"
	return s
}

// show answers requests for the overview with the given one from now on.
func (s *fakeServer) show(overview any) {
	GinkgoHelper()
	body, err := json.Marshal(overview)
	Expect(err).NotTo(HaveOccurred())
	s.handle(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Write(body) //nolint:errcheck // the page may have been closed
	})
}

// handle answers requests for the overview with the handler from now on.
func (s *fakeServer) handle(overview http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.overview = overview
}
