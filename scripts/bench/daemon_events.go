package main

import (
	"context"
	"errors"
	"fmt"
	"log"
)

// An update is an event that sets one series: the containers of a worker.
type update struct {
	worker string
	value  int
}

const updatedWorkers = 1000

// updates returns n updates, of each worker in turn. The last value of each
// differs from all that it had before.
func updates(n int) []update {
	all := make([]update, n)
	for i := range all {
		all[i] = update{worker: fmt.Sprintf("worker-%d", i%updatedWorkers), value: i}
	}
	return all
}

// measureEvents gives Signalbox events over HTTP, and statsd_exporter the same
// updates as lines, until the series on the page have the values: with many to a
// message, which is how fast each can be, and with one, which is how a client
// without a buffer does it.
//
// What is compared is how many events a daemon does in a second of its processor
// time, since the client is on the same processors, and takes its share of them.
// Signalbox does more: it checks the shape of each event, and updates a second
// series, when the worker was last seen. The events are typical of a scheduler, and
// favourable to Signalbox: they have one name, and three of their four attributes'
// values repeat, which its parser expects.
func measureEvents(ctx context.Context, o options) (_ []comparison, err error) {
	const (
		perBody   = 5000 // 0.9 MB
		perPacket = 500  // 40 KB; statsd_exporter takes 64 at most
	)
	manyRound, oneRound := 500_000, 40_000
	if o.check {
		manyRound, oneRound = 100_000, 10_000
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
	many, err := compareFeeds(ctx, "Events over HTTP, 5,000 to a body (0.9 MB)", o.rounds, manyRound,
		signalboxFeed(signalbox, all, perBody, 2), exporter.feed(all, perPacket))
	if err != nil {
		return nil, err
	}
	many.goals = []goal{{value: 1e6}, {peer: exporter.name, value: 5, wide: true}}

	one, err := compareFeeds(ctx, "Events over HTTP, one to a body (statsd_exporter: one line to a packet)", o.rounds, oneRound,
		signalboxFeed(signalbox, all, 1, 8), exporter.feed(all, 1))
	if err != nil {
		return nil, err
	}
	return []comparison{many, one}, nil
}

// compareFeeds measures feeds in turns, of so many updates each.
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
			i := (round + turn) % len(feeds) // everyone comes first sometimes
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
		c.results[i].detail = withRange(byClock[i], "events/s by the clock")
	}
	return c, nil
}
