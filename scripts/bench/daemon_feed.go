package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	dto "github.com/prometheus/client_model/go"
)

// A feed is a way to give a daemon updates. It costs the client as little as
// can be, since it runs on the same processors: what is sent is made beforehand.
type feed struct {
	daemon *daemon

	network, address string

	// connections share the messages out in turn. A worker's must all go over the
	// same one, or come in each message, for its last value to be the last.
	connections int

	// messages are sent over and over. Where there is an answer to a message,
	// answered reads it.
	messages [][]byte
	each     int // updates in a message
	answered func(*bufio.Reader) error

	// The names of metrics on the daemon's page: how many updates it applied,
	// what it counts when it refuses one, and the series that are updated.
	applied string
	refused []string
	updated string

	last  []update // of each worker
	conns []net.Conn
}

// newFeed divides the updates into messages.
func newFeed(d *daemon, updates []update, each int, encode func([]update) []byte) *feed {
	f := &feed{daemon: d, each: each, last: updates[len(updates)-updatedWorkers:]}
	for message := range slices.Chunk(updates, each) {
		f.messages = append(f.messages, encode(message))
	}
	return f
}

func (f *feed) open(ctx context.Context) error {
	for range f.connections {
		conn, err := new(net.Dialer).DialContext(ctx, f.network, f.address)
		if err != nil {
			return errors.Join(err, f.close())
		}
		f.conns = append(f.conns, conn)
	}
	return nil
}

func (f *feed) close() error {
	var errs []error
	for _, conn := range f.conns {
		errs = append(errs, conn.Close())
	}
	f.conns = nil
	return errors.Join(errs...)
}

// round sends updates, a multiple of those that the feed was made of, and waits
// until all of them are applied. It returns what that took, by the daemon's
// processor time and by the clock. It is an error if one of them was lost or
// refused, or a series has not the value it should.
func (f *feed) round(ctx context.Context, updates int) (cpu, clock time.Duration, err error) {
	before, err := f.count(ctx)
	if err != nil {
		return 0, 0, err
	}
	cpuBefore, err := f.daemon.cpu()
	if err != nil {
		return 0, 0, err
	}
	began := time.Now()

	if err := f.send(ctx, updates/f.each); err != nil {
		return 0, 0, err
	}
	if err := f.wait(ctx, before+float64(updates)); err != nil {
		return 0, 0, err
	}

	clock = time.Since(began)
	cpuAfter, err := f.daemon.cpu()
	if err != nil {
		return 0, 0, err
	}
	return cpuAfter - cpuBefore, clock, f.verify(ctx)
}

// send sends so many messages.
func (f *feed) send(ctx context.Context, messages int) error {
	errs := make([]error, len(f.conns))
	var senders sync.WaitGroup
	for i, conn := range f.conns {
		senders.Go(func() {
			answers := bufio.NewReader(conn)
			for m := i; m < messages && errs[i] == nil && ctx.Err() == nil; m += len(f.conns) {
				_, errs[i] = conn.Write(f.messages[m%len(f.messages)])
				if errs[i] == nil && f.answered != nil {
					errs[i] = f.answered(answers)
				}
			}
		})
	}
	senders.Wait()
	return errors.Join(append(errs, ctx.Err())...)
}

// wait waits until the daemon has applied so many updates since it began. To be
// asked costs it a page, so it is asked only when it looks idle: Signalbox once, since
// its answers say that it is done, statsd_exporter, which may not have come to the end
// of its queue, once or twice.
func (f *feed) wait(ctx context.Context, want float64) error {
	const (
		patience = 10 * time.Second      // without progress
		interval = 20 * time.Millisecond // two of the steps that the system tells processor time in
	)
	var got float64
	for progress := time.Now(); ; {
		now, err := f.count(ctx)
		if err != nil {
			return err
		}
		if now == want {
			return nil
		}
		if now > got {
			got, progress = now, time.Now()
		}
		if now > want || time.Since(progress) > patience {
			return fmt.Errorf("%s is %.0f, want %.0f", f.applied, now, want)
		}
		if err := f.daemon.rest(interval); err != nil {
			return err
		}
	}
}

// count is how many updates the daemon has applied since it began.
func (f *feed) count(ctx context.Context) (float64, error) {
	page, err := f.daemon.page(ctx, f.applied)
	return total(page[f.applied]), err
}

// verify looks whether all updates are on the page.
func (f *feed) verify(ctx context.Context) error {
	page, err := f.daemon.page(ctx, append([]string{f.updated}, f.refused...)...)
	if err != nil {
		return err
	}
	for _, name := range f.refused {
		if n := total(page[name]); n != 0 {
			return fmt.Errorf("%s is %.0f", name, n)
		}
	}

	values := make(map[string]float64)
	for _, m := range page[f.updated].GetMetric() {
		for _, label := range m.GetLabel() {
			if label.GetName() == "worker" {
				values[label.GetValue()] = m.GetGauge().GetValue()
			}
		}
	}
	for _, u := range f.last {
		if got, ok := values[u.worker]; !ok || got != float64(u.value) {
			return fmt.Errorf("%s of %s is %g, want %d", f.updated, u.worker, got, u.value)
		}
	}
	return nil
}

// total is the sum of a counter's series, 0 if there are none.
func total(counter *dto.MetricFamily) float64 {
	sum := 0.0
	for _, m := range counter.GetMetric() {
		sum += m.GetCounter().GetValue()
	}
	return sum
}
