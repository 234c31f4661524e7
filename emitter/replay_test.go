package emitter_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"code.cloudfoundry.org/lager/v3"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/prometheus/common/expfmt"

	"github.com/signalbox-ci/signalbox/emitter"
	"github.com/signalbox-ci/signalbox/metric"
)

const recording = "testdata/concourse-a/"

// recorded is a line of the recording: an event or, if it has a Marker, a scrape.
type recorded struct {
	metric.Event
	Marker string
}

func readRecording() []recorded {
	f, err := os.Open(recording + "events.ndjson.gz")
	Expect(err).NotTo(HaveOccurred())
	defer f.Close()
	unzipped, err := gzip.NewReader(f)
	Expect(err).NotTo(HaveOccurred())

	var lines []recorded
	scanner := bufio.NewScanner(unzipped)
	for scanner.Scan() {
		var line recorded
		Expect(json.Unmarshal(scanner.Bytes(), &line)).To(Succeed())
		lines = append(lines, line)
	}
	Expect(scanner.Err()).NotTo(HaveOccurred())
	return lines
}

// A sweep is a garbage collection by the recorded node: a line of sweeps.ndjson.
type sweep struct {
	AfterEvents int `json:"after_events"`
	Time        time.Time
	Removed     []string
}

func readSweeps() (sweeps []sweep) {
	b, err := os.ReadFile(recording + "sweeps.ndjson")
	Expect(err).NotTo(HaveOccurred())
	for line := range bytes.Lines(b) {
		var s sweep
		Expect(json.Unmarshal(line, &s)).To(Succeed())
		sweeps = append(sweeps, s)
	}
	return sweeps
}

// A page is a parsed metrics page: the values of its samples by name and labels, and
// the types of its families.
type page struct {
	samples map[string]string
	types   map[string]string
}

func readPage(text string) page {
	p := page{map[string]string{}, map[string]string{}}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if name, ok := strings.CutPrefix(line, "# TYPE "); ok {
			name, typ, _ := strings.Cut(name, " ")
			p.types[name] = typ
		} else if !strings.HasPrefix(line, "#") {
			i := strings.LastIndexByte(line, ' ')
			p.samples[line[:i]] = line[i+1:]
		}
	}
	return p
}

// ours lists the families that Signalbox has and the recorded node does not have. Some
// are new; one is from an older version of Concourse.
var ours = []string{
	"concourse_workers_last_seen_timestamp_seconds",
	"concourse_lidar_check_queue_size",
	"concourse_containers_created_total", "concourse_containers_deleted_total", "concourse_containers_failed_total",
	"concourse_volumes_created_total", "concourse_volumes_deleted_total", "concourse_volumes_failed_total",
}

func familyOf(sample string) string {
	name, _, _ := strings.Cut(sample, "{")
	return name
}

// withoutOurs removes the families that Concourse does not have, and returns p.
func (p page) withoutOurs() page {
	isOurs := func(name, _ string) bool {
		return strings.HasPrefix(name, "signalbox_") || slices.Contains(ours, familyOf(name))
	}
	maps.DeleteFunc(p.samples, isOurs)
	maps.DeleteFunc(p.types, isOurs)
	return p
}

// split separates the samples of families about individual workers from all others.
func (p page) split() (rest, workers map[string]string) {
	rest, workers = map[string]string{}, map[string]string{}
	for name, value := range p.samples {
		if family := familyOf(name); strings.HasPrefix(family, "concourse_workers_") && family != "concourse_workers_registered" {
			workers[name] = value
		} else {
			rest[name] = value
		}
	}
	return rest, workers
}

// A workerModel is a simple model of the series that workers should have. It uses only
// the events and their times.
type workerModel struct {
	seen    map[string]time.Time            // last heartbeat, by worker
	updated map[string]map[string]time.Time // last update of samples of heartbeat families, by worker and sample
	owned   map[string]map[string]bool      // samples of other families, by worker and sample
}

func newWorkerModel() *workerModel {
	return &workerModel{map[string]time.Time{}, map[string]map[string]time.Time{}, map[string]map[string]bool{}}
}

