//go:build e2e

package endtoend

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	mathrand "math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/scripts/internal/deliveries"
)

// lifeCycles generates deliveries about random life cycles of runs and jobs, and what
// they must add up to. The payloads are recorded ones with other IDs, states and times.
type lifeCycles struct {
	random *mathrand.Rand
	now    time.Time
	id     int

	// hooks are the deliveries to send. Those of phase 1 must be sent after those of
	// phase 0, in any order otherwise.
	hooks [2][]hook

	// expected contains the values of series by metric and labels, as result.key
	// returns them. runQueue is the least and the largest sum of the queue times of
	// runs by system: it depends on which job is reported first. queue contains the
	// queue times of jobs by system.
	expected map[string]float64
	runQueue map[string][2]float64
	queue    map[string][]float64
}

// A hook is a delivery by a CI system.
type hook struct {
	system string
	deliveries.Delivery
}

func newLifeCycles(seed int64) *lifeCycles {
	return &lifeCycles{
		random: mathrand.New(mathrand.NewPCG(uint64(seed), 0)), now: time.Now().UTC().Truncate(time.Second), id: 1000,
		expected: map[string]float64{}, runQueue: map[string][2]float64{}, queue: map[string][]float64{},
	}
}

// A payload is a decoded body.
type payload = map[string]any

// recorded returns a recorded delivery and its payload.
func recorded(system, name string) (hook, payload) {
	GinkgoHelper()
	d, err := deliveries.Read(filepath.Join(webhookRecordings, system, "testdata", name+".json"))
	Expect(err).NotTo(HaveOccurred())
	var p payload
	Expect(json.Unmarshal(d.Body, &p)).To(Succeed())
	return hook{system, d}, p
}

const webhookRecordings = "../../cmd/signalbox/internal/source"

// send adds a recorded delivery to those to send: not at all, once, or several times,
// with the same ID or another. It reports whether the delivery is sent at all. fields
// replace those of the object with the name, or of the whole payload.
func (l *lifeCycles) send(phase int, system, name, object string, fields payload) (sent bool) {
	GinkgoHelper()
	h, p := recorded(system, name)
	target := p
	if object != "" {
		target = p[object].(payload)
	}
	for name, value := range fields {
		if name == "action" || name == "builds" {
			p[name] = value
		} else {
			target[name] = value
		}
	}
	if l.random.IntN(10) == 0 {
		return false
	}
	var err error
	h.Body, err = json.Marshal(p)
	Expect(err).NotTo(HaveOccurred())
	h.SetID(rand.Text())
	l.hooks[phase] = append(l.hooks[phase], h)
	for range l.random.IntN(3) {
		copied := hook{system, h.Clone()}
		if l.random.IntN(2) == 0 {
			copied.SetID(rand.Text())
		}
		later := l.random.IntN(2)
		l.hooks[max(phase, later)] = append(l.hooks[max(phase, later)], copied)
	}
	return true
}

// add adds to the expected value of a series. Labels are names and values.
func (l *lifeCycles) add(metric string, value float64, labels ...string) {
	r := result{Metric: map[string]string{"__name__": metric}}
	for i := 0; i < len(labels); i += 2 {
		r.Metric[labels[i]] = labels[i+1]
	}
	l.expected[r.key()] += value
}

// observe adds an observation to the expected values of a histogram.
func (l *lifeCycles) observe(metric string, value float64, labels ...string) {
	l.add(metric+"_count", 1, labels...)
	l.add(metric+"_sum", value, labels...)
}

func (l *lifeCycles) nextID() int { l.id++; return l.id }

// seconds returns a random duration of at least one second.
func (l *lifeCycles) seconds(most int) time.Duration {
	return time.Duration(1+l.random.IntN(most)) * time.Second
}

func (l *lifeCycles) pick(from ...string) string { return from[l.random.IntN(len(from))] }

func format(t time.Time, layout string) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format(layout)
}

// A modelJob is what the model knows of the life cycle of a job.
type modelJob struct {
	system, class, retry string
	result               string // empty if it never ends
	queue, run           time.Duration
	neverStarts          bool

	started, ended bool // a delivery that says so is sent
}

