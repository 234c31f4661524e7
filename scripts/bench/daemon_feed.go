package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	dto "github.com/prometheus/client_model/go"
)

// A feed sends updates to a daemon. All messages are encoded in advance, so that the
// client, which runs on the same processors, takes as little time as possible.
type feed struct {
	daemon *daemon

	network, address string

	// connections is the number of connections, which send the messages in turn. All
	// updates of a worker must use the same connection, or be in every message, so that
	// the daemon applies the last one last.
	connections int

	// hello and goodbye, if not nil, are sent on each connection before and after all
	// messages. ended then reads the answer to all of them.
	hello, goodbye []byte
	ended          func(*bufio.Reader) error

	// messages are sent repeatedly. If the daemon answers each message, answered reads
	// the answer.
	messages [][]byte
	each     int // updates in a message
	answered func(*bufio.Reader) error

	// The names of metrics on the daemon's page.
	applied  string   // counts the applied updates
	rejected []string // count the rejected updates
	updated  string   // has the updated series

	last  []update // of each worker
	conns []net.Conn

	endings sync.WaitGroup
	endErr  atomic.Pointer[error] // nil, or the error of one of the endings
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
		if f.ended == nil {
			continue
		}
		if _, err := conn.Write(f.hello); err != nil {
			return errors.Join(err, f.close())
		}
		f.endings.Go(func() {
			if err := f.ended(bufio.NewReader(conn)); err != nil {
				f.endErr.Store(&err)
			}
		})
	}
	return nil
}

func (f *feed) close() error {
	var errs []error
	for _, conn := range f.conns {
		if f.ended != nil {
			_, err := conn.Write(f.goodbye)
			errs = append(errs, err)
		}
	}
	f.endings.Wait()
	if err := f.endErr.Load(); err != nil {
		errs = append(errs, *err)
	}
	for _, conn := range f.conns {
		errs = append(errs, conn.Close())
	}
	f.conns = nil
	return errors.Join(errs...)
}

// round sends updates, whose number is a multiple of those in newFeed, and waits until
// the daemon has applied all of them. It returns the processor time of the daemon and
// the wall time. If the daemon answers each message, the two do not include reading the
// page. It fails if an update was lost or rejected, or if a series has a wrong value.
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
	want := before + float64(updates)
	if f.answered == nil {
		if err := f.wait(ctx, want); err != nil {
			return 0, 0, err
		}
	}

	clock = time.Since(began)
	cpuAfter, err := f.daemon.cpu()
	if err != nil {
		return 0, 0, err
	}
	return cpuAfter - cpuBefore, clock, errors.Join(f.wait(ctx, want), f.verify(ctx))
}

// send sends the given number of messages.
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

// wait waits until the daemon has applied the wanted number of updates since its start.
// Each look at its page takes processor time, so wait looks only when the daemon seems
// idle: once at Signalbox, whose answers confirm each update, and once or twice at
// statsd_exporter, whose queue may not be empty.
func (f *feed) wait(ctx context.Context, want float64) error {
	const (
		patience = 10 * time.Second      // without progress
		interval = 20 * time.Millisecond // twice the resolution of processor times
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
			return fmt.Errorf("%s: got %.0f, expected %.0f", f.applied, now, want)
		}
		if err := f.daemon.waitIdle(interval); err != nil {
			return err
		}
	}
}

// count returns the number of updates that the daemon has applied since its start.
func (f *feed) count(ctx context.Context) (float64, error) {
	page, err := f.daemon.page(ctx, f.applied)
	return total(page[f.applied]), err
}

// verify fails unless all updates are on the page, and none was rejected.
func (f *feed) verify(ctx context.Context) error {
	page, err := f.daemon.page(ctx, append([]string{f.updated}, f.rejected...)...)
	if err != nil {
		return err
	}
	for _, name := range f.rejected {
		if n := total(page[name]); n != 0 {
			return fmt.Errorf("%s: got %.0f, expected 0", name, n)
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
			return fmt.Errorf("%s of %s: got %g, expected %d", f.updated, u.worker, got, u.value)
		}
	}
	return nil
}

// total returns the sum of the series of a counter, or 0 if there are none.
func total(counter *dto.MetricFamily) float64 {
	sum := 0.0
	for _, m := range counter.GetMetric() {
		sum += m.GetCounter().GetValue()
	}
	return sum
}
