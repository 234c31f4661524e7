// Bench measures Signalbox beside the libraries and daemons that do the same work,
// in one run, in turns, and prints one table in Markdown. It is run by
// scripts/benchmark.
//
//	work.go          what is measured
//	comparison.go    what came of it
//	contest.go       contenders that take turns
//	child.go         the processes that they are in
//	trial.go         all contests, and what to make of them
//	work_….go        the contests
//	shape.go         what series look like
//	store.go         what keeps them
//	signalbox.go     Signalbox as such a store
//	peers.go         and its peers
//	daemon….go       the daemons
//	statistics.go, format.go, table.go, heading.go, plot.go
//	straightforward  the peer that is nobody's product
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
	"regexp"
	"strings"
	"time"
)

func main() {
	log.SetFlags(log.Ltime)
	var o options
	only := flag.String("only", "", "run only the works whose names match the `regexp`")
	plots := flag.String("plots", "", "write plots to this `directory`, and measure what only they show")
	flag.IntVar(&o.rounds, "rounds", 10, "`number` of rounds at most; what is slow has fewer")
	flag.BoolVar(&o.check, "check", false, "a quick run that fails if a ratio is less than half of what it ought to be")
	contest := flag.String("contest", "", "for this program's own use: work in this contest")
	name := flag.String("contender", "", "for this program's own use: as this contender")
	flag.Parse()

	var err error
	switch {
	case flag.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", flag.Arg(0))
	case *contest != "":
		c, ok := findContender(*contest, *name)
		if !ok {
			err = fmt.Errorf("there is no contender %q in %q", *name, *contest)
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

	var works []work
	for _, t := range trials() {
		works = append(works, t.work())
	}
	works = append(works, daemonWorks()...)

	var comparisons []comparison
	var names []string
	for _, work := range works {
		names = append(names, work.name)
		if !wanted.MatchString(work.name) || o.check && !work.quick || work.plot && plots == "" {
			continue
		}
		c, err := work.run(ctx, o)
		if err != nil {
			return fmt.Errorf("%s: %w", work.name, err)
		}
		comparisons = append(comparisons, c...)
	}
	if len(comparisons) == 0 {
		return fmt.Errorf("there is no work %q; there are:\n%s", only, strings.Join(names, "\n"))
	}
	log.Printf("done in %v", time.Since(begin).Round(time.Second))

	if err := writeHeading(w, os.Args[1:], begin, o.rounds); err != nil {
		return err
	}
	if err := writeTable(w, comparisons); err != nil {
		return err
	}
	if plots != "" {
		if err := writePlots(plots, comparisons); err != nil {
			return err
		}
	}
	if o.check {
		return check(comparisons)
	}
	return nil
}

// check fails if a ratio with a wide margin is under half of its goal.
func check(comparisons []comparison) error {
	var errs []error
	for i := range comparisons {
		c := &comparisons[i]
		for _, r := range c.results {
			for _, v := range c.judge(r.contender) {
				if v.wide && v.peer != "" && v.reached < v.value/2 {
					errs = append(errs, fmt.Errorf("%s: %s× as good as %s, want %s×, and at the very least half of that",
						c.work, number(v.reached), v.peer, number(v.value)))
				}
			}
		}
	}
	return errors.Join(errs...)
}
