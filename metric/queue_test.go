package metric_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/metric"
)

// The lines about full queues are told in fake time: a nanosecond before a
// second has passed nothing, at the second the line.
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
		emit(2) // these fill the queue
		g.Expect(logged()).To(BeEmpty())

		emit(5)
		g.Expect(logged()).To(Equal([]uint64{1}), "the first is told of at once")
		time.Sleep(time.Second - 1)
		emit(5)
		g.Expect(logged()).To(Equal([]uint64{1}))
		time.Sleep(time.Nanosecond)
		emit(5)
		g.Expect(logged()).To(Equal([]uint64{1, 10}))
		g.Expect(lines.Lines()[1].Error).To(MatchError(`failed to emit: the queue of emitter "slow" was full`))
		g.Expect(lines.Lines()[1].Data).To(HaveKeyWithValue("emitter", "slow"))

		// The emit loop tells of the rest when it comes by.
		time.Sleep(time.Second)
		slow.released <- struct{}{}
		synctest.Wait()
		g.Expect(logged()).To(Equal([]uint64{1, 10, 4}))

		// And Close of what it did not.
		emit(7) // one finds room
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