func (m *workerModel) emit(e metric.Event) {
	worker := e.Attributes["worker"]
	what, isWorkers := strings.CutPrefix(e.Name, "worker ")
	if !isWorkers || what == "state" {
		return
	}
	if m.updated[worker] == nil {
		m.updated[worker] = map[string]time.Time{}
		m.owned[worker] = map[string]bool{}
	}
	if kind, ok := strings.CutPrefix(what, "unknown "); ok {
		m.owned[worker][fmt.Sprintf("concourse_workers_unknown_%s{worker=%q}", kind, worker)] = true
		return
	}
	m.seen[worker] = e.Time
	if e.Attributes["platform"] == "" {
		return
	}
	sample := fmt.Sprintf("concourse_workers_%s{platform=%q,tags=%q,team=%q,worker=%q}",
		what, e.Attributes["platform"], e.Attributes["tags"], e.Attributes["team_name"], worker)
	if what == "tasks" {
		sample = fmt.Sprintf("concourse_workers_tasks{platform=%q,worker=%q}", e.Attributes["platform"], worker)
	}
	m.updated[worker][sample] = e.Time
}

func (m *workerModel) sweep(now time.Time, limit time.Duration) {
	for worker, seen := range m.seen {
		if now.Sub(seen) >= limit {
			delete(m.seen, worker)
			delete(m.updated, worker)
			delete(m.owned, worker)
		}
		for sample, at := range m.updated[worker] {
			if now.Sub(at) >= limit {
				delete(m.updated[worker], sample)
			}
		}
	}
}

func (m *workerModel) samples() (names []string) {
	for worker := range m.updated {
		names = slices.AppendSeq(names, maps.Keys(m.updated[worker]))
		names = slices.AppendSeq(names, maps.Keys(m.owned[worker]))
	}
	slices.Sort(names)
	return names
}

var _ = Describe("Replaying the recording of a Concourse node", func() {
	It("serves the same samples as the node, except for the series of removed workers", func() {
		const staleAfter = 2 * time.Minute
		now := time.Time{}
		config := &emitter.PrometheusConfig{
			BindIP: "127.0.0.1", BindPort: "0",
			WorkerStaleAfter: staleAfter, GCInterval: time.Hour, // the test collects garbage when the node did
			Clock: func() time.Time { return now },
		}
		e, err := config.NewEmitter(nil)
		Expect(err).NotTo(HaveOccurred())
		prometheus := e.(*emitter.Prometheus)
		DeferCleanup(prometheus.Close)

		logger := lager.NewLogger("replay")
		sweeps := readSweeps()
		workers := newWorkerModel()
		events, markers := 0, 0
		for _, line := range readRecording() {
			for len(sweeps) > 0 && sweeps[0].AfterEvents <= events {
				now = sweeps[0].Time
				prometheus.CollectGarbage()
				workers.sweep(now, staleAfter)
				sweeps = sweeps[1:]
			}
			if line.Marker == "" {
				now = line.Time
				prometheus.Emit(logger, line.Event)
				workers.emit(line.Event)
				events++
				continue
			}

			markers++
			var served bytes.Buffer
			Expect(emitter.WritePage(prometheus, &served, expfmt.NewFormat(expfmt.TypeTextPlain))).To(Succeed())
			recordedPage, err := os.ReadFile(fmt.Sprintf("%smetrics-%d.txt", recording, markers))
			Expect(err).NotTo(HaveOccurred())
			got, want := readPage(served.String()).withoutOurs(), readPage(string(recordedPage)).withoutOurs()

			gotRest, gotWorkers := got.split()
			wantRest, wantWorkers := want.split()
			Expect(gotRest).To(Equal(wantRest), "marker %d", markers)
			Expect(slices.Sorted(maps.Keys(gotWorkers))).To(Equal(workers.samples()), "marker %d", markers)
			for sample, value := range gotWorkers {
				Expect(wantWorkers).To(HaveKeyWithValue(sample, value), "marker %d", markers)
			}
			if markers == 1 {
				Expect(lines(got, served.String())).To(Equal(lines(want, string(recordedPage))), "the order of the samples differs")
				Expect(got.types).To(Equal(want.types))
			}
		}
		Expect(markers).To(Equal(4))
	})
})

