package aggregator_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"code.cloudfoundry.org/lager/v3"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/signalbox-ci/signalbox/emitter/aggregator"
)

var _ = Describe("Groups", func() {
	var (
		clock   *fakeClock
		a       *aggregator.Aggregator
		reg     *prometheus.Registry
		options aggregator.Options
		log     *gbytes.Buffer
	)

	start := func() {
		GinkgoHelper()
		logger := lager.NewLogger("test")
		logger.RegisterSink(lager.NewWriterSink(log, lager.DEBUG))
		reg = prometheus.NewRegistry()
		var err error
		options.Logger, options.Registerer, options.Clock = logger, reg, clock.Now
		a, err = aggregator.New(options)
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(func(a *aggregator.Aggregator) { Expect(a.Close()).To(Succeed()) }, a)
	}
	grouping := func(path string) (labels []aggregator.Label) {
		parts := strings.Split(path, "/")
		for i := 0; i < len(parts); i += 2 {
			labels = append(labels, aggregator.Label{Name: parts[i], Value: parts[i+1]})
		}
		return labels
	}
	push := func(path, body string, more ...func(*aggregator.Push)) error {
		p := aggregator.Push{Grouping: grouping(path), Families: text(body), Replace: true}
		for _, change := range more {
			change(&p)
		}
		return a.Groups.Push(context.Background(), p)
	}
	add := func(p *aggregator.Push) { p.Replace = false }
	ttl := func(d time.Duration) func(*aggregator.Push) { return func(p *aggregator.Push) { p.TTL = &d } }
	protobuf := func(families ...*dto.MetricFamily) func(*aggregator.Push) {
		return func(p *aggregator.Push) { p.Families = families }
	}
	remove := func(path string) error { return a.Groups.Delete(context.Background(), grouping(path)) }
	refusal := func(err error) aggregator.Refusal {
		GinkgoHelper()
		var pushErr *aggregator.PushError
		Expect(errors.As(err, &pushErr)).To(BeTrue(), "%v", err)
		return pushErr.Refusal
	}
	// times returns the series with the times of the last pushes and failures.
	times := func() (lines []string) {
		GinkgoHelper()
		for line := range strings.Lines(page(a)) {
			if strings.HasPrefix(line, "push_") {
				lines = append(lines, strings.TrimSpace(line))
			}
		}
		return lines
	}

	BeforeEach(func() {
		clock = newFakeClock()
		options = aggregator.Options{}
		log = gbytes.NewBuffer()
		start()
	})

	It("serves metrics with the grouping labels, and the times of pushes", func() {
		Expect(push("job/j/suite/unit", "# TYPE x counter\nx{a=\"1\",suite=\"body\"} 3\ny 4\n")).To(Succeed())
		Expect(page(a)).To(Equal(`# TYPE push_failure_time_seconds gauge
push_failure_time_seconds{instance="",job="j",suite="unit"} 0
# TYPE push_time_seconds gauge
push_time_seconds{instance="",job="j",suite="unit"} 1.7723664e+09
# TYPE x counter
x{a="1",instance="",job="j",suite="unit"} 3
# TYPE y untyped
y{instance="",job="j",suite="unit"} 4
`))
	})

	It("replaces all families of the group, or only those with the same names", func() {
		Expect(push("job/j", "x{a=\"1\"} 1\nx{a=\"2\"} 2\ny 1\n")).To(Succeed())
		Expect(push("job/j", "x{a=\"2\"} 3\nz 1\n", add)).To(Succeed())
		Expect(samples(a)).To(ConsistOf(`x{a="2",instance="",job="j"} 3`, `y{instance="",job="j"} 1`, `z{instance="",job="j"} 1`))
		Expect(push("job/j", "z{a=\"2\"} 3\nz{a=\"1\"} 3\n")).To(Succeed())
		Expect(push("job/j", "z{a=\"1\"} 4\nz{a=\"2\"} 5\n")).To(Succeed())
		Expect(samples(a)).To(ConsistOf(`z{a="1",instance="",job="j"} 4`, `z{a="2",instance="",job="j"} 5`))
		Expect(push("job/j", "", add, protobuf(&dto.MetricFamily{Name: proto.String("z"), Type: dto.MetricType_UNTYPED.Enum()}))).To(Succeed(), "without samples")
		Expect(samples(a)).To(BeEmpty())
		Expect(push("job/j", "")).To(Succeed())
		Expect(times()).To(HaveLen(2))
		Expect(remove("job/j")).To(Succeed())
		Expect(page(a)).To(BeEmpty())
		Expect(remove("job/j")).To(Succeed())
		Expect(selfValue(reg, "signalbox_push_series", "")).To(BeZero())
		Expect(selfValue(reg, "signalbox_push_groups", "")).To(BeZero())
	})

	It("identifies a group regardless of the order of its grouping labels", func() {
		Expect(push("job/j/a/1/b/2", "x 1\n")).To(Succeed())
		Expect(push("b/2/job/j/a/1", "x 2\n")).To(Succeed())
		Expect(push("job/j/a/12", "x 3\n")).To(Succeed())
		Expect(samples(a)).To(ConsistOf(`x{a="1",b="2",instance="",job="j"} 2`, `x{a="12",instance="",job="j"} 3`))
	})

	It("does not compare a push with families that it removes", func() {
		Expect(push("job/j", "# TYPE x_count counter\nx_count 1\n")).To(Succeed())
		Expect(push("job/j", "", protobuf(
			&dto.MetricFamily{Name: proto.String("x"), Type: dto.MetricType_SUMMARY.Enum()},
			&dto.MetricFamily{Name: proto.String("x_count"), Type: dto.MetricType_COUNTER.Enum(), Metric: []*dto.Metric{{Counter: &dto.Counter{Value: proto.Float64(2)}}}},
		))).To(Succeed())
		Expect(samples(a)).To(ConsistOf(`x_count{instance="",job="j"} 2`))
	})

	It("accepts another type of a metric that no other group has", func() {
		Expect(push("job/j", "# TYPE x counter\nx 1\n")).To(Succeed())
		Expect(push("job/j", "# TYPE x gauge\nx 2\n")).To(Succeed())
		Expect(push("job/j", "# TYPE x histogram\nx_count 2\nx_sum 1\nx_bucket{le=\"+Inf\"} 2\n", add)).To(Succeed())
		Expect(page(a)).To(ContainSubstring("# TYPE x histogram\n"))
		Expect(push("job/j", "x_count 2\n")).To(Succeed())
	})

	It("keeps the first help text while several groups have the metric", func() {
		help := func() string { return familyOf(a, "x").GetHelp() }
		Expect(push("job/j", "x 1\n")).To(Succeed())
		Expect(push("job/k", "# HELP x First.\nx 1\n")).To(Succeed())
		Expect(push("job/l", "# HELP x Second.\nx 1\n")).To(Succeed())
		Expect(help()).To(Equal("First."))
		Expect(remove("job/j")).To(Succeed())
		Expect(remove("job/k")).To(Succeed())
		Expect(push("job/l", "# HELP x Third.\nx 1\n")).To(Succeed())
		Expect(help()).To(Equal("Third."))
	})

	It("serves a series whose name was used by an expired series of an agent", func() {
		Expect(a.Agents.Update(context.Background(), aggregator.Labels{Username: "u"}, []aggregator.Metric{{Name: "x", Type: aggregator.Gauge}})).To(Succeed())
		Expect(push("job/j", "# HELP x First.\n# TYPE x gauge\nx 1\n")).To(Succeed())
		Expect(remove("job/j")).To(Succeed())
		clock.Advance(2 * time.Minute) // the agent's series has expired, but was not swept yet
		Expect(push("job/k", "# HELP x Second.\n# TYPE x gauge\nx 2\n")).To(Succeed())
		Expect(samples(a)).To(ConsistOf(`x{instance="",job="k"} 2`))
		Expect(push("job/l", "# TYPE x gauge\nx 3\n")).To(Succeed())
		Expect(remove("job/k")).To(Succeed())
		Expect(samples(a)).To(ConsistOf(`x{instance="",job="l"} 3`))
	})

	It("rejects names of samples in the registry, so that scrapes of the registry succeed", func() {
		others := prometheus.NewPedanticRegistry()
		others.MustRegister(prometheus.NewHistogram(prometheus.HistogramOpts{Name: "own_seconds"}), prometheus.NewGauge(prometheus.GaugeOpts{Name: "own_count"}))
		var err error
		a, err = aggregator.New(aggregator.Options{Registerer: others})
		Expect(err).NotTo(HaveOccurred())
		others.MustRegister(a)
		Expect(push("job/j", "own_seconds_sum 1\n")).To(MatchError(ContainSubstring("own_seconds, which is a metric of the server itself")))
		Expect(push("job/j", "# TYPE own summary\nown_count 1\nown_sum 1\n")).To(MatchError(ContainSubstring("own_count, which is a metric of the server itself")))
		Expect(a.Agents.Update(context.Background(), aggregator.Labels{}, []aggregator.Metric{{Name: "own_seconds_count", Type: aggregator.Counter}})).To(HaveOccurred())
		Expect(push("job/j", "ours_count 1\n")).To(Succeed())
		Expect(gather(others)).To(ContainSubstring("ours_count"))
	})

	It("expires groups and series if the clock starts at the zero time", func() {
		clock.now = time.Time{}
		start()
		Expect(push("job/j", "x 1\n", ttl(time.Minute))).To(Succeed())
		Expect(a.Agents.Update(context.Background(), aggregator.Labels{}, []aggregator.Metric{{Name: "y", Type: aggregator.Gauge}})).To(Succeed())
		Expect(samples(a)).To(HaveLen(2))
		clock.Advance(time.Hour)
		Expect(samples(a)).To(BeEmpty())
		Expect(push("job/j", "x 1\n", ttl(1<<63-1))).To(Succeed())
		clock.Advance(time.Hour)
		Expect(samples(a)).To(HaveLen(1))
	})

	Describe("a push that contradicts other metrics", func() {
		BeforeEach(func() {
			Expect(push("job/other", "# TYPE c counter\nc 1\n# TYPE h histogram\nh_count 1\nh_sum 1\nh_bucket{le=\"+Inf\"} 1\ns_sum 1\n")).To(Succeed())
			Expect(push("job/mine", "x 1\n")).To(Succeed())
			clock.Advance(time.Minute)
		})

		DescribeTable("changes only the time of the last failure", func(body, message string, more ...func(*aggregator.Push)) {
			before := samples(a)
			err := push("job/mine", body, more...)
			Expect(err).To(MatchError(ContainSubstring(message)))
			Expect(refusal(err)).To(Equal(aggregator.Inconsistent))
			Expect(samples(a)).To(Equal(before))
			Expect(times()).To(ContainElements(
				`push_time_seconds{instance="",job="mine"} 1.7723664e+09`,
				`push_failure_time_seconds{instance="",job="mine"} 1.77236646e+09`))
			Expect(push("job/mine", "x 2\n")).To(Succeed())
			Expect(push("job/new", body, more...)).NotTo(Succeed())
			Expect(times()).To(ContainElements(
				`push_time_seconds{instance="",job="new"} 0`,
				`push_failure_time_seconds{instance="",job="new"} 1.77236646e+09`))
			Expect(samples(a)).To(HaveLen(len(before)))
		},
			Entry("with another type", "# TYPE c gauge\nc 1\n", "metric c: got type gauge, expected counter"),
			Entry("without a type", "c 1\n", "metric c: got type untyped, expected counter"),
			Entry("with the name of a sample of a histogram", "h_count 1\n", "metric h_count has the name of a sample of the histogram h"),
			Entry("with a summary that has a sample with the name of another metric", "# TYPE s summary\ns_count 1\n", "metric s would have a sample with the name of metric s_sum"),
			Entry("with the name of a sample of another group's histogram, among valid metrics", "# TYPE n histogram\nn_bucket{le=\"+Inf\"} 1\nn_sum 1\nn_count 1\n# TYPE n_count2 counter\nn_count2 1\nok 1\nh_sum 1\n", "h_sum"),
			Entry("with another type, without replacing all families", "# TYPE c gauge\nc 1\n", "metric c", add),
			Entry("with a duplicated series", "y{a=\"1\"} 1\ny{a=\"2\"} 1\ny{a=\"1\"} 2\n", "metric y{a=\"1\",instance=\"\",job=\"mine\"} was collected before with the same name and label values"),
			Entry("with series that have the same labels once the grouping labels are added", "y{job=\"1\"} 1\ny{job=\"2\"} 1\n", "was collected before with the same name and label values"),
			Entry("with timestamps", "y 1 1234\n", "pushed metrics must not have timestamps"),
			Entry("with a duplicated label", "", "label a is duplicated", protobuf(&dto.MetricFamily{
				Name: proto.String("y"), Type: dto.MetricType_GAUGE.Enum(), Metric: []*dto.Metric{{
					Gauge: &dto.Gauge{}, Label: []*dto.LabelPair{{Name: proto.String("a")}, {Name: proto.String("b")}, {Name: proto.String("a")}}}}})),
			Entry("with a label that is reserved for the buckets of a histogram", "", "label le is reserved in a histogram", protobuf(&dto.MetricFamily{
				Name: proto.String("y"), Type: dto.MetricType_HISTOGRAM.Enum(), Metric: []*dto.Metric{{Histogram: &dto.Histogram{}, Label: []*dto.LabelPair{{Name: proto.String("le")}}}}})),
			Entry("with an invalid name", "", `"a-b" is not a metric name`, protobuf(&dto.MetricFamily{Name: proto.String("a-b")})),
			Entry("with an invalid label name", "", `"a-b" is not a label name`, protobuf(&dto.MetricFamily{
				Name: proto.String("y"), Type: dto.MetricType_GAUGE.Enum(), Metric: []*dto.Metric{{Gauge: &dto.Gauge{}, Label: []*dto.LabelPair{{Name: proto.String("a-b")}}}}})),
			Entry("with a label value that is not UTF-8", "", `label a: value "\xff"`, protobuf(&dto.MetricFamily{
				Name: proto.String("y"), Type: dto.MetricType_GAUGE.Enum(), Metric: []*dto.Metric{{Gauge: &dto.Gauge{}, Label: []*dto.LabelPair{{Name: proto.String("a"), Value: proto.String("\xff")}}}}})),
			Entry("with a value of another type than that of the family", "", "metric y: sample 1 of 1: got no value or one of another type, expected a counter", protobuf(&dto.MetricFamily{
				Name: proto.String("y"), Type: dto.MetricType_COUNTER.Enum(), Metric: []*dto.Metric{{Gauge: &dto.Gauge{}}}})),
			Entry("with a duplicated family", "", "metric y is duplicated", protobuf(
				&dto.MetricFamily{Name: proto.String("y"), Type: dto.MetricType_GAUGE.Enum()}, &dto.MetricFamily{Name: proto.String("y"), Type: dto.MetricType_GAUGE.Enum()})),
		)

		It("is rejected if its series would have the labels of another group's series", func() {
			Expect(push("job/j/instance/i", "x 1\n")).To(Succeed())
			err := push("job/j", "x{instance=\"i\"} 1\n")
			Expect(err).To(MatchError(ContainSubstring("was collected before with the same name and label values")))
			err = push("job/j/instance/", "y 1\n")
			Expect(err).To(MatchError(ContainSubstring("push_time_seconds")))
			Expect(page(a)).NotTo(ContainSubstring("y{"))
		})

		It("is rejected if an agent has the series, and vice versa", func() {
			Expect(a.Agents.Update(context.Background(), aggregator.Labels{}, []aggregator.Metric{{Name: "z", Type: aggregator.Gauge,
				Labels: []aggregator.Label{{Name: "job", Value: "j"}, {Name: "instance", Value: "i"}}}})).To(Succeed())
			Expect(push("job/j/instance/i", "# TYPE z gauge\nz 1\n")).To(MatchError(ContainSubstring("was collected before")))
			Expect(push("job/j/instance/k", "# TYPE z gauge\nz 1\n")).To(Succeed())
			Expect(a.Agents.Update(context.Background(), aggregator.Labels{}, []aggregator.Metric{{Name: "z", Type: aggregator.Gauge,
				Labels: []aggregator.Label{{Name: "job", Value: "j"}, {Name: "instance", Value: "k"}}}})).To(MatchError(ContainSubstring("is already pushed by another agent or job")))
			clock.Advance(2 * time.Minute)
			Expect(push("job/j/instance/i", "# TYPE z gauge\nz 1\n")).To(Succeed(), "the agent's series has expired")
		})
	})

	It("rejects a summary if its group has the label quantile", func() {
		Expect(push("job/j/quantile/1", "# TYPE s summary\ns_count 1\ns_sum 1\n")).To(MatchError(ContainSubstring("label quantile is reserved in a summary, but the group has")))
		Expect(push("job/j/quantile/1", "# TYPE s gauge\ns 1\n")).To(Succeed())
	})

	It("rejects a push whose metrics would need too much memory with the grouping labels", func() {
		path := "job/j"
		for i := range 20 {
			path += fmt.Sprintf("/l%d/%s", i, strings.Repeat("x", 16<<10))
		}
		err := push(path, "", func(p *aggregator.Push) {
			var body strings.Builder
			for i := range 1000 {
				fmt.Fprintf(&body, "x{i=\"%d\"} 1\n", i)
			}
			p.Families = text(body.String())
		})
		Expect(err).To(MatchError(ContainSubstring("the labels of the push exceed the limit")))
	})

	It("ignores pushed families with the names push_time_seconds and push_failure_time_seconds", func() {
		Expect(push("job/j", "# TYPE push_time_seconds counter\npush_time_seconds 1\npush_failure_time_seconds 1\n")).To(Succeed())
		Expect(times()).To(ConsistOf(ContainSubstring(" 0"), ContainSubstring(" 1.7723664e+09")))
	})

	DescribeTable("rejects grouping labels", func(path, message string) {
		err := push(path, "x 1\n")
		Expect(err).To(MatchError(ContainSubstring(message)))
		Expect(refusal(err)).To(Equal(aggregator.Invalid))
		Expect(page(a)).To(BeEmpty())
		Expect(remove(path)).To(MatchError(ContainSubstring(message)))
	},
		Entry("without a job", "suite/unit", "job name is required"),
		Entry("with an empty job", "job/", "job name is required"),
		Entry("with an invalid name", "job/j/a-b/1", `"a-b"`),
		Entry("with a duplicated name", "job/j/a/1/a/2", "label a is duplicated"),
		Entry("with a value that is not UTF-8", "job/j/a/\xff", `label a: value "\xff"`),
	)

	It("expires a group exactly when the TTL has passed since the last push", func() {
		Expect(push("job/j", "x 1\n", ttl(time.Minute))).To(Succeed())
		Expect(push("job/k", "x 1\n")).To(Succeed())
		clock.Advance(time.Minute - 1)
		Expect(samples(a)).To(HaveLen(2))
		clock.Advance(1)
		Expect(samples(a)).To(ConsistOf(ContainSubstring(`job="k"`)))
		Expect(times()).To(HaveLen(2))
		clock.Advance(time.Hour)
		a.Sweep()
		Expect(selfValue(reg, "signalbox_push_groups", "")).To(Equal(1.0))
		Expect(selfValue(reg, "signalbox_push_groups_expired_total", "")).To(Equal(1.0))
	})

	DescribeTable("rejects series that are the same as others",
		func(first, second string) {
			path, body, _ := strings.Cut(second, " ")
			if first != "" {
				firstPath, firstBody, _ := strings.Cut(first, " ")
				Expect(push(firstPath, firstBody)).To(Succeed())
			}
			Expect(refusal(push(path, body))).To(Equal(aggregator.Inconsistent))
			other, _, _ := strings.Cut(path, "/a/")
			Expect(push(other+"/b/1", "y 1\n")).To(Succeed())
		},
		Entry("an empty label and none in one push", "", "job/j x{a=\"1\",b=\"\"} 1\nx{a=\"1\"} 2\n"),
		Entry("bounds as labels in one push", "", "job/j x{le=\"1\"} 1\nx{le=\"1.0\"} 2\n"),
		Entry("quantiles as labels in one push", "", "job/j x{quantile=\"0.5\"} 1\nx{quantile=\"5e-1\"} 2\n"),
		Entry("an empty grouping label and none", "job/j/a/ x 1\n", "job/j x 2\n"),
		Entry("no grouping label and an empty one", "job/j x 1\n", "job/j/a/ x 2\n"),
		Entry("an own label that is empty in another group", "job/j/b/2 x{a=\"\"} 1\n", "job/j/a/ x{b=\"2\"} 2\n"),
		Entry("a bound as a grouping label", "job/j/le/1 x 1\n", "job/j/le/1.0 x 1\n"),
	)

	It("treats series with and without an empty label as the same in later pushes", func() {
		Expect(push("job/j", "x{a=\"\",b=\"1\"} 1\nx{b=\"2\"} 2\n")).To(Succeed())
		Expect(push("job/j", "x{b=\"1\"} 3\nx{a=\"\",b=\"2\"} 4\n")).To(Succeed())
		Expect(samples(a)).To(HaveLen(2))
		Expect(push("job/j", "")).To(Succeed())
		Expect(samples(a)).To(BeEmpty())
	})

	It("rejects series of agents and groups that are the same except for empty labels", func() {
		Expect(push("job/j", "# TYPE x gauge\nx 1\n")).To(Succeed())
		update := func(name string) error {
			return a.Agents.Update(context.Background(), aggregator.Labels{}, []aggregator.Metric{{Name: name, Type: aggregator.Gauge, Labels: []aggregator.Label{{Name: "job", Value: "j"}}}})
		}
		Expect(update("x")).To(MatchError(ContainSubstring("already pushed by another agent or job")))
		Expect(update("y")).To(Succeed())
		Expect(push("job/j", "# TYPE y gauge\ny 1\n", add)).To(MatchError(ContainSubstring("collected before")))
	})

	It("adds up series that are the same except for empty labels", func() {
		options.GroupAggregateBy = []string{"job"}
		start()
		Expect(push("job/j/run/1", "# TYPE c counter\nc{a=\"\"} 1\ng{a=\"\",le=\"1.0\"} 1\n")).To(Succeed())
		Expect(push("job/j/run/2", "# TYPE c counter\nc 2\ng{le=\"1\"} 2\n")).To(Succeed())
		Expect(samples(a)).To(ConsistOf(`c{instance="",job="j"} 3`, `g{instance="",job="j",le="1"} 3`))
	})

	It("allows UTF-8 names if they are enabled", func() {
		metric := pushed("ci.jobs", dto.MetricType_GAUGE, gauge1("team.name", "a"))
		for _, path := range []string{"job/j", "job/j/a.b/1"} {
			Expect(push(path, "", protobuf(proto.CloneOf(metric)))).To(MatchError(ContainSubstring("UTF-8 names are not enabled")))
		}
		Expect(push("job/j", "", protobuf(pushed("x", dto.MetricType_GAUGE, gauge1("team.name", "a"))))).To(MatchError(ContainSubstring("is not a label name")))
		options.GroupUTF8Names = true
		start()
		Expect(push("job/j/a.b/1", "", protobuf(metric))).To(Succeed())
		Expect(samples(a)).To(ConsistOf(`{"ci.jobs","a.b"="1",instance="",job="j","team.name"="a"} 1`))
		Expect(familyOfGroup(groupsOf(a)[0].Families[0]).Metric[0].Label[3].GetName()).To(Equal("team.name"))
		Expect(push("job/j/__a.b/1", "")).To(MatchError(ContainSubstring("is not a label name")))
		Expect(remove("job/j/a.b/1")).To(Succeed())
		Expect(samples(a)).To(BeEmpty())
	})

	It("keeps the TTL that a push set, until another push sets one", func() {
		options.GroupTTL = time.Hour
		start()
		Expect(push("job/j", "x 1\n")).To(Succeed())
		Expect(push("job/j", "x 1\n", ttl(time.Minute))).To(Succeed())
		Expect(push("job/k", "x 1\n", ttl(0))).To(Succeed())
		Expect(push("job/k", "x 1\n")).To(Succeed())
		Expect(push("job/l", "x 1\n", ttl(time.Minute))).To(Succeed())
		Expect(push("job/m", "x 1\n")).To(Succeed())
		Expect(groupsOf(a)[0].Expires).To(BeTemporally("==", clock.Now().Add(time.Minute)))
		clock.Advance(30 * time.Second)
		Expect(push("job/l", "y 1\n", add)).To(Succeed())
		clock.Advance(30 * time.Second)
		Expect(samples(a)).To(ConsistOf(ContainSubstring(`job="k"`), HavePrefix(`x{instance="",job="l"`), HavePrefix(`y{instance="",job="l"`), ContainSubstring(`job="m"`)))
		clock.Advance(30 * time.Second)
		Expect(samples(a)).To(ConsistOf(ContainSubstring(`job="k"`), ContainSubstring(`job="m"`)))
		clock.Advance(time.Hour)
		Expect(samples(a)).To(ConsistOf(ContainSubstring(`job="k"`)))
		Expect(push("job/l", "x 1\n")).To(Succeed())
		Expect(groupsOf(a)[1].TTL).To(Equal(time.Hour), "a new group has the default TTL")
		Expect(push("job/l", "x 1\n", ttl(-1))).To(MatchError(ContainSubstring("got TTL -1ns")))
	})

	It("lets other groups use the names and labels of an expired group", func() {
		Expect(push("job/j/instance/i", "# TYPE x counter\nx 1\n", ttl(time.Minute))).To(Succeed())
		clock.Advance(time.Minute)
		Expect(push("job/j", "# TYPE x gauge\nx{instance=\"i\"} 2\n")).To(Succeed())
		Expect(samples(a)).To(ConsistOf(`x{instance="i",job="j"} 2`))
	})

	It("expires a group whose pushes were all rejected", func() {
		options.GroupTTL = time.Minute
		start()
		Expect(push("job/j", "x 1 1\n")).NotTo(Succeed())
		Expect(times()).To(HaveLen(2))
		clock.Advance(time.Minute)
		Expect(times()).To(BeEmpty())
	})

	It("limits the number of groups and of their series", func() {
		options.MaxGroups, options.GroupMaxSeries = 2, 3
		start()
		Expect(push("job/a", "x 1\ny 1\n")).To(Succeed())
		Expect(push("job/b", "x 1\n")).To(Succeed())
		Expect(refusal(push("job/c", "x 1\n"))).To(Equal(aggregator.LimitReached))
		Expect(refusal(push("job/b", "x 1\nz 1\n"))).To(Equal(aggregator.LimitReached))
		Expect(refusal(push("job/b", "z 1\n", add))).To(Equal(aggregator.LimitReached))
		Expect(push("job/b", "z 1\n")).To(Succeed(), "the series replaces another one")
		Expect(push("job/a", "x 1\n")).To(Succeed())
		Expect(push("job/b", "x 1\n", add)).To(Succeed())
		Expect(selfValue(reg, "signalbox_pushes_rejected_total", "limit")).To(Equal(3.0))
		Expect(selfValue(reg, "signalbox_pushes_total", "")).To(Equal(8.0))
		Expect(remove("job/a")).To(Succeed())
		Expect(push("job/c", "x 1\n")).To(Succeed())
	})

	It("lists groups", func() {
		Expect(push("job/j/a/1", "# HELP x Help.\n# TYPE x counter\nx{b=\"2\"} 3\n")).To(Succeed())
		Expect(push("job/h", "y 1 1\n")).NotTo(Succeed())
		clock.Advance(time.Second)
		Expect(push("job/j/a/1", "y 1\n", add, ttl(time.Minute))).To(Succeed())
		groups := groupsOf(a)
		Expect(groups).To(HaveLen(2))
		Expect(groups[0].Labels).To(Equal([]aggregator.Label{{Name: "a", Value: "1"}, {Name: "job", Value: "j"}}))
		Expect(groups[0].Pushed).To(Equal(clock.Now()))
		Expect(groups[0].Expires).To(Equal(clock.Now().Add(time.Minute)))
		Expect(groups[0].TTL).To(Equal(time.Minute))
		Expect(groups[0].Families[0].Pushed).To(Equal(clock.Now().Add(-time.Second)))
		Expect(proto.Equal(familyOfGroup(groups[0].Families[0]), &dto.MetricFamily{Name: proto.String("x"), Help: proto.String("Help."), Type: dto.MetricType_COUNTER.Enum(),
			Metric: []*dto.Metric{{Counter: &dto.Counter{Value: proto.Float64(3)}, Label: []*dto.LabelPair{
				{Name: proto.String("a"), Value: proto.String("1")}, {Name: proto.String("b"), Value: proto.String("2")},
				{Name: proto.String("instance"), Value: proto.String("")}, {Name: proto.String("job"), Value: proto.String("j")}}}}})).To(BeTrue())
		Expect(groups[0].Families).To(HaveLen(2))
		Expect(groups[1].Failed).NotTo(BeZero())
		Expect(groups[1].Pushed).To(BeZero())
	})

	It("lists groups sorted by their labels", func() {
		paths := []string{"a/10/job/c", "a/2/job/c", "job/a", "job/a/z/1", "job/b"}
		for _, i := range []int{4, 3, 2, 1, 0} {
			Expect(push(paths[i], "x 1\n")).To(Succeed())
		}
		var listed []string
		for _, g := range groupsOf(a) {
			var parts []string
			for _, l := range g.Labels {
				parts = append(parts, l.Name, l.Value)
			}
			listed = append(listed, strings.Join(parts, "/"))
		}
		Expect(listed).To(Equal(paths))
	})

	Describe("aggregated by job", func() {
		BeforeEach(func() {
			options.GroupAggregateBy = []string{"job"}
			start()
		})

		It("sums the counters of a thousand groups, even after they are deleted", func() {
			for i := range 1000 {
				Expect(push(fmt.Sprintf("job/unit/run/%d", i), "# TYPE tests_total counter\ntests_total{result=\"ok\"} 312\n")).To(Succeed())
			}
			Expect(samples(a)).To(ConsistOf(`tests_total{instance="",job="unit",result="ok"} 312000`))
			Expect(times()).To(HaveLen(2))
			for i := range 1000 {
				Expect(remove(fmt.Sprintf("job/unit/run/%d", i))).To(Succeed())
			}
			Expect(samples(a)).To(ConsistOf(`tests_total{instance="",job="unit",result="ok"} 312000`))
			Expect(push("job/unit/run/0", "# TYPE tests_total counter\ntests_total{result=\"ok\"} 1\n")).To(Succeed())
			Expect(samples(a)).To(ConsistOf(`tests_total{instance="",job="unit",result="ok"} 312001`))
		})

		It("never decreases a counter", func() {
			Expect(push("job/j/run/1", "# TYPE c counter\nc 5\n", ttl(time.Minute))).To(Succeed())
			Expect(push("job/j/run/2", "# TYPE c counter\nc 10\n")).To(Succeed())
			Expect(push("job/j/run/2", "# TYPE c counter\nc 12\n")).To(Succeed())
			Expect(samples(a)).To(ConsistOf(`c{instance="",job="j"} 17`))
			Expect(push("job/j/run/2", "# TYPE c counter\nc 1\n")).To(Succeed())
			Expect(samples(a)).To(ConsistOf(`c{instance="",job="j"} 18`))
			Expect(push("job/j/run/2", "x 1\n")).To(Succeed())
			clock.Advance(time.Hour)
			Expect(samples(a)).To(ContainElement(`c{instance="",job="j"} 18`))
		})

		It("sums histograms with the same buckets, and rejects others", func() {
			histogram := func(bounds string, n int) string {
				return fmt.Sprintf("# TYPE h histogram\nh_bucket{le=\"%s\"} %d\nh_bucket{le=\"+Inf\"} %d\nh_sum %d.5\nh_count %d\n", bounds, n, 2*n, n, 2*n)
			}
			Expect(push("job/j/run/1", histogram("1", 3))).To(Succeed())
			Expect(push("job/j/run/2", histogram("1", 4))).To(Succeed())
			Expect(push("job/j/run/2", histogram("1", 5))).To(Succeed())
			want := ConsistOf(`h_bucket{instance="",job="j",le="1"} 8`, `h_bucket{instance="",job="j",le="+Inf"} 16`, `h_sum{instance="",job="j"} 9`, `h_count{instance="",job="j"} 16`)
			Expect(samples(a)).To(want)
			Expect(push("job/j/run/3", histogram("2", 5))).To(MatchError(ContainSubstring("the buckets differ from those of the series with which it is aggregated")))
			Expect(push("job/j/run/1", histogram("2", 5))).To(MatchError(ContainSubstring("the buckets")))
			Expect(samples(a)).To(want)
			Expect(remove("job/j/run/1")).To(Succeed())
			Expect(push("job/j/run/2", histogram("1", 1))).To(Succeed())
			Expect(samples(a)).To(ContainElement(`h_count{instance="",job="j"} 18`))

			Expect(push("job/j/run/2", histogram("2", 1))).To(Succeed(), "no other group has a sample in the sum")
			Expect(samples(a)).To(ContainElements(`h_bucket{instance="",job="j",le="2"} 1`, `h_count{instance="",job="j"} 2`))
			Expect(remove("job/j/run/2")).To(Succeed())
			Expect(push("job/j/run/4", histogram("3", 1))).To(Succeed(), "no group at all has a sample in the sum")
			Expect(push("job/j/run/4", histogram("3", 2))).To(Succeed())
			Expect(samples(a)).To(ContainElements(`h_bucket{instance="",job="j",le="3"} 2`, `h_count{instance="",job="j"} 4`))
		})

		It("sums without rounding errors", func() {
			body := func(v string, n int) string {
				return fmt.Sprintf("# TYPE c_seconds_total counter\nc_seconds_total %s\n# TYPE h histogram\nh_bucket{le=\"+Inf\"} %d\nh_sum %s\nh_count %d\n", v, n, v, n)
			}
			Expect(push("job/j/run/1", body("1e9", 1))).To(Succeed())
			Expect(push("job/j/run/2", body("0.1", 1))).To(Succeed())
			for range 10 {
				Expect(push("job/j/run/1", body("1e9", 1))).To(Succeed())
			}
			Expect(samples(a)).To(ContainElements(`c_seconds_total{instance="",job="j"} 1.0000000001e+09`, `h_sum{instance="",job="j"} 1.0000000001e+09`))
			for i := 3; i < 13; i++ {
				Expect(push(fmt.Sprintf("job/j/run/%d", i), body("0.1", 1))).To(Succeed())
			}
			Expect(samples(a)).To(ContainElements(`c_seconds_total{instance="",job="j"} 1.0000000011e+09`, `h_sum{instance="",job="j"} 1.0000000011e+09`))
		})

		It("treats the same count with another sum as a restart from zero", func() {
			body := "# TYPE h histogram\nh_bucket{le=\"+Inf\"} 1\nh_sum %d\nh_count 1\n# TYPE s summary\ns_sum %d\ns_count 1\n"
			Expect(push("job/j", fmt.Sprintf(body, 5, 5))).To(Succeed())
			Expect(push("job/j", fmt.Sprintf(body, 2, 2))).To(Succeed())
			Expect(samples(a)).To(ContainElements(`h_sum{instance="",job="j"} 7`, `h_count{instance="",job="j"} 2`, `s_sum{instance="",job="j"} 7`, `s_count{instance="",job="j"} 2`))
			Expect(push("job/j", fmt.Sprintf(body, 2, 2))).To(Succeed())
			Expect(samples(a)).To(ContainElement(`h_sum{instance="",job="j"} 7`))
		})

		It("treats a lower count of a bucket as a restart from zero", func() {
			body := "# TYPE h histogram\nh_bucket{le=\"1\"} %d\nh_bucket{le=\"+Inf\"} 4\nh_sum %d\nh_count 4\n"
			Expect(push("job/j", fmt.Sprintf(body, 3, 3))).To(Succeed())
			Expect(push("job/j", "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_sum 9\nh_count 5\n")).To(Succeed(), "+Inf may be omitted")
			Expect(samples(a)).To(ContainElements(`h_bucket{instance="",job="j",le="1"} 4`, `h_count{instance="",job="j"} 9`, `h_sum{instance="",job="j"} 12`))
		})

		It("rejects histograms whose counts are not cumulative", func() {
			Expect(push("job/j", "# TYPE h histogram\nh_bucket{le=\"1\"} 4\nh_bucket{le=\"2\"} 3\nh_sum 9\nh_count 5\n")).To(MatchError(ContainSubstring("expected a cumulative count")))
			Expect(push("job/j", "# TYPE h histogram\nh_bucket{le=\"1\"} 6\nh_sum 9\nh_count 5\n")).To(MatchError(ContainSubstring("expected a cumulative count")))
		})

		It("keeps the first help text", func() {
			Expect(push("job/j/run/1", "x 1\n")).To(Succeed())
			Expect(push("job/j/run/2", "# HELP x First.\nx 1\n")).To(Succeed())
			Expect(push("job/j/run/1", "# HELP x Second.\nx 1\n")).To(Succeed())
			Expect(familyOf(a, "x").GetHelp()).To(Equal("First."))
		})

		It("sums native histograms", func() {
			native := func(offset int32, deltas ...int64) *dto.MetricFamily {
				count := uint64(0)
				last := int64(0)
				for _, d := range deltas {
					last += d
					count += uint64(last)
				}
				return &dto.MetricFamily{Name: proto.String("n"), Type: dto.MetricType_HISTOGRAM.Enum(), Metric: []*dto.Metric{{Histogram: &dto.Histogram{
					SampleCount: &count, SampleSum: proto.Float64(1), Schema: proto.Int32(3), ZeroThreshold: proto.Float64(0.001), ZeroCount: proto.Uint64(0),
					PositiveSpan: []*dto.BucketSpan{{Offset: proto.Int32(offset), Length: proto.Uint32(uint32(len(deltas)))}}, PositiveDelta: deltas}}}}
			}
			Expect(push("job/j/run/1", "", protobuf(native(-1, 1, 1, 1)))).To(Succeed())   // 1 2 3 at -1, 0, 1
			Expect(push("job/j/run/2", "", protobuf(native(1, 5, -1)))).To(Succeed())      // 5 4 at 1, 2
			Expect(push("job/j/run/2", "", protobuf(native(1, 6, -1, 1)))).To(Succeed())   // 6 5 6 at 1, 2, 3
			Expect(push("job/j/run/3", "", protobuf(native(10, 1)))).To(Succeed())         // 1 at 10
			Expect(push("job/j/run/3", "", protobuf(native(9, 3)))).To(Succeed(), "reset") // 3 at 9
			h := familyOf(a, "n").Metric[0].Histogram
			Expect(h.GetSampleCount()).To(BeEquivalentTo(27))
			Expect(h.PositiveSpan).To(HaveLen(2))
			Expect(h.PositiveSpan[0].String()).To(Equal((&dto.BucketSpan{Offset: proto.Int32(-1), Length: proto.Uint32(5)}).String()))
			Expect(h.PositiveSpan[1].String()).To(Equal((&dto.BucketSpan{Offset: proto.Int32(5), Length: proto.Uint32(2)}).String()))
			Expect(h.PositiveDelta).To(Equal([]int64{1, 1, 7, -4, 1, -3, -2}))
			zero := native(9, 3)
			zero.Metric[0].Histogram.ZeroThreshold = proto.Float64(0.01)
			Expect(push("job/j/run/3", "", protobuf(zero))).To(MatchError(ContainSubstring("the buckets")))
			other := native(1, 1)
			other.Metric[0].Histogram.Schema = proto.Int32(4)
			Expect(push("job/j/run/4", "", protobuf(other))).To(MatchError(ContainSubstring("the buckets")))
			*other.Metric[0].Histogram = dto.Histogram{SampleCountFloat: proto.Float64(4.5), Bucket: []*dto.Bucket{{UpperBound: proto.Float64(1), CumulativeCountFloat: proto.Float64(4.5)}}}
			Expect(push("job/j/run/4", "", protobuf(other))).To(MatchError(ContainSubstring("fractional")))
		})

		It("sums the counts and sums of summaries, and omits their quantiles", func() {
			summary := func(n int) string {
				return fmt.Sprintf("# TYPE s summary\ns{quantile=\"0.5\"} 1\ns_sum %d\ns_count %d\n", n, n)
			}
			Expect(push("job/j/run/1", summary(2))).To(Succeed())
			Expect(push("job/j/run/2", summary(3))).To(Succeed())
			Expect(push("job/j/run/2", summary(4))).To(Succeed())
			Expect(samples(a)).To(ConsistOf(`s_sum{instance="",job="j"} 6`, `s_count{instance="",job="j"} 6`))
		})

		It("rejects counters that cannot be summed", func() {
			for _, v := range []string{"-1", "NaN", "+Inf"} {
				Expect(push("job/j", "# TYPE c counter\nc "+v+"\n")).To(MatchError(ContainSubstring("cannot be aggregated")))
			}
			Expect(push("job/j", "g NaN\n")).To(Succeed())
		})

		It("rejects summaries and histograms that would make a sum permanently invalid", func() {
			for _, body := range []string{
				"# TYPE s summary\ns_sum +Inf\ns_count 1\n",
				"# TYPE s summary\ns_sum 1\ns_count 1.8e19\n",
				"# TYPE h histogram\nh_bucket{le=\"+Inf\"} 1\nh_sum NaN\nh_count 1\n",
				"# TYPE h histogram\nh_bucket{le=\"1\"} 1.8e19\nh_sum 1\nh_count 1.8e19\n",
			} {
				Expect(push("job/j", body)).To(MatchError(ContainSubstring("cannot be aggregated")), body)
			}
		})

		It("counts sums toward the limit of series, because they are never removed", func() {
			options.GroupMaxSeries = 10
			start()
			for i := range 20 {
				push(fmt.Sprintf("job/j/run/%d", i), fmt.Sprintf("# TYPE c counter\nc{i=\"%d\"} 1\n", i))
				Expect(remove(fmt.Sprintf("job/j/run/%d", i))).To(Succeed())
			}
			Expect(samples(a)).To(HaveLen(9), "the group's own series also counts toward the limit")
			Expect(selfValue(reg, "signalbox_push_sums", "")).To(Equal(9.0))
			Expect(refusal(push("job/j", "# TYPE c counter\nc{i=\"new\"} 1\n"))).To(Equal(aggregator.LimitReached))
			Expect(push("job/j", "# TYPE c counter\nc{i=\"1\"} 1\n")).To(Succeed(), "its sum exists")
		})

		It("rejects another type even if only this group has the metric", func() {
			Expect(push("job/j", "# TYPE c counter\nc 1\n")).To(Succeed())
			Expect(push("job/j", "# TYPE c gauge\nc 1\n")).To(MatchError(ContainSubstring("metric c")))
		})

		It("serves the latest time of a push", func() {
			Expect(push("job/j/run/1", "x 1\n")).To(Succeed())
			clock.Advance(time.Minute)
			Expect(push("job/j/run/2", "x 1\n")).To(Succeed())
			Expect(times()).To(ConsistOf(`push_time_seconds{instance="",job="j"} 1.77236646e+09`, `push_failure_time_seconds{instance="",job="j"} 0`))
		})

		It("lists the individual groups, with their own values", func() {
			Expect(push("job/j/run/1", "# TYPE c counter\nc 5\n")).To(Succeed())
			Expect(push("job/j/run/2", "# TYPE c counter\nc 7\n")).To(Succeed())
			metric := familyOfGroup(groupsOf(a)[1].Families[0]).Metric[0]
			Expect(metric.Label[2].GetValue()).To(Equal("2"))
			Expect(metric.Counter.GetValue()).To(Equal(7.0))
		})
	})

	It("aggregates gauges by the first pattern that matches their name", func() {
		options.GroupAggregateBy, options.GroupAggregateGauges = []string{"job"}, "mean, *_timestamp_seconds=max,*_*e*_min=min,exact=last"
		start()
		for i, v := range []int{5, 1, 3} {
			clock.Advance(time.Second)
			body := fmt.Sprintf("last_timestamp_seconds %[1]d\n_timestamp_seconds %[1]d\ntimestamp_seconds %[1]d\na_e_min %[1]d\na_min %[1]d\nexact %[1]d\nexactly %[1]d\n", v)
			Expect(push(fmt.Sprintf("job/j/run/%d", i), body)).To(Succeed())
		}
		Expect(samples(a)).To(ConsistOf(
			`last_timestamp_seconds{instance="",job="j"} 5`, `_timestamp_seconds{instance="",job="j"} 5`, `timestamp_seconds{instance="",job="j"} 3`,
			`a_e_min{instance="",job="j"} 1`, `a_min{instance="",job="j"} 3`, `exact{instance="",job="j"} 3`, `exactly{instance="",job="j"} 3`,
		))
	})

	DescribeTable("ignores NaN in maximum and minimum, as PromQL does", func(fold, want string) {
		options.GroupAggregateBy, options.GroupAggregateGauges = []string{"job"}, fold
		start()
		for i, v := range []string{"NaN", "5", "NaN", "-Inf", "7"} {
			Expect(push(fmt.Sprintf("job/j/run/%d", i), "x "+v+"\n")).To(Succeed())
		}
		Expect(push("job/j/run/1", "y NaN\n", add)).To(Succeed())
		Expect(push("job/j/run/2", "y NaN\n", add)).To(Succeed())
		Expect(samples(a)).To(ConsistOf(`x{instance="",job="j"} `+want, `y{instance="",job="j"} NaN`))
	},
		Entry("maximum", "max", "7"),
		Entry("minimum", "min", "-Inf"),
		Entry("but not in the sum", "sum", "NaN"),
		Entry("nor in the mean", "mean", "NaN"),
	)

	DescribeTable("aggregates gauges", func(fold string, want float64) {
		options.GroupAggregateBy, options.GroupAggregateGauges = []string{"job"}, fold
		start()
		Expect(push("job/j/run/1", "x 10\n")).To(Succeed())
		Expect(push("job/j/run/2", "x 1\n")).To(Succeed())
		clock.Advance(1)
		Expect(push("job/j/run/1", "x 4\n")).To(Succeed())
		Expect(push("job/j/run/3", "x 100\n", ttl(time.Minute))).To(Succeed())
		Expect(push("job/j/run/2", "y 1\n", add)).To(Succeed(), "without x")
		clock.Advance(time.Minute)
		Expect(samples(a)).To(ConsistOf(fmt.Sprintf(`x{instance="",job="j"} %v`, want), `y{instance="",job="j"} 1`))
	},
		Entry("by default to the sum", "", 5.0),
		Entry("to the sum", "sum", 5.0),
		Entry("to the value that was pushed last", "last", 4.0),
		Entry("to the maximum", "max", 4.0),
		Entry("to the minimum", "min", 1.0),
		Entry("to the mean", "mean", 2.5),
	)

	Describe("stored on disk", func() {
		BeforeEach(func() {
			options.StoragePath = filepath.Join(GinkgoT().TempDir(), "groups.db")
			start()
		})
		restart := func() {
			GinkgoHelper()
			Expect(a.Close()).To(Succeed())
			start()
		}

		It("restores groups with their times and the rest of their TTL", func() {
			Expect(push("job/j/a/ü", "c 1\nold 1\n")).To(Succeed())
			clock.Advance(time.Second)
			body := "# HELP c A counter.\n# TYPE c counter\nc{a=\"\\\"1\\\\\"} 5\n# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 1\nh_count 2\n" +
				"# TYPE s summary\ns{quantile=\"0.5\"} 1\ns_sum 2\ns_count 3\nu NaN\n"
			Expect(push("job/j/a/ü", body, add)).To(Succeed())
			Expect(push("job/k", "y 1 1\n")).NotTo(Succeed())
			Expect(push("job/t", "y 1\n", ttl(time.Minute))).To(Succeed())
			Expect(push("job/gone", "y 1\n")).To(Succeed())
			Expect(remove("job/gone")).To(Succeed())
			before, groups := page(a), groupsOf(a)
			clock.Advance(30 * time.Second)
			restart()
			Expect(page(a)).To(Equal(before))
			for i, g := range groupsOf(a) {
				Expect(g).To(And(HaveField("Labels", groups[i].Labels), HaveField("Pushed", BeTemporally("==", groups[i].Pushed)),
					HaveField("Failed", BeTemporally("==", groups[i].Failed)), HaveField("Expires", BeTemporally("==", groups[i].Expires))))
				for k, f := range g.Families {
					Expect(f.Pushed).To(BeTemporally("==", groups[i].Families[k].Pushed))
				}
			}
			clock.Advance(30*time.Second - 1)
			Expect(page(a)).To(ContainSubstring("y{"))
			clock.Advance(1)
			Expect(page(a)).NotTo(ContainSubstring("y{"))
			a.Sweep()
			clock.Advance(-time.Hour)
			restart()
			Expect(page(a)).NotTo(ContainSubstring("y{"))
		})

		It("restores UTF-8 names even if they are no longer enabled", func() {
			options.GroupUTF8Names = true
			restart()
			Expect(push("job/j/a.b/1", "", protobuf(pushed("ci.jobs", dto.MetricType_GAUGE, gauge1())))).To(Succeed())
			options.GroupUTF8Names = false
			restart()
			Expect(samples(a)).To(HaveLen(1))
		})

		It("keeps a TTL that a push set, but not the default", func() {
			options.GroupTTL = time.Hour
			restart()
			Expect(push("job/own", "x 1\n", ttl(time.Minute))).To(Succeed())
			Expect(push("job/default", "x 1\n")).To(Succeed())
			options.GroupTTL = 2 * time.Hour
			restart()
			Expect(push("job/own", "x 1\n")).To(Succeed())
			Expect(push("job/default", "x 1\n")).To(Succeed())
			groups := groupsOf(a)
			Expect(groups[0].TTL).To(Equal(2 * time.Hour))
			Expect(groups[1].TTL).To(Equal(time.Minute))
		})

		It("expires a group after at most its TTL if the clock was set back before the restart", func() {
			Expect(push("job/t", "y 1\n", ttl(time.Minute))).To(Succeed())
			clock.Advance(-time.Hour)
			restart()
			clock.Advance(time.Minute - 1)
			Expect(samples(a)).To(HaveLen(1))
			clock.Advance(1)
			Expect(samples(a)).To(BeEmpty())
		})

		It("expires groups while the aggregator is not running", func() {
			Expect(push("job/t", "y 1\n", ttl(time.Minute))).To(Succeed())
			Expect(a.Close()).To(Succeed())
			clock.Advance(time.Minute)
			start()
			Expect(selfValue(reg, "signalbox_push_groups", "")).To(BeZero(), "the group is removed")
			Expect(page(a)).To(BeEmpty())
			restart()
			Expect(groupsOf(a)).To(BeEmpty())
		})

		It("restores sums, including the values of removed groups", func() {
			options.GroupAggregateBy = []string{"job"}
			restart()
			body := func(n int) string {
				return fmt.Sprintf("# TYPE c counter\nc %d\n# TYPE h histogram\nh_bucket{le=\"1\"} %d\nh_bucket{le=\"+Inf\"} %d\nh_sum 1\nh_count %d\n", n, n, n, n)
			}
			Expect(push("job/j/run/1", body(5))).To(Succeed())
			Expect(push("job/j/run/2", body(6))).To(Succeed())
			Expect(push("job/j/run/1", body(2))).To(Succeed()) // restarted from zero
			Expect(push("job/j/run/3", body(7), ttl(time.Minute))).To(Succeed())
			Expect(remove("job/j/run/2")).To(Succeed())
			before := samples(a)
			Expect(before).To(ContainElement(`c{instance="",job="j"} 20`))
			Expect(before).To(ContainElement(`h_count{instance="",job="j"} 20`))
			restart()
			Expect(samples(a)).To(Equal(before))
			Expect(a.Close()).To(Succeed())
			clock.Advance(time.Hour) // the third group expires in the meantime
			start()
			Expect(samples(a)).To(Equal(before))
			restart()
			Expect(samples(a)).To(Equal(before))
			Expect(a.Groups.Wipe(context.Background())).To(Succeed())
			Expect(page(a)).To(BeEmpty())
			restart()
			Expect(page(a)).To(BeEmpty())
		})

		It("deletes on disk a sum that was replaced with one that has other buckets", func() {
			options.GroupAggregateBy = []string{"job"}
			restart()
			body := "# TYPE h histogram\nh_bucket{le=\"%d\"} 1\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\n"
			Expect(push("job/j/run/1", fmt.Sprintf(body, 1))).To(Succeed())
			Expect(remove("job/j/run/1")).To(Succeed())
			Expect(push("job/j/run/1", fmt.Sprintf(body, 2))).To(Succeed())
			before := samples(a)
			restart()
			Expect(samples(a)).To(Equal(before))
			Expect(selfValue(reg, "signalbox_push_storage_restore_failures_total", "")).To(BeZero())
			Expect(remove("job/j/run/1")).To(Succeed())
			restart()
			Expect(samples(a)).To(Equal(before))
		})

		It("does not restore a sum that has the name of a sample of another metric", func() {
			options.GroupAggregateBy = []string{"job"}
			restart()
			Expect(push("job/j", "# TYPE k_count counter\nk_count 5\n")).To(Succeed())
			Expect(remove("job/j")).To(Succeed())
			options.GroupAggregateBy = nil
			restart()
			Expect(push("job/j", "# TYPE k histogram\nk_bucket{le=\"+Inf\"} 1\nk_sum 1\nk_count 1\n")).To(Succeed())
			options.GroupAggregateBy = []string{"job"}
			restart()
			Expect(log).To(gbytes.Say("metric k_count has the name of a sample of the histogram k"))
			Expect(samples(a)).To(HaveLen(3))
		})

		It("loses nothing if the file is damaged while the aggregator is running", func() {
			options.GroupAggregateBy = []string{"job"}
			restart()
			Expect(push("job/j/run/1", "# TYPE c counter\nc 5\n")).To(Succeed())
			Expect(remove("job/j/run/1")).To(Succeed())
			options.GroupAggregateBy = nil // the sum remains on disk
			restart()
			Expect(push("job/j/run/2", "# TYPE c counter\nc 1\n")).To(Succeed())
			Expect(os.Truncate(options.StoragePath, 4096)).To(Succeed())
			Expect(push("job/j/run/3", "# TYPE c counter\nc 2\n")).To(Succeed())
			Expect(log).To(gbytes.Say("storage-damaged"))
			options.GroupAggregateBy = []string{"job"}
			restart()
			Expect(samples(a)).To(ConsistOf(`c{instance="",job="j"} 8`))
			Expect(remove("job/j/run/2")).To(Succeed())
			Expect(os.Truncate(options.StoragePath, 4096)).To(Succeed())
			Expect(push("job/j/run/3", "# TYPE c counter\nc 3\n")).To(Succeed())
			restart()
			Expect(samples(a)).To(ConsistOf(`c{instance="",job="j"} 9`))
		})

		It("deletes on disk a group that could not be restored", func() {
			Expect(push("job/j", "# TYPE c counter\nc -1\n")).To(Succeed())
			options.GroupAggregateBy = []string{"job"}
			restart()
			Expect(log).To(gbytes.Say("record-not-restored"))
			Expect(samples(a)).To(BeEmpty())
			Expect(remove("job/j")).To(Succeed())
			Expect(os.Truncate(options.StoragePath, 4096)).To(Succeed())
			Expect(push("job/k", "x 1\n")).To(Succeed())
			Expect(log).To(gbytes.Say("storage-damaged"), "all records are written again")
			options.GroupAggregateBy = nil
			restart()
			Expect(samples(a)).To(ConsistOf(HavePrefix("x{")))
		})

		It("does not store a group that was rejected", func() {
			Expect(push("job/j", "x 1\n")).To(Succeed())
			Expect(push("job/j/instance/", "y 1\n")).To(MatchError(ContainSubstring("push_time_seconds")))
			restart()
			Expect(groupsOf(a)).To(HaveLen(1))
			Expect(selfValue(reg, "signalbox_push_storage_restore_failures_total", "")).To(BeZero())
		})

		It("restores groups and sums when the labels to aggregate by have changed", func() {
			Expect(push("job/j/run/1", "# TYPE c counter\nc 5\n")).To(Succeed())
			Expect(push("job/j/run/2", "# TYPE c counter\nc 6\n")).To(Succeed())
			options.GroupAggregateBy = []string{"job"}
			restart()
			Expect(remove("job/j/run/2")).To(Succeed())
			Expect(samples(a)).To(ConsistOf(`c{instance="",job="j"} 11`))
			options.GroupAggregateBy = nil
			restart()
			Expect(samples(a)).To(ConsistOf(`c{instance="",job="j",run="1"} 5`))
			options.GroupAggregateBy = []string{"job"}
			restart()
			Expect(samples(a)).To(ConsistOf(`c{instance="",job="j"} 11`))
		})

		It("restores sums without rounding errors", func() {
			options.GroupAggregateBy = []string{"job", "env"}
			restart()
			total := 0.0
			for i := range 50 {
				Expect(push(fmt.Sprintf("job/j/env/e/run/%d", i%7), fmt.Sprintf("# TYPE c counter\nc %v\n", float64((i*7919)%101)/10))).To(Succeed())
				if i%5 == 0 {
					Expect(remove(fmt.Sprintf("job/j/env/e/run/%d", (i+3)%7))).To(Succeed())
				}
				before := samples(a)
				if i%10 == 9 {
					options.GroupAggregateBy[0], options.GroupAggregateBy[1] = options.GroupAggregateBy[1], options.GroupAggregateBy[0]
					restart()
				}
				Expect(samples(a)).To(Equal(before))
				v := familyOf(a, "c").Metric[0].Counter.GetValue()
				Expect(v).To(BeNumerically(">=", total))
				total = v
			}
		})

		It("keeps the newest exemplars and the earliest creation times of sums", func() {
			options.GroupAggregateBy = []string{"job"}
			restart()
			at := func(second int64) *timestamppb.Timestamp { return &timestamppb.Timestamp{Seconds: second} }
			exemplar := func(id string, second int64) *dto.Exemplar {
				return &dto.Exemplar{Label: pairsOf("id", id), Value: proto.Float64(1), Timestamp: at(second)}
			}
			pushSecond := func(run string, second int64) {
				GinkgoHelper()
				bucket := func(bound float64, id string) *dto.Bucket {
					return &dto.Bucket{UpperBound: &bound, CumulativeCount: proto.Uint64(1), Exemplar: exemplar(id, second)}
				}
				native := nativeWith(func(h *dto.Histogram) {
					h.Exemplars, h.CreatedTimestamp = []*dto.Exemplar{exemplar(run, second), exemplar("same", 1)}, at(second)
				})
				Expect(push("job/j/run/"+run, "", protobuf(
					pushed("c", dto.MetricType_COUNTER, &dto.Metric{Counter: &dto.Counter{Value: proto.Float64(1), Exemplar: exemplar(run, second), CreatedTimestamp: at(second)}}),
					pushed("h", dto.MetricType_HISTOGRAM, &dto.Metric{Histogram: &dto.Histogram{
						SampleCount: proto.Uint64(1), SampleSum: proto.Float64(1), CreatedTimestamp: at(second),
						Bucket: []*dto.Bucket{bucket(1, "1-"+run), bucket(math.Inf(1), "inf-"+run)}}}),
					pushed("n", dto.MetricType_HISTOGRAM, &dto.Metric{Histogram: native}),
					pushed("s", dto.MetricType_SUMMARY, &dto.Metric{Summary: &dto.Summary{SampleCount: proto.Uint64(1), SampleSum: proto.Float64(1), CreatedTimestamp: at(second)}}),
				))).To(Succeed())
			}
			check := func() {
				GinkgoHelper()
				id := func(e *dto.Exemplar) string { return e.GetLabel()[0].GetValue() }
				c := familyOf(a, "c").Metric[0].Counter
				Expect(c.GetValue()).To(Equal(3.0))
				Expect(id(c.Exemplar)).To(Equal("b"))
				h := familyOf(a, "h").Metric[0].Histogram
				Expect(h.Bucket).To(HaveLen(2))
				Expect(h.Bucket[1].GetCumulativeCount()).To(BeEquivalentTo(3))
				Expect([]string{id(h.Bucket[0].Exemplar), id(h.Bucket[1].Exemplar)}).To(Equal([]string{"1-b", "inf-b"}))
				n := familyOf(a, "n").Metric[0].Histogram
				var ids []string
				for _, e := range n.Exemplars {
					ids = append(ids, id(e))
				}
				Expect(ids).To(Equal([]string{"same", "c", "a", "b"}))
				s := familyOf(a, "s").Metric[0].Summary
				for _, created := range []*timestamppb.Timestamp{c.CreatedTimestamp, h.CreatedTimestamp, n.CreatedTimestamp, s.CreatedTimestamp} {
					Expect(created.GetSeconds()).To(BeEquivalentTo(100))
				}
			}
			pushSecond("a", 200)
			pushSecond("b", 300)
			pushSecond("c", 100)
			check()
			restart()
			check()
			for _, run := range []string{"a", "b", "c"} {
				Expect(remove("job/j/run/" + run)).To(Succeed())
			}
			check()
			restart()
			check()
		})

		It("restores which gauge was pushed last", func() {
			options.GroupAggregateBy, options.GroupAggregateGauges = []string{"job"}, "last"
			restart()
			Expect(push("job/j/run/1", "x 1\n")).To(Succeed())
			clock.Advance(time.Second)
			Expect(push("job/j/run/2", "x 2\n")).To(Succeed())
			clock.Advance(time.Second)
			Expect(push("job/j/run/1", "y 1\n", add)).To(Succeed())
			Expect(push("job/k/run/2", "x 1\n")).To(Succeed())
			clock.Advance(time.Second)
			Expect(push("job/k/run/1", "x 2\n")).To(Succeed())
			restart()
			Expect(samples(a)).To(ContainElements(`x{instance="",job="j"} 2`, `x{instance="",job="k"} 2`))
		})

		It("restores only records that do not contradict others when the labels to aggregate by have changed", func() {
			options.GroupAggregateBy = []string{"job"}
			restart()
			Expect(push("job/j", "# TYPE x counter\nx 1\n")).To(Succeed())
			Expect(push("job/j/instance/", "# TYPE y counter\ny 1\n")).To(Succeed(), "the times of both groups are aggregated")
			options.GroupAggregateBy = nil
			restart()
			Expect(log).To(gbytes.Say("record-not-restored"))
			Expect(times()).To(HaveLen(2), "scrapes succeed")
			Expect(remove("job/j")).To(Succeed())
			Expect(remove("job/j/instance/")).To(Succeed())

			options.GroupAggregateBy = []string{"job"}
			restart()
			Expect(push("job/j", "# TYPE x counter\nx 1\n")).To(Succeed())
			Expect(remove("job/j")).To(Succeed())
			options.GroupAggregateBy = nil
			restart()
			Expect(push("job/j", "# TYPE x gauge\nx 1\ny 1\n")).To(Succeed())
			options.GroupAggregateBy = []string{"job"}
			restart()
			Expect(samples(a)).To(ConsistOf(`x{instance="",job="j"} 1`, `y{instance="",job="j"} 1`), "groups take precedence over sums")
		})

		It("restores groups beyond the limits", func() {
			for i := range 3 {
				Expect(push(fmt.Sprintf("job/j/run/%d", i), "x 5\n")).To(Succeed())
			}
			options.MaxGroups, options.GroupMaxSeries = 1, 1
			restart()
			Expect(samples(a)).To(HaveLen(3))
			Expect(push("job/j/run/0", "x 6\n")).To(Succeed(), "the push adds no series")
			Expect(push("job/j/run/1", "")).To(Succeed(), "the push removes series")
		})

		It("moves a damaged file aside and reports it", func() {
			Expect(push("job/j", "x 1\n")).To(Succeed())
			Expect(a.Close()).To(Succeed())
			Expect(os.WriteFile(options.StoragePath, []byte(strings.Repeat("garbage", 10_000)), 0o600)).To(Succeed())
			start()
			Expect(log).To(gbytes.Say("storage-damaged"))
			Expect(selfValue(reg, "signalbox_push_storage_damaged", "")).To(Equal(1.0))
			moved, err := filepath.Glob(options.StoragePath + ".damaged-*")
			Expect(err).NotTo(HaveOccurred())
			Expect(moved).To(Equal([]string{groupsSection(a, 0).DamagedFile}))
			Expect(push("job/j", "x 2\n")).To(Succeed())
			restart()
			Expect(samples(a)).To(HaveLen(1))
			Expect(selfValue(reg, "signalbox_push_storage_damaged", "")).To(BeZero())
		})

		It("reports a failed write until a write succeeds", func() {
			Expect(groupsSection(a, 0).StorageError).To(BeEmpty())
			aggregator.Flushed(a, errors.New("no space left on device"))
			Expect(groupsSection(a, 0).StorageError).To(Equal("no space left on device"))
			Expect(selfValue(reg, "signalbox_push_storage_flush_failures_total", "")).To(Equal(1.0))
			Expect(push("job/j", "x 1\n")).To(Succeed())
			Expect(groupsSection(a, 0).StorageError).To(BeEmpty())
		})

		It("returns NotStored for a push after Close", func() {
			Expect(a.Close()).To(Succeed())
			err := push("job/j", "x 1\n")
			Expect(refusal(err)).To(Equal(aggregator.NotStored))
			Expect(err).To(MatchError(ContainSubstring("could not be stored")))
		})
	})

	It("serves consistent values during concurrent pushes", func() {
		options.GroupAggregateBy = []string{"job"}
		options.StoragePath = filepath.Join(GinkgoT().TempDir(), "groups.db")
		start()
		const jobs, runs = 8, 50
		var pushing, others sync.WaitGroup
		for j := range jobs {
			pushing.Go(func() {
				defer GinkgoRecover()
				for n := range runs {
					path := fmt.Sprintf("job/j%d/run/%d", j%4, n*jobs+j)
					Expect(push(path, "# TYPE c counter\nc 1\n# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 3\nh_sum 1\nh_count 3\n", ttl(time.Millisecond))).To(Succeed())
					if n%3 == 0 {
						Expect(remove(path)).To(Succeed())
					}
				}
			})
		}
		var done atomic.Bool
		others.Go(func() {
			defer GinkgoRecover()
			last := map[string]float64{}
			for !done.Load() {
				clock.Advance(time.Millisecond)
				a.Sweep()
				for _, f := range text(page(a)) {
					for _, m := range f.Metric {
						if f.GetName() == "h" {
							Expect(m.Histogram.GetSampleCount()).To(Equal(3 * m.Histogram.Bucket[0].GetCumulativeCount()))
						}
						if f.GetName() == "c" {
							key := m.Label[1].GetValue()
							Expect(m.Counter.GetValue()).To(BeNumerically(">=", last[key]))
							last[key] = m.Counter.GetValue()
						}
					}
				}
			}
		})
		pushing.Wait()
		done.Store(true)
		others.Wait()
		for j := range 4 {
			Expect(samples(a)).To(ContainElement(fmt.Sprintf(`c{instance="",job="j%d"} %d`, j, 2*runs)))
		}
	})
})

var _ = Describe("A push whose metrics are known to be invalid", func() {
	It("is rejected and counts as a failed push of the group", func() {
		a, err := aggregator.New(aggregator.Options{})
		Expect(err).NotTo(HaveOccurred())
		err = a.Groups.Push(context.Background(), aggregator.Push{Grouping: []aggregator.Label{{Name: "job", Value: "j"}}, Invalid: errors.New("a sample is missing")})
		Expect(err).To(MatchError("a sample is missing"))
		Expect(groupsOf(a)[0].Failed).NotTo(BeZero())
		Expect(groupsOf(a)[0].Pushed).To(BeZero())
	})
})
