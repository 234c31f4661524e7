package status_test

import (
	"fmt"
	"math"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/emitter/rule"
	"github.com/signalbox-ci/signalbox/internal/engine"
	"github.com/signalbox-ci/signalbox/internal/status"
	"github.com/signalbox-ci/signalbox/metric"
)

// usage returns a rule that sets a gauge to a worker's usage.
func usage(event, metric string, labels ...string) rule.Rule {
	r := rule.Rule{
		Event: event, Metric: metric, Type: rule.Gauge, Operation: rule.Set, Worker: rule.Heartbeat, Help: "Usage.",
		Labels: []rule.Label{{Name: "worker", Attribute: "worker"}},
	}
	for _, attribute := range labels {
		r.Labels = append(r.Labels, rule.Label{Name: "label_" + attribute, Attribute: attribute})
	}
	return r
}

var _ = Describe("The workers", func() {
	var (
		now time.Time
		e   *engine.Engine
		s   *status.Status
	)
	BeforeEach(func() {
		now = start
		clock := func() time.Time { return now }
		e = newEngine(clock, 0,
			usage("worker containers", "containers", "platform", "team_name", "tags"),
			usage("worker volumes", "volumes", "platform", "team_name", "tags"),
			usage("worker tasks", "tasks", "platform"))
		s = newStatus(e, clock)
	})
	emit := func(event string, value float64, attributes ...string) {
		values := map[string]string{}
		for i := 0; i < len(attributes); i += 2 {
			values[attributes[i]] = attributes[i+1]
		}
		e.Emit(nil, metric.Event{Name: event, Value: value, Attributes: values})
	}
	n := func(v float64) *float64 { return &v }

	It("are an empty list before the first heartbeat", func() {
		Expect(s.Collect(now).Workers).To(Equal(status.Workers{StaleAfterSeconds: 300, List: []status.Worker{}}))
	})

	It("have the sums and the label values of their series", func() {
		emit("worker containers", 1, "worker", "w", "platform", "linux", "team_name", "b", "tags", "gpu")
		emit("worker containers", 2, "worker", "w", "platform", "linux", "team_name", "a", "tags", "")
		emit("worker volumes", 0, "worker", "w", "platform", "linux", "team_name", "a", "tags", "arm")
		emit("worker containers", 9, "worker", "other", "platform", "darwin", "team_name", "", "tags", "")
		emit("worker tasks", 3, "worker", "other", "platform", "darwin")
		Expect(s.Collect(now).Workers).To(Equal(status.Workers{Total: 2, StaleAfterSeconds: 300, List: []status.Worker{
			{Name: "other", Platform: "darwin", Containers: n(9), Tasks: n(3), LastHeartbeat: start, DropsInSeconds: 300},
			{Name: "w", Platform: "linux", Team: "a, b", Tags: "arm, gpu", Containers: n(3), Volumes: n(0), LastHeartbeat: start, DropsInSeconds: 300},
		}}))
	})

	It("are listed oldest heartbeat first, until they are swept", func() {
		emit("worker containers", 1, "worker", "b")
		now = start.Add(time.Second)
		emit("worker containers", 1, "worker", "a")
		emit("worker containers", 1, "worker", "c")
		now = start.Add(2 * time.Second)
		emit("worker tasks", 1, "worker", "c")
		list := func() (list []string) {
			for _, w := range s.Collect(now).Workers.List {
				list = append(list, fmt.Sprint(w.Name, " ", w.LastHeartbeat.Sub(start), " ", w.DropsInSeconds))
			}
			return list
		}
		Expect(list()).To(Equal([]string{"b 0s 298", "a 1s 299", "c 2s 300"}))
		o, _ := s.Overview(2)
		Expect(o.Workers.List).To(HaveExactElements(HaveField("Name", "b"), HaveField("Name", "a")))
		Expect(o.Workers.Total).To(Equal(3))
		now = start.Add(301 * time.Second)
		Expect(list()).To(Equal([]string{"b 0s -1", "a 1s 0", "c 2s 1"}))
		e.Sweep()
		Expect(list()).NotTo(ContainElement(HavePrefix("b ")))
	})

	It("are the thousand with the oldest heartbeats if there are more", func() {
		for i := range 1100 {
			now = start.Add(time.Duration(i*7%1100) * time.Millisecond) // not in this order
			emit("worker containers", float64(i), "worker", fmt.Sprint(i))
		}
		w := s.Collect(now).Workers
		Expect(w.Total).To(Equal(1100))
		Expect(w.List).To(HaveLen(1000))
		for i, worker := range w.List {
			Expect(worker.LastHeartbeat).To(Equal(start.Add(time.Duration(i) * time.Millisecond)))
			Expect(fmt.Sprint(*worker.Containers)).To(Equal(worker.Name))
		}
	})

	It("have sums that JSON can represent", func() {
		for _, sign := range []float64{1, -1} {
			for _, tags := range []string{"a", "b"} {
				emit("worker containers", sign*math.MaxFloat64, "worker", fmt.Sprint(sign), "tags", tags)
			}
		}
		Expect(s.Collect(now).Workers.List).To(HaveExactElements(
			HaveField("Containers", HaveValue(Equal(-math.MaxFloat64))), HaveField("Containers", HaveValue(Equal(math.MaxFloat64)))))
	})

	It("have texts of at most 1 KiB", func() {
		long, cut := strings.Repeat("ü", 600), strings.Repeat("ü", 510)+"…"
		emit("worker containers", 1, "worker", long, "platform", long, "team_name", long, "tags", long)
		Expect(s.Collect(now).Workers.List).To(HaveExactElements(And(
			HaveField("Name", cut), HaveField("Platform", cut), HaveField("Team", cut), HaveField("Tags", cut))))
	})

	It("have no usage if no rule sets a worker's gauge", func() {
		clock := func() time.Time { return now }
		e = newEngine(clock, 0, counter("worker containers", "containers_total", "worker"), usage("worker tasks", "tasks"))
		s = newStatus(e, clock)
		emit("worker containers", 1, "worker", "w")
		emit("worker tasks", 4, "worker", "w", "platform", "linux")
		Expect(s.Collect(now).Workers.List).To(Equal([]status.Worker{
			{Name: "w", Tasks: n(4), LastHeartbeat: start, DropsInSeconds: 300},
		}))
	})
})
