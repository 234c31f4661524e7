package aggregator_test

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"go.uber.org/goleak"

	"github.com/signalbox-ci/signalbox/emitter/aggregator"
)

func TestAggregator(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "Aggregator")
}

// A fakeClock is a clock that tests advance or set back.
type fakeClock struct {
	mu  sync.Mutex
	now time.Time
}

func newFakeClock() *fakeClock {
	return &fakeClock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
}

func (c *fakeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance advances the clock by d, which may be negative.
func (c *fakeClock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// page returns the metrics of the aggregator in the text format, without HELP lines and
// without the metrics about the aggregator itself.
func page(a *aggregator.Aggregator) string {
	GinkgoHelper()
	registry := prometheus.NewPedanticRegistry()
	Expect(registry.Register(a)).To(Succeed())
	return gather(registry)
}

// gather is like page, for another Gatherer.
func gather(from prometheus.Gatherer) string {
	GinkgoHelper()
	families, err := from.Gather()
	Expect(err).NotTo(HaveOccurred())
	var b bytes.Buffer
	for _, f := range families {
		if strings.HasPrefix(f.GetName(), "signalbox_") {
			continue
		}
		_, err := expfmt.MetricFamilyToText(&b, f)
		Expect(err).NotTo(HaveOccurred())
	}
	var lines []string
	for line := range strings.Lines(b.String()) {
		if !strings.HasPrefix(line, "# HELP") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}

// samples returns the lines of page without TYPE lines, and without the times of
// pushes.
func samples(a *aggregator.Aggregator) []string {
	GinkgoHelper()
	var kept []string
	for line := range strings.Lines(page(a)) {
		if !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "push_") {
			kept = append(kept, strings.TrimSpace(line))
		}
	}
	return kept
}

// text returns the families of a page in the text format.
func text(page string) []*dto.MetricFamily {
	GinkgoHelper()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	parsed, err := parser.TextToMetricFamilies(strings.NewReader(page))
	Expect(err).NotTo(HaveOccurred())
	var families []*dto.MetricFamily
	for _, f := range parsed {
		families = append(families, f)
	}
	return families
}

// familyOf returns a family that the aggregator serves.
func familyOf(a *aggregator.Aggregator, name string) *dto.MetricFamily {
	GinkgoHelper()
	registry := prometheus.NewPedanticRegistry()
	Expect(registry.Register(a)).To(Succeed())
	families, err := registry.Gather()
	Expect(err).NotTo(HaveOccurred())
	for _, f := range families {
		if f.GetName() == name {
			return f
		}
	}
	Fail("got no family " + name)
	return nil
}

// TestMain fails if goroutines are still running after the tests.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/onsi/ginkgo/v2/internal/interrupt_handler.(*InterruptHandler).registerForInterrupts.func2"))
}
