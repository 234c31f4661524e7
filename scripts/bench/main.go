// Bench measures Signalbox beside the libraries and daemons that do the same work,
// in one run, in turns, and prints one table in Markdown. It is run by
// scripts/benchmark.
//
//	work.go          what is measured
//	comparison.go    what came of it
//	contest.go       contenders that take turns, and what to make of it
//	child.go         the processes that they are in
//	contests.go      all contests
//	work_….go        each of them
//	shape.go         what series look like
//	store.go         what keeps them
//	page.go          scraping what it keeps
//	signalbox.go     Signalbox as such a store
//	peers.go         and its peers
//	daemon.go        the daemons, from outside
//	daemon_….go      events for them, and pushes
//	statistics.go, format.go, table.go, heading.go, plot.go
//	                 what is shown
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
	"path/filepath"
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
	flag.BoolVar(&o.check, "check", false, "a quick run, of less than a minute, that fails if there are more allocations than the goals have, or if a ratio with a wide margin is less than half of its goal")
	contest := flag.String("contest", "", "for this program's own use: work in this contest")
	name := flag.String("contender", "", "for this program's own use: as this contender")
	flag.Usage = usage
	flag.Parse()

	var err error
	switch {
	case flag.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", flag.Arg(0))
	case o.rounds < 1:
		err = fmt.Errorf("-rounds is %d, want 1 or more", o.rounds)
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

// usage tells of the flags that are not this program's own.
func usage() {
	fmt.Fprint(flag.CommandLine.Output(), "Usage: scripts/benchmark [flags]\n"+
		"It wants Go, its modules, and for the pushes prometheus-pushgateway or apt-get to fetch it;\n"+
		"for a million series, some gigabytes of memory. -only nothing lists the works.\n\n")
	flag.VisitAll(func(f *flag.Flag) {
		if name, text := flag.UnquoteUsage(f); !strings.HasPrefix(text, "for this program's own use") {
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

	var works []work
	for _, c := range contests() {
		works = append(works, c.work())
	}
	works = append(works, daemonWorks()...)

	var comparisons []comparison
	var names, unfit []string
	for _, work := range works {
		matches := wanted.MatchString(work.name)
		if o.check && !work.quick || work.plot && plots == "" {
			if matches {
				unfit = append(unfit, work.name)
			}
			continue
		}
		names = append(names, work.name)
		if !matches {
			continue
		}
		c, err := work.run(ctx, o)
		if err != nil {
			return fmt.Errorf("%s: %w", work.name, err)
		}
		comparisons = append(comparisons, c...)
	}
	if len(comparisons) == 0 {
		return fmt.Errorf("%s; there are:\n%s", noWork(only, o.check, unfit), strings.Join(names, "\n"))
	}
	log.Printf("done in %v", time.Since(begin).Round(time.Second))

	if err := writeHeading(w, os.Args[1:], begin, o.rounds, comparisons); err != nil {
		return err
	}
	if err := writeTable(w, comparisons); err != nil {
		return err
	}
	if plots != "" {
		// scripts/benchmark changes the directory, and says where it was called.
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

// noWork says why nothing was measured. The unfit works match, but are not for this
// kind of run.
func noWork(only string, check bool, unfit []string) string {
	switch {
	case len(unfit) == 0:
		return fmt.Sprintf("no work matches %q", only)
	case check:
		return fmt.Sprintf("no work that matches %q is part of -check", only)
	default:
		return fmt.Sprintf("what matches %q needs -plots", only)
	}
}

// check fails if a goal is missed that is the same on any machine: of allocations,
// and half of a ratio with a wide margin. A figure that is not a number misses it.
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
					errs = append(errs, fmt.Errorf("%s: %s× as good as %s, want %s×, and at the very least half of that",
						c.work, number(v.reached), v.peer, number(v.value)))
				case v.peer == "" && !v.met:
					what := "allocations"
					if v.of == ofBytes {
						what = "bytes allocated"
					}
					errs = append(errs, fmt.Errorf("%s: %s %s per operation, want %s", c.work, number(v.reached), what, number(v.value)))
				}
			}
		}
	}
	return errors.Join(errs...)
}
