package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"syscall"
	"time"

	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/events"
	"github.com/signalbox-ci/signalbox/internal/host"
	"github.com/signalbox-ci/signalbox/internal/httpserver"
	"github.com/signalbox-ci/signalbox/internal/status"
	"github.com/signalbox-ci/signalbox/metric"
)

// A daemon serves metrics and receives events and pushes. run and demo share it. The
// Monitor adds the flags of the emitters.
type daemon struct {
	monitor *metric.Monitor
	flags   func() []status.Setting // values of all flags, without secrets

	strayVariables func() []strayVariable

	Host            string     `long:"host" value-name:"NAME" default-mask:"the hostname" description:"Host of events that do not contain one."`
	Attributes      attributes `long:"attribute" value-name:"KEY=VALUE" unquote:"false" description:"Attribute of this node. It is added to every event, and as a label to the series that events update and to metrics about Signalbox, except those about pushes and standard input. Repeatable."`
	BufferSize      uint32     `long:"buffer-size" value-name:"N" default:"1000" description:"Queue size of each emitter, in events; 0 means the default. The Prometheus emitter has no queue."`
	LogLevel        string     `long:"log-level" choice:"debug" choice:"info" choice:"error" default:"info" description:"Minimum log level."`
	ShutdownTimeout timeout    `long:"shutdown-timeout" value-name:"DURATION" default:"10s" description:"Maximum time to finish requests and drain queues after SIGTERM or SIGINT."`

	Intake struct {
		BindIP             ipAddress `long:"intake-bind-ip" value-name:"IP" default:"127.0.0.1" description:"IP address to receive events and pushes on."`
		BindPort           uint16    `long:"intake-bind-port" value-name:"PORT" default:"19391" description:"Port to receive events and pushes on; 0 means any free port, which is logged."`
		MaxBodyBytes       limit     `long:"intake-max-body-bytes" value-name:"N" default:"67108864" description:"Maximum size of a request body of events, in bytes after decompression."`
		MaxLineBytes       limit     `long:"intake-max-line-bytes" value-name:"N" default:"1048576" description:"Maximum size of a line, or of an event in an array, in bytes."`
		MaxAttributes      limit     `long:"intake-max-attributes" value-name:"N" default:"64" description:"Maximum number of attributes of an event."`
		MaxLabelValueBytes limit     `long:"intake-max-label-value-bytes" value-name:"N" default:"4096" description:"Maximum size of a name or an attribute value, in bytes."`
	} `group:"Intake"`

	Agents agentFlags `group:"Metrics pushed by agents"`
	Pushes pushFlags  `group:"Metrics pushed by jobs"`
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
	if err := c.checkInput(); err != nil {
		return err
	}
	stderr, screen := w.stderr, c.screen(w)
	if screen != nil {
		stderr = screen
	}
	var status *inputStatus
	if c.Input.Stdin {
		status = &inputStatus{format: c.Input.Format, begun: time.Now()}
	}
	s, err := c.start(stderr, status)
	if err != nil {
		return err
	}
	input := noInput()
	if c.Input.Stdin {
		input = readInput(s.logger.Session("stdin"), w.stdin, c.inputOptions(w, screen), s.emitters, status)
	}

	ended := input.Done()
	if !c.Input.ExitOnEOF {
		ended = nil
	}
	s.wait(w.signals, ended, "standard input ended")
	return s.stop(input)
}

// A service is a daemon that has started. It must be stopped.
type service struct {
	monitor  *metric.Monitor
	timeout  time.Duration // for stopping
	logger   lager.Logger
	address  net.Addr // address of the intake
	emitters *emitters
	server   *httpserver.Server
	pushed   *pushedMetrics
	hangups  hangups
}