// lines returns the lines of the page's text that are samples of p, in their order.
func lines(p page, text string) (samples []string) {
	for line := range strings.Lines(text) {
		if i := strings.LastIndexByte(line, ' '); i >= 0 && p.samples[line[:i]] != "" && line[0] != '#' {
			samples = append(samples, line)
		}
	}
	return samples
}

// totals returns the sums of the samples of a family by some of their labels.
func (p page) totals(family string, labels ...string) map[string]float64 {
	sums := map[string]float64{}
	for sample, value := range p.samples {
		if familyOf(sample) != family {
			continue
		}
		var key []string
		for _, label := range labels {
			_, after, _ := strings.Cut(sample, label+`="`)
			of, _, _ := strings.Cut(after, `"`)
			key = append(key, of)
		}
		v, err := strconv.ParseFloat(value, 64)
		Expect(err).NotTo(HaveOccurred())
		sums[strings.Join(key, " ")] += v
	}
	return sums
}

var _ = Describe("Replaying the recording with both catalogs", func() {
	It("has the same totals in the families of any CI system as the node in its own", func() {
		now := time.Time{}
		p := start(&emitter.PrometheusConfig{Catalog: "concourse,ci", Clock: func() time.Time { return now }}, nil)
		markers := 0
		for _, line := range readRecording() {
			if line.Marker == "" {
				now = line.Time
				p.Emit(nil, line.Event)
				continue
			}
			markers++
			var served bytes.Buffer
			Expect(emitter.WritePage(p, &served, expfmt.NewFormat(expfmt.TypeTextPlain))).To(Succeed())
			recordedPage, err := os.ReadFile(fmt.Sprintf("%smetrics-%d.txt", recording, markers))
			Expect(err).NotTo(HaveOccurred())
			got, node := readPage(served.String()), readPage(string(recordedPage))

			results := map[string]float64{}
			words := strings.NewReplacer("succeeded", "success", "failed", "failure", "errored", "error", "aborted", "cancellation")
			for key, n := range node.totals("concourse_builds_finished", "status", "team", "pipeline") {
				status, where, _ := strings.Cut(key, " ")
				results[words.Replace(status)+" "+where] += n
			}
			Expect(results).NotTo(BeEmpty())
			Expect(got.totals("ci_runs_finished_total", "result", "repository", "pipeline")).To(Equal(results))

			for _, same := range []struct{ ci, node string }{
				{"ci_run_duration_seconds_sum repository pipeline", "concourse_builds_duration_seconds_sum team pipeline"},
				{"ci_run_duration_seconds_count repository pipeline", "concourse_builds_duration_seconds_count team pipeline"},
				{"ci_runs_started_total", "concourse_builds_started_total"},
				{"ci_runs_active", "concourse_builds_running"},
				{"ci_job_queue_duration_seconds_sum runner_class", "concourse_steps_wait_duration_sum workerTags"},
				{"ci_job_queue_duration_seconds_count runner_class", "concourse_steps_wait_duration_count workerTags"},
			} {
				ci, of := strings.Fields(same.ci), strings.Fields(same.node)
				gotTotals, want := got.totals(ci[0], ci[1:]...), node.totals(of[0], of[1:]...)
				Expect(want).NotTo(BeEmpty(), same.node)
				Expect(gotTotals).To(HaveLen(len(want)), same.ci)
				for key, n := range want {
					Expect(gotTotals[key]).To(BeNumerically("~", n, 1e-6), "%s %q", same.ci, key)
				}
			}

			registered := node.totals("concourse_workers_registered", "state")
			Expect(got.totals("ci_workers", "state")).To(Equal(map[string]float64{"available": registered["running"], "offline": registered["stalled"]}))
		}
		Expect(markers).To(Equal(4))
	})
})
