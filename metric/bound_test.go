package metric_test

import (
	"context"
	"fmt"

	"code.cloudfoundry.org/lager/v3"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/metric"
)

// bindableRecorder is a typedRecorder whose events can be bound. It records the events
// that arrive bound separately.
type bindableRecorder struct {
	typedRecorder
	bound recorder
}

func (r *bindableRecorder) Prepare(eventType metric.EventType) metric.TypedEvent {
	return bindableEvent{typedEvent{&r.typedRecorder, eventType}, r}
}

type bindableEvent struct {
	typedEvent
	recorder *bindableRecorder
}

func (e bindableEvent) Bind(values []string) metric.BoundEvent {
	event := metric.Event{Name: e.eventType.Name, Attributes: map[string]string{}}
	for i, name := range e.eventType.Attributes {
		event.Attributes[name] = values[i]
	}
	return boundFunc(func(logger lager.Logger, value float64) {
		bound := event
		bound.Value = value
		e.recorder.bound.Emit(logger, bound)
	})
}

type boundFunc func(lager.Logger, float64)

func (f boundFunc) Emit(logger lager.Logger, value float64) { f(logger, value) }

var _ = Describe("A bound event", func() {
	deploy := metric.EventType{Name: "deploy finished", Attributes: []string{"stage", "zone"}}
	recorded := func(value float64, attributes attributes) metric.Event {
		return metric.Event{Name: "deploy finished", Value: value, Attributes: attributes}
	}

	It("reaches emitters bound to its values and the node's attributes", func() {
		logger, lines := newLogger()
		first, second := &bindableRecorder{}, &bindableRecorder{}
		values := []string{"live", "a"}
		bound := started(logger, attributes{"zone": "b", "rack": "7"}, first, second).Prepare(deploy).Bind(values...)
		values[0] = "changed"
		bound.Emit(logger, 1)
		bound.Emit(nil, 2)
		for _, emitter := range []*bindableRecorder{first, second} {
			Expect(emitter.bound.Events()).To(Equal([]metric.Event{
				recorded(1, attributes{"stage": "live", "zone": "a", "rack": "7"}),
				recorded(2, attributes{"stage": "live", "zone": "a", "rack": "7"}),
			}))
			Expect(emitter.typed.Events()).To(BeEmpty())
		}
		Expect(lines.Lines()).To(BeEmpty())
	})

	for name, other := range map[string]metric.Emitter{
		"a typed": &typedRecorder{}, "a concurrent": &concurrentRecorder{}, "a queued": &recorder{},
	} {
		It(fmt.Sprintf("is an ordinary event if there is also %s emitter that cannot bind it", name), func() {
			logger, _ := newLogger()
			bindable := &bindableRecorder{}
			monitor := started(logger, attributes{"rack": "7"}, bindable, other)
			monitor.Prepare(deploy).Bind("live", "a").Emit(logger, 3)
			Expect(monitor.Close(context.Background())).To(Succeed())
			want := []metric.Event{recorded(3, attributes{"stage": "live", "zone": "a", "rack": "7"})}
			Expect(bindable.bound.Events()).To(BeEmpty())
			Expect(bindable.typed.Events()).To(Equal(want))
			switch other := other.(type) {
			case *typedRecorder:
				Expect(other.typed.Events()).To(Equal(want))
			case interface{ Events() []metric.Event }:
				Expect(stamped(other.Events())).To(Equal(want))
			}
		})
	}

	It("remains valid when the Monitor is initialized again", func() {
		logger, _ := newLogger()
		emitter := &bindableRecorder{}
		monitor := metric.NewMonitor()
		monitor.RegisterEmitter(&factory{name: "fake", emitter: emitter})
		bound := monitor.Prepare(deploy).Bind("live", "")
		bound.Emit(logger, 1)
		for i, node := range []attributes{nil, {"rack": "7"}} {
			Expect(monitor.Initialize(logger, "web-1", node, 0)).To(Succeed())
			bound.Emit(logger, float64(2+i))
			Expect(monitor.Close(context.Background())).To(Succeed())
			bound.Emit(logger, 9)
		}
		Expect(emitter.bound.Events()).To(Equal([]metric.Event{
			recorded(2, attributes{"stage": "live", "zone": ""}),
			recorded(3, attributes{"stage": "live", "zone": "", "rack": "7"}),
		}))
	})

	It("reports a wrong number of values when it is emitted", func() {
		logger, lines := newLogger()
		emitter := &bindableRecorder{}
		bound := started(logger, nil, emitter).Prepare(deploy).Bind("live")
		Expect(lines.Lines()).To(BeEmpty())
		bound.Emit(logger, 1)
		Expect(emitter.bound.Events()).To(BeEmpty())
		Expect(lines.Lines()).To(HaveLen(1))
		Expect(lines.Lines()[0].Error).To(MatchError(metric.ErrFailedToEmit))
	})
})
