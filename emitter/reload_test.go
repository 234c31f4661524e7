package emitter_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"code.cloudfoundry.org/lager/v3"
	"code.cloudfoundry.org/lager/v3/lagertest"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/signalbox-ci/signalbox/emitter"
	"github.com/signalbox-ci/signalbox/emitter/rule"
	"github.com/signalbox-ci/signalbox/internal/catalog"
	"github.com/signalbox-ci/signalbox/internal/status"
	"github.com/signalbox-ci/signalbox/metric"
)

const deploys = `
rules:
  - event: deploy finished
    metric: deploys_total
    type: counter
    operation: inc
    help: Deployments finished.
    when: {attribute: branch, value: release/7}
    labels:
      - {name: environment, attribute: env, required: present}
      - name: branch
        attribute: branch
        replace: [{match: 'release/.*', with: release}, {match: '', with: none}]
`

var _ = Describe("A mapping file", func() {
	var (
		now    time.Time
		config *emitter.PrometheusConfig
		logger *lagertest.TestLogger
		file   string
	)
	write := func(content string) {
		GinkgoHelper()
		Expect(os.WriteFile(file, []byte(content), 0o600)).To(Succeed())
	}
	BeforeEach(func() {
		now = time.UnixMilli(1_700_000_000_000)
		logger = lagertest.NewTestLogger("emitter")
		file = filepath.Join(GinkgoT().TempDir(), "ci.yml")
		config = &emitter.PrometheusConfig{
			GCInterval: time.Hour, Clock: func() time.Time { return now }, MappingFile: file, Logger: logger,
		}
	})

	Describe("at the start", func() {
		It("maps events of one's own, with values replaced, however they come", func() {
			write(deploys)
			p := start(config, nil)
			Expect(p.Engine().Knows("deploy finished")).To(BeTrue())
			p.Emit(logger, event("deploy finished", 1, attributes{"env": "prod", "branch": "release/7"}))
			prepared := p.Prepare(metric.EventType{Name: "deploy finished", Attributes: []string{"branch", "env"}})
			values := []string{"release/7", "prod"}
			prepared.EmitValues(logger, 1, values)
			Expect(values).To(Equal([]string{"release/7", "prod"}), "the slice is the caller's")
			Expect(samplesOf(p)).To(And(
				HaveKeyWithValue(`concourse_deploys_total{branch="release",environment="prod"}`, "2"),
				HaveKeyWithValue("signalbox_events_unknown_total", "0"),
			))
		})

		It("has conditions look at the values as they came", func() {
			write(deploys)
			p := start(config, nil)
			p.Emit(logger, event("deploy finished", 1, attributes{"env": "prod", "branch": "release"}))
			Expect(samplesOf(p)).NotTo(HaveKey(ContainSubstring("deploys_total{")))
			p.Emit(logger, event("deploy finished", 1, attributes{"branch": "release/7"}))
			Expect(samplesOf(p)).To(HaveKeyWithValue(rejectedFor("missing_attribute"), "1"))
		})

		It("names the attribute whose replaced value is too long", func() {
			write("rules: [{event: e, metric: m, type: gauge, operation: set, labels: " +
				"[{name: b, attribute: a, replace: [{match: '(.*)', with: '" + strings.Repeat("$1", 20) + "'}]}]}]")
			p := start(config, nil)
			p.Emit(logger, event("e", 1, attributes{"a": strings.Repeat("x", 1000)}))
			Expect(logger.Logs()).To(HaveLen(1))
			Expect(logger.Logs()[0].Data["error"]).To(ContainSubstring(`attribute "a" has 20000 bytes`))
		})

		It("takes an absent attribute for empty", func() {
			write(strings.Replace(deploys, "    when: {attribute: branch, value: release/7}\n", "", 1))
			p := start(config, nil)
			p.Emit(logger, event("deploy finished", 1, attributes{"env": "prod"}))
			p.Prepare(metric.EventType{Name: "deploy finished", Attributes: []string{"env"}}).EmitValues(logger, 1, []string{"prod"})
			Expect(samplesOf(p)).To(HaveKeyWithValue(`concourse_deploys_total{branch="none",environment="prod"}`, "2"))
		})

		It("stops it if it is wrong or cannot be read", func() {
			config.BindIP, config.BindPort = "127.0.0.1", "0"
			_, err := config.NewEmitter(nil)
			Expect(err).To(MatchError("--mapping-file: open " + file + ": no such file or directory"))
			write("rules: {}")
			_, err = config.NewEmitter(nil)
			Expect(err).To(MatchError(file + ":1: rules: got fields, expected a list"))
			write("metrics: [{metric: builds_finished, add_labels: [{name: zone, attribute: zone}]}]")
			_, err = config.NewEmitter(map[string]string{"zone": "b"})
			Expect(err).To(MatchError(ContainSubstring(`attribute "zone" becomes the label "zone", which is already used by metric builds_finished`)))
		})

		It("lets a node's attribute have the name of a label that it drops", func() {
			write("metrics: [{metric: workers_registered, drop_labels: [state]}]")
			p := start(config, map[string]string{"state": "x"})
			Expect(samplesOf(p)).To(HaveKeyWithValue(`concourse_workers_registered{state="x"}`, "0"))
		})
	})

	Describe("reloaded", func() {
		It("keeps what is defined as before, renews what is not, and drops what is gone", func() {
			write("rules:\n- {event: e, metric: e_total, type: counter, operation: add}\n- {event: f, metric: f_total, type: counter, operation: add}\n")
			p := start(config, nil)
			emit := func() {
				for _, name := range []string{"e", "f", "g", "builds started", "jobs scheduled"} {
					p.Emit(logger, event(name, 2, nil))
				}
			}
			prepared := p.Prepare(metric.EventType{Name: "g"})
			emit()
			samples := samplesOf(p)
			Expect(samples).To(HaveKeyWithValue("signalbox_events_unknown_total", "1"))
			Expect(samples).To(HaveKey(`signalbox_series{metric="concourse_f_total"}`))

			now = now.Add(time.Minute)
			write("rules:\n- {event: e, metric: e_total, type: counter, operation: inc}\n- {event: g, metric: g_total, type: counter, operation: add}\n" +
				"metrics: [{metric: builds_started_total, help: Otherwise.}]\ndrop_events: [jobs scheduled]")
			Expect(p.Reload()).To(Succeed())
			emit()
			prepared.EmitValues(logger, 3, nil)
			samples = samplesOf(p)
			for sample, value := range map[string]string{
				"concourse_e_total":                                             "3", // 2, and by its new rule 1
				"concourse_g_total":                                             "5",
				"concourse_builds_started_total":                                "2",
				"signalbox_events_unknown_total":                                "2",
				`signalbox_series{metric="concourse_g_total"}`:                  "1",
				"signalbox_mapping_last_reload_successful":                      "1",
				"signalbox_mapping_last_reload_success_timestamp_seconds":       "1.70000006e+09",
				`signalbox_series_refused_total{metric="concourse_error_logs"}`: "0",
			} {
				Expect(samples).To(HaveKeyWithValue(sample, value))
			}
			Expect(samples).NotTo(HaveKey(ContainSubstring("f_total")))
			Expect(samples).NotTo(HaveKey(ContainSubstring("jobs_scheduled_total")))
			Expect(p.Engine().Knows("jobs scheduled")).To(BeTrue())
			Expect(p.Engine().Knows("f")).To(BeFalse())
			Expect(logger.LogMessages()).To(ContainElement("emitter.mapping-reloaded"))
		})

		It("changes nothing if it is wrong, and says so until it is right", func() {
			write(deploys)
			p := start(config, nil)
			p.Emit(logger, event("deploy finished", 1, attributes{"env": "prod", "branch": "release/7"}))
			before := samplesOf(p)
			Expect(before).To(HaveKeyWithValue("signalbox_mapping_last_reload_success_timestamp_seconds", "1.7e+09"))

			now = now.Add(time.Hour)
			write("rules: [{}]\nmetrics: [{metric: error_logs, drop: true}]\nfoo: bar")
			err := p.Reload()
			Expect(err).To(MatchError(And(HavePrefix(file+":1: rules[0].event: event is empty\n"), ContainSubstring(file+`:3: foo: unknown field`))))
			before["signalbox_mapping_last_reload_successful"] = "0"
			Expect(samplesOf(p)).To(Equal(before))
			Expect(emitter.MakeOverview(p).Mapping).To(Equal(&status.Mapping{
				File: file, LoadedAt: now.Add(-time.Hour).UTC(), FailedAt: new(now.UTC()), Error: err.Error(),
			}))
			Expect(logger.LogMessages()).To(ContainElement("emitter.mapping-not-reloaded"))

			Expect(os.Remove(file)).To(Succeed())
			Expect(p.Reload()).To(MatchError(ContainSubstring("no such file")))
			write(deploys)
			Expect(p.Reload()).To(Succeed())
			Expect(samplesOf(p)).To(HaveKeyWithValue("signalbox_mapping_last_reload_successful", "1"))
			Expect(emitter.MakeOverview(p).Mapping).To(Equal(&status.Mapping{File: file, LoadedAt: now.UTC()}))
		})

		It("refuses what a start refuses", func() {
			const count = "rules:\n- {event: e, metric: x_count, type: gauge, operation: set}\n"
			write(count)
			p := start(config, nil)
			write("rules:\n- {event: e, metric: x, type: histogram, operation: observe, buckets: [1]}\n" + strings.TrimPrefix(count, "rules:\n"))
			Expect(p.Reload()).To(MatchError(file +
				":3: rules[1].metric: metric concourse_x_count has the name of a sample of the histogram concourse_x"))
			write("rules:\n- {event: e, metric: x, type: histogram, operation: observe, buckets: [1]}\n")
			Expect(p.Reload()).To(Succeed(), "one takes the place of the other")
		})

		It("leaves nothing of a file that is wrong", func() {
			write("")
			p := start(config, nil)
			before := emitter.Tallied(p)
			write("silent_events: [noise]\nrules: [{event: e, metric: e_total, type: counter, operation: inc}, {}]")
			Expect(p.Reload()).NotTo(Succeed())
			Expect(emitter.Tallied(p)).To(ConsistOf(before))
		})

		It("tells of the series of a changed metric all the time", func() {
			write("")
			p := start(config, nil)
			samplesOf(p)
			write("metrics: [{metric: builds_started_total, help: Otherwise.}, {metric: error_logs, drop: true}]")
			Expect(p.Reload()).To(Succeed())
			families, err := emitter.Unrefreshed(p)
			Expect(err).NotTo(HaveOccurred())
			told := fmt.Sprint(families)
			Expect(told).To(ContainSubstring(`"concourse_builds_started_total"}`))
			Expect(told).NotTo(ContainSubstring("concourse_error_logs"))
		})

		It("keeps workers alive, in metrics old and new", func() {
			config.WorkerStaleAfter = time.Minute
			write("")
			p := start(config, nil)
			p.Emit(logger, workerContainers("w", 3))
			now = now.Add(50 * time.Second)
			write("metrics: [{metric: workers_containers, drop_labels: [tags]}]")
			Expect(p.Reload()).To(Succeed())
			samples := samplesOf(p)
			Expect(samples).To(HaveKeyWithValue(`concourse_workers_last_seen_timestamp_seconds{worker="w"}`, "1.7e+09"))
			Expect(samples).NotTo(HaveKey(ContainSubstring("workers_containers{")))
			p.Emit(logger, workerContainers("w", 4))
			now = now.Add(50 * time.Second)
			Expect(p.CollectGarbage()).To(Equal(emitter.Garbage{}))
			Expect(samplesOf(p)).To(HaveKeyWithValue(`concourse_workers_containers{platform="linux",team="main",worker="w"}`, "4"))
			now = now.Add(10 * time.Second)
			Expect(p.CollectGarbage()).To(Equal(emitter.Garbage{Workers: 1, Series: 2}))
		})

		It("has nothing to do where there is none", func() {
			config.MappingFile = ""
			p := start(config, nil)
			Expect(p.Reload()).To(Succeed())
			Expect(samplesOf(p)).To(HaveKeyWithValue("signalbox_mapping_last_reload_successful", "1"))
			Expect(logger.LogMessages()).To(ConsistOf("emitter.nothing-to-reload"))
		})

		It("loses no event and shows valid pages, whatever goes on meanwhile", func() {
			const emitters, each = 4, 1000
			config.Clock, config.Logger = nil, nil
			write("")
			p := start(config, nil)
			changed := "metrics: [{metric: workers_containers, drop_labels: [tags]}, {metric: builds_duration_seconds, buckets: [1, 2]}]" +
				"\ndrop_events: [lock held]\nrules: [{event: new, metric: new_total, type: counter, operation: inc}]"
			// What goes wrong is told by the spec's own goroutine.
			silent := lager.NewLogger("test")
			var emitting, others sync.WaitGroup
			var done atomic.Bool
			for g := range emitters {
				prepared := p.Prepare(metric.EventType{Name: "error log", Attributes: []string{"message"}})
				emitting.Go(func() {
					message := []string{fmt.Sprint(g % 2)}
					for i := range each {
						p.Emit(silent, event("builds started", 1, nil))
						prepared.EmitValues(silent, 1, message)
						p.Emit(silent, workerContainers(fmt.Sprint("w", i%20), 1))
						p.Emit(silent, event("lock held", 1, attributes{"type": "t"}))
						p.Emit(silent, event("new", 1, nil))
						p.Emit(silent, event("build finished", 1000, attributes{"build_status": "failed", "team_name": "main"}))
					}
				})
			}
			broken := make(chan error, 2)
			others.Go(func() {
				for !done.Load() {
					var page bytes.Buffer
					if err := emitter.WritePage(p, &page, expfmt.NewFormat(expfmt.TypeTextPlain)); err != nil {
						broken <- err
						return
					}
					parser := expfmt.NewTextParser(model.LegacyValidation)
					if _, err := parser.TextToMetricFamilies(&page); err != nil {
						broken <- err
						return
					}
				}
			})
			others.Go(func() {
				for i := 0; !done.Load(); i++ {
					content := changed
					if i%2 == 0 {
						content = ""
					}
					if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
						broken <- err
						return
					}
					if err := p.Reload(); err != nil {
						broken <- err
						return
					}
				}
			})
			emitting.Wait()
			done.Store(true)
			others.Wait()
			Expect(broken).To(BeEmpty())
			samples := samplesOf(p)
			Expect(samples).To(HaveKeyWithValue("concourse_builds_started_total", fmt.Sprint(emitters*each)))
			Expect(samples).To(HaveKeyWithValue("concourse_builds_failed_total", fmt.Sprint(emitters*each)))
			Expect(samples).To(HaveKeyWithValue(`concourse_error_logs{message="0"}`, fmt.Sprint(emitters*each/2)))
			Expect(samples).To(HaveKeyWithValue("signalbox_events_received_total", fmt.Sprint(emitters*each*6)))
		})
	})

	Describe("reloaded by HTTP", func() {
		ask := func(p *emitter.Prometheus, method string, header ...string) (int, string) {
			GinkgoHelper()
			request, err := http.NewRequest(method, "http://"+p.Addr()+"/-/reload", nil)
			Expect(err).NotTo(HaveOccurred())
			for i := 0; i < len(header); i += 2 {
				request.Header.Set(header[i], header[i+1])
			}
			response, err := http.DefaultClient.Do(request)
			Expect(err).NotTo(HaveOccurred())
			defer http.DefaultClient.CloseIdleConnections()
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			Expect(err).NotTo(HaveOccurred())
			return response.StatusCode, string(body)
		}

		It("is off unless it is asked for", func() {
			write("")
			p := start(config, nil)
			status, answer := ask(p, http.MethodPost)
			Expect(status).To(Equal(http.StatusForbidden))
			Expect(answer).To(ContainSubstring("--enable-reload-api"))
			Expect(logger.Logs()).To(BeEmpty())
		})

		It("says what changed, or what is wrong", func() {
			write("")
			config.EnableReloadAPI = true
			p := start(config, nil)
			write("rules: [{event: e, metric: e_total, type: counter, operation: inc}]\nmetrics: [{metric: error_logs, help: a}, {metric: locks_held, drop: true}]")
			families := len(distinctMetrics())
			status, answer := ask(p, http.MethodPut)
			Expect(answer).To(Equal(fmt.Sprintf("reloaded %s: %d rules (%d built-in, 1 custom), %d families; families: %d kept, 1 changed, 1 added, 1 removed\n",
				file, len(catalog.Rules(catalog.Inherited)), len(catalog.Rules(catalog.Inherited))-1, families, families-2)))
			Expect(status).To(Equal(http.StatusOK))

			write("a: 1\nb: 2")
			status, answer = ask(p, http.MethodPost)
			Expect(status).To(Equal(http.StatusInternalServerError))
			Expect(answer).To(MatchRegexp(`^.*/ci.yml:1: a: unknown field.*\n.*/ci.yml:2: b: unknown field.*\n$`))
		})

		It("is not for other methods, nor for other sites' pages", func() {
			write("")
			config.EnableReloadAPI = true
			p := start(config, nil)
			status, answer := ask(p, http.MethodGet)
			Expect(status).To(Equal(http.StatusMethodNotAllowed))
			Expect(answer).To(HavePrefix("method GET not allowed, expected POST or PUT"))
			status, _ = ask(p, http.MethodDelete)
			Expect(status).To(Equal(http.StatusMethodNotAllowed))
			status, _ = ask(p, http.MethodPost, "Sec-Fetch-Site", "cross-site")
			Expect(status).To(Equal(http.StatusForbidden))
			status, _ = ask(p, http.MethodPost, "Origin", "https://evil.example")
			Expect(status).To(Equal(http.StatusForbidden))
			Expect(logger.Logs()).To(BeEmpty())
			status, _ = ask(p, http.MethodPost, "Sec-Fetch-Site", "same-origin")
			Expect(status).To(Equal(http.StatusOK))
		})
	})
})