// start opens the listeners, starts serving, and logs the addresses. input is the state
// of standard input, or nil if it is not read.
func (c *daemon) start(stderr io.Writer, input *inputStatus) (s *service, err error) {
	hangups := catchHangups()
	defer func() {
		if err != nil {
			hangups.stop()
		}
	}()
	logger, err := c.newLogger(stderr)
	if err != nil {
		return nil, err
	}
	c.logStrayVariables(logger)
	hostname, err := c.host()
	if err != nil {
		return nil, err
	}

	if !slices.ContainsFunc(c.monitor.Factories(), metric.EmitterFactory.IsConfigured) {
		// Without an emitter, all events would be discarded.
		return nil, errNoEmitter
	}

	// Open all listeners before serving anything.
	listener, err := c.listen()
	if err != nil {
		return nil, err
	}
	pushed, err := c.openPushed(logger)
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	sections := []status.Section{intakeHelp{listener.Addr(), input != nil && input.format == "lager"}}
	if input != nil {
		pushed.registry.MustRegister(input)
		sections = append(sections, input)
	}
	hostEmitters(c.monitor.Factories(), host.Options{
		Settings:          c.flags,
		Sections:          sections,
		Pushed:            pushed.Aggregator,
		Gatherer:          pushed.registry,
		WrongListenerHint: intakeHint,
	})
	if err := c.monitor.Initialize(logger, hostname, c.Attributes, c.BufferSize); err != nil {
		err = withAdvice(err, "--prometheus-bind-ip", "--prometheus-bind-port")
		return nil, errors.Join(err, pushed.Close(), listener.Close())
	}

	emitters := newEmitters(logger, c.monitor)
	announce(logger, emitters, listener.Addr())
	hangups.call(emitters.reload)
	handler := pushed.handler(c, logger, emitters.page(), newIntake(logger, c.limits(), emitters))
	server := source.Serve(logger, listener, handler)
	return &service{
		monitor:  c.monitor,
		timeout:  time.Duration(c.ShutdownTimeout),
		logger:   logger,
		address:  listener.Addr(),
		emitters: emitters,
		server:   server,
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
		signal.Reset(os.Interrupt, syscall.SIGTERM) // a second signal ends the process immediately
		reason = received.String()
	case <-ended:
	case <-s.server.Done():
		reason = "the intake listener failed"
	}
	s.logger.Info("stopping", lager.Data{"reason": reason})
}

// stop stops the intake and the input, drains the queues and closes the emitters, in
// this order. It returns shortly after the shutdown timeout at the latest.
func (s *service) stop(input *input) error {
	defer s.hangups.stop() // until then, SIGHUP must not terminate the process
	ctx, cancel := context.WithTimeout(context.Background(), s.timeout)
	defer cancel()

	// Requests get at most half of the time, so that some is left for the queues.
	intakeCtx, cancel := context.WithTimeout(ctx, s.timeout/2)
	defer cancel()

	serverErr := s.server.Shutdown(intakeCtx)
	if errors.Is(serverErr, context.DeadlineExceeded) {
		// The clients receive no answer and can retry, so this is not a failure.
		s.logger.Error("requests-aborted", serverErr)
		serverErr = nil
	}
	inputErr := input.Close()

	err := errors.Join(serverErr, inputErr, s.closeAll(ctx))
	if err == nil {
		s.logger.Info("stopped")
	}
	return err
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

func (c *runCommand) inputOptions(w world, screen *screen) inputOptions {
	o := inputOptions{limits: c.limits(), lager: c.Input.Format == "lager", screen: screen, keepsRunning: !c.Input.ExitOnEOF}
	if c.Input.Passthrough {
		o.rest = w.stdout
		if screen != nil && terminalOf(w.stdout) != nil {
			o.rest = screen.above(w.stdout)
		}
	}
	return o
}

func (c *daemon) newLogger(stderr io.Writer) (lager.Logger, error) {
	level, err := lager.LogLevelFromString(c.LogLevel)
	if err != nil {
		return nil, fmt.Errorf("--log-level: %w", err)
	}

	logger := lager.NewLogger("signalbox")
	logger.RegisterSink(lager.NewPrettySink(stderr, level))
	return logger, nil
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
	address := net.JoinHostPort(string(c.Intake.BindIP), strconv.Itoa(int(c.Intake.BindPort)))
	listener, err := httpserver.Listen(address)
	if err != nil {
		err = withAdvice(err, "--intake-bind-ip", "--intake-bind-port")
		return nil, fmt.Errorf("cannot receive events on %s (--intake-bind-ip, --intake-bind-port): %w", address, err)
	}
	return listener, nil
}

// announce logs the addresses at which metrics are served and events and pushes are
// received.
func announce(logger lager.Logger, emitters *emitters, intakeAddress net.Addr) {
	for _, server := range emitters.servers {
		if url := server.URL(); url != "" {
			logger.Info("serving-metrics", lager.Data{"url": url})
		}
	}
	logger.Info("listening-for-events", lager.Data{"url": "http://" + intakeAddress.String() + events.Path})
	logger.Info("listening-for-pushes", lager.Data{"url": "http://" + intakeAddress.String() + "/metrics/job/"})
}

func (c *daemon) limits() source.Limits {
	return source.Limits{
		BodyBytes:       int64(c.Intake.MaxBodyBytes),
		LineBytes:       int(c.Intake.MaxLineBytes),
		Attributes:      int(c.Intake.MaxAttributes),
		LabelValueBytes: int(c.Intake.MaxLabelValueBytes),
	}
}
