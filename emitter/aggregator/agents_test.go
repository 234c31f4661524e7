package aggregator_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"code.cloudfoundry.org/lager/v3"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-ci/signalbox/emitter/aggregator"
)

var _ = Describe("Agents", func() {
	var (
		clock *fakeClock
		a     *aggregator.Aggregator
		reg   *prometheus.Registry

		alice = aggregator.Labels{Username: "alice", WorkspaceName: "blue", AgentName: "main", TemplateName: "go"}
		bob   = aggregator.Labels{Username: "bob", WorkspaceName: "red", AgentName: "main", TemplateName: "go"}
	)

	counter := func(name string, v float64, labels ...aggregator.Label) aggregator.Metric {
		return aggregator.Metric{Name: name, Type: aggregator.Counter, Value: v, Labels: labels}
	}
	gauge := func(name string, v float64, labels ...aggregator.Label) aggregator.Metric {
		return aggregator.Metric{Name: name, Type: aggregator.Gauge, Value: v, Labels: labels}
	}
	label := func(name, value string) aggregator.Label { return aggregator.Label{Name: name, Value: value} }
	update := func(labels aggregator.Labels, metrics ...aggregator.Metric) error {
		return a.Agents.Update(context.Background(), labels, metrics)
	}
	create := func(options aggregator.Options) {
		GinkgoHelper()
		reg = prometheus.NewRegistry()
		options.Registerer = reg
		if options.Clock == nil {
			options.Clock = clock.Now
		}
		var err error
		a, err = aggregator.New(options)
		Expect(err).NotTo(HaveOccurred())
	}
	rejections := func(err error) []aggregator.Rejection {
		GinkgoHelper()
		var rejected *aggregator.RejectedError
		Expect(errors.As(err, &rejected)).To(BeTrue(), "%v", err)
		return rejected.Rejections
	}

	BeforeEach(func() {
		clock = newFakeClock()
		create(aggregator.Options{})
	})

	It("serves series with the base labels and the labels of the metric", func() {
		Expect(update(alice, counter("builds_total", 3, label("status", "ok")), gauge("load", 1.5))).To(Succeed())
		Expect(page(a)).To(Equal(`# TYPE builds_total counter
builds_total{agent_name="main",status="ok",template_name="go",username="alice",workspace_name="blue"} 3
# TYPE load gauge
load{agent_name="main",template_name="go",username="alice",workspace_name="blue"} 1.5
`))
	})

	It("replaces the value of a series regardless of the order of labels and of empty labels", func() {
		Expect(update(alice, counter("x", 1, label("a", "1"), label("b", "2")))).To(Succeed())
		Expect(update(alice, counter("x", 2, label("b", "2"), label("c", ""), label("a", "1")))).To(Succeed())
		Expect(update(alice, counter("x", 3, label("", ""), label("a", "1"), label("b", "2")))).To(Succeed())
		Expect(samples(a)).To(ConsistOf(`x{a="1",agent_name="main",b="2",template_name="go",username="alice",workspace_name="blue"} 3`))
	})

	It("distinguishes series whose names and labels have the same concatenation", func() {
		Expect(update(alice, gauge("x", 1, label("a", "b"), label("c", "d")), gauge("x", 2, label("a", "bcd")), gauge("xa", 3, label("b", "c")), gauge("x", 4))).To(Succeed())
		Expect(samples(a)).To(HaveLen(4))
		Expect(update(alice, gauge("x", 4), gauge("xa", 3, label("b", "c")), gauge("x", 2, label("a", "bcd")), gauge("x", 1, label("a", "b"), label("c", "d")))).To(Succeed())
		Expect(samples(a)).To(HaveLen(4))
		Expect(selfValue(reg, "signalbox_agent_series", "")).To(Equal(4.0))
	})

	It("accepts the metrics of an update in any order", func() {
		var metrics []aggregator.Metric
		for i := range 100 {
			metrics = append(metrics, gauge("x", float64(i), label("i", fmt.Sprint(i))))
		}
		Expect(update(alice, metrics...)).To(Succeed())
		for i := range 50 {
			metrics[i], metrics[99-i] = metrics[99-i], metrics[i]
		}
		for i := range metrics {
			metrics[i].Value *= 2
		}
		Expect(update(alice, metrics[10:]...)).To(Succeed())
		Expect(samples(a)).To(HaveLen(100))
		Expect(samples(a)).To(ContainElement(ContainSubstring(`i="7",template_name="go",username="alice",workspace_name="blue"} 14`)))
	})

	It("does not retain strings of the caller", func() {
		name, value := []byte("some_name"), []byte("some value")
		m := gauge(unsafeString(name), 1, label(unsafeString(name), unsafeString(value)))
		Expect(update(aggregator.Labels{Username: unsafeString(value)}, m)).To(Succeed())
		copy(name, "xxxxxxxxx")
		copy(value, "yyyyyyyyyy")
		Expect(samples(a)).To(ConsistOf(`some_name{some_name="some value",username="some value"} 1`))
	})

	It("serves a series until exactly its TTL has passed since its last update", func() {
		Expect(update(alice, gauge("x", 1), gauge("y", 1))).To(Succeed())
		clock.Advance(time.Minute)
		Expect(update(alice, gauge("x", 2))).To(Succeed())
		clock.Advance(time.Minute - 1)
		Expect(samples(a)).To(HaveLen(2))
		clock.Advance(1)
		Expect(samples(a)).To(ConsistOf(HavePrefix("x{")), "before a sweep")
		a.Sweep()
		Expect(samples(a)).To(ConsistOf(HavePrefix("x{")))
		clock.Advance(time.Minute)
		Expect(samples(a)).To(BeEmpty())
		Expect(update(alice, gauge("x", 3))).To(Succeed(), "before a sweep")
		Expect(samples(a)).To(ConsistOf(HaveSuffix(" 3")))
	})

	It("serves a series for the same time when the clock is set back", func() {
		Expect(update(alice, gauge("x", 1))).To(Succeed())
		clock.Advance(-24 * time.Hour)
		Expect(samples(a)).To(HaveLen(1))
		clock.Advance(2*time.Minute - 1)
		Expect(samples(a)).To(HaveLen(1))
		clock.Advance(1)
		Expect(samples(a)).To(BeEmpty())
	})

	It("does not keep agents without series", func() {
		Expect(update(alice)).To(Succeed())
		Expect(update(bob, gauge("a-b", 1))).NotTo(Succeed())
		Expect(selfValue(reg, "signalbox_agents", "")).To(BeZero())
		Expect(update(bob, gauge("x", 1))).To(Succeed())
		Expect(selfValue(reg, "signalbox_agents", "")).To(Equal(1.0))
	})

	It("removes expired series and agents", func() {
		for i := range 1000 {
			Expect(update(aggregator.Labels{AgentName: fmt.Sprint(i)}, gauge("x", 1))).To(Succeed())
		}
		clock.Advance(2 * time.Minute)
		a.Sweep()
		Expect(selfValue(reg, "signalbox_agent_series", "")).To(BeZero())
		Expect(selfValue(reg, "signalbox_agents", "")).To(BeZero())
	})

	DescribeTable("rejects a metric", func(m aggregator.Metric, reason, message string) {
		err := update(alice, gauge("before", 1), m, gauge("after", 1))
		Expect(rejections(err)).To(ConsistOf(And(
			HaveField("Index", 1), HaveField("Reason", reason), HaveField("Err", MatchError(ContainSubstring(message))))))
		Expect(samples(a)).To(ConsistOf(HavePrefix("before{"), HavePrefix("after{")))
		Expect(gather(reg)).To(BeEmpty()) // gathering still succeeds
		Expect(selfValue(reg, "signalbox_agent_metrics_rejected_total", reason)).To(Equal(1.0))
		Expect(rejections(update(alice, m))).To(HaveLen(1), "when it is pushed again")
	},
		Entry("without a name", gauge("", 1), "invalid_name", `"" is not a metric name`),
		Entry("with an invalid name", gauge("a-b", 1), "invalid_name", `"a-b"`),
		Entry("with a very long name", gauge(strings.Repeat("x", 100_000), 1), "invalid_name", "…"),
		Entry("with a reserved name", gauge("push_time_seconds", 1), "clash", "reserved"),
		Entry("without a type", aggregator.Metric{Name: "x", Value: 1}, "invalid_type", "metric x: got an unknown type, expected counter or gauge"),
		Entry("with an unknown type", aggregator.Metric{Name: "x", Type: 7, Value: 1}, "invalid_type", "metric x"),
		Entry("that is a negative counter", counter("x", -1), "negative", "counter x: got -1"),
		Entry("that is a NaN counter", counter("x", math.NaN()), "not_finite", "counter x: got NaN"),
		Entry("that is an infinite counter", counter("x", math.Inf(1)), "not_finite", "counter x: got +Inf"),
		Entry("with an invalid label name", gauge("x", 1, label("a-b", "1")), "invalid_label", `metric x: "a-b"`),
		Entry("with a reserved label name", gauge("x", 1, label("__name__", "1")), "invalid_label", `metric x: "__name__"`),
		Entry("with a label without a name", gauge("x", 1, label("", "1")), "invalid_label", `metric x: ""`),
		Entry("with a very long label name", gauge("x", 1, label(strings.Repeat("x", 70_000), "1")), "invalid_label", "got a name of 70000 bytes"),
		Entry("with a duplicated label", gauge("x", 1, label("a", "1"), label("a", "2")), "invalid_label", "label a is duplicated"),
		Entry("with a label value that is not UTF-8", gauge("x", 1, label("a", "\xff")), "invalid_label", `label a: value "\xff"`),
		Entry("with a very long label value", gauge("x", 1, label("a", strings.Repeat("x", 20_000))), "invalid_label", "label a: got a value of 20000 bytes"),
	)

	It("accepts a NaN or infinite gauge", func() {
		Expect(update(alice, gauge("x", math.NaN()), gauge("y", math.Inf(-1)))).To(Succeed())
		Expect(samples(a)).To(ConsistOf(HaveSuffix("} NaN"), HaveSuffix("} -Inf")))
	})

	It("rejects an update with invalid base labels or a canceled context as a whole", func() {
		err := update(aggregator.Labels{Username: "\xff"}, gauge("x", 1))
		Expect(err).To(MatchError(ContainSubstring(`base label username: value "\xff"`)))
		Expect(a.Agents.UpdateFrom(context.Background(), []aggregator.Label{label("pool", "x")}, []aggregator.Metric{gauge("x", 1)})).
			To(MatchError(ContainSubstring(`got label "pool", expected one of the base labels`)))
		Expect(a.Agents.UpdateFrom(context.Background(), []aggregator.Label{label("username", "x"), label("username", "y")}, []aggregator.Metric{gauge("x", 1)})).
			To(MatchError(ContainSubstring(`"username" is duplicated`)))
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		Expect(a.Agents.Update(ctx, alice, []aggregator.Metric{gauge("x", 1)})).To(MatchError(context.Canceled))
		Expect(samples(a)).To(BeEmpty())
		Expect(selfValue(reg, "signalbox_agent_updates_rejected_total", "base_labels")).To(Equal(3.0))
		Expect(selfValue(reg, "signalbox_agent_updates_rejected_total", "canceled")).To(Equal(1.0))
	})

	It("renames a label of a metric that has the name of a base label", func() {
		Expect(update(alice, gauge("x", 1, label("username", "root"), label("exported_agent_name", "e"), label("agent_name", "f")))).To(Succeed())
		Expect(samples(a)).To(ConsistOf(`x{agent_name="main",exported_agent_name="e",exported_exported_agent_name="f",exported_username="root",template_name="go",username="alice",workspace_name="blue"} 1`))
		err := update(alice, gauge("x", 2, label("exported_username", "root"), label("exported_agent_name", "e"), label("agent_name", "f")))
		Expect(rejections(err)).To(ConsistOf(HaveField("Reason", "clash")), "the series would have the same labels")
	})

	It("rejects a type that differs from that of another agent, until its series has expired", func() {
		Expect(update(alice, gauge("x", 1))).To(Succeed())
		Expect(rejections(update(bob, counter("x", 1)))).To(ConsistOf(HaveField("Err", MatchError(ContainSubstring("metric x: got type counter, expected gauge")))))
		clock.Advance(2 * time.Minute)
		Expect(update(bob, counter("x", 1))).To(Succeed())
		Expect(page(a)).To(HavePrefix("# TYPE x counter\nx{"))
		Expect(rejections(update(alice, gauge("x", 1)))).To(HaveLen(1))
		Expect(samples(a)).To(HaveLen(1))
	})

	It("lets an agent change the type of a metric that no other agent pushes", func() {
		Expect(update(alice, gauge("x", 1), gauge("y", 1))).To(Succeed())
		Expect(update(alice, counter("x", 1), gauge("y", 2))).To(Succeed())
		Expect(page(a)).To(ContainSubstring("# TYPE x counter\nx{"))
		Expect(update(alice, counter("x", 5), gauge("y", 3))).To(Succeed())
		Expect(samples(a)).To(ConsistOf(And(HavePrefix("x{"), HaveSuffix(" 5")), And(HavePrefix("y{"), HaveSuffix(" 3"))))
		Expect(selfValue(reg, "signalbox_agent_series", "")).To(Equal(2.0))
	})

	It("accepts updates after another client has taken the name of an expired series", func() {
		Expect(update(alice, gauge("z", 1), counter("x", 1))).To(Succeed())
		clock.Advance(2 * time.Minute)
		Expect(update(bob, gauge("x", 1))).To(Succeed()) // alice's series has not been swept
		for range 2 {
			Expect(update(alice, gauge("z", 1), gauge("x", 2))).To(Succeed())
		}
		Expect(selfValue(reg, "signalbox_agent_series", "")).To(Equal(3.0))
		Expect(samples(a)).To(HaveLen(3))
	})

	It("checks a rejected name only once per update, even if another client has taken the name of many expired series", func() {
		var metrics, others []aggregator.Metric
		for i := range 20_000 {
			metrics = append(metrics, counter("x", 1, label("i", fmt.Sprint(i))))
			others = append(others, gauge("x", 1, label("i", fmt.Sprint(i))))
		}
		Expect(update(alice, metrics...)).To(Succeed())
		clock.Advance(2 * time.Minute)
		Expect(update(bob, gauge("x", 1))).To(Succeed())
		expectOneCheck := func(rejected []aggregator.Rejection) {
			GinkgoHelper()
			Expect(rejected).To(HaveLen(20_000))
			for _, r := range rejected {
				Expect(r.Err == rejected[0].Err).To(BeTrue(), "the name is checked again for metric %d, which takes minutes in total", r.Index)
			}
		}
		expectOneCheck(rejections(update(alice, metrics...)))
		Expect(update(alice, others...)).To(Succeed())
		expectOneCheck(rejections(update(alice, metrics...)))
	})

	It("changes the type of all series of a metric together", func() {
		Expect(update(alice, counter("x", 1, label("a", "1")), counter("x", 2, label("a", "2")))).To(Succeed())
		Expect(update(alice, gauge("x", -5, label("a", "3")))).To(Succeed())
		Expect(page(a)).To(HavePrefix("# TYPE x gauge\nx{a=\"3\""))
		Expect(update(alice, gauge("x", -1, label("a", "1")), gauge("x", -2, label("a", "2")))).To(Succeed())
		Expect(samples(a)).To(HaveLen(3))
		Expect(rejections(update(alice, gauge("x", -1, label("a", "1")), counter("x", 1)))).To(HaveLen(1), "both types in one update")
		Expect(samples(a)).To(HaveLen(3))
		Expect(update(bob, gauge("x", 1))).To(Succeed())
		Expect(rejections(update(alice, counter("x", 1, label("a", "1"))))).To(HaveLen(1))
		Expect(samples(a)).To(HaveLen(4))
		Expect(selfValue(reg, "signalbox_agent_series", "")).To(Equal(4.0))
	})

	It("counts sums toward the limit of series, because they are never removed", func() {
		create(aggregator.Options{AgentAggregateBy: []string{"template_name"}, AgentMaxSeries: 10})
		for i := range 20 {
			update(aggregator.Labels{AgentName: fmt.Sprint(i)}, counter("x", 1, label("i", fmt.Sprint(i))))
			clock.Advance(time.Hour)
			a.Sweep()
		}
		Expect(len(samples(a))).To(BeNumerically("<=", 10))
		Expect(selfValue(reg, "signalbox_agent_series", "")).To(BeEquivalentTo(len(samples(a))))
	})

	It("returns an error with the number of rejections and the first of them", func() {
		Expect(update(alice, gauge("a-b", 1), gauge("x", 1), gauge("c-d", 1))).To(MatchError(`2 metrics were rejected, the first: "a-b" is not a metric name: expected letters, digits, _ and :, not starting with a digit`))
		Expect((&aggregator.RejectedError{}).Error()).NotTo(BeEmpty())
	})

	It("rejects only new series when the limit of series is reached", func() {
		create(aggregator.Options{AgentMaxSeries: 2})
		Expect(rejections(update(alice, gauge("x", 1), gauge("y", 1), gauge("z", 1)))).To(ConsistOf(And(
			HaveField("Name", "z"), HaveField("Reason", "series_limit"))))
		Expect(update(alice, gauge("x", 2), counter("y", 2))).To(Succeed())
		Expect(samples(a)).To(HaveLen(2))
		clock.Advance(2 * time.Minute)
		a.Sweep()
		Expect(update(bob, gauge("z", 1))).To(Succeed())
	})

	It("rejects names in the registry, so that scrapes of the registry succeed", func() {
		others := prometheus.NewRegistry()
		others.MustRegister(prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "taken", Help: "Taken."}, []string{"a"}))
		histogram := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "latency_seconds"})
		others.MustRegister(histogram)
		var err error
		a, err = aggregator.New(aggregator.Options{Registerer: others})
		Expect(err).NotTo(HaveOccurred())
		others.MustRegister(a)

		err = update(alice, counter("taken", 1), gauge("signalbox_agents", 1), gauge("latency_seconds", 1), gauge("free", 1))
		Expect(rejections(err)).To(HaveLen(3))
		_, err = others.Gather()
		Expect(err).NotTo(HaveOccurred())
		Expect(gather(others)).To(ContainSubstring("free{"))
		others.MustRegister(prometheus.NewCounter(prometheus.CounterOpts{Name: "free_too"})) // reading the names has registered nothing
	})

	Describe("with other base labels", func() {
		BeforeEach(func() { create(aggregator.Options{AgentBaseLabels: []string{"runner", "username"}}) })

		It("accepts these labels", func() {
			Expect(a.Agents.UpdateFrom(context.Background(), []aggregator.Label{label("runner", "r1")}, []aggregator.Metric{gauge("x", 1, label("agent_name", "n"))})).To(Succeed())
			Expect(update(aggregator.Labels{Username: "u"}, gauge("x", 2))).To(Succeed())
			Expect(samples(a)).To(ConsistOf(`x{agent_name="n",runner="r1"} 1`, `x{username="u"} 2`))
		})

		It("rejects other labels", func() {
			Expect(update(alice, gauge("x", 1))).To(MatchError(ContainSubstring("got label \"workspace_name\", expected one of the base labels runner, username")))
		})
	})

	It("treats all agents as one if there are no base labels", func() {
		create(aggregator.Options{AgentBaseLabels: []string{}})
		Expect(update(aggregator.Labels{}, gauge("x", 1), counter("y", 2))).To(Succeed())
		Expect(update(aggregator.Labels{}, gauge("x", 3))).To(Succeed())
		Expect(samples(a)).To(ConsistOf("x 3", "y 2"))
		Expect(update(alice, gauge("x", 4))).To(MatchError("got label \"username\", but there are no base labels"))
	})

	Describe("aggregated", func() {
		BeforeEach(func() { create(aggregator.Options{AgentAggregateBy: []string{"template_name"}}) })

		It("sums series that differ only in the other base labels", func() {
			Expect(update(alice, counter("x", 1, label("k", "1")), counter("x", 10, label("k", "2")), gauge("g", 1))).To(Succeed())
			Expect(update(bob, counter("x", 2, label("k", "1")), gauge("g", 2))).To(Succeed())
			Expect(page(a)).To(Equal(`# TYPE g gauge
g{template_name="go"} 3
# TYPE x counter
x{k="1",template_name="go"} 3
x{k="2",template_name="go"} 10
`))
		})

		It("never decreases a sum of counters", func() {
			Expect(update(alice, counter("x", 100))).To(Succeed())
			Expect(update(bob, counter("x", 10))).To(Succeed())
			Expect(update(alice, counter("x", 5))).To(Succeed(), "the agent has restarted")
			Expect(samples(a)).To(ConsistOf(`x{template_name="go"} 115`))
			clock.Advance(time.Minute)
			Expect(update(bob, counter("x", 11))).To(Succeed())
			clock.Advance(time.Minute)
			a.Sweep() // alice has expired
			Expect(samples(a)).To(ConsistOf(`x{template_name="go"} 116`))
			clock.Advance(time.Hour)
			a.Sweep() // both have expired
			Expect(samples(a)).To(ConsistOf(`x{template_name="go"} 116`))
			Expect(update(alice, counter("x", 4))).To(Succeed())
			Expect(samples(a)).To(ConsistOf(`x{template_name="go"} 120`))
		})

		It("continues from the last value of an agent that was not connected for some time", func() {
			Expect(update(alice, counter("x", 100))).To(Succeed())
			clock.Advance(10 * time.Minute)
			a.Sweep()
			Expect(update(alice, counter("x", 103))).To(Succeed())
			Expect(samples(a)).To(ConsistOf(`x{template_name="go"} 103`))
		})

		It("sums the gauges that have not expired", func() {
			Expect(update(alice, gauge("x", math.NaN()))).To(Succeed())
			Expect(update(bob, gauge("x", 2))).To(Succeed())
			Expect(samples(a)).To(ConsistOf(`x{template_name="go"} NaN`))
			clock.Advance(time.Minute)
			Expect(update(bob, gauge("x", 3))).To(Succeed())
			clock.Advance(time.Minute)
			Expect(samples(a)).To(ConsistOf(`x{template_name="go"} 3`))
			clock.Advance(time.Minute)
			Expect(samples(a)).To(BeEmpty())
			a.Sweep()
			Expect(update(alice, counter("x", 1))).To(Succeed(), "the name can be used with another type")
		})

		It("rejects a counter that is duplicated in one update", func() {
			for range 3 {
				Expect(rejections(update(alice, counter("x", 5), counter("x", 3)))).To(ConsistOf(HaveField("Err", MatchError("counter x is duplicated"))))
			}
			Expect(samples(a)).To(ConsistOf(`x{template_name="go"} 5`))
		})

		It("does not aggregate series with the label and series without it", func() {
			Expect(update(aggregator.Labels{Username: "u"}, counter("x", 1))).To(Succeed())
			Expect(update(alice, counter("x", 2))).To(Succeed())
			Expect(samples(a)).To(ConsistOf(`x 1`, `x{template_name="go"} 2`))
		})
	})

	DescribeTable("New returns an error for", func(message string, options aggregator.Options) {
		reg := prometheus.NewRegistry()
		options.Registerer = reg
		_, err := aggregator.New(options)
		Expect(err).To(MatchError(ContainSubstring(message)))
		Expect(reg.Gather()).To(BeEmpty())
	},
		Entry("an unknown label to aggregate by", `AgentAggregateBy: got "user"`, aggregator.Options{AgentAggregateBy: []string{"username", "user"}}),
		Entry("a duplicated label to aggregate by", `AgentAggregateBy: "username" is duplicated`, aggregator.Options{AgentAggregateBy: []string{"username", "username"}}),
		Entry("a negative TTL", "AgentTTL: got -1s", aggregator.Options{AgentTTL: -time.Second}),
		Entry("a negative TTL of groups", "GroupTTL: got -1s", aggregator.Options{GroupTTL: -time.Second}),
		Entry("a negative limit of series of agents", "AgentMaxSeries: got -1", aggregator.Options{AgentMaxSeries: -1}),
		Entry("a negative limit of groups", "MaxGroups: got -1", aggregator.Options{MaxGroups: -1}),
		Entry("a negative limit of series of groups", "GroupMaxSeries: got -1", aggregator.Options{GroupMaxSeries: -1}),
		Entry("an invalid base label", `AgentBaseLabels: "a-b"`, aggregator.Options{AgentBaseLabels: []string{"a-b"}}),
		Entry("a duplicated base label", `AgentBaseLabels: "a" is duplicated`, aggregator.Options{AgentBaseLabels: []string{"a", "a"}}),
		Entry("too many base labels", "AgentBaseLabels: got 17 labels", aggregator.Options{AgentBaseLabels: strings.Split("abcdefghijklmnopq", "")}),
		Entry("an unknown operation for some gauges", `got "median"`, aggregator.Options{GroupAggregateGauges: "sum,x=median"}),
		Entry("two operations for all gauges", "got a second mode max", aggregator.Options{GroupAggregateGauges: "sum,max"}),
		Entry("an operation without a pattern", "expected PATTERN=MODE", aggregator.Options{GroupAggregateGauges: "=max"}),
		Entry("a duplicated pattern", `pattern "x" is duplicated`, aggregator.Options{GroupAggregateGauges: "x=max,x=min"}),
		Entry("an empty operation", `got "", expected sum`, aggregator.Options{GroupAggregateGauges: "sum,"}),
		Entry("an unknown operation for gauges", `"median"`, aggregator.Options{GroupAggregateGauges: "median"}),
		Entry("two loggers", "got both Logger and Slog", aggregator.Options{Logger: lager.NewLogger("a"), Slog: slog.Default()}),
		Entry("an invalid name of a histogram", `DurationNames.Sweep: "a-b" is not a metric name`, aggregator.Options{DurationNames: aggregator.DurationNames{Sweep: "a-b"}}),
		Entry("an invalid grouping label", `GroupAggregateBy: "a-b"`, aggregator.Options{GroupAggregateBy: []string{"a-b"}}),
		Entry("a storage file in a directory that does not exist", "/nowhere/at/all", aggregator.Options{StoragePath: "/nowhere/at/all"}),
	)

	It("serves its durations under other names", func() {
		create(aggregator.Options{DurationNames: aggregator.DurationNames{Update: "app_update_seconds", Sweep: "app_cleanup_seconds"}})
		Expect(update(alice, gauge("x", 1))).To(Succeed())
		a.Sweep()
		families, err := reg.Gather()
		Expect(err).NotTo(HaveOccurred())
		counts := map[string]uint64{}
		for _, f := range families {
			counts[f.GetName()] = f.Metric[0].GetHistogram().GetSampleCount()
		}
		Expect(counts).To(And(HaveKeyWithValue("app_update_seconds", uint64(1)), HaveKeyWithValue("app_cleanup_seconds", uint64(1)),
			Not(HaveKey("signalbox_agent_update_duration_seconds")), Not(HaveKey("signalbox_push_sweep_duration_seconds"))))

		_, err = aggregator.New(aggregator.Options{Registerer: prometheus.NewRegistry(), DurationNames: aggregator.DurationNames{Update: "a", Sweep: "a"}})
		Expect(err).To(HaveOccurred())
	})

	DescribeTable("rejects names of durations with which gathering would fail",
		func(names aggregator.DurationNames, reason string) {
			registry := prometheus.NewRegistry()
			_, err := aggregator.New(aggregator.Options{Registerer: registry, DurationNames: names})
			Expect(err).To(MatchError(And(HavePrefix("DurationNames: "), ContainSubstring(reason))))
			Expect(registry.Gather()).To(BeEmpty(), "nothing remains registered")
		},
		Entry(nil, aggregator.DurationNames{Update: "x", Sweep: "x"}, "two metrics would have the name x"),
		Entry(nil, aggregator.DurationNames{Update: "x_count", Sweep: "x"}, "x_count"),
		Entry(nil, aggregator.DurationNames{Update: "x", Sweep: "x_bucket"}, "x_bucket"),
		Entry(nil, aggregator.DurationNames{Update: "x", Sweep: "x_created"}, "x_created"),
		Entry(nil, aggregator.DurationNames{Update: "signalbox_agents"}, "two metrics would have the name signalbox_agents"),
	)

	It("logs to a slog.Logger", func() {
		log := gbytes.NewBuffer()
		create(aggregator.Options{Slog: slog.New(slog.NewTextHandler(log, nil))})
		Expect(a.Groups.Wipe(context.Background())).To(Succeed())
		Expect(log).To(gbytes.Say(`level=INFO msg=metric.aggregator.groups-wiped`))
	})

	It("serves a help text until a job pushes one", func() {
		help := func() string { return familyOf(a, "x").GetHelp() }
		push := func(help string) {
			GinkgoHelper()
			Expect(a.Groups.Push(context.Background(), aggregator.Push{
				Grouping: []aggregator.Label{{Name: "job", Value: "j"}}, Families: text("# HELP x " + help + "\n# TYPE x gauge\nx 1\n"),
			})).To(Succeed())
		}
		Expect(update(alice, gauge("x", 1))).To(Succeed())
		Expect(help()).To(Equal("This metric was pushed by an agent."))
		push("First.")
		Expect(help()).To(Equal("First."))
		Expect(update(bob, gauge("x", 1))).To(Succeed())
		push("Second.")
		Expect(help()).To(Equal("First."), "agents have series in the family")
	})

	It("New returns an error if its own metrics are registered already", func() {
		_, err := aggregator.New(aggregator.Options{Registerer: reg})
		Expect(err).To(MatchError(ContainSubstring("duplicate")))
		Expect(selfValue(reg, "signalbox_agents", "")).To(BeZero(), "the metrics of the first aggregator remain registered")

		other := prometheus.NewRegistry()
		other.MustRegister(prometheus.NewGauge(prometheus.GaugeOpts{Name: "signalbox_push_groups", Help: "Mine."}))
		_, err = aggregator.New(aggregator.Options{Registerer: other})
		Expect(err).To(HaveOccurred())
		Expect(other.Gather()).To(HaveLen(1))
	})

	It("does not wait for a scrape in progress", func() {
		Expect(update(alice, gauge("x", 1), gauge("y", 1))).To(Succeed())
		scraped := make(chan prometheus.Metric)
		go func() {
			defer close(scraped)
			a.Collect(scraped)
		}()
		<-scraped // the scrape is now blocked at the next metric
		Expect(update(alice, gauge("x", 2), gauge("y", 2))).To(Succeed())
		Expect(update(bob, gauge("x", 1), gauge("z", 1))).To(Succeed())
		clock.Advance(2 * time.Minute)
		a.Sweep()
		Expect(samples(a)).To(BeEmpty())
		<-scraped
		Eventually(scraped).Should(BeClosed())
	})

	It("counts concurrent updates correctly during scrapes and sweeps", func() {
		create(aggregator.Options{AgentAggregateBy: []string{"template_name"}, Clock: time.Now})
		stop := a.Run(context.Background())
		defer stop()
		const agents, updates = 8, 200
		var pushing, others sync.WaitGroup
		for i := range agents {
			pushing.Go(func() {
				defer GinkgoRecover()
				labels := aggregator.Labels{AgentName: fmt.Sprint(i % 4), TemplateName: "t"} // two goroutines per agent
				for n := range updates {
					Expect(update(labels, gauge("g", float64(n)), counter(fmt.Sprintf("c%d", i), float64(n+1)))).To(Succeed())
				}
			})
		}
		var done atomic.Bool
		for range 2 {
			others.Go(func() {
				defer GinkgoRecover()
				for !done.Load() {
					page(a)
					a.Sweep()
				}
			})
		}
		pushing.Wait()
		done.Store(true)
		others.Wait()
		for i := range agents {
			Expect(samples(a)).To(ContainElement(fmt.Sprintf(`c%d{template_name="t"} %d`, i, updates)))
		}
	})
})
