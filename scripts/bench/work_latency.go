package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-ci/signalbox/emitter"
)

// How long a single update takes, alone, while the page is scraped, and while half
// of the series go. One goroutine makes one each latencyPace, so that it is not the
// load itself that is measured, and takes the time right before and after, which
// itself costs some 50 ns. In between it spins: a goroutine that sleeps would measure
// how fast it is woken. When it is preempted in between, that is not an update's
// time, when it is preempted in an update, it is, whoever's fault it is. What the
// machine and the runtime do to a goroutine by themselves is the third contender:
// between the two times it only calculates, for about as long as an update takes, in
// the same program under the same load as Signalbox.
//
// On two processors, the updates have one, and the load the other.

const (
	latencyPace    = 20 * time.Microsecond
	latencySeries  = 1_000_000
	latencySamples = 50_000 // of a turn without load, which is a second

	calculateName = "a calculation in " + signalboxName + "' place"
	deleteName    = "client_golang, `DeletePartialMatch`"
)

func latencyContests() []contest {
	return []contest{
		latencyContest("alone", "nothing else going on", idle(signalboxStore), idle(alone(clientGolang)), vectorName, 3),
		latencyContest("during scrapes", thousands(latencySeries)+" gauges being scraped", scraped(signalboxStore), scraped(alone(clientGolang)), promhttpName, 2),
		latencyContest("during a sweep", "half of "+thousands(latencySeries)+" series being dropped", sweptSignalbox, sweptVector, deleteName, 3),
	}
}

// A load is what goes on while updates are timed.
type load struct {
	update func()
	before func() error // before each turn
	run    func() error // once or, if forever, again and again
	ends   bool         // the turn is one run; else it is of latencySamples, but at least one run
}

func latencyContest(name, what string, ours, peer func() (*load, error), peerName string, rounds int) contest {
	return contest{
		name: "latency " + name,
		contenders: []contender{
			{signalboxName, func() (*task, error) { return timeUpdates(ours, nil) }},
			{peerName, func() (*task, error) { return timeUpdates(peer, nil) }},
			{calculateName, func() (*task, error) { return timeUpdates(ours, func() { calculate(600) }) }},
		},
		operations: 1,
		rounds:     rounds,
		compare: func(m *measurement) []comparison {
			c := comparison{
				work: fmt.Sprintf("latency of an update, %s: p99.9", what), unit: unit{name: "ns"},
				results: m.results(fact("p99.9")),
				goals:   []goal{{value: 100_000}},
			}
			for i := range c.results {
				c.results[i] = withoutAllocs(c.results[i])
				r := &c.results[i]
				r.bound = r.contender == calculateName
				var others []string
				for _, p := range []string{"p50", "p99", "max"} {
					var values []float64
					for _, t := range m.of(r.contender) {
						values = append(values, t.Facts[p])
					}
					others = append(others, p+" "+withRange(values, "ns"))
				}
				r.detail = strings.Join(others, ", ")
			}
			return []comparison{c}
		},
	}
}

// timeUpdates is the task of updating under a load, or of doing something else instead.
func timeUpdates(start func() (*load, error), instead func()) (*task, error) {
	l, err := start()
	if err != nil {
		return nil, err
	}
	work := l.update
	if instead != nil {
		work = instead
	}
	var samples []time.Duration
	t := &task{before: l.before}
	t.run = func(int) error {
		samples, err = l.time(work, samples[:0])
		return err
	}
	t.facts = func() map[string]float64 {
		if len(samples) == 0 {
			return nil
		}
		slices.Sort(samples)
		nanoseconds := func(d time.Duration) float64 { return float64(d.Nanoseconds()) }
		return map[string]float64{
			"p50":   nanoseconds(percentile(samples, 0.5)),
			"p99":   nanoseconds(percentile(samples, 0.99)),
			"p99.9": nanoseconds(percentile(samples, 0.999)),
			"max":   nanoseconds(samples[len(samples)-1]),
		}
	}
	return t, nil
}

