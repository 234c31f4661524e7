package aggregator_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/emitter/aggregator"
	"github.com/signalbox-ci/signalbox/internal/membudget"
)

// TestMemory compares the memory that an Aggregator counts with the heap.
func TestMemory(t *testing.T) {
	RegisterTestingT(t)
	const n = 5000
	repeat := func(n int, text string) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(strings.ReplaceAll(text, "@", fmt.Sprintf("%05x", i)))
		}
		return b.String()
	}
	bodies := map[string]string{
		"gauges":     "# TYPE g gauge\n" + repeat(n, "g{l=\"@\"} 1\n"),
		"counters":   "# TYPE c counter\n" + repeat(n, "c{l=\"@\"} 1\n"),
		"families":   repeat(n, "f@ 1\n"),
		"long texts": repeat(500, "g{l=\"@"+strings.Repeat("x", 15_000)+"\"} 1\n"),
		"help texts": repeat(500, "# HELP f@ "+strings.Repeat("x", 4000)+"\nf@ 1\n"),
		"histograms": "# TYPE h histogram\n" + repeat(n/10, "h_bucket{l=\"@\",le=\"1\"} 1\nh_bucket{l=\"@\",le=\"2\"} 2\nh_bucket{l=\"@\",le=\"+Inf\"} 2\nh_sum{l=\"@\"} 2\nh_count{l=\"@\"} 2\n"),
		"summaries":  "# TYPE s summary\n" + repeat(n/10, "s{l=\"@\",quantile=\"0.5\"} 1\ns_sum{l=\"@\"} 2\ns_count{l=\"@\"} 2\n"),
	}
	fill := map[string]func(a *aggregator.Aggregator){
		"groups": func(a *aggregator.Aggregator) {
			for i := range n / 10 {
				if err := a.Groups.Push(context.Background(), aggregator.Push{Grouping: []aggregator.Label{{Name: "job", Value: "j"}, {Name: "run", Value: fmt.Sprint(i)}}}); err != nil {
					t.Fatal(err)
				}
			}
		},
		"agents": func(a *aggregator.Aggregator) {
			for i := range n {
				err := a.Agents.Update(context.Background(), aggregator.Labels{Username: fmt.Sprint("user", i)}, []aggregator.Metric{{Name: "m", Type: aggregator.Gauge}})
				if err != nil {
					t.Fatal(err)
				}
			}
		},
		"series of an agent": func(a *aggregator.Aggregator) {
			var metrics []aggregator.Metric
			for i := range n {
				metrics = append(metrics, aggregator.Metric{Name: "m", Type: aggregator.Counter, Labels: []aggregator.Label{{Name: "l", Value: fmt.Sprint(i)}}})
			}
			if err := a.Agents.Update(context.Background(), aggregator.Labels{Username: "u"}, metrics); err != nil {
				t.Fatal(err)
			}
		},
		"families of an agent": func(a *aggregator.Aggregator) {
			var metrics []aggregator.Metric
			for i := range n {
				metrics = append(metrics, aggregator.Metric{Name: fmt.Sprint("m", i), Type: aggregator.Counter})
			}
			if err := a.Agents.Update(context.Background(), aggregator.Labels{Username: "u"}, metrics); err != nil {
				t.Fatal(err)
			}
		},
	}
	for name, body := range bodies {
		fill[name] = func(a *aggregator.Aggregator) {
			for g := range 2 {
				err := a.Groups.Push(context.Background(), aggregator.Push{Grouping: []aggregator.Label{{Name: "job", Value: "j"}, {Name: "run", Value: fmt.Sprint(g)}}, Families: text(body)})
				if err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	for _, aggregate := range []bool{false, true} {
		for name, fill := range fill {
			memory := membudget.Divide(100 << 30).Held
			o := aggregator.Options{Memory: memory}
			if aggregate {
				o.AgentAggregateBy, o.GroupAggregateBy = []string{"username"}, []string{"job"}
			}
			a, err := aggregator.New(o)
			if err != nil {
				t.Fatal(err)
			}
			var before, after runtime.MemStats
			runtime.GC()
			runtime.GC() // empties pools
			runtime.ReadMemStats(&before)
			fill(a)
			a.Sweep()
			runtime.GC()
			runtime.GC()
			runtime.ReadMemStats(&after)
			heap, counted := float64(after.HeapAlloc)-float64(before.HeapAlloc), float64(memory.Used())
			t.Logf("%-22s aggregated %-5v: %9.0f bytes, counted %9.0f: %.2f", name, aggregate, heap, counted, counted/heap)
			if counted < .95*heap || counted > 2*heap {
				t.Errorf("%s, aggregated %v: counted %.0f bytes, expected about %.0f", name, aggregate, counted, heap)
			}
			runtime.KeepAlive(a)
		}
	}
}

var _ = Describe("Memory", func() {
	var (
		memory *membudget.Budget
		now    time.Time
		a      *aggregator.Aggregator
	)
	create := func(o aggregator.Options) {
		GinkgoHelper()
		memory = membudget.Divide(2 << 20).Held // 1 MiB
		now = time.Unix(1e9, 0)
		o.Memory, o.Clock = memory, func() time.Time { return now }
		var err error
		a, err = aggregator.New(o)
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(a.Close)
	}
	push := func(job, body string) error {
		return a.Groups.Push(context.Background(), aggregator.Push{Grouping: []aggregator.Label{{Name: "job", Value: job}}, Families: text(body), Replace: true})
	}
	many := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "m{l=\"%d\"} 1\n", i)
		}
		return b.String()
	}

	It("limits groups, but not further pushes of the same series", func() {
		create(aggregator.Options{})
		Expect(push("a", many(3000))).To(Succeed())
		before := memory.Used()
		err := push("b", many(3000))
		Expect(err).To(HaveField("Refusal", aggregator.LimitReached))
		Expect(err).To(MatchError(ContainSubstring("--memory-limit")))
		Expect(push("a", many(3000))).To(Succeed())
		Expect(push("a", many(10_000))).To(HaveField("Refusal", aggregator.LimitReached))

		// The empty group remains, because it shows the time of its failure.
		Expect(memory.Used()).To(And(BeNumerically(">", before), BeNumerically("<", before+4000)))
		Expect(push("a", many(10))).To(Succeed())
		Expect(push("b", many(3000))).To(Succeed())
		Expect(a.Groups.Wipe(context.Background())).To(Succeed())
		Expect(memory.Used()).To(BeZero())
	})

	It("limits the number of groups", func() {
		create(aggregator.Options{})
		var err error
		n := 0
		for ; err == nil; n++ {
			err = push(fmt.Sprint(n), "")
		}
		Expect(err).To(HaveField("Refusal", aggregator.LimitReached))
		Expect(n).To(BeNumerically("<", 2000))
		Expect(memory.Used()).To(BeNumerically("<=", memory.Size()))
	})

	It("limits agents, but not further updates of the same series", func() {
		create(aggregator.Options{})
		update := func(user string, n int) error {
			var metrics []aggregator.Metric
			for i := range n {
				metrics = append(metrics, aggregator.Metric{Name: "m", Type: aggregator.Gauge, Labels: []aggregator.Label{{Name: "l", Value: fmt.Sprint(i)}}})
			}
			return a.Agents.Update(context.Background(), aggregator.Labels{Username: user}, metrics)
		}
		Expect(update("a", 1000)).To(Succeed())
		err := update("b", 10_000)
		rejected, ok := errors.AsType[*aggregator.RejectedError](err)
		Expect(ok).To(BeTrue())
		Expect(rejected.Rejections[0].Reason).To(Equal("memory_limit"))
		Expect(rejected.Rejections[0].LimitReached()).To(BeTrue())
		Expect(memory.Used()).To(BeNumerically("<=", memory.Size()))
		Expect(update("a", 1000)).To(Succeed())

		now = now.Add(time.Hour)
		a.Sweep()
		Expect(memory.Used()).To(BeZero())
	})

	DescribeTable("is released exactly, whatever happens",
		func(o aggregator.Options) {
			create(o)
			random := rand.New(rand.NewPCG(1, uint64(GinkgoRandomSeed())))
			types := []string{"gauge", "counter", "untyped"}
			for range 2000 {
				job := fmt.Sprint("j", random.IntN(5))
				switch random.IntN(8) {
				case 0:
					Expect(a.Groups.Delete(context.Background(), []aggregator.Label{{Name: "job", Value: job}})).To(Succeed())
				case 1, 2:
					metrics := []aggregator.Metric{}
					for range random.IntN(20) {
						metrics = append(metrics, aggregator.Metric{
							Name: fmt.Sprint("a", random.IntN(5)), Type: aggregator.Type(1 + random.IntN(2)), Value: random.Float64(),
							Labels: []aggregator.Label{{Name: "l", Value: fmt.Sprint(random.IntN(5))}, {Name: "job", Value: fmt.Sprint(random.IntN(2))}},
						})
					}
					a.Agents.Update(context.Background(), aggregator.Labels{Username: job}, metrics) //nolint:errcheck // some are rejected
				case 3:
					now = now.Add(time.Duration(random.IntN(int(time.Minute))))
					a.Sweep()
				default:
					var b strings.Builder
					for i := range random.IntN(5) {
						name := fmt.Sprint(string(rune('a'+i)), random.IntN(3))
						if i == 4 {
							bound := random.IntN(2) + 1
							fmt.Fprintf(&b, "# TYPE h histogram\nh_bucket{le=\"%d\"} 1\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\n", bound)
							break
						}
						fmt.Fprintf(&b, "# TYPE %s %s\n", name, types[random.IntN(3)])
						for s := range random.IntN(10) {
							fmt.Fprintf(&b, "%s{l=\"%d\"} %d\n", name, s, random.IntN(10))
						}
					}
					a.Groups.Push(context.Background(), aggregator.Push{ //nolint:errcheck // some are rejected
						Grouping: []aggregator.Label{{Name: "job", Value: job}, {Name: "run", Value: fmt.Sprint(random.IntN(3))}},
						Families: text(b.String()), Replace: random.IntN(2) == 0,
					})
				}
			}
			Expect(memory.Used()).To(BeNumerically(">", 0))
			if o.AgentAggregateBy == nil { // sums of agents remain
				now = now.Add(time.Hour)
				a.Sweep()
			}
			Expect(a.Groups.Wipe(context.Background())).To(Succeed())
			if o.AgentAggregateBy == nil {
				Expect(memory.Used()).To(BeZero())
			}
		},
		Entry("without aggregation", aggregator.Options{}),
		Entry("with aggregated groups", aggregator.Options{GroupAggregateBy: []string{"job"}}),
		Entry("with aggregated agents", aggregator.Options{AgentAggregateBy: []string{"username"}}),
	)

	It("counts restored groups and sums as it counted them before", func() {
		o := aggregator.Options{StoragePath: GinkgoT().TempDir() + "/groups", GroupAggregateBy: []string{"job"}}
		create(o)
		Expect(push("a", "# TYPE c counter\n# HELP c Help.\nc{l=\"1\"} 1\nc{l=\"2\"} 1\n")).To(Succeed())
		Expect(push("b", "# TYPE h histogram\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\n")).To(Succeed())
		before := memory.Used()
		Expect(a.Close()).To(Succeed())
		create(o)
		Expect(memory.Used()).To(Equal(before))
	})
})

