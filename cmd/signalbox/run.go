package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"syscall"
	"time"

	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/output"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/events"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/idempotency"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/webhook"
	"github.com/signalbox-ci/signalbox/internal/access"
	"github.com/signalbox-ci/signalbox/internal/host"
	"github.com/signalbox-ci/signalbox/internal/httpserver"
	"github.com/signalbox-ci/signalbox/internal/membudget"
	"github.com/signalbox-ci/signalbox/internal/status"
	"github.com/signalbox-ci/signalbox/metric"
)

// A daemon serves metrics and receives events and pushes. run and demo share it. The
// Monitor adds the flags of the emitters.
type daemon struct {
	monitor *metric.Monitor
	flags   func() []status.Setting // values of all flags, without secrets

	strayVariables func() []strayVariable

	sources []webhook.Source // of webhooks, with their flags

	// isDemo means that the page says that it is a demonstration, and that webhooks are
	// received on any free port if theirs is taken.
	isDemo bool

	webhookNow func() time.Time // clock of webhooks; nil means time.Now

	Host            string     `long:"host" value-name:"NAME" default-mask:"the hostname" description:"Host of events that do not contain one."`
	Attributes      attributes `long:"attribute" value-name:"KEY=VALUE" unquote:"false" description:"Attribute of this node. It is added to every event, and as a label to the series that events update and to metrics about Signalbox, except those about pushes and standard input. Repeatable."`
	BufferSize      uint32     `long:"buffer-size" value-name:"N" default:"1000" description:"Queue size of each emitter, in events; 0 means the default. The Prometheus emitter has no queue."`
	LogFormat       string     `long:"log-format" choice:"text" choice:"json" default-mask:"text on a terminal, json otherwise" description:"Format of the log: lines for people to read (text), or JSON objects (json)."`
	LogLevel        string     `long:"log-level" choice:"debug" choice:"info" choice:"error" default:"info" description:"Minimum log level."`
	MemoryLimit     byteSize   `long:"memory-limit" value-name:"BYTES" default-mask:"GOMEMLIMIT, or the limit of the cgroup, or half of the physical memory" description:"Memory that the process may use, such as 512MiB: 10 % of it for request bodies, 30 % for parsing them, and 50 % for series, groups and event IDs."`
	ShutdownTimeout timeout    `long:"shutdown-timeout" value-name:"DURATION" default:"10s" description:"Maximum time to finish requests and drain queues after SIGTERM or SIGINT."`

	Intake struct {
		BindIP             bindHost `long:"intake-bind-ip" value-name:"IP" default:"127.0.0.1" description:"IP address or host name to receive events and pushes on."`
		BindPort           port     `long:"intake-bind-port" value-name:"PORT" default:"19391" description:"Port to receive events and pushes on; 0 means any free port, which is logged."`
		WebConfigFile      string   `long:"intake-web-config-file" value-name:"FILE" description:"Prometheus web configuration file that enables TLS, client certificates or basic authentication for the intake listener."`
		TokenFile          string   `long:"intake-token-file" value-name:"FILE" description:"File with the tokens, one per line, that clients of the intake listener may send as Authorization: Bearer TOKEN. Without a token they need basic authentication, if it is configured."`
		MaxBodyBytes       limit    `long:"intake-max-body-bytes" value-name:"N" default:"67108864" description:"Maximum size of a request body of events, in bytes after decompression."`
		MaxLineBytes       limit    `long:"intake-max-line-bytes" value-name:"N" default:"1048576" description:"Maximum size of a line, or of an event in an array, in bytes."`
		MaxAttributes      limit    `long:"intake-max-attributes" value-name:"N" default:"64" description:"Maximum number of attributes of an event."`
		MaxLabelValueBytes limit    `long:"intake-max-label-value-bytes" value-name:"N" default:"1048576" description:"Maximum size of a name or an attribute value, in bytes. Rules reject or cut values of more than 16 KiB."`
	} `group:"Intake"`

	Access   accessFlags  `group:"Access"`
	Webhooks webhookFlags `group:"Webhooks"`
	Agents   agentFlags   `group:"Metrics pushed by agents"`
	Pushes   pushFlags    `group:"Metrics pushed by jobs"`
}

// A runCommand is the daemon with standard input.
type runCommand struct {
	daemon

	Input struct {
		Stdin       bool   `long:"stdin" description:"Read events from standard input too, one per line."`
		Format      string `long:"stdin-format" choice:"events" choice:"lager" default:"events" description:"Format of standard input: one event per line (events), or the log of a Concourse web node that runs with --emit-to-logs and --log-level=debug (lager). Other lines of a log are skipped."`
		Passthrough bool   `long:"stdin-passthrough" description:"Copy log lines that are not events to standard output."`
		ExitOnEOF   bool   `long:"exit-on-eof" description:"Exit when standard input has ended and its events are delivered."`
	} `group:"Standard input"`
}

