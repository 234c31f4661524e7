package demo

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"code.cloudfoundry.org/lager/v3"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"go.uber.org/goleak"

	"github.com/signalbox-ci/signalbox/metric"
)

func TestDemo(t *testing.T) {
	defer goleak.VerifyNone(t,
		goleak.IgnoreAnyFunction("github.com/onsi/ginkgo/v2/internal/interrupt_handler.(*InterruptHandler).registerForInterrupts.func2"))
	RegisterFailHandler(Fail)
	RunSpecs(t, "Demo")
}

// silent is a logger that logs nothing.
var silent = lager.NewLogger("demo")

// A recorder is an emitter that counts events, and keeps them if keep is set. It is its
// own factory.
type recorder struct {
	mu     sync.Mutex     // protects the following fields
	counts map[string]int // by name
	keep   bool
	events []string           // in full
	watch  func(metric.Event) // called with each event, if not nil
}

func (r *recorder) Description() string                                  { return "recorder" }
func (r *recorder) IsConfigured() bool                                   { return true }
func (r *recorder) NewEmitter(map[string]string) (metric.Emitter, error) { return r, nil }
func (r *recorder) EmitsConcurrently()                                   {}

func (r *recorder) Emit(_ lager.Logger, event metric.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.counts == nil {
		r.counts = make(map[string]int)
	}
	r.counts[event.Name]++
	if r.watch != nil {
		r.watch(event)
	}
	if !r.keep {
		return
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%s %v", event.Name, event.Value)
	for _, name := range slices.Sorted(maps.Keys(event.Attributes)) {
		fmt.Fprintf(&text, " %s=%q", name, event.Attributes[name])
	}
	r.events = append(r.events, text.String())
}

// count returns the number of events with the name.
func (r *recorder) count(name string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.counts[name]
}

// newMonitor returns an initialized Monitor with emitters. It is closed at the end of
// the spec.
func newMonitor(factories ...metric.EmitterFactory) *metric.Monitor {
	GinkgoHelper()
	m := metric.NewMonitor()
	for _, factory := range factories {
		m.RegisterEmitter(factory)
	}
	Expect(m.Initialize(silent, "web-1", nil, 0)).To(Succeed())
	DeferCleanup(m.Close, context.Background())
	return m
}

// newTestSimulation returns a simulation with the limits of the default speed.
func newTestSimulation(m *metric.Monitor, seed uint64) *simulation {
	return newSimulation(config{monitor: m, logger: silent, seed: seed, staleAfter: 30 * time.Minute, agentTTL: 30 * time.Minute})
}

// emitCounters emits the counters and gauges of the Monitor once, as PeriodicallyEmit
// does when it is stopped.
func emitCounters(m *metric.Monitor) {
	GinkgoHelper()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	Expect(metric.PeriodicallyEmit(silent, m, time.Hour).RunContext(ctx)).To(Succeed())
}
