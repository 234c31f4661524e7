package source_test

import (
	"net/http"
	"net/http/httptest"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source"
)

var _ = Describe("Mux", func() {
	do := func(method, path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		source.NewMux("<nothing> here").ServeHTTP(w, httptest.NewRequest(method, path, nil))
		return w
	}

	DescribeTable("serves health checks",
		func(path string) {
			w := do(http.MethodGet, path)
			Expect(w.Code).To(Equal(http.StatusOK))
			Expect(w.Body.String()).To(Equal("OK"))

			w = do(http.MethodDelete, path)
			Expect(w.Code).To(Equal(http.StatusMethodNotAllowed))
			Expect(w.Header()).To(HaveKeyWithValue("Allow", ConsistOf("GET, HEAD")))
			Expect(w.Body).To(MatchJSON(`{"error": "method DELETE not allowed, expected GET or HEAD"}`))
		},
		Entry("healthy", "/-/healthy"),
		Entry("ready", "/-/ready"),
	)

	It("responds with 404 to other paths, in JSON without HTML escapes", func() {
		w := do(http.MethodPost, "/events")
		Expect(w.Code).To(Equal(http.StatusNotFound))
		Expect(w.Header()).To(HaveKeyWithValue("Content-Type", ConsistOf("application/json")))
		Expect(w.Body.String()).To(Equal(`{"error":"<nothing> here"}` + "\n"))
	})
})
