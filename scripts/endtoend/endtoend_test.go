//go:build e2e

// Package endtoend runs the built signalbox beside a real Prometheus, and asks
// that what it got. It is run by scripts/e2e.
package endtoend

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

func TestEndToEnd(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "end to end")
}

const recording = "../../emitter/testdata/concourse-a/"

// A daemon is a process that the test started, and ends.
type daemon struct {
	command *exec.Cmd
	exited  chan error
}

func start(stderr io.Writer, name string, args ...string) *daemon {
	GinkgoHelper()
	d := &daemon{command: exec.Command(name, args...), exited: make(chan error, 1)}
	d.command.Stderr = stderr
	Expect(d.command.Start()).To(Succeed())
	go func() { d.exited <- d.command.Wait() }()
	DeferCleanup(func() { d.command.Process.Kill() })
	return d
}

// startSignalbox starts the daemon on free ports, and returns where it says that
// it serves metrics and takes events.
func startSignalbox(binary string, args ...string) (d *daemon, metrics, intake string) {
	GinkgoHelper()
	stderr, logs, err := os.Pipe()
	Expect(err).NotTo(HaveOccurred())
	d = start(logs, binary, append([]string{"run", "--prometheus-bind-port=0", "--intake-bind-port=0"}, args...)...)
	logs.Close()
	lines := bufio.NewScanner(stderr)
	for (metrics == "" || intake == "") && lines.Scan() {
		fmt.Fprintln(GinkgoWriter, lines.Text())
		var line struct {
			Message string
			Data    struct{ URL string }
		}
		Expect(json.Unmarshal(lines.Bytes(), &line)).To(Succeed(), lines.Text())
		switch line.Message {
		case "signalbox.serving-metrics":
			metrics = line.Data.URL
		case "signalbox.taking-events":
			intake = line.Data.URL
		}
	}
	Expect(metrics).NotTo(BeEmpty())
	Expect(intake).NotTo(BeEmpty())
	go io.Copy(io.Discard, stderr)
	return d, metrics, intake
}

func freePort() string {
	GinkgoHelper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	Expect(err).NotTo(HaveOccurred())
	defer l.Close()
	return l.Addr().String()
}

// A server is a running Prometheus.
type server struct{ url string }

func startPrometheus(target string) *server {
	GinkgoHelper()
	dir := GinkgoT().TempDir()
	config := filepath.Join(dir, "prometheus.yml")
	Expect(os.WriteFile(config, fmt.Appendf(nil, `
global:
  scrape_interval: 500ms
  scrape_timeout: 500ms
scrape_configs:
- job_name: signalbox
  honor_labels: true
  static_configs: [{targets: [%q]}]
`, target), 0o600)).To(Succeed())
	address := freePort()
	start(GinkgoWriter, "prometheus", "--config.file="+config, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+address)
	s := &server{"http://" + address}
	Eventually(func() error {
		response, err := http.Get(s.url + "/-/ready")
		if err == nil {
			response.Body.Close()
			if response.StatusCode != http.StatusOK {
				err = fmt.Errorf("not ready: %s", response.Status)
			}
		}
		return err
	}, "30s", "100ms").Should(Succeed())
	return s
}

// A result is one series of a query's answer.
type result struct {
	Metric map[string]string
	Value  [2]any // time and value
}

// key is the series as Signalbox's page writes it. Prometheus 2 takes the page
// as OpenMetrics, where bounds of buckets are written as floats.
func (r result) key() string {
	var labels []string
	for name, value := range r.Metric {
		if name == "le" {
			if le, err := strconv.ParseFloat(value, 64); err == nil && value != "+Inf" {
				value = strconv.FormatFloat(le, 'g', -1, 64)
			}
		}
		if name != "__name__" && name != "instance" && value != "" && (name != "job" || value != "signalbox") {
			labels = append(labels, fmt.Sprintf("%s=%s", name, value))
		}
	}
	slices.Sort(labels)
	return r.Metric["__name__"] + " " + strings.Join(labels, " ")
}

func (s *server) query(q string) (results []result) {
	GinkgoHelper()
	response, err := http.Get(s.url + "/api/v1/query?query=" + url.QueryEscape(q))
	Expect(err).NotTo(HaveOccurred())
	defer response.Body.Close()
	var answer struct {
		Status, Error string
		Data          struct{ Result []result }
	}
	Expect(json.NewDecoder(response.Body).Decode(&answer)).To(Succeed())
	Expect(answer.Status).To(Equal("success"), answer.Error)
	return answer.Data.Result
}

