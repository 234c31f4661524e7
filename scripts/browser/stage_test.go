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

// A stage is a proxy before a daemon, below a path of its own, whose overview is
// what a test says: the page is the daemon's, and what it shows is not.
type stage struct {
	page   string // URL of the status page
	server *httptest.Server

	mu     sync.Mutex
	answer http.HandlerFunc // to what asks for the overview
}

const prefix = "/behind/a/proxy"

func newStage(d *daemon, overview any) *stage {
	GinkgoHelper()
	target, err := url.Parse(d.page)
	Expect(err).NotTo(HaveOccurred())
	s := &stage{}
	s.show(overview)
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	s.server = httptest.NewServer(http.StripPrefix(prefix, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/api/v1/overview") {
			proxy.ServeHTTP(w, r)
			return
		}
		s.mu.Lock()
		answer := s.answer
		s.mu.Unlock()
		answer(w, r)
	})))
	DeferCleanup(s.server.Close)
	s.page = s.server.URL + prefix + "/"
	return s
}

// show makes an overview what the page gets from now on.
func (s *stage) show(overview any) {
	GinkgoHelper()
	body, err := json.Marshal(overview)
	Expect(err).NotTo(HaveOccurred())
	s.say(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Write(body) //nolint:errcheck // the page is gone
	})
}

// say makes a handler answer the page from now on.
func (s *stage) say(answer http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}