func distinctMetrics() map[string]bool {
	metrics := map[string]bool{}
	for _, r := range catalog.Rules(catalog.Inherited) {
		metrics[r.Metric] = true
	}
	return metrics
}

var _ = Describe("Rules of an embedding scheduler", func() {
	deployed := rule.Rule{
		Event: "deployed", Metric: "deploys_total", Type: rule.Counter, Operation: rule.Inc, Help: "Deployments.",
		Labels: []rule.Label{{Name: "environment", Attribute: "env", Required: rule.Present}},
	}

	It("map its own events beside the built-in ones", func() {
		p := start(&emitter.PrometheusConfig{Rules: []rule.Rule{deployed}}, nil)
		p.Emit(nil, event("deployed", 1, attributes{"env": "prod"}))
		Expect(samplesOf(p)).To(HaveKeyWithValue(`concourse_deploys_total{environment="prod"}`, "1"))
	})

	It("are refused with what is wrong", func() {
		wrong := deployed
		wrong.Type = rule.Gauge
		_, err := (&emitter.PrometheusConfig{BindIP: "127.0.0.1", BindPort: "0", Rules: []rule.Rule{wrong}}).NewEmitter(nil)
		Expect(err).To(MatchError(`rule for event "deployed", metric "deploys_total": operation "inc" is not valid for a gauge: expected set or hold`))
	})

	It("can be changed by a mapping file", func() {
		file := filepath.Join(GinkgoT().TempDir(), "ci.yml")
		Expect(os.WriteFile(file, []byte("drop_events: [deployed]"), 0o600)).To(Succeed())
		p := start(&emitter.PrometheusConfig{Rules: []rule.Rule{deployed}, MappingFile: file}, nil)
		Expect(p.Engine().Knows("deployed")).To(BeTrue())
		Expect(samplesOf(p)).NotTo(HaveKey(ContainSubstring("deploys_total")))
	})
})

func TestEmittingReplacedValuesAllocatesNothing(t *testing.T) {
	config := &emitter.PrometheusConfig{BindIP: "127.0.0.1", BindPort: "0", Rules: []rule.Rule{{
		Event: "e", Metric: "e_total", Type: rule.Counter, Operation: rule.Inc,
		Labels: []rule.Label{{Name: "a", Attribute: "a", Replace: []rule.Replacement{{Match: "(.)(.*)", With: "$1"}}}},
	}}}
	e, err := config.NewEmitter(nil)
	if err != nil {
		t.Fatal(err)
	}
	p := e.(*emitter.Prometheus)
	defer p.Close()
	logger := lager.NewLogger("test")
	one := event("e", 1, attributes{"a": "abc"})
	prepared := p.Prepare(metric.EventType{Name: "e", Attributes: []string{"a"}})
	values := []string{"axy"}
	emit := func() {
		p.Emit(logger, one)
		prepared.EmitValues(logger, 1, values)
	}
	emit()
	if n := testing.AllocsPerRun(100, emit); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
