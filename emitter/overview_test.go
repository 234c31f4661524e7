package emitter_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"code.cloudfoundry.org/lager/v3"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/emitter"
	"github.com/signalbox-ci/signalbox/emitter/aggregator"
	"github.com/signalbox-ci/signalbox/internal/host"
	"github.com/signalbox-ci/signalbox/internal/status"
	"github.com/signalbox-ci/signalbox/metric"
)

var _ = Describe("The overview", func() {
	var (
		now    time.Time
		config *emitter.PrometheusConfig
		logger lager.Logger
	)
	BeforeEach(func() {
		now = time.UnixMilli(1_700_000_000_000).UTC()
		logger = lager.NewLogger("overview")
		config = &emitter.PrometheusConfig{GCInterval: time.Hour, Clock: func() time.Time { return now }}
		emitter.SetRealTime(config, func() time.Time { return now })
	})
	// overview advances the time by a second and returns the overview.
	overview := func(p *emitter.Prometheus) status.Overview {
		now = now.Add(time.Second)
		p.Engine().SampleRates()
		return emitter.Overview(p, 1000)
	}
	names := func(o status.Overview) map[string]status.EventName {
		byName := map[string]status.EventName{}
		for _, n := range o.Events.Names {
			byName[n.Name] = n
		}
		return byName
	}

	It("has the state of the mapping file, and the names of events without a rule", func() {
		file := filepath.Join(GinkgoT().TempDir(), "mapping.yml")
		write := func(content string) { Expect(os.WriteFile(file, []byte(content), 0o600)).To(Succeed()) }
		write("")
		config.MappingFile = file
		p := start(config, nil)
		p.Emit(logger, metric.Event{Name: "deploy finished", Value: 1})
		p.Emit(logger, metric.Event{Name: "deploy started", Value: 1})
		loaded := now
		o := overview(p)
		Expect(o.Mapping).To(Equal(&status.Mapping{File: file, LoadedAt: loaded}))
		Expect(o.Events.UnknownNames).To(HaveLen(2))

		write("rules: [{event: deploy finished, metric: deploys_total, type: counter, operation: inc, help: Deployments.}]")
		Expect(p.Reload()).To(Succeed())
		loaded = now
		p.Emit(logger, metric.Event{Name: "deploy finished", Value: 1})
		o = overview(p)
		Expect(o.Mapping.LoadedAt).To(Equal(loaded))
		Expect(o.Events.UnknownNames).To(HaveExactElements(HaveField("Name", "deploy started")))
		Expect(o.Events.Unknown).To(BeNumerically("==", 2))
		Expect(names(o)["deploy finished"].Received).To(BeNumerically("==", 1))

		write("rules: [{event: deploy finished}]")
		Expect(p.Reload()).NotTo(Succeed())
		o = overview(p)
		Expect(o.Mapping.LoadedAt).To(Equal(loaded))
		Expect(o.Mapping.FailedAt).To(HaveValue(Equal(loaded.Add(time.Second))))
		Expect(o.Mapping.Error).To(ContainSubstring("mapping.yml:1: "))
	})

	It("reports a web configuration file that is refused", func() {
		config.WebConfigFile = filepath.Join(GinkgoT().TempDir(), "web.yml")
		write := func(content string) { Expect(os.WriteFile(config.WebConfigFile, []byte(content), 0o600)).To(Succeed()) }
		write("basic_auth_users: {ops: $2a$04$KWY2jkZEEFoqql3DodBozOXw6KM0OV3Rhy/YMgtgUC/uP3fVrs84a}\n") // the password is "secret"
		p := start(config, nil)
		page := func() string {
			r, err := http.NewRequest(http.MethodGet, p.URL(), nil)
			Expect(err).NotTo(HaveOccurred())
			r.SetBasicAuth("ops", "secret")
			response, err := http.DefaultClient.Do(r)
			Expect(err).NotTo(HaveOccurred())
			defer http.DefaultClient.CloseIdleConnections()
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			Expect(err).NotTo(HaveOccurred())
			return string(body)
		}
		const sample = "\nsignalbox_web_config_last_reload_successful{listener=\"metrics\"} "
		Expect(overview(p).Reports).To(HaveExactElements(HaveField("Findings", BeEmpty())))
		Expect(page()).To(ContainSubstring(sample + "1\n"))
		write("")
		Expect(overview(p).Reports).To(HaveExactElements(HaveField("Findings", HaveExactElements(And(
			HaveField("Level", "bad"), HaveField("Text", ContainSubstring("web.yml: basic_auth_users is empty")),
		)))))
		Expect(page()).To(ContainSubstring(sample + "0\n"))
	})

	It("has room for another unknown name once a rule handles one", func() {
		config.MappingFile = filepath.Join(GinkgoT().TempDir(), "mapping.yml")
		write := func(content string) { Expect(os.WriteFile(config.MappingFile, []byte(content), 0o600)).To(Succeed()) }
		write("")
		p := start(config, nil)
		for i := range 200 {
			p.Emit(logger, event(fmt.Sprintf("unknown %d", i), 1, nil))
		}
		write("rules: [{event: unknown 7, metric: sevens_total, type: counter, operation: inc, help: Sevens.}]")
		Expect(p.Reload()).To(Succeed())
		p.Emit(logger, event("new", 1, nil))
		o := overview(p)
		Expect(o.Events.UnknownNames).To(And(HaveLen(200), ContainElement(HaveField("Name", "new"))))
		Expect(o.Events.UnknownOther).To(BeZero())
	})

	It("agrees with the metrics page during a replay", func() {
		p := start(config, nil)
		received := map[string]uint64{}
		markers := 0
		for _, line := range readRecording() {
			if line.Marker == "" {
				now = line.Time
				p.Emit(logger, line.Event)
				received[line.Name]++
				continue
			}
			markers++
			o := overview(p)
			samples := samplesOf(p)
			number := func(sample string) float64 {
				v, err := strconv.ParseFloat(samples[sample], 64)
				Expect(err).NotTo(HaveOccurred(), sample)
				return v
			}

			Expect(float64(o.Events.Received)).To(Equal(number("signalbox_events_received_total")))
			Expect(float64(o.Events.Unknown)).To(Equal(number("signalbox_events_unknown_total")))
			for name, n := range names(o) {
				Expect(n.Received).To(Equal(received[name]), name)
				delete(received, name)
			}
			for _, n := range o.Events.UnknownNames {
				Expect(n.Count).To(Equal(received[n.Name]), n.Name)
				delete(received, n.Name)
			}
			Expect(received).To(BeEmpty(), "these are listed neither as known nor as unknown")
			for name, n := range names(o) {
				received[name] = n.Received
			}
			for _, n := range o.Events.UnknownNames {
				received[n.Name] = n.Count
			}
			for _, r := range o.Events.Rejections {
				Expect(float64(r.Count)).To(Equal(number(rejectedFor(r.Reason))))
			}

			total := 0
			for _, f := range o.Families.List {
				Expect(float64(f.Series)).To(Equal(number(fmt.Sprintf("signalbox_series{metric=%q}", f.Name))), f.Name)
				total += f.Series
			}
			Expect(o.Families.Series).To(Equal(total))
			Expect(o.Families.Total).To(Equal(len(o.Families.List)))

			expectWorkers(o.Workers.List, samples)
		}
		Expect(markers).To(Equal(4))
	})

	Describe("of events", func() {
		It("has the number and the rate of events, by name", func() {
			p := start(config, nil)
			Expect(overview(p).Events.Names).To(BeEmpty())
			for range 20 {
				p.Emit(logger, event("builds started", 1, nil))
			}
			p.Prepare(metric.EventType{Name: "goroutines"}).EmitValues(logger, 7, nil)
			o := overview(p)
			Expect(o.Events.Received).To(Equal(uint64(21)))
			Expect(o.Events.PerSecond).To(Equal(10.5))
			Expect(o.Events.SlotSeconds).To(Equal(10.0))
			Expect(o.Events.LastSlotSeconds).To(Equal(2.0))
			Expect(o.Events.Names).To(Equal([]status.EventName{
				{Name: "builds started", Received: 20, PerSecond: 10, History: []float64{10}},
				{Name: "goroutines", Received: 1, PerSecond: .5, History: []float64{.5}, Silent: true},
			}))
			for range 15 {
				o = overview(p)
			}
			Expect(o.Events.PerSecond).To(BeZero())
			Expect(names(o)["builds started"].History).To(Equal([]float64{2, 0}))
			Expect(o.Events.LastSlotSeconds).To(Equal(7.0))
			for range 3 {
				o = overview(p)
			}
			Expect(o.Events.History).To(HaveLen(2))
			Expect(o.Events.LastSlotSeconds).To(Equal(10.0), "the next slot has just begun")
		})

		It("has the names of events without a rule, including prepared ones, unless they are not UTF-8", func() {
			p := start(config, nil)
			p.Emit(logger, event("deploy", 1, nil))
			p.Prepare(metric.EventType{Name: "deploy"}).EmitValues(logger, 1, nil)
			p.Emit(logger, event("Build Finished", 1, nil))
			p.Emit(logger, event("\xff", 1, nil))
			at := now
			o := overview(p)
			Expect(o.Events.UnknownNames).To(Equal([]status.UnknownName{
				{Name: "deploy", Count: 2, Last: at}, {Name: "Build Finished", Count: 1, Last: at, Hint: `did you mean "build finished"?`},
			}))
			Expect(o.Events.Received).To(Equal(uint64(4)))
			Expect(o.Events.Unknown).To(Equal(uint64(3)))
			Expect(o.Events.Rejections).To(Equal([]status.Rejection{{Reason: "invalid_utf8", Count: 1, Latest: &status.Example{
				Time: at, Event: "\uFFFD", Message: "the name of the event is not valid UTF-8",
			}}}))
		})

		It("has the latest example for each reason, and takes at most one per second", func() {
			p := start(config, nil)
			at := now
			p.Emit(logger, event("builds started", -1, nil))
			p.Emit(logger, event("builds started", -2, nil))
			p.Emit(logger, event("build finished", 1, nil))
			p.Engine().CountMalformed(errors.New("not JSON"))
			p.Engine().CountMalformed(errors.New("not JSON either"))
			o := overview(p)
			Expect(o.Events.Rejected).To(Equal(uint64(5)))
			Expect(o.Events.Rejections).To(ConsistOf(
				status.Rejection{Reason: "negative", Count: 2, Latest: &status.Example{
					Time: at, Event: "builds started", Metric: "concourse_builds_started_total", Message: "got value -1, expected a non-negative number for a counter",
				}},
				status.Rejection{Reason: "malformed", Count: 2, Latest: &status.Example{Time: at, Message: "not JSON"}},
				And(HaveField("Reason", "missing_attribute"), HaveField("Count", uint64(1)),
					HaveField("Latest.Metric", "concourse_builds_finished")),
			))
			p.Emit(logger, event("builds started", -3, nil))
			o = overview(p)
			Expect(o.Events.Rejections[0]).To(And(HaveField("Count", uint64(3)), HaveField("Latest.Message", ContainSubstring("-3"))))
		})
	})

	Describe("of workers", func() {
		It("sorts workers by the time of their removal, and sums their label sets", func() {
			p := start(config, nil)
			usage := func(kind, worker, team, tags string, n float64) {
				p.Emit(logger, event("worker "+kind, n, attributes{"worker": worker, "platform": "linux", "team_name": team, "tags": tags}))
			}
			usage("containers", "quiet", "", "", 3)
			at := now
			now = now.Add(time.Minute)
			usage("containers", "shared", "b", "gpu", 1)
			usage("containers", "shared", "a", "gpu", 2)
			usage("volumes", "shared", "a", "gpu", 0)
			usage("tasks", "shared", "", "", 7)
			p.Emit(logger, event("worker unknown containers", 1, attributes{"worker": "without heartbeat"}))
			o := overview(p)
			n := func(v float64) *float64 { return &v }
			Expect(o.Workers).To(Equal(status.Workers{Total: 2, StaleAfterSeconds: 300, List: []status.Worker{
				{Name: "quiet", Platform: "linux", Containers: n(3), LastHeartbeat: at, DropsInSeconds: 239},
				{Name: "shared", Platform: "linux", Team: "a, b", Tags: "gpu", Containers: n(3), Volumes: n(0), Tasks: n(7),
					LastHeartbeat: at.Add(time.Minute), DropsInSeconds: 299},
			}}))

			now = now.Add(5 * time.Minute)
			Expect(overview(p).Workers.List[0].DropsInSeconds).To(BeNumerically("<", 0))
			p.CollectGarbage()
			Expect(overview(p).Workers).To(Equal(status.Workers{StaleAfterSeconds: 300, List: []status.Worker{}}))
		})
	})

	It("has only numbers that JSON can represent, even for extreme values", func() {
		config.WorkerStaleAfter = math.MaxInt64
		p := start(config, nil)
		for _, tags := range []string{"a", "b"} {
			p.Emit(logger, event("worker containers", math.MaxFloat64, attributes{"worker": "w", "platform": "linux", "team_name": "", "tags": tags}))
		}
		o := overview(p)
		Expect(*o.Workers.List[0].Containers).To(Equal(math.MaxFloat64))
		Expect(o.Workers.List[0].DropsInSeconds).To(BeNumerically(">", 1e9))
		_, err := json.Marshal(o)
		Expect(err).NotTo(HaveOccurred())
	})

	It("lists only the thousand workers that will be removed first", func() {
		p := start(config, nil)
		begin := now
		for i := range 1200 {
			now = begin.Add(time.Duration(i*7%1200) * time.Second / 10) // not in ascending order
			p.Emit(logger, workerContainers(fmt.Sprint(i), float64(i)))
		}
		w := overview(p).Workers
		Expect(w.Total).To(Equal(1200))
		Expect(w.List).To(HaveLen(1000))
		for i, worker := range w.List {
			Expect(worker.LastHeartbeat).To(Equal(begin.Add(time.Duration(i) * time.Second / 10)))
			Expect(fmt.Sprint(*worker.Containers)).To(Equal(worker.Name))
		}
	})

	Describe("of families", func() {
		It("has the number of values of each label", func() {
			config.MaxSeriesPerMetric = 25
			p := start(config, nil)
			for i := range 30 {
				p.Emit(logger, event("build finished", 1000, attributes{
					"build_status": "failed", "team_name": fmt.Sprintf("team %d", i%2), "pipeline": `"p"`, "job": fmt.Sprintf("job\n%d", i),
				}))
			}
			var o status.Overview
			Eventually(func() []status.LabelCount {
				o = overview(p)
				return o.Families.List[1].Labels
			}).ShouldNot(BeEmpty(), "the emitter counts label values in the background")
			Expect(o.Families.Limit).To(Equal(25))
			Expect(o.Families.List[1]).To(Equal(status.Family{
				Name: "concourse_builds_finished", Type: "counter", Series: 25, Refused: 5,
				Labels: []status.LabelCount{{Name: "job", Values: 25}, {Name: "team", Values: 2}, {Name: "pipeline", Values: 1}, {Name: "status", Values: 1}},
			}))
			Expect(o.Families.List[2].Series).To(Equal(1))
			Expect(o.Families.List[2].Labels).To(BeEmpty())
			for _, f := range o.Families.List {
				Expect(f.Name).NotTo(HavePrefix("signalbox_"))
			}
		})
	})

	Describe("of the process", func() {
		It("has the latest scrapes, newest first", func() {
			p := start(config, nil)
			for range 21 {
				scrape(p)
			}
			latest := func() []status.Scrape { return overview(p).Scrapes }
			Eventually(latest).Should(HaveLen(20))
			s := latest()[0]
			Expect(s).To(And(HaveField("Status", 200), HaveField("Format", "text"), HaveField("Remote", "127.0.0.1"),
				HaveField("UserAgent", HavePrefix("Go-http-client")), HaveField("Encoding", "gzip")))
			Expect(s.Bytes).To(BeNumerically(">", 1000))
			Expect(s.DurationSeconds).To(BeNumerically(">", 0))
		})

		It("has the queues of the emitters, sorted by name", func() {
			p := start(config, nil)
			p.Attach(logger, func() []metric.EmitterStats {
				return []metric.EmitterStats{{Emitter: "Slow", QueueLength: 3, QueueCapacity: 10, Dropped: 7}, {Emitter: "Prometheus"}}
			})
			Expect(overview(p).Emitters).To(Equal([]status.Emitter{
				{Name: "Prometheus"}, {Name: "Slow", QueueLength: 3, QueueCapacity: 10, Dropped: 7},
			}))
		})

		It("has the emitter's own settings, or those of the host", func() {
			p := start(config, nil)
			Expect(overview(p).Settings).To(ContainElements(
				status.Setting{Name: "prometheus-bind-port", Value: "0"},
				status.Setting{Name: "prometheus-worker-stale-after", Value: "5m0s"},
			))
			config.Host(host.Options{Settings: func() []status.Setting {
				return []status.Setting{{Name: "b", Value: "1"}, {Name: "a", Value: "2"}}
			}})
			Expect(overview(start(config, nil)).Settings).To(Equal([]status.Setting{{Name: "a", Value: "2"}, {Name: "b", Value: "1"}}))

			config.Host(host.Options{Settings: func() []status.Setting {
				return []status.Setting{{Name: "prometheus-worker-stale-after", Value: "0s"}, {Name: "prometheus-namespace", Value: ""}}
			}})
			Expect(overview(start(config, nil)).Settings).To(Equal([]status.Setting{
				{Name: "prometheus-namespace", Value: "concourse"}, {Name: "prometheus-worker-stale-after", Value: "5m0s"},
			}), "expected the values in effect, not those given")
		})

		It("is collected at most once a second, regardless of the number of requests", func() {
			collected := 0
			config.Host(host.Options{Settings: func() []status.Setting { collected++; return nil }})
			p := start(config, nil)
			overview(p)
			for limit := range 100 {
				now = now.Add(9 * time.Millisecond)
				emitter.Overview(p, limit)
			}
			Expect(collected).To(Equal(1))
			now = now.Add(time.Hour)
			emitter.Overview(p, 1)
			Expect(collected).To(Equal(2))
		})
	})

	It("shortens lists to the limit, but not the totals", func() {
		p := start(config, nil)
		for i := range 5 {
			p.Emit(logger, workerContainers(fmt.Sprintf("w%d", i), 1))
			p.Emit(logger, event(fmt.Sprintf("unknown %d", i), 1, nil))
		}
		overview(p)
		o := emitter.Overview(p, 2)
		Expect(o.Workers.List).To(HaveLen(2))
		Expect(o.Workers.Total).To(Equal(5))
		Expect(o.Events.UnknownNames).To(HaveLen(2))
		Expect(o.Events.Unknown).To(Equal(uint64(5)))
		Expect(o.Families.List).To(HaveLen(2))
		Expect(emitter.Overview(p, 4).Workers.List).To(HaveLen(4), "the limit of an earlier request still applies")
	})

	It("is served on the metrics listener, without null for empty lists", func() {
		p := start(config, nil)
		get := func() string {
			now = now.Add(time.Hour)
			response, err := http.Get("http://" + p.Addr() + "/api/v1/overview")
			Expect(err).NotTo(HaveOccurred())
			defer http.DefaultClient.CloseIdleConnections()
			defer response.Body.Close()
			Expect(response.StatusCode).To(Equal(http.StatusOK))
			Expect(response.Header.Get("Content-Type")).To(HavePrefix("application/json"))
			var answer json.RawMessage
			Expect(json.NewDecoder(response.Body).Decode(&answer)).To(Succeed())
			return string(answer)
		}
		Expect(get()).NotTo(ContainSubstring("null"))
		p.Emit(logger, event("builds started", -1, nil))
		p.Emit(logger, event("error log", 1, attributes{"message": "m"}))
		p.Emit(logger, event("unknown", 1, nil))
		Expect(get()).NotTo(ContainSubstring("null"))
	})

	It("shortens hostile strings, and converts them to UTF-8", func() {
		p := start(config, nil)
		hostile := []string{"<script>alert(1)</script>", "\u202Egnp.exe", strings.Repeat("ü", 5000), "\x00\x1b[31m", "a\"b\\c\nd"}
		for _, text := range hostile {
			p.Emit(logger, event(text, 1, nil))
			p.Emit(logger, workerContainers(text, 1))
			p.Emit(logger, event("error log", 1, attributes{"message": text + "\xff"}))
			now = now.Add(2 * time.Second)
		}
		p.Engine().CountMalformed(errors.New(strings.Repeat("\xff", 1<<20)))
		o := overview(p)
		text, err := json.Marshal(o)
		Expect(err).NotTo(HaveOccurred())
		Expect(utf8.Valid(text)).To(BeTrue())
		Expect(len(text)).To(BeNumerically("<", 50_000))
		var workers, unknown []string
		for _, w := range o.Workers.List {
			workers = append(workers, w.Name)
		}
		for _, n := range o.Events.UnknownNames {
			unknown = append(unknown, n.Name)
		}
		Expect(workers).To(ConsistOf(hostile[0], hostile[1], strings.Repeat("ü", 510)+"…", hostile[3], hostile[4]))
		Expect(unknown).To(ConsistOf(hostile[0], hostile[1], strings.Repeat("ü", 64), hostile[3], hostile[4]))
	})

	It("shortens long strings between characters, and marks them with an ellipsis", func() {
		config.MappingFile = filepath.Join(GinkgoT().TempDir(), "mapping.yml")
		write := func(content string) { Expect(os.WriteFile(config.MappingFile, []byte(content), 0o600)).To(Succeed()) }
		write("")
		config.Host(host.Options{Settings: func() []status.Setting {
			return []status.Setting{status.SettingOf("host", "", strings.Repeat("ü", 600))}
		}})
		p := start(config, nil)
		long, cut := strings.Repeat("ü", 600), strings.Repeat("ü", 510)+"…"
		p.Emit(logger, event("worker containers", 1, attributes{"worker": long, "platform": long, "team_name": long, "tags": long}))
		write("rules: [" + strings.Repeat("{event: e},", 1000) + "]")
		Expect(p.Reload()).NotTo(Succeed())

		o := overview(p)
		Expect(o.Workers.List).To(HaveExactElements(And(
			HaveField("Name", cut), HaveField("Platform", cut), HaveField("Team", cut), HaveField("Tags", cut))))
		Expect(o.Settings).To(HaveExactElements(status.Setting{Name: "host", Value: cut}))
		Expect(len(o.Mapping.Error)).To(And(BeNumerically(">", 4000), BeNumerically("<=", 4096)))
		Expect(o.Mapping.Error).To(HaveSuffix("…"))
	})

	It("can be collected while events arrive and series are removed", func() {
		config := &emitter.PrometheusConfig{WorkerStaleAfter: time.Millisecond}
		p := start(config, nil)
		a, err := aggregator.New(aggregator.Options{})
		Expect(err).NotTo(HaveOccurred())
		p.ServePushed(a)
		var running sync.WaitGroup
		for g := range 3 {
			running.Go(func() {
				for i := range 1000 {
					p.Emit(logger, workerContainers(fmt.Sprintf("w%d", i%50), 1))
					p.Emit(logger, event(fmt.Sprintf("unknown %d %d", g, i), 1, nil))
					p.Emit(logger, event("builds started", -1, nil))
					p.Engine().CountMalformed(errors.New("x"))
					if i%10 == 0 {
						Expect(a.Agents.Update(context.Background(), aggregator.Labels{Username: fmt.Sprint(g, i)},
							[]aggregator.Metric{{Name: "n", Type: aggregator.Gauge}})).To(Succeed())
					}
				}
			})
		}
		running.Go(func() {
			for range 50 {
				p.CollectGarbage()
				a.Sweep()
				p.Engine().SampleRates()
			}
		})
		for range 50 {
			o := emitter.CollectOverview(p)
			Expect(len(o.Workers.List)).To(BeNumerically("<=", 50))
		}
		running.Wait()
		o := emitter.CollectOverview(p)
		Expect(o.Events.Received).To(Equal(uint64(9000)))
		Expect(o.Events.Rejected).To(Equal(uint64(6000)))
		Expect(o.Events.UnknownNames).To(HaveLen(200))
		Expect(o.Events.UnknownOther).To(Equal(uint64(2800)))
	})
})