// count counts a job. Its start is known from deliveries about its start or its end.
func (l *lifeCycles) count(j modelJob) {
	known := !j.neverStarts && (j.started || j.ended)
	if known {
		l.observe("ci_job_queue_duration_seconds", j.queue.Seconds(), "system", j.system, "runner_class", j.class)
		l.queue[j.system] = append(l.queue[j.system], j.queue.Seconds())
	}
	if j.ended {
		l.add("ci_jobs_finished_total", 1, "system", j.system, "runner_class", j.class, "result", j.result, "retry", j.retry)
		if !j.neverStarts {
			l.observe("ci_job_duration_seconds", j.run.Seconds(), "system", j.system, "runner_class", j.class, "result", j.result)
		}
	}
}

// github generates a run of a workflow, which may be started again.
func (l *lifeCycles) github() {
	const system = "github"
	run := l.nextID()
	created := l.now.Add(-time.Hour - l.seconds(1800))
	begun := created
	for attempt := 1; attempt <= 1+l.random.IntN(2); attempt++ {
		conclusion, want := "", ""
		switch l.random.IntN(8) {
		case 0: // never ends
		case 1:
			conclusion, want = "skipped", "skip"
		case 2:
			conclusion, want = "startup_failure", "error"
		case 3:
			conclusion, want = "cancelled", "cancellation"
		case 4:
			conclusion, want = "failure", "failure"
		default:
			conclusion, want = "success", "success"
		}
		runs := want != "skip" && want != "error"
		end := begun.Add(l.seconds(1000))
		send := func(action, status, conclusion string, updated time.Time) bool {
			GinkgoHelper()
			fields := payload{"action": action, "id": run, "run_attempt": attempt, "status": status, "conclusion": nil,
				"created_at": format(created, time.RFC3339), "run_started_at": format(begun, time.RFC3339), "updated_at": format(updated, time.RFC3339)}
			if conclusion != "" {
				fields["conclusion"] = conclusion
			}
			return l.send(0, system, "workflow_run-life_b_rerun-1-requested", "workflow_run", fields)
		}
		queued := send("requested", "queued", "", begun)
		started := runs && send("in_progress", "in_progress", "", begun.Add(time.Second))
		ended := conclusion != "" && send("completed", "completed", conclusion, end)
		if queued || started || ended {
			l.add("ci_runs_queued_total", 1, "system", system)
		}
		if started || ended && runs {
			l.add("ci_runs_started_total", 1, "system", system)
		}
		if ended {
			l.add("ci_runs_finished_total", 1, "system", system, "result", want)
			if runs {
				l.observe("ci_run_duration_seconds", end.Sub(begun).Seconds(), "system", system, "result", want)
			}
		}

		var starts []float64 // known ones, since the beginning of the attempt
		for range l.random.IntN(4) {
			if start, ok := l.githubJob(run, attempt, begun, want); ok {
				starts = append(starts, start.Sub(begun).Seconds())
			}
		}
		if (queued || started || ended) && len(starts) > 0 {
			l.add("ci_run_queue_duration_seconds_count", 1, "system", system)
			bounds := l.runQueue[system]
			l.runQueue[system] = [2]float64{bounds[0] + slices.Min(starts), bounds[1] + slices.Max(starts)}
		}
		begun = begun.Add(20 * time.Minute)
	}
}

