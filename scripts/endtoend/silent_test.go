//go:build e2e

package endtoend

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// Clients that request the page and do not read it, from the same address as
// Prometheus, must not keep Prometheus from scraping, and must not delay the shutdown.
var _ = Describe("Clients that do not read", func() {
	const (
		workers = 40_000 // the page has several megabytes, more than the buffers of the kernel
		limit   = 2 * time.Second
	)

	It("do not keep others from scraping", func() {
		daemon := startSignalbox()
		var events strings.Builder
		for i := range workers {
			fmt.Fprintf(&events, `{"name":"worker tasks","value":1,"attributes":{"worker":"%s-%d","platform":"linux"}}`+"\n", strings.Repeat("w", 100), i)
		}
		response, err := http.Post(daemon.events, "application/x-ndjson", strings.NewReader(events.String()))
		Expect(err).NotTo(HaveOccurred())
		response.Body.Close()
		Expect(response.StatusCode).To(Equal(http.StatusOK))

		intake, err := url.Parse(daemon.events)
		Expect(err).NotTo(HaveOccurred())
		intake.Path = "/metrics"
		pages := []string{daemon.metrics, intake.String()}
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * limit}
		scrape := func(page string) {
			GinkgoHelper()
			begun := time.Now()
			response, err := client.Get(page)
			Expect(err).NotTo(HaveOccurred())
			defer response.Body.Close()
			Expect(response.StatusCode).To(Equal(http.StatusOK))
			body, err := io.ReadAll(response.Body)
			Expect(err).NotTo(HaveOccurred())
			Expect(strings.Count(string(body), "\nconcourse_workers_tasks{")).To(Equal(workers))
			Expect(time.Since(begun)).To(BeNumerically("<", limit))
		}
		for _, page := range pages {
			scrape(page)
		}
		for _, silent := range []int{16, 100, 1000} {
			By(fmt.Sprintf("%d clients on each listener", silent))
			for range silent {
				for _, page := range pages {
					u, err := url.Parse(page)
					Expect(err).NotTo(HaveOccurred())
					conn, err := net.Dial("tcp", u.Host)
					Expect(err).NotTo(HaveOccurred())
					DeferCleanup(conn.Close)
					fmt.Fprintf(conn, "GET /metrics HTTP/1.1\r\nHost: %s\r\n\r\n", u.Host)
				}
			}
			for range 5 {
				for _, page := range pages {
					scrape(page)
				}
			}
		}
		begun := time.Now()
		daemon.stop()
		Expect(time.Since(begun)).To(BeNumerically("<", 2*limit))
	})
})
