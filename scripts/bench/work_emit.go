package main

import (
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/uber-go/tally/v4"
	tallyprometheus "github.com/uber-go/tally/v4/prometheus"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/bench/straightforward"
	"github.com/signalbox-ci/signalbox/emitter"
	"github.com/signalbox-ci/signalbox/metric"
)

// In these contests, each event updates a series. The events exist before the
// measurement starts, as those of a scheduler exist before they reach an emitter.
// Workers and jobs take turns, so that no series is always in the caches.

const emitWorkers = 1000

const (
	straightforwardName = "straightforward emitter"
	fromEventName       = "client_golang, `WithLabelValues`, from the event"
	preparedName        = signalboxName + ", `EmitValues`"
	tallyName           = "tally, Prometheus reporter"
	buildVectorsName    = "client_golang, vectors, from the event"
)

var nanoseconds = unit{name: "ns"}

func emitContests() []contest {
	return []contest{
		{
			name: "emit worker containers",
			contenders: []contender{
				{signalboxName, signalboxEmit(workerEvents)},
				{straightforwardName, straightforwardEmit(workerEvents)},
				{vectorName, setKeys(gaugesOnly(clientGolang))},
				{fromEventName, vectorFromEvents},
				{victoriaName, setKeys(gaugesOnly(victoriaMetrics))},
				{goMetricsName, setKeys(gaugesOnly(goMetrics))},
				{tallyName, tallyFromEvents},
				{otelName, setKeys(gaugesOnly(openTelemetry))},
				{preparedName, setKeys(preparedStore)},
			},
			compare: compareWorkerContainers,
			quick:   true,
		},
		{
			name: "emit build finished",
			contenders: []contender{
				{signalboxName, signalboxEmit(buildEvents)},
				{straightforwardName, straightforwardEmit(buildEvents)},
				{buildVectorsName, vectorsFromBuilds},
			},
			compare: func(m *measurement) []comparison {
				return []comparison{{
					work: "Emit, `build finished`: 4 series, 100 jobs", unit: nanoseconds,
					results: m.results(turn.nanoseconds),
					goals:   []goal{{peer: straightforwardName, value: 3, wide: true}, {of: ofAllocs, value: 0}},
				}}
			},
			quick: true,
		},
	}
}

// compareWorkerContainers compares Signalbox, which takes label values from the
// attributes of an event, with a vector that gets the label values directly. The goal
// of this comparison takes the additional work into account. The second comparison,
// with EmitValues, is one of equal work.
func compareWorkerContainers(m *measurement) []comparison {
	return []comparison{{
		work: fmt.Sprintf("Emit, `worker containers`, %s workers", thousands(emitWorkers)), unit: nanoseconds,
		results: m.results(turn.nanoseconds, signalboxName, straightforwardName, fromEventName, vectorName,
			victoriaName, goMetricsName, tallyName, otelName),
		goals: []goal{
			{peer: straightforwardName, value: 15},
			{peer: vectorName, value: 2.5},
			{of: ofAllocs, value: 0},
		},
	}, {
		work: "update with given label values, without an event", unit: nanoseconds,
		results: m.results(turn.nanoseconds, preparedName, vectorName),
		goals:   []goal{{of: ofAllocs, value: 0}},
	}}
}

func workerEvents() []metric.Event {
	events := make([]metric.Event, emitWorkers)
	for i, key := range workerContainers.keys(emitWorkers) {
		attributes := workerContainers.attributes()
		attributes["worker"] = key
		events[i] = metric.Event{Name: workerContainers.event, Value: float64(i), Attributes: attributes}
	}
	return events
}

func buildEvents() []metric.Event {
	events := make([]metric.Event, 1000)
	for i := range events {
		events[i] = metric.Event{Name: "build finished", Value: float64(i) * 1000, Attributes: map[string]string{
			"build": "1", "build_id": fmt.Sprint(i), "build_status": "succeeded",
			"job": fmt.Sprintf("job-%d", i%100), "pipeline": "main", "team_name": "main",
		}}
	}
	return events
}

// cycle returns a task that does the work for each i from 0 up to length, repeatedly.
func cycle(length int, work func(i int)) *task {
	next := 0
	return &task{run: func(n int) error {
		i := next // a copy on the stack, so that goroutines do not share a cache line
		for range n {
			work(i)
			if i++; i == length {
				i = 0
			}
		}
		next = i
		return nil
	}}
}

// each returns a task that does the work for each event in turn.
func each(events []metric.Event, work func(*metric.Event)) *task {
	return cycle(len(events), func(i int) { work(&events[i]) })
}

func signalboxEmit(events func() []metric.Event) func() (*task, error) {
	return func() (*task, error) {
		p, err := newSignalbox()
		if err != nil {
			return nil, err
		}
		return each(events(), func(e *metric.Event) { p.Emit(logger, *e) }), nil
	}
}

