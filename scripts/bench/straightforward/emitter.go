// Package straightforward does the same work as Signalbox in the simplest way, with
// client_golang's vectors and a channel, and without optimizations. The benchmark
// compares Signalbox with it.
//
//	emitter.go    applies events to vectors, in a loop behind a channel
//	monitor.go    typed events, and the attributes that a scheduler adds to them
//	aggregator.go metrics pushed by agents, stored by formatted key
//	webhook.go    webhooks of GitHub, decoded by go-github
package straightforward

import (
	"sync"

	"code.cloudfoundry.org/lager/v3"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-ci/signalbox/metric"
)

// queueSize is the maximum number of events that wait for the loop.
const queueSize = 1000

// BuildBuckets are the buckets of build durations, in seconds.
var BuildBuckets = []float64{1, 60, 180, 300, 600, 900, 1200, 1800, 2700, 3600, 7200, 18000, 36000}

// An Emitter handles one event for each type of metric. Emit sends events to a channel,
// and a loop applies them. Emit waits while the channel is full, so that no event is
// dropped during a measurement.
type Emitter struct {
	queue chan queueItem
	done  sync.WaitGroup

	workerContainers                           *prometheus.GaugeVec
	buildsFinished, checksFinished             *prometheus.CounterVec
	buildsDuration, httpResponses              *prometheus.HistogramVec
	buildsTotal, buildsSucceeded, buildsFailed prometheus.Counter
	buildsAborted, buildsErrored               prometheus.Counter
	databaseQueries                            prometheus.Counter
	buildsRunning                              prometheus.Gauge
}

// A queueItem is an event and the logger for it, or a channel that the loop closes when
// it reaches the item.
type queueItem struct {
	logger  lager.Logger
	event   metric.Event
	flushed chan<- struct{}
}

// NewEmitter returns an Emitter and starts its loop.
func NewEmitter(registerer prometheus.Registerer) *Emitter {
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Namespace: "concourse", Name: name, Help: help})
		registerer.MustRegister(c)
		return c
	}
	counterVec := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "concourse", Name: name, Help: help}, labels)
		registerer.MustRegister(c)
		return c
	}
	gauge := func(name, help string) prometheus.Gauge {
		g := prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "concourse", Name: name, Help: help})
		registerer.MustRegister(g)
		return g
	}
	gaugeVec := func(name, help string, labels ...string) *prometheus.GaugeVec {
		g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "concourse", Name: name, Help: help}, labels)
		registerer.MustRegister(g)
		return g
	}
	histogramVec := func(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
		h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "concourse", Name: name, Help: help, Buckets: buckets}, labels)
		registerer.MustRegister(h)
		return h
	}
	e := &Emitter{
		queue: make(chan queueItem, queueSize),

		workerContainers: gaugeVec("workers_containers", "Containers on a worker.", "worker", "platform", "team", "tags"),
		buildsTotal:      counter("builds_finished_total", "Builds finished."),
		buildsSucceeded:  counter("builds_succeeded_total", "Builds succeeded."),
		buildsFailed:     counter("builds_failed_total", "Builds failed."),
		buildsAborted:    counter("builds_aborted_total", "Builds aborted."),
		buildsErrored:    counter("builds_errored_total", "Builds errored."),
		buildsFinished:   counterVec("builds_finished", "Builds finished, by job.", "team", "pipeline", "job", "status"),
		buildsDuration:   histogramVec("builds_duration_seconds", "How long builds took.", BuildBuckets, "team", "pipeline", "job"),
		buildsRunning:    gauge("builds_running", "Builds running."),
		httpResponses:    histogramVec("http_responses_duration_seconds", "How long requests took.", prometheus.DefBuckets, "method", "route", "status"),
		databaseQueries:  counter("db_queries_total", "Database queries."),
		checksFinished:   counterVec("lidar_checks_finished_total", "Checks finished.", "status"),
	}
	e.done.Go(e.loop)
	return e
}

// Emit queues an event. It waits while the queue is full.
func (e *Emitter) Emit(logger lager.Logger, event metric.Event) {
	e.queue <- queueItem{logger: logger, event: event}
}

// Flush returns when all events that were queued before are applied.
func (e *Emitter) Flush() {
	flushed := make(chan struct{})
	e.queue <- queueItem{flushed: flushed}
	<-flushed
}

// Close applies all queued events and stops the loop.
func (e *Emitter) Close() {
	close(e.queue)
	e.done.Wait()
}

func (e *Emitter) loop() {
	for q := range e.queue {
		if q.flushed != nil {
			close(q.flushed)
			continue
		}
		e.apply(q.logger, q.event)
	}
}

func (e *Emitter) apply(logger lager.Logger, event metric.Event) {
	a := event.Attributes
	switch event.Name {
	case "builds running":
		e.buildsRunning.Set(event.Value)
	case "build finished":
		e.buildFinished(event)
	case "worker containers":
		e.workerContainers.With(prometheus.Labels{
			"worker": a["worker"], "platform": a["platform"], "team": a["team_name"], "tags": a["tags"],
		}).Set(event.Value)
	case "http response time":
		e.httpResponses.With(prometheus.Labels{
			"method": a["method"], "route": a["route"], "status": a["status"],
		}).Observe(event.Value / 1000)
	case "database queries":
		e.databaseQueries.Add(event.Value)
	case "checks finished":
		e.checksFinished.With(prometheus.Labels{"status": a["status"]}).Add(event.Value)
	default:
		logger.Info("unknown-event", lager.Data{"name": event.Name})
	}
}

func (e *Emitter) buildFinished(event metric.Event) {
	a := event.Attributes
	e.buildsTotal.Inc()
	e.buildsFinished.With(prometheus.Labels{
		"team": a["team_name"], "pipeline": a["pipeline"], "job": a["job"], "status": a["build_status"],
	}).Inc()
	switch a["build_status"] {
	case "succeeded":
		e.buildsSucceeded.Inc()
	case "failed":
		e.buildsFailed.Inc()
	case "aborted":
		e.buildsAborted.Inc()
	case "errored":
		e.buildsErrored.Inc()
	}
	e.buildsDuration.With(prometheus.Labels{
		"team": a["team_name"], "pipeline": a["pipeline"], "job": a["job"],
	}).Observe(event.Value / 1000)
}