// time times the work while the load runs.
func (l *load) time(work func(), samples []time.Duration) ([]time.Duration, error) {
	var (
		running sync.WaitGroup
		enough  atomic.Bool
		ended   atomic.Bool
		failed  error
	)
	if cap(samples) == 0 {
		samples = make([]time.Duration, 0, 100*latencySamples)
	}
	running.Go(func() {
		defer ended.Store(true)
		for first := true; first || !l.ends && !enough.Load(); first = false {
			if failed = l.run(); failed != nil {
				return
			}
		}
	})
	next := time.Now()
	for len(samples) < cap(samples) && !ended.Load() {
		begin := time.Now()
		if begin.Before(next) {
			continue
		}
		next = begin.Add(latencyPace)
		begin = time.Now()
		work()
		samples = append(samples, time.Since(begin))
		if len(samples) >= latencySamples {
			enough.Store(true)
		}
	}
	running.Wait()
	return samples, failed
}

// calculate waits for nothing and looks at no memory. 600 steps take a microsecond or
// so.
//
//go:noinline
func calculate(steps int) {
	x := uint64(1)
	for range steps {
		x = x*6364136223846793005 + 1442695040888963407
	}
	if x == 0 { // never, but without it there would be nothing to calculate
		panic("BUG: zero")
	}
}

// idle is no load.
func idle(start newStore) func() (*load, error) {
	return func() (*load, error) {
		s, err := start(&workerContainers)
		if err != nil {
			return nil, err
		}
		keys := workerContainers.keys(emitWorkers)
		return &load{
			update: inTurn(s.set, keys),
			run:    func() error { time.Sleep(10 * time.Millisecond); return nil },
		}, nil
	}
}

// inTurn sets one key after the other.
func inTurn(set func(string, float64), keys []string) func() {
	i := 0
	return func() {
		set(keys[i], float64(i))
		i = (i + 1) % len(keys)
	}
}

// scraped is one scrape after the other, of latencySeries.
func scraped(start newStore) func() (*load, error) {
	return func() (*load, error) {
		sh := &stepsWaiting // of which there is nothing but the gauges
		s, err := start(sh)
		if err != nil {
			return nil, err
		}
		s.fill(sh, latencySeries)
		request, err := text.request()
		if err != nil {
			return nil, err
		}
		return &load{
			update: inTurn(s.set, sh.keys(emitWorkers)),
			run: func() error {
				_, err := get(s.page, request, io.Discard)
				return err
			},
		}, nil
	}
}

// sweptSignalbox has half as many workers as latencySeries, each with a last-seen
// time, and half of these have not been heard of for too long.
func sweptSignalbox() (*load, error) {
	var now atomic.Int64 // in nanoseconds
	now.Store(time.Now().UnixNano())
	p, err := newSignalbox(func(c *emitter.PrometheusConfig) {
		c.Clock = func() time.Time { return time.Unix(0, now.Load()) }
		c.GCInterval = time.Hour
	})
	if err != nil {
		return nil, err
	}
	set, keys := signalboxSet(p, &workerContainers), workerContainers.keys(latencySeries/2)
	return &load{
		update: inTurn(set, keys[len(keys)/2:][:emitWorkers]),
		before: func() error {
			for _, key := range keys {
				set(key, 1)
			}
			now.Add(int64(40 * time.Minute)) // of the hour that a worker has
			for _, key := range keys[len(keys)/2:] {
				set(key, 1)
			}
			now.Add(int64(40 * time.Minute))
			return nil
		},
		run: func() error {
			if garbage := p.CollectGarbage(); garbage.Series != latencySeries/2 {
				return fmt.Errorf("%d series were dropped, want %d", garbage.Series, latencySeries/2)
			}
			return nil
		},
		ends: true,
	}, nil
}

// sweptVector has latencySeries, half of them with a label value by which they are
// deleted: what its documentation offers for many at once.
func sweptVector() (*load, error) {
	gone := workerContainers
	gone.labels = slices.Clone(gone.labels)
	gone.labels[1].value = "windows"
	vector := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: workerContainers.metric}, names(workerContainers.labels))
	keys := workerContainers.keys(latencySeries / 2)
	setter := func(sh *shape) func(string, float64) {
		values := values(sh.labels)
		return func(key string, value float64) {
			values[0] = key
			vector.WithLabelValues(values...).Set(value)
		}
	}
	live, dead := setter(&workerContainers), setter(&gone)
	return &load{
		update: inTurn(live, keys[:emitWorkers]),
		before: func() error {
			for _, key := range keys {
				live(key, 1)
				dead(key, 1)
			}
			return nil
		},
		run: func() error {
			if n := vector.DeletePartialMatch(prometheus.Labels{"platform": "windows"}); n != latencySeries/2 {
				return fmt.Errorf("%d series were dropped, want %d", n, latencySeries/2)
			}
			return nil
		},
		ends: true,
	}, nil
}