// straightforwardEmit returns a task whose turn ends when the loop of the emitter has
// applied all events.
func straightforwardEmit(events func() []metric.Event) func() (*task, error) {
	return func() (*task, error) {
		e := straightforward.NewEmitter(prometheus.NewRegistry())
		t := each(events(), func(event *metric.Event) { e.Emit(logger, *event) })
		return flushed(t, e.Flush), nil
	}
}

// flushed changes the task so that it calls flush at the end of each turn, and returns
// it.
func flushed(t *task, flush func()) *task {
	run := t.run
	t.run = func(n int) error {
		err := run(n)
		flush()
		return err
	}
	return t
}

// setKeys returns the task of setting values in a store, without events.
func setKeys(start newStore) func() (*task, error) {
	return func() (*task, error) {
		s, err := start(&workerContainers)
		if err != nil {
			return nil, err
		}
		return rotate(s, workerContainers.keys(emitWorkers)), nil
	}
}

// rotate returns the task of setting one key after the other.
func rotate(s *store, keys []string) *task {
	return cycle(len(keys), func(i int) { s.set(keys[i], float64(i)) })
}

func vectorFromEvents() (*task, error) {
	vector := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: workerContainers.metric}, names(workerContainers.labels))
	return each(workerEvents(), func(e *metric.Event) {
		a := e.Attributes
		vector.WithLabelValues(a["worker"], a["platform"], a["team_name"], a["tags"]).Set(e.Value)
	}), nil
}

// tallyFromEvents looks up a gauge by the tags of its scope. The tags are the map of
// the event's attributes, which Tagged only reads. As in the README, tally reports to
// the reporter every second: only then does the latest value reach the vector.
func tallyFromEvents() (*task, error) {
	reporter := tallyprometheus.NewReporter(tallyprometheus.Options{Registerer: prometheus.NewRegistry()})
	scope, _ := tally.NewRootScope(tally.ScopeOptions{
		CachedReporter: reporter, Separator: tallyprometheus.DefaultSeparator, OmitCardinalityMetrics: true,
	}, time.Second)
	return each(workerEvents(), func(e *metric.Event) {
		scope.Tagged(e.Attributes).Gauge(workerContainers.metric).Update(e.Value)
	}), nil
}

func vectorsFromBuilds() (*task, error) {
	finishedTotal := prometheus.NewCounter(prometheus.CounterOpts{Name: "finished_total"})
	succeeded := prometheus.NewCounter(prometheus.CounterOpts{Name: "succeeded_total"})
	finished := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "finished"}, buildLabels[:])
	duration := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "duration", Buckets: straightforward.BuildBuckets}, buildLabels[:3])
	return each(buildEvents(), func(e *metric.Event) {
		a := e.Attributes
		finishedTotal.Inc()
		succeeded.Inc()
		finished.WithLabelValues(a["job"], a["pipeline"], a["team_name"], a["build_status"]).Inc()
		duration.WithLabelValues(a["job"], a["pipeline"], a["team_name"]).Observe(e.Value / 1000)
	}), nil
}

var buildLabels = [...]string{"job", "pipeline", "team", "status"}

const pipelineName = "straightforward pipeline"

// typedContests measures the whole path from the typed call of a scheduler to the
// updated series.
func typedContests() []contest {
	return []contest{{
		name: "typed call",
		contenders: []contender{
			{signalboxName, typedCalls},
			{pipelineName, straightforwardCalls},
		},
		compare: func(m *measurement) []comparison {
			return []comparison{{
				work: fmt.Sprintf("typed call → Monitor → updated series, %s workers", thousands(emitWorkers)), unit: nanoseconds,
				results: m.results(turn.nanoseconds),
				goals:   []goal{{peer: pipelineName, value: 20}, {of: ofAllocs, value: 0}},
			}}
		},
		quick: true,
	}}
}

func typedCalls() (*task, error) {
	m := metric.NewMonitor()
	m.RegisterEmitter(&emitter.PrometheusConfig{BindIP: "127.0.0.1", BindPort: "0"})
	if err := m.Initialize(logger, "web-1", nil, 0); err != nil {
		return nil, err
	}
	workers := workerContainers.keys(emitWorkers)
	return cycle(len(workers), func(i int) {
		metric.WorkerUsage{
			Resource:   metric.WorkerContainers,
			WorkerName: workers[i],
			Platform:   "linux",
			TeamName:   "main",
			Count:      i,
		}.EmitTo(logger, m)
	}), nil
}

func straightforwardCalls() (*task, error) {
	m := straightforward.NewMonitor(straightforward.NewEmitter(prometheus.NewRegistry()), "web-1", nil)
	workers := workerContainers.keys(emitWorkers)
	t := cycle(len(workers), func(i int) {
		straightforward.WorkerContainers{
			WorkerName: workers[i],
			Platform:   "linux",
			TeamName:   "main",
			Containers: i,
		}.Emit(logger, m)
	})
	return flushed(t, m.Flush), nil
}
