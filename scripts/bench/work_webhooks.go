package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"syscall"
	"time"

	"github.com/jessevdk/go-flags"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/bench/straightforward"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/github"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/idempotency"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/tracker"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/webhook"
	"github.com/signalbox-ci/signalbox/emitter"
	"github.com/signalbox-ci/signalbox/internal/membudget"
	"github.com/signalbox-ci/signalbox/metric"
)

// In this contest, GitHub delivers webhooks about jobs that are queued, start and end.
// The bodies are real ones, in which the IDs and times are replaced; their median size,
// 7.8 kB, is close to that of all real bodies among the fixtures, 8.3 kB. Each job
// occurs once. The time is the processor time of the HTTP handlers, without that of
// net/http's server, which is the same for both. Signalbox does more work: it recognizes
// repeated deliveries, and keeps the state of each job.

const (
	goGithubName  = "go-github, client_golang"
	webhookSecret = "It's a secret to everybody"
	webhookJobs   = 1000 // in a turn
	firstJob      = 40_000_000_000
)

func webhookContests() []contest {
	return []contest{{
		name:       "webhooks",
		contenders: []contender{{signalboxName, deliver(signalboxWebhook)}, {goGithubName, deliver(goGithubWebhook)}},
		operations: webhookJobs * len(jobStates),
		compare: func(m *measurement) []comparison {
			return []comparison{{
				work: "Webhooks of GitHub jobs, 7.8 kB, signed", unit: unit{"deliveries/s per core", true},
				results: m.results(func(t turn) float64 { return float64(t.Operations) / t.Facts[factProcessorTime] }),
				goals:   []goal{{value: 3000}, {peer: goGithubName, value: 2, wide: true}},
			}}
		},
		quick: true,
	}}
}

// A webhookStore is a handler of webhooks, and the page with what they count.
type webhookStore struct{ hook, page http.Handler }

func signalboxWebhook() (*webhookStore, error) {
	p, err := newSignalbox(func(c *emitter.PrometheusConfig) { c.Catalog = "ci" })
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	secretFile := filepath.Join(dir, "secret")
	err = os.WriteFile(secretFile, []byte(webhookSecret), 0o600)
	if err != nil {
		return nil, err
	}
	source := github.NewSource()
	if _, err := flags.NewParser(source, flags.None).ParseArgs([]string{"--secret-file", secretFile}); err != nil {
		return nil, err
	}
	budgets := membudget.Divide(1 << 30)
	ids := idempotency.NewTable(idempotency.Options{MaxEntries: 50_000, Memory: budgets.IDs})
	receiver, err := webhook.New(webhook.Options{
		Logger:    logger,
		Sources:   []webhook.Source{source},
		Tracker:   tracker.New(tracker.Options{LabelInputs: p.Engine().LabelInputs}),
		IDs:       func(scope string) webhook.IDs { return ids.IDs(scope) },
		BodyBytes: 32 << 20,
		Buffer:    budgets.Buffer.Half(),
		Parse:     budgets.Parse,
	})
	if err := errors.Join(err, os.RemoveAll(dir)); err != nil {
		return nil, err
	}
	receiver.SetSink(sink{p})
	return &webhookStore{receiver.Handler(), p.Handler()}, nil
}

// A sink emits events. It implements source.Sink.
type sink struct{ *emitter.Prometheus }

func (s sink) Emit(event metric.Event, _ *metric.Outcome) { s.Prometheus.Emit(logger, event) }

func (s sink) Prepare(t metric.EventType) (func(*metric.Event, []string, *metric.Outcome), func([][]string)) {
	prepared := s.Prometheus.Prepare(t)
	return func(event *metric.Event, values []string, _ *metric.Outcome) {
		prepared.EmitValues(logger, event.Value, values)
	}, nil
}

func (sink) Malformed(error) {}

func goGithubWebhook() (*webhookStore, error) {
	registry := prometheus.NewRegistry()
	hook := straightforward.NewWebhook(registry, webhookSecret)
	return &webhookStore{hook, promhttp.HandlerFor(registry, promhttp.HandlerOpts{})}, nil
}

// deliver returns the task of delivering webhooks about jobs that did not occur before.
// All jobs of a turn are queued before the first one starts, and started before the
// first one ends.
func deliver(start func() (*webhookStore, error)) func() (*task, error) {
	return func() (*task, error) {
		runtime.GOMAXPROCS(1)
		store, err := start()
		if err != nil {
			return nil, err
		}
		bodies, err := readDeliveries()
		if err != nil {
			return nil, err
		}
		jobs, requests := 0, []*http.Request(nil)
		var took time.Duration
		return &task{
			before: func() error {
				if jobs > 0 {
					if err := store.check(jobs); err != nil {
						return err
					}
				}
				requests = requests[:0]
				ended := time.Now().Add(-10 * time.Second)
				for _, body := range bodies {
					for i := range webhookJobs {
						requests = append(requests, delivery(jobBody(body, firstJob+jobs+i, ended)))
					}
				}
				jobs += webhookJobs
				return nil
			},
			run: func(int) error {
				began := processorTime()
				defer func() { took = processorTime() - began }()
				for _, request := range requests {
					answer := &body{header: http.Header{}, w: io.Discard}
					store.hook.ServeHTTP(answer, request)
					if answer.status != http.StatusAccepted {
						return fmt.Errorf("got the status %d, expected 202", answer.status)
					}
				}
				return nil
			},
			facts: func() map[string]float64 { return map[string]float64{factProcessorTime: took.Seconds()} },
		}, nil
	}
}

