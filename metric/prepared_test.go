package metric_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"code.cloudfoundry.org/lager/v3"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/metric"
)

var _ = Describe("A prepared event type", func() {
	deploy := metric.EventType{Name: "deploy finished", Attributes: []string{"stage", "zone"}}

	for _, node := range []attributes{nil, {"zone": "b", "rack": "7"}} {
		It(fmt.Sprintf("emits the same events as Monitor.Emit, with node attributes %v", node), func() {
			logger, lines := newLogger()
			var got, want [3]func() []metric.Event
			var monitors [2]*metric.Monitor
			for i, events := range []*[3]func() []metric.Event{&got, &want} {
				typed, concurrent, queued := &typedRecorder{}, &concurrentRecorder{}, &recorder{}
				events[0], events[1], events[2] = typed.Events, concurrent.Events, queued.Events
				if i == 0 {
					events[0] = typed.typed.Events
				}
				monitors[i] = metric.NewMonitor()
				for _, emitter := range []metric.Emitter{typed, concurrent, queued} {
					monitors[i].RegisterEmitter(&factory{name: "fake", emitter: emitter})
				}
				Expect(monitors[i].Initialize(logger, "web-1", node, 0)).To(Succeed())
			}
			at := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
			prepared := monitors[0].Prepare(deploy)
			for i, event := range []metric.Event{{Value: 1, Time: at}, {Value: 2, Time: at, Host: "elsewhere"}, {Value: 3, Time: at}} {
				prepared.Emit(logger, event, []string{fmt.Sprint(i), "a"})
				event.Name, event.Attributes = deploy.Name, attributes{"stage": fmt.Sprint(i), "zone": "a"}
				monitors[1].Emit(logger, event)
			}
			for _, monitor := range monitors {
				Expect(monitor.Close(context.Background())).To(Succeed())
			}
			for i := range got {
				expected := want[i]()
				if i == 0 { // a TypedEvent receives neither host nor time
					for j := range expected {
						expected[j].Host, expected[j].Time = "", time.Time{}
					}
				}
				Expect(expected).To(HaveLen(3))
				Expect(got[i]()).To(Equal(expected))
			}
			Expect(lines.Lines()).To(BeEmpty())
		})
	}

	It("adds a missing host and time", func() {
		logger, _ := newLogger()
		emitter := &concurrentRecorder{}
		started(logger, nil, emitter).Prepare(deploy).Emit(logger, metric.Event{Value: 1}, []string{"live", "a"})
		Expect(stamped(emitter.Events())).To(Equal([]metric.Event{
			{Name: "deploy finished", Value: 1, Attributes: attributes{"stage": "live", "zone": "a"}}}))
	})

	It("does not keep the caller's slices", func() {
		logger, _ := newLogger()
		emitter := &concurrentRecorder{}
		names, values := []string{"stage"}, []string{"live"}
		monitor := started(logger, nil, emitter)
		prepared := monitor.Prepare(metric.EventType{Name: "deploy", Attributes: names})
		names[0] = "changed"
		prepared.Emit(logger, metric.Event{}, values)
		values[0] = "changed"
		Expect(emitter.Events()[0].Attributes).To(Equal(attributes{"stage": "live"}))
	})

	It("remains valid when the Monitor is initialized again", func() {
		logger, _ := newLogger()
		emitter := &typedRecorder{}
		monitor := metric.NewMonitor()
		monitor.RegisterEmitter(&factory{name: "fake", emitter: emitter})
		prepared := monitor.Prepare(deploy)
		prepared.Emit(logger, metric.Event{Value: 1}, []string{"early", ""})
		for i, node := range []attributes{nil, {"rack": "7"}} {
			Expect(monitor.Initialize(logger, "web-1", node, 0)).To(Succeed())
			prepared.Emit(logger, metric.Event{Value: float64(2 + i)}, []string{"live", ""})
			Expect(monitor.Close(context.Background())).To(Succeed())
			prepared.Emit(logger, metric.Event{Value: 9}, []string{"late", ""})
		}
		Expect(emitter.typed.Events()).To(Equal([]metric.Event{
			{Name: "deploy finished", Value: 2, Attributes: attributes{"stage": "live", "zone": ""}},
			{Name: "deploy finished", Value: 3, Attributes: attributes{"stage": "live", "zone": "", "rack": "7"}},
		}))
	})

	It("rejects a wrong number of values", func() {
		logger, lines := newLogger()
		emitter := &typedRecorder{}
		prepared := started(logger, nil, emitter).Prepare(deploy)
		prepared.Emit(logger, metric.Event{}, []string{"live"})
		prepared.Emit(logger, metric.Event{}, []string{"live", "", ""})
		Expect(emitter.typed.Events()).To(BeEmpty())
		Expect(lines.Lines()).To(HaveLen(2))
		Expect(lines.Lines()[0].Error).To(MatchError(metric.ErrFailedToEmit))
		Expect(lines.Lines()[0].Error).To(MatchError(ContainSubstring(`event "deploy finished": got 1 values, expected 2`)))
	})

	It("is safe for concurrent use", func() {
		logger, _ := newLogger()
		typed, concurrent := &typedRecorder{}, &concurrentRecorder{}
		prepared := started(logger, attributes{"rack": "7"}, typed, concurrent).Prepare(deploy)
		var emitting sync.WaitGroup
		for i := range 8 {
			emitting.Go(func() {
				for range 100 {
					prepared.Emit(logger, metric.Event{Value: float64(i)}, []string{fmt.Sprint(i), "a"})
				}
			})
		}
		emitting.Wait()
		for _, events := range [][]metric.Event{typed.typed.Events(), concurrent.Events()} {
			Expect(events).To(HaveLen(800))
			for _, event := range events {
				Expect(event.Attributes).To(Equal(attributes{"stage": fmt.Sprint(event.Value), "zone": "a", "rack": "7"}))
			}
		}
	})
})

func TestPreparedDoesNotAllocate(t *testing.T) {
	logger := lager.NewLogger("ci")
	values := []string{"live", "a"}
	for _, node := range []attributes{nil, {"rack": "7"}} {
		for _, emitter := range []metric.Emitter{noop{}, concurrentFunc(func(lager.Logger, metric.Event) {})} {
			prepared := monitorOf(t, node, emitter).Prepare(metric.EventType{Name: "deploy finished", Attributes: []string{"stage", "zone"}})
			allocations := testing.AllocsPerRun(100, func() { prepared.Emit(logger, metric.Event{Value: 1}, values) })
			if allocations != 0 && !raceEnabled {
				t.Errorf("%T, node %v: %v allocations, want 0", emitter, node, allocations)
			}
		}
	}
}
