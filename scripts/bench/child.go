package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Each contender works in a process of its own, this program run again, so that
// nobody's heap and garbage collector weigh on another. The process sets up and
// says so; then, for each request on its standard input, it does so many
// operations, and answers with what they took. In between it sleeps.

// A contender takes part in a contest.
type contender struct {
	name  string
	start func() (*task, error) // in the contender's process
}

// A task is what a contender does, once it is set up.
type task struct {
	// before, if not nil, is called before each turn, outside of its time.
	before func() error

	// run does n operations, one after the other.
	run func(n int) error

	// facts, if not nil, are what else there is to tell, of the set-up and
	// again after each turn.
	facts func() map[string]float64
}

// A request asks for a turn of so many operations. One that warms up is not for the
// record.
type request struct {
	Operations int
	WarmUp     bool
}

// A turn is the answer.
type turn struct {
	Operations  int
	Nanoseconds int64
	Mallocs     uint64
	Bytes       uint64
	Facts       map[string]float64
	Error       string
}

// nanoseconds are those of one operation.
func (t turn) nanoseconds() float64 { return float64(t.Nanoseconds) / float64(t.Operations) }

// serve is the contender's process.
func serve(c contender, requests io.Reader, answers io.Writer) error {
	// No page has what is about the process, and not about its metrics.
	prometheus.Unregister(collectors.NewGoCollector())
	prometheus.Unregister(collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))

	answer := json.NewEncoder(answers)
	t, err := c.start()
	if err != nil {
		return answer.Encode(turn{Error: err.Error()})
	}
	if err := answer.Encode(turn{Facts: t.tell()}); err != nil {
		return err
	}
	decoder := json.NewDecoder(requests)
	for {
		var asked request
		if err := decoder.Decode(&asked); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		done, err := t.turn(asked)
		if err != nil {
			done.Error = err.Error()
		}
		if err := answer.Encode(done); err != nil {
			return err
		}
	}
}

func (t *task) tell() map[string]float64 {
	if t.facts == nil {
		return nil
	}
	return t.facts()
}

// turn does what is asked. The garbage of setting up is collected before: a
// collection that runs meanwhile is of what the operations left.
func (t *task) turn(asked request) (turn, error) {
	if !asked.WarmUp {
		if t.before != nil {
			if err := t.before(); err != nil {
				return turn{}, err
			}
		}
		runtime.GC()
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	begin := time.Now()
	err := t.run(asked.Operations)
	elapsed := time.Since(begin)
	runtime.ReadMemStats(&after)
	return turn{
		Operations:  asked.Operations,
		Nanoseconds: elapsed.Nanoseconds(),
		Mallocs:     after.Mallocs - before.Mallocs,
		Bytes:       after.TotalAlloc - before.TotalAlloc,
		Facts:       t.tell(),
	}, err
}

// A child is the parent's end of a contender's process.
type child struct {
	name    string
	command *exec.Cmd
	stdin   io.WriteCloser
	request *json.Encoder
	answer  *json.Decoder
	ready   turn // the answer to having been started
}

// startChild starts a contender's process, and waits until it has set up.
func startChild(ctx context.Context, contest, contender string) (*child, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &child{name: contender, command: exec.CommandContext(ctx, program, "-contest", contest, "-contender", contender)}
	c.command.Stderr = os.Stderr
	if c.stdin, err = c.command.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := c.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.command.Start(); err != nil {
		return nil, err
	}
	c.request, c.answer = json.NewEncoder(c.stdin), json.NewDecoder(stdout)
	if c.ready, err = c.read(); err != nil {
		return nil, errors.Join(err, c.stop())
	}
	return c, nil
}

// turn has the contender do its operations.
func (c *child) turn(asked request) (turn, error) {
	if err := c.request.Encode(asked); err != nil {
		return turn{}, fmt.Errorf("%s: %w", c.name, err)
	}
	return c.read()
}

func (c *child) read() (turn, error) {
	var t turn
	if err := c.answer.Decode(&t); err != nil {
		return t, fmt.Errorf("%s: reading its answer: %w", c.name, err)
	}
	if t.Error != "" {
		return t, fmt.Errorf("%s: %s", c.name, t.Error)
	}
	return t, nil
}

// stop ends the process.
func (c *child) stop() error {
	c.stdin.Close()
	return c.command.Wait()
}
