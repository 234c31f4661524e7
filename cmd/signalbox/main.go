// Signalbox is a metrics layer for CI systems. It turns events into Prometheus metrics.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/signalbox-ci/signalbox/emitter" // registers itself with metric.Metrics
	"github.com/signalbox-ci/signalbox/metric"
)

// The exit codes.
const (
	exitClean    = 0
	exitFailure  = 1 // the command could not start, or failed
	exitBadUsage = 2
)

func main() {
	// The program that reads the log may exit. That must not terminate the daemon.
	signal.Ignore(syscall.SIGPIPE)

	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)

	os.Exit(run(metric.Metrics, os.Args[1:], world{
		stdin:   os.Stdin,
		stdout:  os.Stdout,
		stderr:  os.Stderr,
		signals: signals,
	}))
}

// A world is the environment of a command: its standard streams and signals.
type world struct {
	stdin          io.Reader
	stdout, stderr io.Writer

	// signals receives the signals that ask a daemon to stop.
	signals <-chan os.Signal
}

// A command is a subcommand of signalbox. Its exported fields are flags.
type command interface {
	// run runs the command. An error is shown to the user in one line. A usageError
	// means incorrect usage, such as flags that contradict each other.
	run(world) error
}

// run parses the arguments, runs the command in them, and returns the exit code.
func run(monitor *metric.Monitor, args []string, w world) int {
	line, err := newCommandLine(monitor)
	if err != nil {
		return fail(w.stderr, err)
	}

	if os.Getenv(completionVariable) != "" {
		line.writeCompletions(w.stdout, args)
		return exitClean
	}

	command, err := line.parse(args)
	if errors.Is(err, errHelp) {
		if err := line.writeHelp(w.stdout); err != nil {
			return fail(w.stderr, err)
		}
		return exitClean
	}
	if errors.Is(err, errNoCommand) {
		line.writeHelp(w.stderr) //nolint:errcheck // there is no other place to report it
		return exitBadUsage
	}
	if err != nil {
		return fail(w.stderr, err)
	}

	if err := command.run(w); errors.Is(err, errReported) {
		return exitFailure
	} else if err != nil {
		return fail(w.stderr, err)
	}
	return exitClean
}

// fail prints the error in one line and returns its exit code.
func fail(stderr io.Writer, err error) int {
	fmt.Fprintln(stderr, styleOf(stderr).red("signalbox:"), strings.ReplaceAll(err.Error(), "\n", "; "))

	if _, ok := errors.AsType[usageError](err); ok {
		return exitBadUsage
	}
	if _, ok := errors.AsType[*emitter.FlagError](err); ok {
		return exitBadUsage
	}
	return exitFailure
}

// ignoreBrokenPipe returns an error from writing to standard output, or nil if the
// reader has closed it, as in "signalbox catalog | head".
func ignoreBrokenPipe(err error) error {
	if errors.Is(err, syscall.EPIPE) {
		return nil
	}
	return err
}

// errReported is the error of a command that has already printed its errors.
var errReported = errors.New("errors were already printed")

// A usageError is an error in the command line or in the environment variables.
type usageError string

func (e usageError) Error() string { return string(e) }
