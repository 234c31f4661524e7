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

// These contests measure the time of a single update: without other load, while the
// page is scraped, and while half of the series are removed. One goroutine does an
// update every latencyPace, so that the updates are not a load themselves. It reads the
// clock right before and after each update. Reading it takes about 50 ns. Between
// updates it spins, because a goroutine that sleeps would measure how fast it wakes up.
// A preemption during an update counts as time of the update, whatever its cause; one
// between updates does not. The third contender shows the effect of the machine and the
// runtime alone: instead of an update, it does a calculation that takes about as long,
// in the same program and under the same load as Signalbox.
//
// On two processors, the updates use one, and the load uses the other.

const (
	latencyPace    = 20 * time.Microsecond
	latencySeries  = 1_000_000
	latencySamples = 50_000 // in a turn without load, which takes a second

	calculateName = "a calculation instead of an update"
	deleteName    = "client_golang, `DeletePartialMatch`"
)

func latencyContests() []contest {
	return []contest{
		latencyContest("alone", "idle", idle(signalboxStore), idle(gaugesOnly(clientGolang)), vectorName, 3),
		latencyContest("during scrapes", "during scrapes of "+thousands(latencySeries)+" gauges", scraped(signalboxStore), scraped(gaugesOnly(clientGolang)), promhttpName, 2),
		latencyContest("during a sweep", "while half of "+thousands(latencySeries)+" series are removed", sweptSignalbox, sweptVector, deleteName, 3),
	}
}

// A load is the work that runs while updates are timed.
type load struct {
	update func()       // the update to time
	before func() error // called before each turn
	run    func() error // called once if ends is set, and repeatedly otherwise

	// ends is set if a turn is a single run. Otherwise the load runs at least once, and
	// until there have been latencySamples updates.
	ends bool
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
				r.noRatio = r.contender == calculateName
				var others []string
				for _, p := range []string{"p50", "p99", "max"} {
					var values []float64
					for _, t := range m.turnsOf(r.contender) {
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

// timeUpdates returns the task of timing updates under a load, or of timing another
// function instead.
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

// calculate neither waits nor reads memory. 600 steps take about a microsecond.
//
//go:noinline
func calculate(steps int) {
	x := uint64(1)
	for range steps {
		x = x*6364136223846793005 + 1442695040888963407
	}
	if x == 0 { // never true, but keeps the compiler from removing the calculation
		panic("BUG: zero")
	}
}

// idle returns a load that does nothing.
func idle(start newStore) func() (*load, error) {
	return func() (*load, error) {
		s, err := start(&workerContainers)
		if err != nil {
			return nil, err
		}
		keys := workerContainers.keys(emitWorkers)
		return &load{
			update: setInTurn(s.set, keys),
			run:    func() error { time.Sleep(10 * time.Millisecond); return nil },
		}, nil
	}
}

// setInTurn returns a function that sets the next key at each call.
func setInTurn(set func(string, float64), keys []string) func() {
	i := 0
	return func() {
		set(keys[i], float64(i))
		i = (i + 1) % len(keys)
	}
}

// scraped returns a load that scrapes latencySeries series repeatedly.
func scraped(start newStore) func() (*load, error) {
	return func() (*load, error) {
		sh := &stepsWaiting // has no last-seen times
		s, err := start(sh)
		if err != nil {
			return nil, err
		}
		s.fill(sh, latencySeries, shuffle)
		request, err := text.request()
		if err != nil {
			return nil, err
		}
		return &load{
			update: setInTurn(s.set, sh.keys(emitWorkers)),
			run: func() error {
				_, err := get(s.page, request, io.Discard)
				return err
			},
		}, nil
	}
}

// sweptSignalbox returns a load that removes half of latencySeries series. There are
// half as many workers as series, because each also has a last-seen time, and half of
// the workers are stale.
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
		update: setInTurn(set, keys[len(keys)/2:][:emitWorkers]),
		before: func() error {
			for _, key := range keys {
				set(key, 1)
			}
			now.Add(int64(40 * time.Minute)) // workers are stale after one hour
			for _, key := range keys[len(keys)/2:] {
				set(key, 1)
			}
			now.Add(int64(40 * time.Minute))
			return nil
		},
		run: func() error {
			if garbage := p.CollectGarbage(); garbage.Series != latencySeries/2 {
				return fmt.Errorf("got %d removed series, expected %d", garbage.Series, latencySeries/2)
			}
			return nil
		},
		ends: true,
	}, nil
}

// sweptVector returns a load that deletes half of latencySeries series by a label
// value, with the function that the documentation recommends for many series at once.
func sweptVector() (*load, error) {
	stale := workerContainers
	stale.labels = slices.Clone(stale.labels)
	stale.labels[1].value = "windows"
	vector := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: workerContainers.metric}, names(workerContainers.labels))
	keys := workerContainers.keys(latencySeries / 2)
	setter := func(sh *shape) func(string, float64) {
		values := labelValues(sh.labels)
		return func(key string, value float64) {
			values[0] = key
			vector.WithLabelValues(values...).Set(value)
		}
	}
	setLive, setStale := setter(&workerContainers), setter(&stale)
	return &load{
		update: setInTurn(setLive, keys[:emitWorkers]),
		before: func() error {
			for _, key := range keys {
				setLive(key, 1)
				setStale(key, 1)
			}
			return nil
		},
		run: func() error {
			if n := vector.DeletePartialMatch(prometheus.Labels{"platform": "windows"}); n != latencySeries/2 {
				return fmt.Errorf("got %d deleted series, expected %d", n, latencySeries/2)
			}
			return nil
		},
		ends: true,
	}, nil
}