// githubJob generates a job of a run with the result. It returns when the job started,
// if a delivery that says so is sent.
func (l *lifeCycles) githubJob(run, attempt int, begun time.Time, of string) (start time.Time, known bool) {
	if of == "error" {
		return start, false // such runs have no jobs
	}
	id := l.nextID()
	j := modelJob{system: "github", class: "ubuntu-latest", queue: l.seconds(300), run: l.seconds(600), retry: "false"}
	labels, runner := []string{"ubuntu-latest"}, any("runner-1")
	if l.random.IntN(2) == 0 {
		j.class, labels = "gpu,linux", []string{"self-hosted", "linux", "gpu"}
	}
	if attempt > 1 {
		j.retry = "true"
	}
	created := begun.Add(time.Second)
	started, conclusion := created.Add(j.queue), ""
	end := started.Add(j.run)
	action := 3 // of the last delivery
	switch kind := l.random.IntN(9); {
	case of == "skip" || kind == 0:
		conclusion, j.result, j.neverStarts = "skipped", "skip", true
		j.class, labels, runner = "", []string{}, nil
		end, started = created, created.Add(-time.Second)
	case kind == 1:
		conclusion, j.result, j.neverStarts, runner = "cancelled", "cancellation", true, nil
		started, end = created, created.Add(j.queue)
	case kind == 2:
		action = 1 // stays in the queue
	case kind == 3:
		action = 2 // never ends
	case kind == 4:
		conclusion, j.result = "cancelled", "cancellation"
	case kind == 5:
		conclusion, j.result = "timed_out", "timeout"
	case kind == 6:
		conclusion, j.result = "failure", "failure"
	default:
		conclusion, j.result = "success", "success"
	}
	send := func(fields payload) bool {
		GinkgoHelper()
		maps.Copy(fields, payload{"id": id, "run_id": run, "run_attempt": attempt, "labels": labels, "created_at": format(created, time.RFC3339)})
		return l.send(0, j.system, "workflow_job-life_a-3-completed-success", "workflow_job", fields)
	}
	steps := []payload{
		{"name": "Set up job", "status": "completed", "conclusion": "success", "number": 1, "started_at": format(started, time.RFC3339)},
		{"name": "Run make", "status": "completed", "conclusion": "success", "number": 2, "started_at": format(started, time.RFC3339)},
	}
	if j.neverStarts {
		steps = []payload{}
	}
	if j.result != "skip" {
		send(payload{"action": "queued", "status": "queued", "conclusion": nil, "runner_name": nil, "runner_group_name": nil, "steps": []any{},
			"started_at": format(created, time.RFC3339), "completed_at": nil})
	}
	if action >= 2 && !j.neverStarts {
		j.started = send(payload{"action": "in_progress", "status": "in_progress", "conclusion": nil, "runner_name": runner, "steps": steps,
			"started_at": format(started, time.RFC3339), "completed_at": nil})
	}
	if action == 3 {
		j.ended = send(payload{"action": "completed", "status": "completed", "conclusion": conclusion, "runner_name": runner, "steps": steps,
			"started_at": format(started, time.RFC3339), "completed_at": format(end, time.RFC3339)})
	}
	l.count(j)
	return started, !j.neverStarts && (j.started || j.ended)
}

const gitlabTime = "2006-01-02 15:04:05 UTC"

// gitlab generates a pipeline, of which a job may be retried after its end.
func (l *lifeCycles) gitlab() {
	const system = "gitlab"
	id := l.nextID()
	created := l.now.Add(-time.Hour - l.seconds(1800))
	queue, run, rerun := l.seconds(200), l.seconds(600), l.seconds(600)
	started := created.Add(queue)
	finished := started.Add(run)
	again := finished.Add(20 * time.Second)
	status, want := "success", "success"
	runs, ends, retried := true, true, false
	switch l.random.IntN(7) {
	case 0:
		ends = false
	case 1:
		status, want, runs = "skipped", "skip", false
	case 2:
		status, want, runs = "canceled", "cancellation", false
	case 3:
		status, want = "canceled", "cancellation"
	case 4, 5:
		status, want, retried = "failed", "failure", true
	}
	send := func(phase int, status string, fields, build payload) bool {
		GinkgoHelper()
		maps.Copy(fields, payload{"id": id, "status": status, "created_at": format(created, gitlabTime), "builds": []payload{build}})
		return l.send(phase, system, "pipeline-life_a-3-running", "object_attributes", fields)
	}
	pending := payload{"id": 1, "status": "pending", "manual": false, "created_at": format(created, gitlabTime)}
	running := func(since time.Time) payload {
		return payload{"id": 1, "status": "running", "manual": false, "created_at": format(created, gitlabTime), "started_at": format(since, gitlabTime)}
	}
	finishedBuild := payload{"id": 1, "status": "success", "manual": false, "created_at": format(created, gitlabTime), "started_at": format(started, gitlabTime)}
	known := send(0, "created", payload{"queued_duration": nil}, pending)
	known = send(0, "pending", payload{"queued_duration": nil}, pending) || known
	active, ended, activeAgain, endedAgain := false, false, false, false
	if runs {
		active = send(0, "running", payload{"queued_duration": queue.Seconds()}, running(started))
	}
	if ends {
		fields := payload{"finished_at": format(finished, gitlabTime), "queued_duration": nil, "duration": nil}
		if runs {
			fields["queued_duration"], fields["duration"] = queue.Seconds(), run.Seconds()
		}
		ended = send(0, status, fields, finishedBuild)
	}
	if retried {
		activeAgain = send(1, "running", payload{"queued_duration": queue.Seconds()}, running(again))
		endedAgain = send(1, "success", payload{"finished_at": format(again.Add(rerun), gitlabTime), "queued_duration": queue.Seconds(), "duration": (run + rerun).Seconds()}, finishedBuild)
	}
	if known || active || ended || activeAgain || endedAgain {
		l.add("ci_runs_queued_total", 1, "system", system)
	}
	if runs && (active || ended || activeAgain || endedAgain) {
		l.add("ci_runs_started_total", 1, "system", system)
		l.observe("ci_run_queue_duration_seconds", queue.Seconds(), "system", system)
		if ended && (activeAgain || endedAgain) {
			l.add("ci_runs_started_total", 1, "system", system)
		}
	}
	if ended {
		l.add("ci_runs_finished_total", 1, "system", system, "result", want)
		if runs {
			l.observe("ci_run_duration_seconds", run.Seconds(), "system", system, "result", want)
		}
	}
	if endedAgain {
		l.add("ci_runs_finished_total", 1, "system", system, "result", "success")
		l.observe("ci_run_duration_seconds", (run + rerun).Seconds(), "system", system, "result", "success")
	}
	for range l.random.IntN(4) {
		if failed := l.gitlabJob(id, 0, started); failed {
			l.gitlabJob(id, 1, started.Add(10*time.Minute))
		}
	}
}

