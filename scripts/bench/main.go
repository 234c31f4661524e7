// Bench compares Signalbox with libraries and daemons that do the same work. In one
// run, all of them take turns, and Bench prints the results as a Markdown table. The
// script scripts/benchmark runs it.
//
//	benchmark.go     what a run measures: contests and daemons
//	comparison.go    the results of a measurement
//	contest.go       contenders that take turns at the same work
//	child.go         the processes that contenders run in
//	contests.go      the list of all contests
//	work_….go        the contests
//	shape.go         the names and labels of series
//	store.go         what stores series
//	page.go          scraping the series of a store
//	signalbox.go     Signalbox as a store
//	peers.go         its peers as stores
//	daemon.go        daemons, measured from outside
//	daemon_….go      events and pushes for the daemons
//	statistics.go, format.go, table.go, heading.go, plot.go
//	                 the output
//	straightforward  a simple emitter, aggregator and webhook to compare with
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

func main() {
	log.SetFlags(log.Ltime)
	var o options
	only := flag.String("only", "", "run only the measurements whose names match the `regexp`")
	plots := flag.String("plots", "", "write plots to this `directory`, and run the measurements that only plots show")
	flag.IntVar(&o.rounds, "rounds", 10, "maximum `number` of rounds; slow measurements have fewer")
	flag.BoolVar(&o.check, "check", false, "run for less than a minute, and fail if an operation allocates more than its goal, or if a ratio with a wide margin is less than half of its goal")
	contest := flag.String("contest", "", "internal: take part in this contest")
	name := flag.String("contender", "", "internal: run as this contender")
	flag.Usage = usage
	flag.Parse()

	var err error
	switch {
	case flag.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", flag.Arg(0))
	case o.rounds < 1:
		err = fmt.Errorf("-rounds: got %d, expected at least 1", o.rounds)
	case *contest != "":
		c, ok := findContender(*contest, *name)
		if !ok {
			err = fmt.Errorf("unknown contender %q in the contest %q", *name, *contest)
			break
		}
		err = serve(c, os.Stdin, os.Stdout)
	default:
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
		defer stop()
		err = run(ctx, os.Stdout, o, *only, *plots)
	}
	if err != nil {
		log.Fatal(err)
	}
}

// usage prints the help, without the internal flags.
func usage() {
	fmt.Fprint(flag.CommandLine.Output(), "Usage: scripts/benchmark [flags]\n"+
		"Requires Go and its modules, prometheus-pushgateway for the pushes (or apt-get to download it),\n"+
		"and a few gigabytes of memory for a million series. To list the measurements, run it\n"+
		"with -only=none, which matches none of them.\n\n")
	flag.VisitAll(func(f *flag.Flag) {
		if name, text := flag.UnquoteUsage(f); !strings.HasPrefix(text, "internal:") {
			fmt.Fprintf(flag.CommandLine.Output(), "  -%s %s\n    \t%s\n", f.Name, name, text)
		}
	})
}

func run(ctx context.Context, w io.Writer, o options, only, plots string) (err error) {
	begin := time.Now()
	wanted, err := regexp.Compile(only)
	if err != nil {
		return fmt.Errorf("-only: %w", err)
	}
	if o.dir, err = os.MkdirTemp("", "bench"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(o.dir)) }()
	if o.check {
		o.rounds = min(o.rounds, 3)
	}

	var all []benchmark
	for _, c := range contests() {
		all = append(all, c.benchmark())
	}
	all = append(all, daemonBenchmarks()...)

	var comparisons []comparison
	var names, excluded []string
	for _, b := range all {
		matches := wanted.MatchString(b.name)
		if o.check && !b.quick || b.plot && plots == "" {
			if matches {
				excluded = append(excluded, b.name)
			}
			continue
		}
		names = append(names, b.name)
		if !matches {
			continue
		}
		c, err := b.run(ctx, o)
		if err != nil {
			return fmt.Errorf("%s: %w", b.name, err)
		}
		comparisons = append(comparisons, c...)
	}
	if len(comparisons) == 0 {
		return fmt.Errorf("%s; the names are:\n%s", nothingMeasured(only, o.check, excluded), strings.Join(names, "\n"))
	}
	log.Printf("done in %v", time.Since(begin).Round(time.Second))

	if err := writeHeading(w, os.Args[1:], begin, o.rounds, comparisons); err != nil {
		return err
	}
	if err := writeTable(w, comparisons); err != nil {
		return err
	}
	if plots != "" {
		// scripts/benchmark changes the directory and sets the variable to the original
		// one.
		if !filepath.IsAbs(plots) {
			plots = filepath.Join(os.Getenv("BENCH_CALLED_IN"), plots)
		}
		if err := writePlots(plots, comparisons); err != nil {
			return err
		}
	}
	if o.check {
		return check(comparisons)
	}
	return nil
}

// nothingMeasured returns the reason why nothing was measured. excluded lists the
// benchmarks that match but do not belong to this kind of run.
func nothingMeasured(only string, check bool, excluded []string) string {
	switch {
	case len(excluded) == 0:
		return fmt.Sprintf("no measurement matches %q", only)
	case check:
		return fmt.Sprintf("no measurement that matches %q is part of -check", only)
	default:
		return fmt.Sprintf("measurements that match %q require -plots", only)
	}
}

// check fails if Signalbox misses a goal that is the same on all machines: a number of
// allocations, or half of a ratio with a wide margin. NaN misses every goal.
func check(comparisons []comparison) error {
	var errs []error
	for i := range comparisons {
		c := &comparisons[i]
		for _, r := range c.results {
			for _, v := range c.judge(r.contender) {
				if !v.checked() {
					continue
				}
				switch {
				case v.peer != "" && !(v.reached >= v.value/2):
					errs = append(errs, fmt.Errorf("%s: got the ratio %s× to %s, expected at least %s×, half of the goal",
						c.work, number(v.reached), v.peer, number(v.value/2)))
				case v.peer == "" && !v.met:
					what := "allocations"
					if v.of == ofBytes {
						what = "bytes allocated"
					}
					errs = append(errs, fmt.Errorf("%s: got %s %s per operation, expected %s", c.work, number(v.reached), what, number(v.value)))
				}
			}
		}
	}
	return errors.Join(errs...)
}
