package main

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"code.cloudfoundry.org/lager/v3/lagertest"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/events"
	"github.com/signalbox-ci/signalbox/internal/access"
)

var _ = Describe("The intake", func() {
	DescribeTable("serves",
		func(method, path string, status int, text string) {
			w := httptest.NewRecorder()
			handler := newIntake(events.Options{Logger: lagertest.NewTestLogger("test"), Sink: &counter{}})
			handler.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(startEvent)))
			Expect(w.Code).To(Equal(status))
			Expect(w.Body.String()).To(ContainSubstring(text))
		},
		Entry("events", "POST", "/api/v1/events", http.StatusOK, `"accepted":1`),
		Entry("health checks", "GET", "/-/healthy", http.StatusOK, "OK"),
		Entry("404 with a hint on other paths", "POST", "/events", http.StatusNotFound,
			"not found: POST events to /api/v1/events, PUT or POST metrics of jobs to /metrics/job/<job>, POST metrics of agents to /api/v1/agent-metrics"),
	)
})

func TestHelpContainsTheURLOfTheIntake(t *testing.T) {
	for _, c := range []struct {
		ip, url string
	}{{"127.0.0.1", "http://127.0.0.1:19391/"}, {"::1", "http://[::1]:19391/"}, {"0.0.0.0", "http://{hostname}:19391/"}, {"::", "http://{hostname}:19391/"}} {
		address := &net.TCPAddr{IP: net.ParseIP(c.ip), Port: 19391}
		for _, log := range []bool{false, true} {
			sections := map[string]int{}
			for _, h := range (intakeHelp{address: address, access: access.Options{}, log: log}).OverviewReport(time.Time{}).Help {
				sections[h.Section]++
				if text := h.Text + h.Snippet; strings.Contains(text, "http:") && !strings.Contains(text, c.url) {
					t.Errorf("%s: got %q, expected %s", c.ip, text, c.url)
				}
			}
			if sections["groups"] == 0 || sections["agents"] == 0 || (sections["events"] == 0) != log {
				t.Errorf("%s, log=%t: got help for %v", c.ip, log, sections)
			}
		}
	}
}
