//go:build e2e

package endtoend

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// documentedQueries returns the queries that docs/concourse.md says keep working.
func documentedQueries() []string {
	GinkgoHelper()
	text, err := os.ReadFile("../../docs/concourse.md")
	Expect(err).NotTo(HaveOccurred())
	found := regexp.MustCompile("(?s)<!-- queries: .*?```promql\n(.*?)\n```").FindSubmatch(text)
	Expect(found).NotTo(BeNil())
	return strings.Split(string(found[1]), "\n")
}

// exactValues returns the values of a query by the exact labels of their series, except
// for the instance, whose address differs.
func (p *prometheusServer) exactValues(q string) map[string]string {
	GinkgoHelper()
	values := map[string]string{}
	for _, r := range p.query(q) {
		delete(r.Metric, "instance")
		var labels []string
		for _, name := range slices.Sorted(maps.Keys(r.Metric)) {
			labels = append(labels, name+"="+strconv.Quote(r.Metric[name]))
		}
		values[strings.Join(labels, ",")] = r.Value[1].(string)
	}
	return values
}

// Debian's Prometheus scrapes Signalbox as docs/concourse.md describes it, and the page
// that a web node served after the same events. Both Prometheus servers send their
// default Accept header, in which OpenMetrics is preferred.
var _ = Describe("A real Prometheus that scrapes signalbox in place of a Concourse web node", Ordered, func() {
	// ours are the series that the page of docs lists as differences.
	const ours = `__name__!~"concourse_(workers_last_seen_timestamp_seconds|lidar_check_queue_size|(containers|volumes)_(created|deleted|failed)_total)"`

	var signalboxes, nodes *prometheusServer

	BeforeAll(func() {
		page, err := os.ReadFile(recording + "metrics-1.txt")
		Expect(err).NotTo(HaveOccurred())
		node := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			// client_golang's default handler ignores that Prometheus prefers
			// OpenMetrics.
			w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8; escaping=underscores")
			w.Write(page) // if it fails, samples are missing
		}))
		DeferCleanup(node.Close)
		signalbox := startSignalbox("--prometheus-formats", "text")
		Expect(postEvents(signalbox.events, recordedEvents())).To(ContainSubstring(`"unknown":0`))
		signalboxes, nodes = startPrometheus(signalbox.metrics), startPrometheus(node.URL)
	})

	It("stores the same series, with the same labels and values", func() {
		const all = `{__name__=~"concourse_.+",` + ours + `}`
		want := nodes.exactValues(all)
		Expect(len(want)).To(BeNumerically(">", 2000))
		Expect(want).To(HaveKey(ContainSubstring(`le="60"`)))
		Expect(signalboxes.exactValues(all)).To(Equal(want))
		Expect(signalboxes.exactValues(`{__name__=~".+_created"}`)).To(BeEmpty())
	})

	It("answers the documented queries in the same way", func() {
		queries := documentedQueries()
		Expect(len(queries)).To(BeNumerically(">", 15))
		answered := 0
		for _, q := range queries {
			want := nodes.exactValues(q)
			Expect(signalboxes.exactValues(q)).To(Equal(want), q)
			if len(want) > 0 {
				answered++
			} else {
				AddReportEntry("a query without an answer", q)
			}
		}
		Expect(answered).To(BeNumerically(">=", len(queries)-2), "most queries have no answer")
	})
})
