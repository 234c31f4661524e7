package main

import (
	"context"
	"strings"
	"time"

	"code.cloudfoundry.org/lager/v3"
	"code.cloudfoundry.org/lager/v3/lagertest"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/metric"
)

var _ = Describe("an event on standard input", func() {
	It("reaches an emitter unchanged, whether it is the first of its name or not", func() {
		logger := lagertest.NewTestLogger("sink")
		emitter := &keeper{}
		monitor := metric.NewMonitor()
		monitor.RegisterEmitter(emitter)
		Expect(monitor.Initialize(logger, "daemon", nil, 0)).To(Succeed())
		DeferCleanup(func() { monitor.Close(context.Background()) })

		line := `{"name":"deploy","value":2,"attributes":{"stage":"live"},"host":"web-1","time":"2026-01-02T15:04:05Z"}` + "\n"
		in := readInput(logger, strings.NewReader(strings.Repeat(line, 3)), inputOptions{}, newEmitters(logger, monitor), nil, &inputStatus{})
		Eventually(in.Done()).Should(BeClosed())
		event := metric.Event{
			Name: "deploy", Value: 2, Attributes: map[string]string{"stage": "live"}, Host: "web-1",
			Time: time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC),
		}
		Expect(emitter.events).To(Equal([]metric.Event{event, event, event}))
	})
})

// A keeper is an emitter that keeps the events that it receives, and its own factory.
type keeper struct{ events []metric.Event }

func (*keeper) Description() string { return "keeper" }
func (*keeper) IsConfigured() bool  { return true }
func (*keeper) EmitsConcurrently()  {}

func (k *keeper) NewEmitter(map[string]string) (metric.Emitter, error) { return k, nil }

func (k *keeper) Emit(_ lager.Logger, event metric.Event) {
	attributes := map[string]string{}
	for name, value := range event.Attributes {
		attributes[name] = value
	}
	event.Attributes = attributes
	k.events = append(k.events, event)
}
