package metric_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/metric"
)

func TestDropsAreLoggedAtMostOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewWithT(t)
		logger, lines := newLogger()
		slow := newStuck()
		monitor := metric.NewMonitor()
		monitor.RegisterEmitter(&factory{name: "slow", emitter: slow})
		g.Expect(monitor.Initialize(logger, "web-1", nil, 2)).To(Succeed())

		emit := func(n int) {
			for range n {
				monitor.Emit(logger, metric.Event{Name: "deploy finished"})
			}
		}
		logged := func() []uint64 { return lines.Dropped("ci.emitter.queue-full") }

		emit(1)
		<-slow.begun
		emit(2) // fills the queue
		g.Expect(logged()).To(BeEmpty())

		emit(5)
		g.Expect(logged()).To(Equal([]uint64{1}), "the first is logged immediately")
		time.Sleep(time.Second - 1)
		emit(5)
		g.Expect(logged()).To(Equal([]uint64{1}))
		time.Sleep(time.Nanosecond)
		emit(5)
		g.Expect(logged()).To(Equal([]uint64{1, 10}))
		g.Expect(lines.Lines()[1].Error).To(MatchError(ContainSubstring(`emitter "slow"`)))
		g.Expect(lines.Lines()[1].Data).To(HaveKeyWithValue("emitter", "slow"))

		// The goroutine of the queue logs the remaining drops before its next event.
		time.Sleep(time.Second)
		slow.released <- struct{}{}
		synctest.Wait()
		g.Expect(logged()).To(Equal([]uint64{1, 10, 4}))

		// Close logs the drops that remain.
		emit(7) // the queue has room for one
		g.Expect(monitor.Stats()[0].Dropped).To(BeEquivalentTo(21))
		close(slow.released)
		g.Expect(monitor.Close(context.Background())).To(Succeed())
		g.Expect(logged()).To(Equal([]uint64{1, 10, 4, 6}))
		g.Expect(slow.Events()).To(HaveLen(4))
	})
}

func TestCloseWaitsUntilItsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewWithT(t)
		logger, _ := newLogger()
		slow := newStuck()
		monitor := metric.NewMonitor()
		monitor.RegisterEmitter(&factory{name: "slow", emitter: slow})
		g.Expect(monitor.Initialize(logger, "web-1", nil, 2)).To(Succeed())
		monitor.Emit(logger, metric.Event{})
		<-slow.begun

		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		start := time.Now()
		g.Expect(monitor.Close(ctx)).To(MatchError(context.DeadlineExceeded))
		g.Expect(time.Since(start)).To(Equal(3 * time.Second))
		close(slow.released)
	})
}

func TestCloseReportsTheEventsLeftWhenItsContextIsDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewWithT(t)
		logger, _ := newLogger()
		slow, fast := newStuck(), &recorder{}
		monitor := metric.NewMonitor()
		monitor.RegisterEmitter(&factory{name: "fast", emitter: fast})
		monitor.RegisterEmitter(&factory{name: "slow", emitter: slow})
		g.Expect(monitor.Initialize(logger, "web-1", nil, 10)).To(Succeed())
		for range 4 {
			monitor.Emit(logger, metric.Event{Name: "deploy finished"})
		}
		synctest.Wait()
		g.Expect(fast.Events()).To(HaveLen(4))

		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		err := monitor.Close(ctx)
		g.Expect(err).To(MatchError(And(ContainSubstring(`emitter "slow"`), ContainSubstring("one event was being emitted and 3 were left"))))
		g.Expect(err).NotTo(MatchError(ContainSubstring(`emitter "fast"`)))
		g.Expect(err).To(MatchError(context.Canceled))
		g.Expect(slow.closed.Load()).To(BeEquivalentTo(1), "the emitter was not closed")

		close(slow.released)
		synctest.Wait()
		g.Expect(slow.Events()).To(HaveLen(1), "the emitter received abandoned events")
	})
}
