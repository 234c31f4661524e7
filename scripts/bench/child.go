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
)

// Each contender runs in its own process, a copy of this program, so that its heap and
// garbage collector do not affect the others. The process sets up its task and reports
// that it is ready. Then it reads requests from standard input, does the requested
// number of operations for each, and answers with the time and memory that they took.

// A contender takes part in a contest.
type contender struct {
	name  string
	start func() (*task, error) // in the contender's process
}

// A task is what a contender does after its setup.
type task struct {
	// before, if not nil, is called before each turn, and is not part of its time.
	before func() error

	// run does n operations, one after the other.
	run func(n int) error

	// facts, if not nil, returns additional figures after the setup and after each
	// turn.
	facts func() map[string]float64
}

// A request asks for a turn of a number of operations. A turn that warms up is not
// recorded.
type request struct {
	Operations int
	WarmUp     bool
}

// A turn is the answer to a request.
type turn struct {
	Operations  int
	Nanoseconds int64
	Mallocs     uint64
	Bytes       uint64
	Facts       map[string]float64
	Error       string
}

// nanoseconds returns the time of one operation.
func (t turn) nanoseconds() float64 { return float64(t.Nanoseconds) / float64(t.Operations) }

// serve runs in the contender's process. It answers requests until their end.
func serve(c contender, requests io.Reader, answers io.Writer) error {
	answer := json.NewEncoder(answers)
	t, err := c.start()
	if err != nil {
		return answer.Encode(turn{Error: err.Error()})
	}
	if err := answer.Encode(turn{Facts: t.collectFacts()}); err != nil {
		return err
	}
	decoder := json.NewDecoder(requests)
	for {
		var wanted request
		if err := decoder.Decode(&wanted); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		done, err := t.turn(wanted)
		if err != nil {
			done.Error = err.Error()
		}
		if err := answer.Encode(done); err != nil {
			return err
		}
	}
}

func (t *task) collectFacts() map[string]float64 {
	if t.facts == nil {
		return nil
	}
	return t.facts()
}

// turn does the requested operations. It collects the garbage of the setup first, so
// that a collection during the turn is due to the operations.
func (t *task) turn(wanted request) (turn, error) {
	if !wanted.WarmUp {
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
	err := t.run(wanted.Operations)
	elapsed := time.Since(begin)
	runtime.ReadMemStats(&after)
	return turn{
		Operations:  wanted.Operations,
		Nanoseconds: elapsed.Nanoseconds(),
		Mallocs:     after.Mallocs - before.Mallocs,
		Bytes:       after.TotalAlloc - before.TotalAlloc,
		Facts:       t.collectFacts(),
	}, err
}

// A child is the parent's end of a contender's process.
type child struct {
	name    string
	command *exec.Cmd
	stdin   io.WriteCloser
	request *json.Encoder
	answer  *json.Decoder
	ready   turn // the answer after the setup
}

// startChild starts a contender's process, and waits until its setup is done.
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

// turn sends a request to the contender and returns its answer.
func (c *child) turn(wanted request) (turn, error) {
	if err := c.request.Encode(wanted); err != nil {
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

// stop ends the process and waits until it has exited.
func (c *child) stop() error {
	c.stdin.Close()
	return c.command.Wait()
}