// values are the answer's series and their values.
func (s *server) values(q string) map[string]float64 {
	GinkgoHelper()
	values := map[string]float64{}
	for _, r := range s.query(q) {
		v, err := strconv.ParseFloat(r.Value[1].(string), 64)
		Expect(err).NotTo(HaveOccurred())
		values[r.key()] = v
	}
	return values
}

// recordedEvents are the lines of the recording up to the first marker.
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

// recordedPage are the samples of the page that the recorded node served at the
// first marker, in the form of result.key.
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

func post(url string, body []byte) string {
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

var _ = Describe("A real Prometheus, scraping signalbox", Ordered, func() {
	var (
		binary          string
		signalbox       *daemon
		metrics, intake string
		prometheus      *server
	)
	const workers = `{__name__=~"concourse_workers_.+",worker!=""}`

	BeforeAll(func() {
		binary = filepath.Join(GinkgoT().TempDir(), "signalbox")
		build, err := exec.Command("go", "build", "-o", binary, "../../cmd/signalbox").CombinedOutput()
		Expect(err).NotTo(HaveOccurred(), string(build))
		signalbox, metrics, intake = startSignalbox(binary, "--prometheus-worker-stale-after=15s", "--prometheus-gc-interval=200ms")
		target, err := url.Parse(metrics)
		Expect(err).NotTo(HaveOccurred())
		prometheus = startPrometheus(target.Host)
		Eventually(func() map[string]float64 { return prometheus.values("up") }, "10s", "100ms").Should(HaveKeyWithValue("up ", 1.0))
	})

	It("stores what the recorded node would have served", func() {
		Expect(post(intake, recordedEvents())).To(ContainSubstring(`"unknown":0`))
		want := recordedPage()
		Eventually(func(g Gomega) {
			got := prometheus.values(`{__name__=~"concourse_.+"}`)
			for sample, value := range want {
				g.Expect(got).To(HaveKeyWithValue(sample, value))
			}
		}, "12s", "200ms").Should(Succeed())
	})

	It("drops the series of workers that are not heard of any more", func() {
		Expect(prometheus.values(workers)).NotTo(BeEmpty())
		Eventually(func() map[string]float64 { return prometheus.values(workers) }, "60s", "200ms").Should(BeEmpty())
		Expect(prometheus.values("concourse_builds_finished_total")).NotTo(BeEmpty())
		Expect(prometheus.values("signalbox_workers_collected_total > 0")).NotTo(BeEmpty())

		post(intake, []byte(`{"name":"worker tasks","value":3,"attributes":{"worker":"back","platform":"linux"}}`))
		Eventually(func() map[string]float64 { return prometheus.values(`concourse_workers_tasks`) }, "5s", "100ms").
			Should(Equal(map[string]float64{"concourse_workers_tasks platform=linux worker=back": 3}))
	})

	It("has seen it up all the time", func() {
		Expect(prometheus.values("min_over_time(up[5m])")).To(Equal(map[string]float64{" ": 1}))
		Expect(prometheus.values("count_over_time(up[5m]) > 20")).NotTo(BeEmpty())
	})

	It("finds fault, with promtool, with inherited names only", func() {
		check := exec.Command("promtool", "check", "metrics")
		check.Stdin = strings.NewReader(get(metrics, "text/plain"))
		output, err := check.CombinedOutput()
		fmt.Fprintln(GinkgoWriter, string(output))
		if err != nil {
			Expect(check.ProcessState.ExitCode()).To(Equal(3), string(output)) // findings
		}
		for line := range strings.Lines(string(output)) {
			Expect(inherited).To(ContainElement(strings.Fields(line)[0]), line)
		}
	})

	It("gets pages that the strictest parser of OpenMetrics takes", func() {
		parse := exec.Command("/usr/bin/python3", "-c", `
import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse
print(len(list(parse(sys.stdin.read()))))`)
		parse.Stdin = strings.NewReader(get(metrics, "application/openmetrics-text;version=1.0.0"))
		output, err := parse.CombinedOutput()
		Expect(err).NotTo(HaveOccurred(), string(output))
		families, err := strconv.Atoi(strings.TrimSpace(string(output)))
		Expect(err).NotTo(HaveOccurred())
		Expect(families).To(BeNumerically(">", 90))
	})

	It("is left by SIGTERM with exit code 0", func(ctx context.Context) {
		Expect(signalbox.command.Process.Signal(syscall.SIGTERM)).To(Succeed())
		var err error
		Eventually(ctx, signalbox.exited).WithTimeout(15 * time.Second).Should(Receive(&err))
		Expect(err).NotTo(HaveOccurred())
	})
})

// inherited are the names that dashboards depend on, and that Prometheus' lint
// finds fault with.
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
