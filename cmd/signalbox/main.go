// Signalbox is the metrics layer for CI systems: events in, a Prometheus page out.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/signalbox-ci/signalbox/emitter" // which registers itself with metric.Metrics
	"github.com/signalbox-ci/signalbox/metric"
)

// The exit codes.
const (
	exitClean    = 0
	exitFailure  = 1 // it could not start, or broke down
	exitBadUsage = 2
)

func main() {
	// Whoever reads the log may go away; that must not end the daemon.
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

// A world is what a command can touch besides the network.
type world struct {
	stdin          io.Reader
	stdout, stderr io.Writer

	// signals asks a command that does not end by itself to end.
	signals <-chan os.Signal
}

// A command is one thing that signalbox can do. Its exported fields are flags.
type command interface {
	// run does it. An error is one line for the user; a usageError says that
	// the flags do not go together.
	run(world) error
}

// run parses the arguments, runs the command that they name, and returns the exit code.
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
		line.writeHelp(w.stderr) //nolint:errcheck // there is nobody left to tell
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

// fail prints the error as one line and returns its exit code.
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

// unlessSeenEnough is the error of writing to standard output, unless that is a reader
// who has seen enough, as in "signalbox catalog | head".
func unlessSeenEnough(err error) error {
	if errors.Is(err, syscall.EPIPE) {
		return nil
	}
	return err
}

// errReported is the error of a command that has said itself what is wrong.
var errReported = errors.New("what is wrong was reported")

// A usageError is the fault of the command line or of the environment.
type usageError string

func (e usageError) Error() string { return string(e) }
