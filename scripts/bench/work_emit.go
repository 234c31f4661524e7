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

// values determines the values of events.
type values struct {
	step float64 // by which the value of a series grows from one event to the next
	name string  // appended to the names of contests and comparisons
}

// plot returns the plot of contests with constant values, and "" for others.
func (v values) plot(name string) string {
	if v == constant {
		return name
	}
	return ""
}

// Many gauges have the same value for minutes. Setting one to the value that it has can
// be faster, so each contest exists with constant and with varying values.
var (
	constant = values{0, ""}
	varying  = values{1, ", varying values"}
)

const (
	straightforwardName = "straightforward emitter"
	fromEventName       = "client_golang, `WithLabelValues`, from the event"
	preparedName        = signalboxName + ", `EmitValues`"
	boundName           = signalboxName + ", `Bind`"
	boundGaugesName     = "client_golang, gauges kept by the program"
	tallyName           = "tally, Prometheus reporter"
	buildVectorsName    = "client_golang, vectors, from the event"
)

var nanoseconds = unit{name: "ns"}

func emitContests(v values) []contest {
	contests := []contest{
		{
			name: "emit worker containers" + v.name,
			contenders: []contender{
				{signalboxName, signalboxEmit(workerEvents, v)},
				{straightforwardName, straightforwardEmit(workerEvents, v)},
				{vectorName, setKeys(gaugesOnly(clientGolang), v)},
				{fromEventName, vectorFromEvents(v)},
				{victoriaName, setKeys(gaugesOnly(victoriaMetrics), v)},
				{goMetricsName, setKeys(gaugesOnly(goMetrics), v)},
				{tallyName, tallyFromEvents(v)},
				{otelName, setKeys(gaugesOnly(openTelemetry), v)},
				{preparedName, setKeys(preparedStore, v)},
				{boundName, boundEvents(v)},
				{boundGaugesName, boundGauges(v)},
			},
			compare: func(m *measurement) []comparison { return compareWorkerContainers(m, v) },
			quick:   v == constant,
		},
	}
	if v == constant { // the numbers of builds grow with either kind of value
		contests = append(contests, contest{
			name: "emit build finished",
			contenders: []contender{
				{signalboxName, signalboxEmit(buildEvents, v)},
				{straightforwardName, straightforwardEmit(buildEvents, v)},
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
		})
	}
	return contests
}

// compareWorkerContainers compares Signalbox, which takes label values from the
// attributes of an event, with a vector that gets the label values directly. The second
// comparison, with EmitValues, is one of equal work, and so is the third one, in which
// both have looked up their series in advance.
func compareWorkerContainers(m *measurement, v values) []comparison {
	return []comparison{{
		work: fmt.Sprintf("Emit, `worker containers`, %s workers%s", thousands(emitWorkers), v.name), unit: nanoseconds,
		results: m.results(turn.nanoseconds, signalboxName, straightforwardName, fromEventName, vectorName,
			victoriaName, goMetricsName, tallyName, otelName),
		goals: []goal{
			{peer: straightforwardName, value: 15},
			{of: ofAllocs, value: 0},
		},
	}, {
		work: "update with given label values, without an event" + v.name, unit: nanoseconds,
		results: m.results(turn.nanoseconds, preparedName, vectorName),
		goals:   []goal{{peer: vectorName, value: 1.8}, {of: ofAllocs, value: 0}},
	}, {
		work: "update of a series that is known in advance" + v.name, unit: nanoseconds,
		results: m.results(turn.nanoseconds, boundName, boundGaugesName),
		goals:   []goal{{value: 15}, {of: ofAllocs, value: 0}},
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
// round is the number of repetitions.
func cycle(length int, work func(i, round int)) *task {
	next, nextRound := 0, 0
	return &task{run: func(n int) error {
		i, round := next, nextRound // copies on the stack, so that goroutines do not share a cache line
		for range n {
			work(i, round)
			if i++; i == length {
				i = 0
				round++
			}
		}
		next, nextRound = i, round
		return nil
	}}
}

// each returns a task that does the work for each event in turn.
func each(events []metric.Event, v values, work func(*metric.Event)) *task {
	return cycle(len(events), func(i, _ int) {
		events[i].Value += v.step
		work(&events[i])
	})
}

func signalboxEmit(events func() []metric.Event, v values) func() (*task, error) {
	return func() (*task, error) {
		p, err := newSignalbox()
		if err != nil {
			return nil, err
		}
		return each(events(), v, func(e *metric.Event) { p.Emit(logger, *e) }), nil
	}
}

// straightforwardEmit returns a task whose turn ends when the loop of the emitter has
// applied all events.
func straightforwardEmit(events func() []metric.Event, v values) func() (*task, error) {
	return func() (*task, error) {
		e := straightforward.NewEmitter(prometheus.NewRegistry())
		t := each(events(), v, func(event *metric.Event) { e.Emit(logger, *event) })
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
func setKeys(start newStore, v values) func() (*task, error) {
	return func() (*task, error) {
		s, err := start(&workerContainers)
		if err != nil {
			return nil, err
		}
		return rotate(s, workerContainers.keys(emitWorkers), v), nil
	}
}

// rotate returns the task of setting one key after the other.
func rotate(s *store, keys []string, v values) *task {
	return cycle(len(keys), func(i, round int) { s.set(keys[i], float64(i)+v.step*float64(round)) })
}

func vectorFromEvents(v values) func() (*task, error) {
	return func() (*task, error) {
		vector := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: workerContainers.metric}, names(workerContainers.labels))
		return each(workerEvents(), v, func(e *metric.Event) {
			a := e.Attributes
			vector.WithLabelValues(a["worker"], a["platform"], a["team_name"], a["tags"]).Set(e.Value)
		}), nil
	}
}

// boundEvents returns the task of emitting events that were bound in advance.
func boundEvents(v values) func() (*task, error) {
	return func() (*task, error) {
		p, err := newSignalbox()
		if err != nil {
			return nil, err
		}
		prepared := p.Prepare(workerContainers.eventType()).(metric.BindableEvent)
		var bound []metric.BoundEvent
		for _, key := range workerContainers.keys(emitWorkers) {
			given := labelValues(workerContainers.labels)
			given[0] = key
			bound = append(bound, prepared.Bind(given))
		}
		return cycle(len(bound), func(i, round int) { bound[i].Emit(logger, float64(i)+v.step*float64(round)) }), nil
	}
}

// boundGauges is boundEvents for a program that keeps the gauges of a vector.
func boundGauges(v values) func() (*task, error) {
	return func() (*task, error) {
		vector := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: workerContainers.metric}, names(workerContainers.labels))
		var gauges []prometheus.Gauge
		for _, key := range workerContainers.keys(emitWorkers) {
			given := labelValues(workerContainers.labels)
			given[0] = key
			gauges = append(gauges, vector.WithLabelValues(given...))
		}
		return cycle(len(gauges), func(i, round int) { gauges[i].Set(float64(i) + v.step*float64(round)) }), nil
	}
}

// tallyFromEvents looks up a gauge by the tags of its scope. The tags are the map of
// the event's attributes, which Tagged only reads. As in the README, tally reports to
// the reporter every second: only then does the latest value reach the vector.
func tallyFromEvents(v values) func() (*task, error) {
	return func() (*task, error) {
		reporter := tallyprometheus.NewReporter(tallyprometheus.Options{Registerer: prometheus.NewRegistry()})
		scope, _ := tally.NewRootScope(tally.ScopeOptions{
			CachedReporter: reporter, Separator: tallyprometheus.DefaultSeparator, OmitCardinalityMetrics: true,
		}, time.Second)
		return each(workerEvents(), v, func(e *metric.Event) {
			scope.Tagged(e.Attributes).Gauge(workerContainers.metric).Update(e.Value)
		}), nil
	}
}

func vectorsFromBuilds() (*task, error) {
	finishedTotal := prometheus.NewCounter(prometheus.CounterOpts{Name: "finished_total"})
	succeeded := prometheus.NewCounter(prometheus.CounterOpts{Name: "succeeded_total"})
	finished := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "finished"}, buildLabels[:])
	duration := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "duration", Buckets: straightforward.BuildBuckets}, buildLabels[:3])
	return each(buildEvents(), constant, func(e *metric.Event) {
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
func typedContests(v values) []contest {
	return []contest{{
		name: "typed call" + v.name,
		contenders: []contender{
			{signalboxName, typedCalls(v)},
			{pipelineName, straightforwardCalls(v)},
		},
		compare: func(m *measurement) []comparison {
			return []comparison{{
				work: fmt.Sprintf("typed call → Monitor → updated series, %s workers%s", thousands(emitWorkers), v.name), unit: nanoseconds,
				results: m.results(turn.nanoseconds),
				goals:   []goal{{peer: pipelineName, value: 20}, {of: ofAllocs, value: 0}},
			}}
		},
		quick: v == constant,
	}}
}

func typedCalls(v values) func() (*task, error) {
	return func() (*task, error) {
		m := metric.NewMonitor()
		m.RegisterEmitter(&emitter.PrometheusConfig{BindIP: "127.0.0.1", BindPort: "0"})
		if err := m.Initialize(logger, "web-1", nil, 0); err != nil {
			return nil, err
		}
		workers := workerContainers.keys(emitWorkers)
		return cycle(len(workers), func(i, round int) {
			metric.WorkerUsage{
				Resource:   metric.WorkerContainers,
				WorkerName: workers[i],
				Platform:   "linux",
				TeamName:   "main",
				Count:      i + int(v.step)*round,
			}.EmitTo(logger, m)
		}), nil
	}
}

func straightforwardCalls(v values) func() (*task, error) {
	return func() (*task, error) {
		m := straightforward.NewMonitor(straightforward.NewEmitter(prometheus.NewRegistry()), "web-1", nil)
		workers := workerContainers.keys(emitWorkers)
		t := cycle(len(workers), func(i, round int) {
			straightforward.WorkerContainers{
				WorkerName: workers[i],
				Platform:   "linux",
				TeamName:   "main",
				Containers: i + int(v.step)*round,
			}.Emit(logger, m)
		})
		return flushed(t, m.Flush), nil
	}
}
