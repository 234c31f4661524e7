package emitter_test

import (
	"net/http"
	"net/http/httptest"

	"code.cloudfoundry.org/lager/v3"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/emitter"
	"github.com/signalbox-ci/signalbox/metric"
)

var _ = Describe("An emitter with Handler", func() {
	var (
		p   *emitter.Prometheus
		mux *http.ServeMux
	)
	BeforeEach(func() {
		monitor := metric.NewMonitor()
		monitor.RegisterEmitter(&emitter.PrometheusConfig{Handler: true})
		Expect(monitor.Initialize(nil, "web-1", nil, 0)).To(Succeed())
		DeferCleanup(func(ctx SpecContext) { Expect(monitor.Close(ctx)).To(Succeed()) })
		Expect(monitor.Emitters()).To(HaveLen(1), "the emitter is not configured")
		p = monitor.Emitters()[0].(*emitter.Prometheus)
		monitor.Emit(lager.NewLogger("test"), event("lock held", 1, attributes{"type": "Batch"}))

		mux = http.NewServeMux()
		mux.Handle("/signalbox/", http.StripPrefix("/signalbox", p.Handler()))
	})
	get := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return w
	}

	It("serves the pages of a listener below any prefix", func() {
		Expect(get("/signalbox/metrics").Body.String()).To(ContainSubstring("\nconcourse_locks_held{type=\"Batch\"} 1\n"))
		Expect(get("/signalbox/api/v1/overview").Body.String()).To(ContainSubstring(`"received":1,`))
		Expect(get("/signalbox/-/healthy").Code).To(Equal(http.StatusOK))
		Expect(get("/signalbox/-/ready").Code).To(Equal(http.StatusOK))
		Expect(get("/signalbox/assets/page.js").Code).To(Equal(http.StatusOK))
		missing := get("/signalbox/nothing")
		Expect(missing.Code).To(Equal(http.StatusNotFound))
		Expect(missing.Body.String()).To(Equal("not found: the metrics are at /metrics, and the status page is at /\n"))

		page := get("/signalbox/")
		Expect(page.Body.String()).To(ContainSubstring(`src="assets/page.js"`), "the link is not relative to the page")
		Expect(page.Header()).To(HaveKey("Content-Security-Policy"))
		Expect(get("/signalbox").Header()).To(HaveKeyWithValue("Location", []string{"/signalbox/"}))
	})

	It("has no address", func() {
		Expect(p.Addr()).To(BeEmpty())
		Expect(p.URL()).To(BeEmpty())
	})

	It("can have a listener as well", func() {
		p := start(&emitter.PrometheusConfig{Handler: true, BindIP: "127.0.0.1", BindPort: "0"}, nil)
		Expect(scrape(p)).To(ContainSubstring("signalbox_build_info"))
		Expect(p.Handler()).NotTo(BeNil())
	})

	It("requires both an address and a port if one of them is set", func() {
		for _, config := range []emitter.PrometheusConfig{{Handler: true, BindIP: "127.0.0.1"}, {Handler: true, BindPort: "0"}} {
			_, err := config.NewEmitter(nil)
			Expect(err).To(MatchError(ContainSubstring("--prometheus-bind-")))
		}
	})
})
