package aggregator_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/emitter/aggregator"
)

var _ = Describe("The overview", func() {
	var (
		clock *fakeClock
		a     *aggregator.Aggregator
	)
	BeforeEach(func() { clock = newFakeClock() })
	start := func(options aggregator.Options) {
		GinkgoHelper()
		options.Clock, options.AgentTTL, options.AgentMaxSeries = clock.Now, time.Minute, 70
		var err error
		a, err = aggregator.New(options)
		Expect(err).NotTo(HaveOccurred())
	}
	// tick advances the clock by a second and returns the time.
	tick := func() time.Time {
		clock.Advance(time.Second)
		return clock.Now()
	}

	It("has the fields agents and groups", func() {
		start(aggregator.Options{})
		var fields []string
		for field := range a.OverviewFields() {
			fields = append(fields, field)
		}
		Expect(fields).To(ConsistOf("agents", "groups"))
	})

	Describe("of groups", func() {
		push := func(job, body string, ttl time.Duration) error {
			return a.Groups.Push(context.Background(), aggregator.Push{Grouping: []aggregator.Label{{Name: "job", Value: job}}, Families: text(body), Replace: true, TTL: &ttl})
		}
		latest := func(limit int) (jobs []string) {
			for _, g := range groupsSection(a, limit).List {
				jobs = append(jobs, g.Labels[0].Value)
			}
			return jobs
		}

		It("does not list more than about half a mebibyte of texts", func() {
			start(aggregator.Options{})
			var labels []aggregator.Label
			for i := range 60 {
				labels = append(labels, aggregator.Label{Name: fmt.Sprint("l", i), Value: strings.Repeat("x", 10_000)})
			}
			for i := range 30 {
				grouping := append([]aggregator.Label{{Name: "job", Value: fmt.Sprint(i)}}, labels...)
				Expect(a.Groups.Push(context.Background(), aggregator.Push{Grouping: grouping})).To(Succeed())
			}
			section := groupsSection(a, 1000)
			Expect(section.Total).To(BeNumerically(">=", 30))
			encoded, err := json.Marshal(section)
			Expect(err).NotTo(HaveOccurred())
			Expect(len(encoded)).To(And(BeNumerically(">", 500_000), BeNumerically("<", 1_000_000)))
		})

		It("lists the groups up to the limit, sorted by their last pushes", func() {
			start(aggregator.Options{GroupMaxSeries: 50})
			Expect(push("a", "x 1\ny 1\n", 0)).To(Succeed())
			failed := tick()
			Expect(push("failing", "# TYPE x counter\nx 1\n", 0)).NotTo(Succeed())
			tick()
			Expect(push("b", "x 1\n", time.Hour)).To(Succeed())
			pushed := tick()
			Expect(push("a", "x 2\ny 2\nz 2\n", 0)).To(Succeed())
			expired := tick()
			Expect(push("short", "x 1\n", time.Second)).To(Succeed())
			Expect(latest(9)).To(Equal([]string{"short", "a", "b", "failing"}))
			tick()

			l := groupsSection(a, 9)
			Expect(l.Total).To(Equal(3))
			Expect(l.Series).To(Equal(4))
			Expect(l.Limit).To(Equal(50))
			labels := func(job string) []aggregator.LabelEntry {
				return []aggregator.LabelEntry{{Name: "job", Value: job}}
			}
			Expect(l.List).To(Equal([]aggregator.GroupEntry{
				{Labels: labels("a"), Series: 3, Pushed: &pushed},
				{Labels: labels("b"), Series: 1, Pushed: new(pushed.Add(-time.Second)), Expires: new(pushed.Add(time.Hour - time.Second))},
				{Labels: labels("failing"), Failed: &failed},
			}), "the group short expired at %s", expired.Add(time.Second))
			Expect(latest(2)).To(Equal([]string{"a", "b"}))
			Expect(groupsSection(a, 0).List).To(BeEmpty())
			Expect(groupsSection(a, -1).List).To(BeEmpty())

			Expect(a.Groups.Delete(context.Background(), []aggregator.Label{{Name: "job", Value: "a"}})).To(Succeed())
			Expect(latest(9)).To(Equal([]string{"b", "failing"}))
			Expect(a.Groups.Wipe(context.Background())).To(Succeed())
			Expect(groupsSection(a, 9)).To(Equal(aggregator.GroupsSection{Limit: 50, List: []aggregator.GroupEntry{}}))
		})

		It("lists the groups in the same order after a restart", func() {
			options := aggregator.Options{StoragePath: filepath.Join(GinkgoT().TempDir(), "groups.db")}
			start(options)
			var want []string
			for i := range 20 {
				tick()
				Expect(push(fmt.Sprint(i), "x 1\n", 0)).To(Succeed())
				want = append([]string{fmt.Sprint(i)}, want...)
			}
			Expect(a.Close()).To(Succeed())
			start(options)
			DeferCleanup(a.Close)
			Expect(latest(100)).To(Equal(want))
			tick()
			Expect(push("7", "x 1\n", 0)).To(Succeed())
			Expect(latest(2)).To(Equal([]string{"7", "19"}))
		})
	})

	Describe("of agents", func() {
		update := func(user string, metrics ...aggregator.Metric) error {
			return a.Agents.Update(context.Background(), aggregator.Labels{Username: user, TemplateName: "go"}, metrics)
		}
		users := func(limit int) (users []string) {
			for _, ag := range agentsSection(a, limit).List {
				users = append(users, ag.Labels[0].Value)
			}
			return users
		}
		gauge := aggregator.Metric{Name: "g", Type: aggregator.Gauge}
		counter := aggregator.Metric{Name: "c_total", Type: aggregator.Counter}
		bad := aggregator.Metric{Name: "bad name", Type: aggregator.Gauge}

		It("lists the agents up to the limit, sorted by their last updates", func() {
			start(aggregator.Options{})
			Expect(update("a", gauge, counter)).To(Succeed())
			for i := range 9 {
				tick()
				Expect(update(fmt.Sprint(i), gauge)).To(Succeed())
			}
			updated := tick()
			Expect(update("a", gauge)).To(Succeed())
			tick()
			Expect(update("nothing", bad)).NotTo(Succeed())
			Expect(update("8", bad)).NotTo(Succeed())

			Expect(users(3)).To(Equal([]string{"a", "8", "7"}))
			l := agentsSection(a, 1)
			Expect(l).To(Equal(aggregator.AgentsSection{Total: 10, Series: 11, Limit: 70, List: []aggregator.AgentEntry{{
				Labels: []aggregator.LabelEntry{{Name: "username", Value: "a"}, {Name: "template_name", Value: "go"}},
				Series: 2, Updated: updated, Expires: updated.Add(time.Minute),
			}}}))
			Expect(agentsSection(a, 0).List).To(BeEmpty())
			Expect(agentsSection(a, -1).List).To(BeEmpty())

			clock.Advance(55 * time.Second)
			l = agentsSection(a, 100)
			Expect(l.Total).To(Equal(4), "agents with an update within the TTL")
			Expect(l.List[0].Series).To(Equal(1), "the counter was not pushed again")
			clock.Advance(time.Minute)
			Expect(agentsSection(a, 100).List).To(BeEmpty())
		})

		It("omits expired agents whose counters are kept", func() {
			start(aggregator.Options{AgentAggregateBy: []string{"template_name"}})
			Expect(update("a", counter)).To(Succeed())
			Expect(users(9)).To(Equal([]string{"a"}))
			clock.Advance(time.Minute)
			a.Sweep()
			Expect(agentsSection(a, 9).Total).To(BeZero())
			Expect(update("a", counter)).To(Succeed())
			Expect(users(9)).To(Equal([]string{"a"}))
		})
	})
})
