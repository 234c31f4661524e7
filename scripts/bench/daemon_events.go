package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"math/rand/v2"
)

// An update is an event that sets one series: the containers of a worker.
type update struct {
	worker string
	value  int
}

const updatedWorkers = 1000

// updates returns n updates of all workers in turn. The last value of each worker
// differs from all its earlier values.
func updates(n int) []update {
	all := make([]update, n)
	for i := range all {
		all[i] = update{worker: fmt.Sprintf("worker-%d", i%updatedWorkers), value: i}
	}
	return all
}

// measureEvents sends Signalbox events over HTTP, and statsd_exporter the same updates
// as lines, and verifies the series on the page. One comparison has many updates per
// message, which shows the maximum speed. The others have a single update per message,
// like a client without a buffer: as requests of their own, and as the lines of a stream.
//
// The result is the number of events per second of the daemon's processor time, because
// the client runs on the same processors and uses part of them. Signalbox does more
// work: it validates each event, and also updates the time when the worker was last
// seen. The events are typical of a scheduler and favorable to Signalbox: they have the
// same name, and three of the four attributes have the same value in all events, which
// is what its parser is optimized for.
func measureEvents(ctx context.Context, o options) (_ []comparison, err error) {
	const (
		perBody   = 5000 // 0.9 MB
		perPacket = 500  // 40 KB; statsd_exporter accepts at most 64
	)
	manyRound, oneRound, streamRound := 500_000, 40_000, 200_000
	if o.check {
		manyRound, oneRound, streamRound = 100_000, 10_000, 50_000
	}

	program, err := buildSignalbox(ctx, o.dir)
	if err != nil {
		return nil, err
	}
	signalbox, err := startSignalbox(ctx, signalboxName, program)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, signalbox.stop()) }()
	exporter, err := startStatsdExporter(ctx, o.dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, exporter.stop()) }()

	all := updates(perBody)
	many, err := compareFeeds(ctx, "Events over HTTP, 5,000 per body (0.9 MB)", o.rounds, manyRound,
		signalboxFeed(signalbox, all, perBody, 2), exporter.feed(all, perPacket))
	if err != nil {
		return nil, err
	}
	many.goals = []goal{{value: 1e6}, {peer: exporter.name, value: 5, wide: true}}

	one, err := compareFeeds(ctx, "Events over HTTP, one per body (statsd_exporter: one line per packet)", o.rounds, oneRound,
		signalboxFeed(signalbox, all, 1, 8), exporter.feed(all, 1))
	if err != nil {
		return nil, err
	}
	stream, err := compareFeeds(ctx, "Events over HTTP, one per line of a stream (statsd_exporter: one line per packet)", o.rounds, streamRound,
		signalboxStream(signalbox, all), exporter.feed(all, 1))
	if err != nil {
		return nil, err
	}
	stream.goals = []goal{{peer: exporter.name, value: 1, wide: true}}
	return []comparison{many, one, stream}, nil
}

// measureManyWorkers sends events of a million workers in no particular order. The
// daemon mostly waits for memory, because the series do not fit into the processor's
// caches.
func measureManyWorkers(ctx context.Context, o options) (_ []comparison, err error) {
	const (
		workers = 1_000_000
		perBody = 5000
		rounds  = 5
	)
	program, err := buildSignalbox(ctx, o.dir)
	if err != nil {
		return nil, err
	}
	signalbox, err := startSignalbox(ctx, signalboxName, program,
		fmt.Sprint("--prometheus-max-series-per-metric=", 2*workers), "--prometheus-worker-stale-after=1h", "--memory-limit=8GiB")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, signalbox.stop()) }()

	// Series are in memory in the order of their creation, so that is not the order of
	// the updates.
	all := make([]update, workers)
	for i := range all {
		all[i] = update{worker: fmt.Sprintf("worker-%d", i), value: i}
	}
	create := signalboxFeed(signalbox, all, perBody, 2)
	if err := create.open(ctx); err != nil {
		return nil, err
	}
	_, _, err = create.round(ctx, workers)
	if err := errors.Join(err, create.close()); err != nil {
		return nil, err
	}
	rand.New(rand.NewPCG(1, 2)).Shuffle(workers, func(i, j int) { all[i], all[j] = all[j], all[i] })
	c, err := compareFeeds(ctx, "Events over HTTP, 5,000 per body, 1,000,000 workers in no particular order",
		min(o.rounds, rounds), workers, signalboxFeed(signalbox, all, perBody, 2))
	c.goals = []goal{{value: 8e5}}
	return []comparison{c}, err
}

// compareFeeds measures feeds in turns with the given number of updates.
func compareFeeds(ctx context.Context, what string, rounds, updates int, feeds ...*feed) (_ comparison, err error) {
	log.Printf("%s", what)
	c := comparison{work: what, unit: unit{"events/s per core", true}}
	byClock := make([][]float64, len(feeds))
	for _, f := range feeds {
		if err := f.open(ctx); err != nil {
			return c, err
		}
		defer func() { err = errors.Join(err, f.close()) }()
		c.results = append(c.results, withoutAllocs(result{contender: f.daemon.name}))
	}

	const warmUp = 1
	for round := range warmUp + rounds {
		for turn := range feeds {
			i := (round + turn) % len(feeds) // so that each comes first in some rounds
			cpu, clock, err := feeds[i].round(ctx, updates)
			if err != nil {
				return c, fmt.Errorf("%s: %w", feeds[i].daemon.name, err)
			}
			if round < warmUp {
				continue
			}
			c.results[i].rounds = append(c.results[i].rounds, float64(updates)/cpu.Seconds())
			byClock[i] = append(byClock[i], float64(updates)/clock.Seconds())
		}
	}
	for i := range c.results {
		c.results[i].detail = withRange(byClock[i], "events/s of wall time")
	}
	return c, nil
}
