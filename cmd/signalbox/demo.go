package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/demo"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/events"
	"github.com/signalbox-ci/signalbox/emitter"
	"github.com/signalbox-ci/signalbox/metric"
)

// demoCommand is the daemon with a CI system in it that is made up.
type demoCommand struct {
	daemon

	prometheus *emitter.PrometheusConfig

	Demo struct {
		Seed            uint64   `long:"seed" value-name:"N" default:"1" description:"What happens by chance. The same seed makes the same events."`
		Speed           speed    `long:"speed" value-name:"FACTOR" default:"60" description:"Simulated seconds in a second by the clock."`
		EventsPerSecond uint32   `long:"events-per-second" value-name:"N" default:"0" description:"Emit as many events a second, however fast the simulation has to be for it; 0 leaves that to --speed. A machine that cannot do so many emits as many as it can."`
		Duration        lifetime `long:"duration" value-name:"DURATION" default:"0s" description:"End after this time; 0s is to go on until SIGTERM or SIGINT."`
	} `group:"Simulation"`
}

// demoDefaults are those in which the demo differs from run. What is gone has to go
// while one is watching.
var demoDefaults = map[string]string{
	"log-level":                     "error",
	"prometheus-worker-stale-after": "30s",
	"prometheus-gc-interval":        "5s",
	"agent-metrics-ttl":             "30s",
}

// newDemoCommand returns one with a Monitor of its own, which has no emitter but that
// for Prometheus.
func newDemoCommand() *demoCommand {
	c := &demoCommand{daemon: daemon{monitor: metric.NewMonitor()}, prometheus: &emitter.PrometheusConfig{}}
	c.monitor.RegisterEmitter(c.prometheus)
	return c
}

// run serves and simulates until a signal comes or the time is over.
func (c *demoCommand) run(w world) error {
	s, err := c.start(w.stderr, nil)
	if err != nil {
		return err
	}
	simulation := demo.Start(demo.Options{
		Past:            s.emitters.beginHistory, // all at once, it would look like a rush of events
		Monitor:         c.monitor,
		Logger:          c.mistakesLogger(s.logger),
		Failures:        s.logger.Session("demo"),
		Intake:          "http://" + s.address.String(),
		AgentLabels:     c.Agents.BaseLabels.list(),
		Seed:            c.Demo.Seed,
		Speed:           float64(c.Demo.Speed),
		EventsPerSecond: uint(c.Demo.EventsPerSecond),
		StaleAfter:      cmp.Or(c.prometheus.WorkerStaleAfter, 5*time.Minute),
		AgentTTL:        time.Duration(c.Agents.TTL),
	})
	_, welcomeErr := io.WriteString(w.stdout, c.welcome(s, s.emitters.url()))

	ended := context.Background()
	if c.Demo.Duration > 0 {
		var cancel context.CancelFunc
		ended, cancel = context.WithTimeout(ended, time.Duration(c.Demo.Duration))
		defer cancel()
	}
	s.wait(w.signals, ended.Done(), "--duration is over")

	summary := simulation.Stop() // while the intake still takes pushes
	err = s.stop(noInput())
	return errors.Join(welcomeErr, err, writeSummary(w.stdout, summary))
}

// mistakesLogger is for events that the simulation gets wrong on purpose. They are
// errors to a scheduler, but to one who watches a demo they are its plot: they are on
// the status page anyhow, and in the log if it is asked for more than errors.
func (c *demoCommand) mistakesLogger(logger lager.Logger) lager.Logger {
	if c.LogLevel == "error" {
		return lager.NewLogger("signalbox") // which has no sink
	}
	return logger.Session("demo")
}

// welcome says where to look.
func (c *demoCommand) welcome(s *service, page string) string {
	pace := "one simulated minute a second"
	switch {
	case c.Demo.EventsPerSecond > 0:
		pace = fmt.Sprintf("%s events a second", grouped(uint64(c.Demo.EventsPerSecond)))
	case c.Demo.Speed != 60:
		pace = fmt.Sprintf("%s times as fast as the clock", c.Demo.Speed)
	}
	return fmt.Sprintf(`This is a simulated CI system, at %s.

  Status page   %s
  Metrics       %s

Its builds, and an event of your own:

  curl -s %s | grep builds_finished
  curl -d '{"name": "coffee ready"}' http://%s%s

Ctrl-C ends it.
`, pace, strings.TrimSuffix(page, "metrics"), page, page, s.address, events.Path)
}

// writeSummary tells what there was.
func writeSummary(w io.Writer, s demo.Summary) error {
	events := s.Events()
	rate := math.Round(float64(events) / s.Elapsed.Seconds())
	fmt.Fprintf(w, "\n%s events in %s: %s a second. That was %s of simulated time, after a past of %s events.\n\n",
		grouped(events), s.Elapsed.Round(time.Millisecond), grouped(uint64(rate)), s.Simulated.Round(time.Second), grouped(s.Past))
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, k := range s.Kinds {
		fmt.Fprintf(table, "%s\t  %s\n", grouped(k.Count), k.Kind)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\nJobs and agents pushed %s times; %s failed, and %s were too many to be sent.\n",
		grouped(s.Sent), grouped(s.Failed), grouped(s.Skipped))
	return err
}

// speed is the flag of a factor.
type speed float64

// UnmarshalFlag takes a positive number.
func (s *speed) UnmarshalFlag(text string) error {
	factor, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return fmt.Errorf("%q is not a number", text)
	}
	if !(factor > 0 && factor <= maxSpeed) {
		return fmt.Errorf("%s is not more than 0 and at most %d", text, maxSpeed)
	}
	*s = speed(factor)
	return nil
}

// String is the factor as it would be given.
func (s speed) String() string { return strconv.FormatFloat(float64(s), 'g', -1, 64) }

// maxSpeed is more than any machine can do.
const maxSpeed = 1_000_000