// run serves until it receives a signal, the intake fails or, with --exit-on-eof,
// standard input ends.
func (c *runCommand) run(w world) error {
	to, screen := w.stderr, c.screen(w)
	if screen != nil {
		to = screen
	}
	log, err := c.openLog(w, to)
	if err != nil {
		return err
	}
	if screen != nil {
		screen.redraw = log.writer.Redraw
	}
	_, err = c.checkAll()
	if err = errors.Join(err, c.checkStorage()); err != nil {
		return c.fail(log, err)
	}
	var status *inputStatus
	if c.Input.Stdin {
		status = &inputStatus{format: c.Input.Format, begun: time.Now()}
	}
	s, err := c.start(w, log, status)
	if err != nil {
		return err
	}
	input := noInput()
	if c.Input.Stdin {
		input = readInput(s.log.Session("stdin"), w.stdin, c.inputOptions(w, log, screen), s.emitters, s.ids, status)
	}

	ended := input.Done()
	if !c.Input.ExitOnEOF {
		ended = nil
	}
	s.wait(w.signals, ended, "standard input ended")
	return s.stop(input, input.copy.own())
}

// A service is a daemon that has started. It must be stopped.
type service struct {
	monitor  *metric.Monitor
	timeout  time.Duration // for stopping
	deadline time.Time     // for stopping; set when it begins
	log      *daemonLog
	address  net.Addr       // address of the intake
	access   access.Options // of the intake
	handler  http.Handler   // of the intake, without its protection
	emitters *emitters
	ids      events.IDs
	server   *httpserver.Server
	webhooks *webhooks // nil if no source is configured
	pushed   *pushedMetrics
	hangups  hangups
}

// start opens the listeners, starts serving, and logs the addresses. The configuration
// must be valid according to check. input is the state of standard input, or nil if it
// is not read. If start returns an error, it has finished the log.
func (c *daemon) start(w world, log *daemonLog, input *inputStatus) (s *service, err error) {
	signal.Notify(w.signals, os.Interrupt, syscall.SIGTERM)
	hangups := catchHangups()
	defer func() {
		if err != nil {
			hangups.stop()
			err = c.fail(log, err)
		}
	}()
	logger := log.Logger
	c.logStrayVariables(logger)
	hostname, err := c.host()
	if err != nil {
		return nil, err
	}

	intakeAccess, err := c.openIntakeAccess(logger)
	if err != nil {
		return nil, err
	}

	// Open all listeners before serving anything.
	listener, err := c.listen()
	if err != nil {
		return nil, err
	}
	budgets := membudget.Divide(membudget.Apply(int64(c.MemoryLimit)))
	pushed, err := c.openPushed(logger, budgets)
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	var emitters *emitters
	hooks, err := c.openWebhooks(logger, budgets, func(event string) iter.Seq2[string, func(string) string] { return emitters.labelInputs(event) })
	if err != nil {
		return nil, errors.Join(err, pushed.Close(), listener.Close())
	}
	intakeAccess.Register(pushed.registry)
	pushed.registry.MustRegister(droppedLines("signalbox_log_lines_dropped_total",
		"Number of log lines dropped because standard error was not read fast enough or writing failed.", log.writer))
	sections := []status.Section{intakeHelp{address: listener.Addr(), access: intakeAccess, log: input != nil && input.format == "lager"}, status.Access{Options: &intakeAccess}}
	if c.isDemo {
		sections = append(sections, demoNotice{})
	}
	if input != nil {
		pushed.registry.MustRegister(input)
		sections = append(sections, input)
	}
	if hooks != nil {
		hooks.access.Register(pushed.registry)
		pushed.registry.MustRegister(hooks)
		sections = append(sections, hooks, status.Access{Options: &hooks.access})
	}
	hostEmitters(c.monitor.Factories(), host.Options{
		Settings:          c.flags,
		Memory:            budgets.Held,
		Sections:          sections,
		Pushed:            pushed.Aggregator,
		Gatherer:          pushed.registry,
		WrongListenerHint: wrongListenerHint,
		AllowedHosts:      c.Access.allowedHosts(),
	})
	if err := c.monitor.Initialize(logger, hostname, c.Attributes, c.BufferSize); err != nil {
		err = withAdvice(err, "--prometheus-bind-ip", "--prometheus-bind-port")
		return nil, errors.Join(err, pushed.Close(), listener.Close(), hooks.abandon())
	}

	emitters = newEmitters(logger, c.monitor)
	announce(logger, emitters, listenerURL(listener.Addr(), intakeAccess))
	warnIfOpen(logger, listener.Addr(), intakeAccess)
	hangups.call(func() {
		emitters.reload()
		hooks.reload()
	})
	table := idempotency.NewTable(idempotency.Options{Memory: budgets.IDs})
	pushed.registry.MustRegister(table)
	ids, bodies := table.IDs(events.Path), &source.WholeBodies{Buffer: budgets.Buffer}
	handler := pushed.handler(c, logger, budgets, emitters.page(), hiddenMetrics(emitters, intakeAccess.Protection), newIntake(events.Options{
		Logger: logger.Session("intake"), Limits: c.limits(), Sink: emitters, IDs: ids,
		Bodies: bodies, Buffer: budgets.Buffer, Registerer: pushed.registry,
	}))
	handler = idempotency.NewHandler(table, bodies, logger.Session("intake"), events.IsStream, handler)
	server := source.Serve(logger, listener, intakeAccess, handler)
	hooks.start(logger, emitters)
	return &service{
		monitor:  c.monitor,
		timeout:  time.Duration(c.ShutdownTimeout),
		log:      log,
		address:  listener.Addr(),
		access:   intakeAccess,
		handler:  handler,
		emitters: emitters,
		ids:      ids,
		server:   server,
		webhooks: hooks,
		pushed:   pushed,
		hangups:  hangups,
	}, nil
}

