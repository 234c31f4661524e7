//go:build e2e

package endtoend

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

const recording = "../../emitter/testdata/concourse-a/"

// recordedEvents returns the lines of the recording up to the first marker.
func recordedEvents() []byte {
	GinkgoHelper()
	f, err := os.Open(recording + "events.ndjson.gz")
	Expect(err).NotTo(HaveOccurred())
	defer f.Close()
	unzipped, err := gzip.NewReader(f)
	Expect(err).NotTo(HaveOccurred())
	all, err := io.ReadAll(unzipped)
	Expect(err).NotTo(HaveOccurred())
	marker := bytes.Index(all, []byte(`"marker":"scrape-1"`))
	Expect(marker).To(BeNumerically(">", 0))
	return all[:bytes.LastIndexByte(all[:marker], '\n')+1]
}

// recordedPage returns the samples on the page that the recorded node served at the
// first marker, by key as in result.key.
func recordedPage() map[string]float64 {
	GinkgoHelper()
	page, err := os.ReadFile(recording + "metrics-1.txt")
	Expect(err).NotTo(HaveOccurred())
	samples := map[string]float64{}
	for line := range strings.Lines(string(page)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		i := strings.LastIndexByte(line, ' ')
		value, err := strconv.ParseFloat(strings.TrimSpace(line[i:]), 64)
		Expect(err).NotTo(HaveOccurred())
		r := result{Metric: map[string]string{}}
		name, labels, _ := strings.Cut(line[:i], "{")
		r.Metric["__name__"] = name
		for labels != "" && labels != "}" {
			var quoted string
			name, labels, _ = strings.Cut(strings.TrimPrefix(labels, ","), "=")
			quoted, err = strconv.QuotedPrefix(labels)
			Expect(err).NotTo(HaveOccurred(), line)
			labels = labels[len(quoted):]
			r.Metric[name], err = strconv.Unquote(quoted)
			Expect(err).NotTo(HaveOccurred(), line)
		}
		samples[r.key()] = value
	}
	return samples
}

func postEvents(url string, body []byte) string {
	GinkgoHelper()
	response, err := http.Post(url, "application/x-ndjson", bytes.NewReader(body))
	Expect(err).NotTo(HaveOccurred())
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	Expect(err).NotTo(HaveOccurred())
	Expect(response.StatusCode).To(Equal(http.StatusOK), string(answer))
	return string(answer)
}

func get(url, accept string) string {
	GinkgoHelper()
	r, err := http.NewRequest(http.MethodGet, url, nil)
	Expect(err).NotTo(HaveOccurred())
	r.Header.Set("Accept", accept)
	response, err := http.DefaultClient.Do(r)
	Expect(err).NotTo(HaveOccurred())
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	Expect(err).NotTo(HaveOccurred())
	return string(body)
}

var _ = Describe("A real Prometheus that scrapes signalbox", Ordered, func() {
	var (
		signalbox  *signalbox
		prometheus *prometheusServer
	)
	const workers = `{__name__=~"concourse_workers_.+",worker!=""}`

	BeforeAll(func() {
		signalbox = startSignalbox("--prometheus-worker-stale-after=15s", "--prometheus-gc-interval=200ms")
		prometheus = startPrometheus(signalbox.metrics)
	})

	It("stores the same samples as from the recorded node", func() {
		Expect(postEvents(signalbox.events, recordedEvents())).To(ContainSubstring(`"unknown":0`))
		want := recordedPage()
		Eventually(func(g Gomega) {
			got := prometheus.values(`{__name__=~"concourse_.+"}`)
			for sample, value := range want {
				g.Expect(got).To(HaveKeyWithValue(sample, value))
			}
		}, "12s", "200ms").Should(Succeed())
	})

	It("no longer sees the series of stale workers", func() {
		Expect(prometheus.values(workers)).NotTo(BeEmpty())
		Eventually(prometheus.sees(workers), "60s", "200ms").Should(BeEmpty())
		Expect(prometheus.values("concourse_builds_finished_total")).NotTo(BeEmpty())
		Expect(prometheus.values("signalbox_workers_collected_total > 0")).NotTo(BeEmpty())

		postEvents(signalbox.events, []byte(`{"name":"worker tasks","value":3,"attributes":{"worker":"back","platform":"linux"}}`))
		Eventually(prometheus.sees("concourse_workers_tasks"), "5s", "100ms").
			Should(Equal(map[string]float64{"concourse_workers_tasks platform=linux worker=back": 3}))
	})

	It("saw the target up all the time", func() {
		Expect(prometheus.values("min_over_time(up[5m])")).To(Equal(map[string]float64{" ": 1}))
		Expect(prometheus.values("count_over_time(up[5m]) > 20")).NotTo(BeEmpty())
	})

	It("serves a page in which promtool objects only to inherited names", func() {
		for _, line := range promtoolFindings(get(signalbox.metrics, "text/plain")) {
			Expect(inherited).To(ContainElement(strings.Fields(line)[0]), line)
		}
	})

	It("receives pages that the strict parser of OpenMetrics accepts", func() {
		parse := exec.Command("/usr/bin/python3", "-c", `
import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse
print(len(list(parse(sys.stdin.read()))))`)
		parse.Stdin = strings.NewReader(get(signalbox.metrics, "application/openmetrics-text;version=1.0.0"))
		output, err := parse.CombinedOutput()
		Expect(err).NotTo(HaveOccurred(), string(output))
		families, err := strconv.Atoi(strings.TrimSpace(string(output)))
		Expect(err).NotTo(HaveOccurred())
		Expect(families).To(BeNumerically(">", 90))
	})

	It("exits with code 0 on SIGTERM", func() {
		signalbox.stop()
	})
})

// inherited lists the names that existing dashboards depend on, although Prometheus'
// linter objects to them.
var inherited = []string{
	"concourse_builds_finished",
	"concourse_caches_get_step_cache_hits",
	"concourse_caches_streamed_resource_caches",
	"concourse_error_logs",
	"concourse_gc_created_containers_to_be_garbage_collected",
	"concourse_gc_created_volumes_to_be_garbage_collected",
	"concourse_gc_creating_containers_to_be_garbage_collected",
	"concourse_gc_destroying_containers_to_be_garbage_collected",
	"concourse_gc_destroying_volumes_to_be_garbage_collected",
	"concourse_gc_failed_containers_to_be_garbage_collected",
	"concourse_gc_failed_volumes_to_be_garbage_collected",
	"concourse_jobs_schedulingDuration",
	"concourse_builds_latest_completed_build_status",
	"concourse_steps_wait_duration",
	"concourse_steps_waiting",
	"concourse_tasks_waiting",
	"concourse_volumes_orphaned_volumes_to_be_deleted",
	"concourse_volumes_volumes_streamed",
	"concourse_volumes_volumes_streamed_via_fallback",
}