// gitlabJob generates a job of a pipeline. It reports whether the job fails.
func (l *lifeCycles) gitlabJob(pipeline, retries int, created time.Time) (fails bool) {
	id := l.nextID()
	j := modelJob{system: "gitlab", class: l.pick("docker,linux", "windows"), retry: fmt.Sprint(retries > 0),
		queue: l.seconds(300) - 500*time.Millisecond, run: l.seconds(600) + 250*time.Millisecond}
	started := created.Add(j.queue)
	status, reason, last := "success", "unknown_failure", 3
	switch l.random.IntN(9) {
	case 0:
		status, j.result, j.neverStarts, j.class = "skipped", "skip", true, ""
	case 1:
		status, j.result, j.neverStarts, j.class = "canceled", "cancellation", true, ""
	case 2:
		last = 1
	case 3:
		last = 2
	case 4:
		status, j.result = "canceled", "cancellation"
	case 5:
		status, j.result, reason = "failed", "timeout", "job_execution_timeout"
	case 6:
		status, j.result, reason = "failed", "error", "runner_system_failure"
	case 7:
		status, j.result, reason = "failed", "failure", "script_failure"
	default:
		j.result = "success"
	}
	send := func(status string, fields payload) bool {
		GinkgoHelper()
		maps.Copy(fields, payload{"build_id": id, "pipeline_id": pipeline, "build_status": status, "retries_count": retries, "build_created_at": format(created, gitlabTime)})
		return l.send(0, j.system, "build-life_a-4-success", "", fields)
	}
	runner := payload{"id": 7, "description": "runner", "runner_type": "instance_type", "tags": strings.Split(j.class, ",")}
	if j.neverStarts {
		runner = nil
	}
	send("created", payload{"runner": nil, "build_started_at": nil, "build_finished_at": nil, "build_duration": nil, "build_queued_duration": nil})
	if j.result != "skip" {
		send("pending", payload{"runner": nil, "build_started_at": nil, "build_finished_at": nil, "build_duration": nil, "build_queued_duration": 0.1})
	}
	times := payload{"runner": runner, "build_started_at": format(started, gitlabTime), "build_finished_at": nil, "build_duration": nil, "build_queued_duration": j.queue.Seconds()}
	if last >= 2 && !j.neverStarts {
		j.started = send("running", maps.Clone(times))
	}
	if last == 3 {
		times["build_finished_at"], times["build_duration"] = format(started.Add(j.run), gitlabTime), j.run.Seconds()
		if j.neverStarts {
			times["build_started_at"], times["build_duration"], times["build_queued_duration"] = nil, nil, 3.5
		}
		times["build_failure_reason"] = reason
		j.ended = send(status, times)
	}
	l.count(j)
	return status == "failed"
}

// quantile returns what histogram_quantile returns for the values in a histogram with
// the bounds.
func quantile(q float64, values, bounds []float64) float64 {
	rank, below, lower := q*float64(len(values)), 0.0, 0.0
	for _, upper := range bounds {
		in := 0.0
		for _, v := range values {
			if v > lower && v <= upper || lower == 0 && v <= upper {
				in++
			}
		}
		if below+in >= rank {
			return lower + (upper-lower)*(rank-below)/in
		}
		below, lower = below+in, upper
	}
	return lower
}