// wait returns when a signal arrives, the intake fails, or ended is closed. It logs the
// reason, which is endedReason if ended is closed.
func (s *service) wait(signals <-chan os.Signal, ended <-chan struct{}, endedReason string) {
	reason := endedReason
	select {
	case received := <-signals:
		// A second signal ends the process immediately.
		signal.Reset(os.Interrupt, syscall.SIGTERM)
		reason = received.String()
	case <-ended:
	case <-s.server.Done():
		reason = "the intake listener failed"
	case <-s.webhooks.done():
		reason = "the webhook listener failed"
	}
	s.deadline = time.Now().Add(s.timeout)
	s.log.Info("stopping", lager.Data{"reason": reason})
}

// stop stops the intake and the input, drains the queues, closes the emitters, and
// finishes standard output, unless it is nil, and the log, in this order. The caller
// must have called wait. stop returns shortly after the deadline at the latest.
func (s *service) stop(input *input, stdout *output.Writer) error {
	defer s.hangups.stop() // until then, SIGHUP must not terminate the process
	ctx, cancel := context.WithDeadline(context.Background(), s.deadline)
	defer cancel()

	// Requests and the input get at most half of the time, so that some is left for the
	// queues.
	intakeCtx, cancel := context.WithDeadline(ctx, s.deadline.Add(-s.timeout/2))
	defer cancel()

	serverErr := s.closeListeners(intakeCtx)
	if errors.Is(serverErr, context.DeadlineExceeded) {
		// The clients receive no answer and can retry, so this is not a failure.
		s.log.Error("requests-aborted", serverErr)
		serverErr = nil
	}
	inputErr := input.Close(intakeCtx)

	err := errors.Join(serverErr, inputErr, s.closeAll(ctx))
	if stdout != nil {
		if closeErr := stdout.Close(ctx); errors.Is(closeErr, context.DeadlineExceeded) {
			s.log.Error("output-incomplete", closeErr) // other errors are already logged
		}
	}
	if err == nil {
		s.log.Info("stopped")
	}
	// If the deadline has passed, a reader that keeps up still gets the last lines.
	const grace = 100 * time.Millisecond
	return s.log.finish(err, later(s.deadline, time.Now().Add(grace)))
}

// closeListeners stops both listeners at the same time: a slow client of one must not
// take the time of the other's.
func (s *service) closeListeners(ctx context.Context) error {
	var webhooksErr error
	var stopping sync.WaitGroup
	stopping.Go(func() { webhooksErr = s.webhooks.shutdown(ctx) })
	intakeErr := s.server.Shutdown(ctx)
	stopping.Wait()
	return errors.Join(intakeErr, webhooksErr)
}

// fail finishes the log of a daemon that has not started because of an error.
func (c *daemon) fail(log *daemonLog, err error) error {
	return log.finish(err, time.Now().Add(time.Duration(c.ShutdownTimeout)))
}

