package main

import (
	"net/http"
	"net/http/httptest"
	"strings"

	"code.cloudfoundry.org/lager/v3/lagertest"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source"
)

var _ = Describe("The intake", func() {
	DescribeTable("serves",
		func(method, path string, status int, text string) {
			w := httptest.NewRecorder()
			handler := newIntake(lagertest.NewTestLogger("test"), source.Limits{}, &counter{})
			handler.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(startEvent)))
			Expect(w.Code).To(Equal(status))
			Expect(w.Body.String()).To(ContainSubstring(text))
		},
		Entry("events", "POST", "/api/v1/events", http.StatusOK, `"accepted":1`),
		Entry("health checks", "GET", "/-/healthy", http.StatusOK, "OK"),
		Entry("404 elsewhere, which says where events go", "POST", "/events", http.StatusNotFound,
			"not found: send events by POST to /api/v1/events, metrics of jobs by PUT or POST to /metrics/job/<job>, and metrics of agents by POST to /api/v1/agent-metrics"),
	)
})
