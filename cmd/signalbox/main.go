// Signalbox is a metrics layer for CI systems. It turns events into Prometheus metrics.
package main

import (
	"errors"
	"io"
	"os"
	"os/signal"
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

	os.Exit(run(metric.Metrics, os.Args[1:], world{
		stdin:   os.Stdin,
		stdout:  os.Stdout,
		stderr:  os.Stderr,
		signals: make(chan os.Signal, 1),
	}))
}

// A world is the environment of a command: its standard streams and signals.
type world struct {
	stdin          io.Reader
	stdout, stderr io.Writer

	// signals receives the signals that ask a daemon to stop. Only a daemon catches
	// them, when it starts. They end other commands immediately.
	signals chan os.Signal
}

// A command is a subcommand of signalbox. Its exported fields are flags.
type command interface {
	// run runs the command. An error that is not a reportedError is shown to the user,
	// with one line for each error that it joins. A usageError means incorrect usage,
	// such as flags that contradict each other.
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

	err = command.run(w)
	switch _, reported := errors.AsType[reportedError](err); {
	case err == nil:
		return exitClean
	case reported:
		return exitCodeOf(err)
	default:
		return fail(w.stderr, err)
	}
}

// fail prints the error and returns its exit code.
func fail(stderr io.Writer, err error) int {
	printErrors(stderr, styleOf(stderr), err)
	return exitCodeOf(err)
}

// exitCodeOf returns the exit code of a command that failed with the error.
func exitCodeOf(err error) int {
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

// A reportedError is the error of a command that has already printed it.
type reportedError struct{ error }

// Unwrap returns the error.
func (e reportedError) Unwrap() error { return e.error }

// A usageError is an error in the command line or in the environment variables.
type usageError string

func (e usageError) Error() string { return string(e) }