var _ = Describe("The limits on sizes", func() {
	long := func(n int) string { return strings.Repeat("x", n) }
	var a *aggregator.Aggregator
	BeforeEach(func() {
		var err error
		a, err = aggregator.New(aggregator.Options{MaxNameBytes: 10, MaxLabelValueBytes: 20, MaxHelpBytes: 30})
		Expect(err).NotTo(HaveOccurred())
	})
	push := func(job, body string) error {
		return a.Groups.Push(context.Background(), aggregator.Push{Grouping: []aggregator.Label{{Name: "job", Value: job}}, Families: text(body)})
	}

	It("accept texts of the maximum size", func() {
		Expect(push(long(20), "# HELP "+long(10)+" "+long(30)+"\n"+long(10)+"{"+long(10)+"=\""+long(20)+"\"} 1\n")).To(Succeed())
	})

	DescribeTable("reject longer texts of jobs", func(body, reason string) {
		err := push("j", body)
		Expect(err).To(MatchError(ContainSubstring(reason)))
		Expect(err).To(HaveField("Refusal", aggregator.Inconsistent))
	},
		Entry("a name", long(11)+" 1\n", "metric xxxxxxxxxxx: got a name of 11 bytes, expected at most 10"),
		Entry("a label name", "x{"+long(11)+"=\"\"} 1\n", "metric x: sample 1 of 1: label xxxxxxxxxxx: got a name of 11 bytes, expected at most 10"),
		Entry("a label value", "x{l=\""+long(21)+"\"} 1\n", "metric x: sample 1 of 1: label l: got a value of 21 bytes, expected at most 20"),
		Entry("a help text", "# HELP x "+long(31)+"\nx 1\n", "metric x: got a help text of 31 bytes, expected at most 30"),
	)

	It("reject longer grouping labels", func() {
		err := push(long(21), "x 1\n")
		Expect(err).To(MatchError("grouping: label job: got a value of 21 bytes, expected at most 20"))
		Expect(err).To(HaveField("Refusal", aggregator.Invalid))
	})

	It("reject longer texts of agents", func() {
		update := func(user string, m aggregator.Metric) error {
			m.Type = aggregator.Gauge
			return a.Agents.Update(context.Background(), aggregator.Labels{Username: user}, []aggregator.Metric{m})
		}
		Expect(update(long(20), aggregator.Metric{Name: long(10), Labels: []aggregator.Label{{Name: long(10), Value: long(20)}}})).To(Succeed())
		Expect(update(long(21), aggregator.Metric{Name: "m"})).To(MatchError(ContainSubstring("21 bytes")))
		Expect(update("u", aggregator.Metric{Name: long(11)})).To(MatchError(ContainSubstring("11 bytes")))
		Expect(update("u", aggregator.Metric{Name: "m", Labels: []aggregator.Label{{Name: long(11), Value: "v"}}})).To(MatchError(ContainSubstring("11 bytes")))
		Expect(update("u", aggregator.Metric{Name: "m", Labels: []aggregator.Label{{Name: "l", Value: long(21)}}})).To(MatchError(ContainSubstring("21 bytes")))
	})

	It("must fit into the keys of agents", func() {
		_, err := aggregator.New(aggregator.Options{MaxLabelValueBytes: 1 << 16})
		Expect(err).To(MatchError(ContainSubstring("expected at most 65535")))
	})
})
