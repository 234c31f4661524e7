package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/demo"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/demo/forge"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/events"
	"github.com/signalbox-ci/signalbox/emitter"
	"github.com/signalbox-ci/signalbox/internal/status"
	"github.com/signalbox-ci/signalbox/metric"
)

// demoCommand is the daemon with a simulated CI system.
type demoCommand struct {
	daemon

	prometheus *emitter.PrometheusConfig

	Demo struct {
		Seed            uint64   `long:"seed" value-name:"N" default:"1" description:"Seed of the random numbers. The same seed produces the same events."`
		Speed           speed    `long:"speed" value-name:"FACTOR" default:"60" description:"Simulated seconds per second of real time. Organizations on GitHub and GitLab run in real time."`
		EventsPerSecond uint32   `long:"events-per-second" value-name:"N" default:"0" description:"Number of events to emit per second, instead of a fixed speed; 0 means that --speed applies. There are fewer if the machine is too slow."`
		Duration        lifetime `long:"duration" value-name:"DURATION" default:"0s" description:"Stop after this time; 0s means never."`
	} `group:"Simulation"`
}

// demoDefaults are the defaults that differ from those of run. The time limits are
// short, so that stale series disappear while the user is watching.
var demoDefaults = map[string]string{
	"log-level":                     "error",
	"prometheus-worker-stale-after": "30s",
	"prometheus-gc-interval":        "5s",
	"agent-metrics-ttl":             "30s",

	// No run takes this long. What is still active after it is active only because a
	// delivery was lost.
	"source-queued-limit":  "20m",
	"source-running-limit": "20m",
}

// newDemoCommand returns a demoCommand with its own Monitor, whose only emitter is the
// Prometheus emitter.
func newDemoCommand() *demoCommand {
	c := &demoCommand{daemon: daemon{monitor: metric.NewMonitor(), isDemo: true}, prometheus: &emitter.PrometheusConfig{}}
	c.monitor.RegisterEmitter(c.prometheus)
	return c
}

// run serves and simulates until it receives a signal or --duration is over.
func (c *demoCommand) run(w world) error {
	log, err := c.openLog(w, w.stderr)
	if err != nil {
		return err
	}
	secrets, err := c.addSecrets()
	if err != nil {
		return c.fail(log, err)
	}
	_, err = c.check()
	if err = errors.Join(err, c.checkStorage()); err != nil {
		return c.fail(log, err)
	}
	clock := &replayClock{}
	c.webhookNow = clock.now
	s, err := c.start(w, log, nil)
	if err != nil {
		return err
	}
	stdout := newStdout(s.log, w.stdout) // a full pipe must not stop the demo
	simulation := demo.Start(demo.Options{
		AfterPast: func() {
			s.webhooks.Tick()
			s.emitters.beginHistory() // so that rates exclude the past
		},
		Monitor:         c.monitor,
		Logger:          c.intentional(s.log).Session("demo"),
		Failures:        s.log.Session("demo"),
		Intake:          s.intakeURL(),
		Transport:       s.ownTransport(),
		Webhooks:        &demo.Webhooks{URL: s.webhooks.url, Secrets: secrets, Transport: s.webhooks.ownTransport(), SetTime: clock.set},
		AgentLabels:     c.Agents.BaseLabels.list(),
		Seed:            c.Demo.Seed,
		Speed:           float64(c.Demo.Speed),
		EventsPerSecond: uint(c.Demo.EventsPerSecond),
		StaleAfter:      cmp.Or(c.prometheus.WorkerStaleAfter, 5*time.Minute),
		AgentTTL:        time.Duration(c.Agents.TTL),
	})
	io.WriteString(stdout, c.welcome(s, s.emitters.url())) //nolint:errcheck // an output.Writer never fails

	ended := context.Background()
	if c.Demo.Duration > 0 {
		var cancel context.CancelFunc
		ended, cancel = context.WithTimeout(ended, time.Duration(c.Demo.Duration))
		defer cancel()
	}
	s.wait(w.signals, ended.Done(), "--duration has passed")

	summary := simulation.Stop() // while the intake still accepts pushes
	writeSummary(stdout, summary)
	return s.stop(noInput(), stdout)
}

// addSecrets adds random secrets to the sources that the simulated organizations send
// webhooks to, and returns them.
func (c *demoCommand) addSecrets() (forge.Secrets, error) {
	secrets := forge.NewSecrets()
	for _, s := range c.sources {
		if text, ok := secrets[s.Name()]; ok {
			if err := s.(interface{ AddSecret(string) error }).AddSecret(text); err != nil {
				return nil, err
			}
		}
	}
	return secrets, nil
}

// intentional returns the logger for rejected events and webhooks, which a demo sends on
// purpose. They are errors, but in a demo they are expected: the status page shows them,
// and the log contains them only if the minimum level is below error.
func (c *daemon) intentional(logger lager.Logger) lager.Logger {
	if c.isDemo && c.LogLevel == "error" {
		return lager.NewLogger("signalbox") // without a sink
	}
	return logger
}