// factProcessorTime is the processor time of a turn, in seconds. It is less disturbed
// by other processes than the wall time.
const factProcessorTime = "processor time"

// processorTime returns the processor time of this process.
func processorTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// The states of a job that are delivered, in order.
var jobStates = [...]string{"queued", "in_progress", "completed-success"}

// readDeliveries returns the body of a delivery for each state.
func readDeliveries() (bodies [len(jobStates)][]byte, err error) {
	for i, state := range jobStates {
		bodies[i], err = os.ReadFile("../../cmd/signalbox/internal/source/github/testdata/workflow_job-" + state + ".json")
		if err != nil {
			return bodies, err
		}
	}
	return bodies, nil
}

// delivery returns the request that delivers a body, with GitHub's headers.
func delivery(body []byte) *http.Request {
	mac := hmac.New(sha256.New, []byte(webhookSecret))
	mac.Write(body)
	request := httptest.NewRequest(http.MethodPost, "/webhooks/github", bytes.NewReader(body))
	for name, value := range map[string]string{
		"Accept": "*/*", "Content-Type": "application/json", "User-Agent": "GitHub-Hookshot/044aadd",
		"X-GitHub-Delivery": rand.Text(), "X-GitHub-Event": "workflow_job", "X-GitHub-Hook-ID": "292430182",
		"X-GitHub-Hook-Installation-Target-ID": "79929171", "X-GitHub-Hook-Installation-Target-Type": "organization",
		"X-Hub-Signature-256": fmt.Sprintf("sha256=%x", mac.Sum(nil)),
	} {
		request.Header.Set(name, value)
	}
	return request
}

var (
	jobID     = regexp.MustCompile(`"id": \d+`)
	runID     = regexp.MustCompile(`"run_id": \d+`)
	created   = regexp.MustCompile(`"created_at": "[^"]*"`)
	started   = regexp.MustCompile(`"started_at": "[^"]*"`)
	completed = regexp.MustCompile(`"completed_at": "[^"]*"`)
)

// jobBody returns the body with the ID and times of a job. Those of the job precede
// those of its steps.
func jobBody(body []byte, id int, ended time.Time) []byte {
	startTime := ended.Add(-2 * time.Minute)
	body = replaceFirst(body, jobID, `"id": %d`, id)
	body = replaceFirst(body, runID, `"run_id": %d`, id/10)
	body = replaceFirst(body, created, `"created_at": %q`, startTime.Add(-30*time.Second).UTC().Format(time.RFC3339))
	body = replaceFirst(body, started, `"started_at": %q`, startTime.UTC().Format(time.RFC3339))
	return replaceFirst(body, completed, `"completed_at": %q`, ended.UTC().Format(time.RFC3339))
}

// replaceFirst replaces the first match, if there is one.
func replaceFirst(body []byte, pattern *regexp.Regexp, format string, value any) []byte {
	at := pattern.FindIndex(body)
	if at == nil {
		return body
	}
	replaced := fmt.Appendf(append([]byte(nil), body[:at[0]]...), format, value)
	return append(replaced, body[at[1]:]...)
}

// check returns an error unless the page has exactly the jobs, all of which have ended.
func (s *webhookStore) check(jobs int) error {
	request, err := text.request()
	if err != nil {
		return err
	}
	var content bytes.Buffer
	if _, err := get(s.page, request, &content); err != nil {
		return err
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	page, err := parser.TextToMetricFamilies(&content)
	if err != nil {
		return err
	}
	if got := total(page["ci_jobs_finished_total"]); got != float64(jobs) {
		return fmt.Errorf("ci_jobs_finished_total: got %.0f, expected %d", got, jobs)
	}
	for name, each := range map[string]float64{"ci_job_queue_duration_seconds": 30, "ci_job_duration_seconds": 120} {
		var count, sum float64
		for _, m := range page[name].GetMetric() {
			count += float64(m.GetHistogram().GetSampleCount())
			sum += m.GetHistogram().GetSampleSum()
		}
		if count != float64(jobs) || sum != each*count {
			return fmt.Errorf("%s: got %.0f jobs with %.0f s, expected %d with %.0f s each", name, count, sum, jobs, each)
		}
	}
	active := page["ci_jobs_active"].GetMetric()
	for _, m := range active {
		if got := m.GetGauge().GetValue(); got != 0 {
			return fmt.Errorf("ci_jobs_active: got %.0f, expected 0", got)
		}
	}
	if len(active) == 0 {
		return errors.New("ci_jobs_active: got no series, expected 0")
	}
	return nil
}