// expectWorkers compares the workers of an overview with the samples of the metrics
// page.
func expectWorkers(workers []status.Worker, samples map[string]string) {
	GinkgoHelper()
	sums := map[string]float64{}
	for sample, value := range samples {
		if family := familyOf(sample); strings.HasPrefix(family, "concourse_workers_") {
			_, worker, _ := strings.Cut(sample, `worker="`)
			worker, _, _ = strings.Cut(worker, `"`)
			v, err := strconv.ParseFloat(value, 64)
			Expect(err).NotTo(HaveOccurred())
			sums[strings.TrimPrefix(family, "concourse_workers_")+" "+worker] += v
		}
	}
	last := 0.
	seenWorkers := 0
	for sum := range sums {
		if strings.HasPrefix(sum, "last_seen") {
			seenWorkers++
		}
	}
	Expect(workers).To(HaveLen(seenWorkers))
	for _, w := range workers {
		for kind, shown := range map[string]*float64{"containers": w.Containers, "volumes": w.Volumes, "tasks": w.Tasks} {
			sum, ok := sums[kind+" "+w.Name]
			Expect(shown != nil).To(Equal(ok), "%s of %s", kind, w.Name)
			if ok {
				Expect(*shown).To(Equal(sum), "%s of %s", kind, w.Name)
			}
		}
		seen := float64(w.LastHeartbeat.UnixMilli()) / 1000
		Expect(seen).To(Equal(sums["last_seen_timestamp_seconds "+w.Name]))
		Expect(seen).To(BeNumerically(">=", last), "workers are not sorted by the time of their removal")
		last = seen
	}
}