// A replayClock shows the time of a delivery in the past while the past is replayed, and
// then the present. It is safe for concurrent use.
type replayClock struct{ past atomic.Pointer[time.Time] }

// set sets the clock to a time in the past, or to the present if it is the zero Time.
func (c *replayClock) set(past time.Time) { c.past.Store(&past) }

func (c *replayClock) now() time.Time {
	if past := c.past.Load(); past != nil && !past.IsZero() {
		return *past
	}
	return time.Now()
}

// welcome returns the text that is printed at the start.
func (c *demoCommand) welcome(s *service, page string) string {
	pace := "one simulated minute per second"
	switch {
	case c.Demo.EventsPerSecond > 0:
		pace = fmt.Sprintf("%s events per second", grouped(uint64(c.Demo.EventsPerSecond)))
	case c.Demo.Speed != 60:
		pace = fmt.Sprintf("%s times real speed", c.Demo.Speed)
	}
	return fmt.Sprintf(`Simulating a CI system at %s.

  Status page   %s
  Metrics       %s
  Webhooks      %s
                %s
%s
This is a demonstration: all builds are made up. Its faults are intentional: invalid events, and webhooks that are
late, repeated, lost or not signed correctly. The organizations on GitHub and GitLab run in real time.

Try these commands to see its builds and to send an event:

  curl -s %s | grep builds_finished
  curl %s-d '{"name": "coffee ready"}' %s%s

%s
Press Ctrl-C to stop.
`, pace, strings.TrimSuffix(page, "metrics"), page, s.webhooks.url(forge.GitHub), s.webhooks.url(forge.GitLab), c.portNotice(s), page, credentialsOption(s.access), s.intakeURL(), events.Path, s.audiences())
}

// portNotice returns a line that says that the port of webhooks is taken, or an empty
// string.
func (c *demoCommand) portNotice(s *service) string {
	if want, got := int(c.Webhooks.BindPort), s.webhooks.listener.Addr().(*net.TCPAddr).Port; want != 0 && got != want {
		return fmt.Sprintf("\nAnother program uses port %d, so webhooks are received on port %d.\n", want, got)
	}
	return ""
}

// A demoNotice is a section of the status page. It says that this is a demonstration.
type demoNotice struct{ status.NoFields }

// OverviewReport implements status.Reporter.
func (demoNotice) OverviewReport(time.Time) status.Report {
	const text = "This is a demonstration: all builds, runs and deployments are made up, and their faults are intentional, " +
		"such as invalid events, and webhooks that are late, repeated, lost or not signed correctly."
	return status.Report{
		Line:     text,
		Findings: []status.Finding{{Level: "note", Kind: "demonstration with intentional faults", Text: "demonstration with intentional faults"}},
	}
}

// writeSummary prints the number of events and pushes. It ignores errors of w.
func writeSummary(w io.Writer, s demo.Summary) {
	events := s.Events()
	rate := math.Round(float64(events) / s.Elapsed.Seconds())
	fmt.Fprintf(w, "\n%s events in %s (%s per second), %s of simulated time. Before the start, another %s events were simulated.\n\n",
		grouped(events), s.Elapsed.Round(time.Millisecond), grouped(uint64(rate)), s.Simulated.Round(time.Second), grouped(s.Past))
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, k := range s.Kinds {
		fmt.Fprintf(table, "%s\t  %s\n", grouped(k.Count), k.Kind)
	}
	table.Flush() //nolint:errcheck // as the error of w
	if hooks := s.Webhooks; hooks != nil {
		fmt.Fprintf(w, "\nWebhooks of GitHub and GitLab: %s delivered, %s failed, %s skipped because they were too old. Intentional faults: %d lost, %d sent minutes later, %d late, %d repeated, %d with a wrong signature.\n",
			grouped(hooks.Delivered), grouped(hooks.Failed), grouped(hooks.Skipped), hooks.Faults.Lost, hooks.Faults.Resent, hooks.Faults.Late, hooks.Faults.Repeated, hooks.Faults.Forged)
	}
	fmt.Fprintf(w, "\nPushes of jobs and agents: %s sent, %s failed, %s skipped because there were too many.\n",
		grouped(s.Sent), grouped(s.Failed), grouped(s.Skipped))
}

// speed is the value of a flag: a factor greater than 0.
type speed float64

// UnmarshalFlag parses a number greater than 0 and at most maxSpeed.
func (s *speed) UnmarshalFlag(text string) error {
	factor, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return fmt.Errorf("got %q, expected a number", text)
	}
	if !(factor > 0 && factor <= maxSpeed) {
		return fmt.Errorf("got %s, expected more than 0 and at most %d", text, maxSpeed)
	}
	*s = speed(factor)
	return nil
}

// String returns the factor in the form that UnmarshalFlag parses.
func (s speed) String() string { return strconv.FormatFloat(float64(s), 'g', -1, 64) }

// maxSpeed is faster than any machine can simulate.
const maxSpeed = 1_000_000