// later returns the later of two times.
func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// closeAll drains and closes the emitters, and waits until pushed groups are on disk.
// If an emitter or a disk takes longer than the context, it is abandoned.
func (s *service) closeAll(ctx context.Context) error {
	closed := make(chan error, 1)
	go func() { closed <- errors.Join(s.monitor.Close(ctx), s.pushed.Close()) }()

	// When the context ends, Monitor.Close abandons the emitters. It then has this long
	// to return.
	const grace = 500 * time.Millisecond
	overdue := make(chan struct{})
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(grace, func() { close(overdue) }) })
	defer stop()

	select {
	case err := <-closed:
		return err
	case <-overdue:
		return fmt.Errorf("shutdown was not complete after %s (--shutdown-timeout)", s.timeout)
	}
}

// errNoEmitter means that no emitter is configured, so that all events would be
// discarded.
var errNoEmitter = usageError("no emitter is configured: neither --prometheus-bind-ip nor --prometheus-bind-port may be empty; " +
	"omit both to serve metrics on " + net.JoinHostPort(listenerDefaults["prometheus-bind-ip"], listenerDefaults["prometheus-bind-port"]))

// checkInput returns an error if the flags for standard input contradict each other.
func (c *runCommand) checkInput() error {
	switch {
	case c.Input.Stdin && c.Input.Passthrough && c.Input.Format != "lager":
		return usageError("--stdin-passthrough requires --stdin-format=lager")
	case c.Input.Stdin:
		return nil
	case c.Input.ExitOnEOF:
		return usageError("--exit-on-eof requires --stdin")
	case c.Input.Passthrough:
		return usageError("--stdin-passthrough requires --stdin")
	case c.Input.Format == "lager":
		return usageError("--stdin-format=lager requires --stdin")
	}
	return nil
}

// screen returns where to show progress, or nil. Showing it requires --stdin, standard
// error on a terminal, and standard input that is not a terminal.
func (c *runCommand) screen(w world) *screen {
	t := terminalOf(w.stderr)
	if t == nil || !c.Input.Stdin {
		return nil
	}
	if file, ok := w.stdin.(*os.File); ok {
		if _, ok := columnsOf(file); ok {
			return nil
		}
	}
	return &screen{terminal: w.stderr, columns: t.columns}
}

func (c *runCommand) inputOptions(w world, log *daemonLog, screen *screen) inputOptions {
	o := inputOptions{limits: c.limits(), lager: c.Input.Format == "lager", screen: screen, keepsRunning: !c.Input.ExitOnEOF}
	if c.Input.Passthrough {
		o.stdout = w.stdout
		if screen != nil && isSameFile(w.stdout, w.stderr) {
			o.shared = log.writer
		}
	}
	return o
}

// logStrayVariables logs environment variables that may be misspelled. They are not
// errors, because they may belong to another program.
func (c *daemon) logStrayVariables(logger lager.Logger) {
	for _, stray := range c.strayVariables() {
		err := errors.New("unknown variable: signalbox run --help lists the flags")
		if stray.nearest != "" {
			err = fmt.Errorf("unknown variable: did you mean %s?", stray.nearest)
		}
		logger.Error("unknown-variable", err, lager.Data{"variable": stray.name})
	}
}

func (c *daemon) host() (string, error) {
	if c.Host != "" {
		return c.Host, nil
	}

	host, err := os.Hostname()
	if err != nil {
		return "", fmt.Errorf("cannot determine the hostname, set --host: %w", err)
	}
	return host, nil
}

func (c *daemon) listen() (net.Listener, error) {
	address := httpserver.Address(string(c.Intake.BindIP), strconv.Itoa(int(c.Intake.BindPort)))
	listener, err := httpserver.Listen(address)
	if err != nil {
		err = withAdvice(err, "--intake-bind-ip", "--intake-bind-port")
		return nil, fmt.Errorf("cannot receive events on %s (--intake-bind-ip, --intake-bind-port): %w", address, err)
	}
	return listener, nil
}

// announce logs the addresses at which metrics are served and events and pushes are
// received.
func announce(logger lager.Logger, emitters *emitters, intakeURL string) {
	for _, server := range emitters.servers {
		if url := server.URL(); url != "" {
			logger.Info("serving-metrics", lager.Data{"url": url})
		}
	}
	logger.Info("listening-for-events", lager.Data{"url": intakeURL + events.Path})
	logger.Info("listening-for-pushes", lager.Data{"url": intakeURL + "/metrics/job/"})
}

func (c *daemon) limits() source.Limits {
	return source.Limits{
		BodyBytes:       int64(c.Intake.MaxBodyBytes),
		LineBytes:       int(c.Intake.MaxLineBytes),
		Attributes:      int(c.Intake.MaxAttributes),
		LabelValueBytes: int(c.Intake.MaxLabelValueBytes),
	}
}
