package emitter_test

import (
	"bytes"
	"errors"
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
	"github.com/signalbox-ci/signalbox/internal/host"
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
		It("maps events that the catalog does not have, prepared or not, and replaces values", func() {
			write(deploys)
			p := start(config, nil)
			Expect(p.Engine().Knows("deploy finished")).To(BeTrue())
			p.Emit(logger, event("deploy finished", 1, attributes{"env": "prod", "branch": "release/7"}))
			prepared := p.Prepare(metric.EventType{Name: "deploy finished", Attributes: []string{"branch", "env"}})
			values := []string{"release/7", "prod"}
			prepared.EmitValues(logger, 1, values)
			Expect(values).To(Equal([]string{"release/7", "prod"}), "the caller's slice was changed")
			Expect(samplesOf(p)).To(And(
				HaveKeyWithValue(`concourse_deploys_total{branch="release",environment="prod"}`, "2"),
				HaveKeyWithValue("signalbox_events_unknown_total", "0"),
			))
		})

		It("applies conditions to the original values", func() {
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

		It("treats a missing attribute as empty", func() {
			write(strings.Replace(deploys, "    when: {attribute: branch, value: release/7}\n", "", 1))
			p := start(config, nil)
			p.Emit(logger, event("deploy finished", 1, attributes{"env": "prod"}))
			p.Prepare(metric.EventType{Name: "deploy finished", Attributes: []string{"env"}}).EmitValues(logger, 1, []string{"prod"})
			Expect(samplesOf(p)).To(HaveKeyWithValue(`concourse_deploys_total{branch="none",environment="prod"}`, "2"))
		})

		It("prevents the start if it is invalid or cannot be read", func() {
			config.BindIP, config.BindPort = "127.0.0.1", "0"
			_, err := config.NewEmitter(nil)
			Expect(err).To(MatchError(os.ErrNotExist))
			Expect(err).To(MatchError(HavePrefix("--mapping-file: ")))
			write("rules: {}")
			_, err = config.NewEmitter(nil)
			Expect(err).To(MatchError(HavePrefix(file + ":1: rules: ")))
			write("metrics: [{metric: builds_finished, add_labels: [{name: zone, attribute: zone}]}]")
			_, err = config.NewEmitter(map[string]string{"zone": "b"})
			Expect(err).To(MatchError(And(ContainSubstring(`attribute "zone"`), ContainSubstring("builds_finished"))))
		})

		It("can drop a label, whose name a node's attribute can then have", func() {
			write("metrics: [{metric: workers_registered, drop_labels: [state]}]")
			p := start(config, map[string]string{"state": "x"})
			Expect(samplesOf(p)).To(HaveKeyWithValue(`concourse_workers_registered{state="x"}`, "0"))
		})
	})

	Describe("when it is reloaded", func() {
		It("keeps unchanged families, resets changed families, and removes families that it no longer defines", func() {
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
				"concourse_e_total":                                             "3", // 2, plus 1 by its new rule
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

		It("changes nothing if it is invalid, and reports the error until a reload succeeds", func() {
			write(deploys)
			p := start(config, nil)
			p.Emit(logger, event("deploy finished", 1, attributes{"env": "prod", "branch": "release/7"}))
			before := samplesOf(p)
			Expect(before).To(HaveKeyWithValue("signalbox_mapping_last_reload_success_timestamp_seconds", "1.7e+09"))

			now = now.Add(time.Hour)
			write("rules: [{}]\nmetrics: [{metric: error_logs, drop: true}]\nfoo: bar")
			err := p.Reload()
			Expect(err).To(MatchError(And(HavePrefix(file+":1: rules[0].event: "), ContainSubstring("\n"+file+`:3: foo: `))))
			before["signalbox_mapping_last_reload_successful"] = "0"
			Expect(samplesOf(p)).To(Equal(before))
			Expect(emitter.CollectOverview(p).Mapping).To(Equal(&status.Mapping{
				File: file, LoadedAt: now.Add(-time.Hour).UTC(), FailedAt: new(now.UTC()), Error: err.Error(),
			}))
			Expect(logger.LogMessages()).To(ContainElement("emitter.mapping-not-reloaded"))

			Expect(os.Remove(file)).To(Succeed())
			Expect(p.Reload()).To(MatchError(ContainSubstring("no such file")))
			write(deploys)
			Expect(p.Reload()).To(Succeed())
			Expect(samplesOf(p)).To(HaveKeyWithValue("signalbox_mapping_last_reload_successful", "1"))
			Expect(emitter.CollectOverview(p).Mapping).To(Equal(&status.Mapping{File: file, LoadedAt: now.UTC()}))
		})

		It("is rejected for the same errors as at the start", func() {
			const count = "rules:\n- {event: e, metric: x_count, type: gauge, operation: set}\n"
			write(count)
			p := start(config, nil)
			write("rules:\n- {event: e, metric: x, type: histogram, operation: observe, buckets: [1]}\n" + strings.TrimPrefix(count, "rules:\n"))
			Expect(p.Reload()).To(MatchError(And(HavePrefix(file+":3: rules[1].metric: "), ContainSubstring("concourse_x_count"))))
			write("rules:\n- {event: e, metric: x, type: histogram, operation: observe, buckets: [1]}\n")
			Expect(p.Reload()).To(Succeed(), "one metric replaces the other")
		})

		It("creates no counters of received events if it is invalid", func() {
			write("")
			p := start(config, nil)
			before := emitter.CountedEvents(p)
			write("silent_events: [noise]\nrules: [{event: e, metric: e_total, type: counter, operation: inc}, {}]")
			Expect(p.Reload()).NotTo(Succeed())
			Expect(emitter.CountedEvents(p)).To(ConsistOf(before))
		})

		It("updates signalbox_series immediately, even on a page that is being written", func() {
			write("")
			p := start(config, nil)
			samplesOf(p)
			write("metrics: [{metric: builds_started_total, help: Otherwise.}, {metric: error_logs, drop: true}]")
			Expect(p.Reload()).To(Succeed())
			families, err := emitter.Unrefreshed(p)
			Expect(err).NotTo(HaveOccurred())
			text := fmt.Sprint(families)
			Expect(text).To(ContainSubstring(`"concourse_builds_started_total"}`))
			Expect(text).NotTo(ContainSubstring("concourse_error_logs"))
		})

		It("keeps workers alive, in unchanged and changed metrics", func() {
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

		It("changes nothing if there is no mapping file", func() {
			config.MappingFile = ""
			p := start(config, nil)
			Expect(p.Reload()).To(Succeed())
			Expect(samplesOf(p)).To(HaveKeyWithValue("signalbox_mapping_last_reload_successful", "1"))
			Expect(logger.LogMessages()).To(ConsistOf("emitter.nothing-to-reload"))
		})

		It("loses no events, and pages stay valid during concurrent events and scrapes", func() {
			const emitters, each = 4, 1000
			config.Clock, config.Logger = nil, nil
			write("")
			p := start(config, nil)
			changed := "metrics: [{metric: workers_containers, drop_labels: [tags]}, {metric: builds_duration_seconds, buckets: [1, 2]}]" +
				"\ndrop_events: [lock held]\nrules: [{event: new, metric: new_total, type: counter, operation: inc}]"
			// Only the spec's own goroutine reports failures.
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
			failed := make(chan error, 2)
			others.Go(func() {
				for !done.Load() {
					var page bytes.Buffer
					if err := emitter.WritePage(p, &page, expfmt.NewFormat(expfmt.TypeTextPlain)); err != nil {
						failed <- err
						return
					}
					parser := expfmt.NewTextParser(model.LegacyValidation)
					if _, err := parser.TextToMetricFamilies(&page); err != nil {
						failed <- err
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
						failed <- err
						return
					}
					if err := p.Reload(); err != nil {
						failed <- err
						return
					}
				}
			})
			emitting.Wait()
			done.Store(true)
			others.Wait()
			Expect(failed).To(BeEmpty())
			samples := samplesOf(p)
			Expect(samples).To(HaveKeyWithValue("concourse_builds_started_total", fmt.Sprint(emitters*each)))
			Expect(samples).To(HaveKeyWithValue("concourse_builds_failed_total", fmt.Sprint(emitters*each)))
			Expect(samples).To(HaveKeyWithValue(`concourse_error_logs{message="0"}`, fmt.Sprint(emitters*each/2)))
			Expect(samples).To(HaveKeyWithValue("signalbox_events_received_total", fmt.Sprint(emitters*each*6)))
		})
	})

	Describe("when it is reloaded by HTTP", func() {
		request := func(p *emitter.Prometheus, method string, header ...string) (int, string) {
			GinkgoHelper()
			r, err := http.NewRequest(method, "http://"+p.Addr()+"/-/reload", nil)
			Expect(err).NotTo(HaveOccurred())
			for i := 0; i < len(header); i += 2 {
				if header[i] == "Host" {
					r.Host = header[i+1]
				}
				r.Header.Set(header[i], header[i+1])
			}
			response, err := http.DefaultClient.Do(r)
			Expect(err).NotTo(HaveOccurred())
			defer http.DefaultClient.CloseIdleConnections()
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			Expect(err).NotTo(HaveOccurred())
			return response.StatusCode, string(body)
		}

		It("is forbidden by default", func() {
			write("")
			p := start(config, nil)
			status, answer := request(p, http.MethodPost)
			Expect(status).To(Equal(http.StatusForbidden))
			Expect(answer).To(ContainSubstring("--enable-reload-api"))
			Expect(logger.Logs()).To(BeEmpty())
		})

		It("responds with what changed, or with the errors", func() {
			write("")
			config.EnableReloadAPI = true
			p := start(config, nil)
			write("rules: [{event: e, metric: e_total, type: counter, operation: inc}]\nmetrics: [{metric: error_logs, help: a}, {metric: locks_held, drop: true}]")
			families := len(distinctMetrics())
			status, answer := request(p, http.MethodPut)
			Expect(answer).To(Equal(fmt.Sprintf("reloaded %s: %d rules (%d built-in, 1 custom), %d families; families: %d kept, 1 changed, 1 added, 1 removed\n",
				file, len(catalog.Rules(catalog.Inherited)), len(catalog.Rules(catalog.Inherited))-1, families, families-2)))
			Expect(status).To(Equal(http.StatusOK))

			write("a: 1\nb: 2")
			status, answer = request(p, http.MethodPost)
			Expect(status).To(Equal(http.StatusInternalServerError))
			Expect(answer).To(MatchRegexp(`^.*/ci.yml:1: a: unknown field.*\n.*/ci.yml:2: b: unknown field.*\n$`))
		})

		It("rejects other methods, and requests from other sites' pages", func() {
			write("")
			config.EnableReloadAPI = true
			p := start(config, nil)
			status, answer := request(p, http.MethodGet)
			Expect(status).To(Equal(http.StatusMethodNotAllowed))
			Expect(answer).To(HavePrefix("method GET not allowed, expected POST or PUT"))
			status, _ = request(p, http.MethodDelete)
			Expect(status).To(Equal(http.StatusMethodNotAllowed))
			status, _ = request(p, http.MethodPost, "Sec-Fetch-Site", "cross-site")
			Expect(status).To(Equal(http.StatusForbidden))
			status, _ = request(p, http.MethodPost, "Origin", "https://evil.example")
			Expect(status).To(Equal(http.StatusForbidden))
			Expect(logger.LogMessages()).To(HaveExactElements("emitter.request-denied", "emitter.request-denied"))
			status, _ = request(p, http.MethodPost, "Host", "evil.example", "Origin", "http://evil.example", "Sec-Fetch-Site", "same-origin")
			Expect(status).To(Equal(http.StatusForbidden), "DNS rebinding")
			Expect(logger.LogMessages()).To(HaveLen(3))
			status, _ = request(p, http.MethodPost, "Sec-Fetch-Site", "same-origin")
			Expect(status).To(Equal(http.StatusOK))
			Expect(scrape(p)).To(And(ContainSubstring(`signalbox_requests_denied_total{listener="metrics",reason="cross_origin"} 2`),
				ContainSubstring(`signalbox_requests_denied_total{listener="metrics",reason="host"} 1`)))
		})

		It("accepts requests for additional hosts", func() {
			write("")
			config.EnableReloadAPI, config.AllowedHosts = true, []string{"ci.example.com"}
			config.Host(host.Options{AllowedHosts: []string{"signalbox"}})
			p := start(config, nil)
			for _, name := range []string{"ci.example.com", "signalbox:9391"} {
				status, _ := request(p, http.MethodPost, "Host", name)
				Expect(status).To(Equal(http.StatusOK))
			}
			config.AllowedHosts = []string{"ci.example.com:80"}
			_, err := config.NewEmitter(nil)
			Expect(err).To(MatchError(ContainSubstring("AllowedHosts: got \"ci.example.com:80\"")))
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

	It("map its own events in addition to the built-in ones", func() {
		p := start(&emitter.PrometheusConfig{Rules: []rule.Rule{deployed}}, nil)
		p.Emit(nil, event("deployed", 1, attributes{"env": "prod"}))
		Expect(samplesOf(p)).To(HaveKeyWithValue(`concourse_deploys_total{environment="prod"}`, "1"))
	})

	It("are rejected with a MappingError if they are invalid", func() {
		invalid := deployed
		invalid.Type = rule.Gauge
		_, err := (&emitter.PrometheusConfig{BindIP: "127.0.0.1", BindPort: "0", Rules: []rule.Rule{invalid}}).NewEmitter(nil)
		mappingError, ok := errors.AsType[*rule.MappingError](err)
		Expect(ok).To(BeTrue(), "%v", err)
		Expect(mappingError).To(And(HaveField("Event", "deployed"), HaveField("Metric", "deploys_total"), HaveField("Field", "operation")))
	})

	It("can be changed by a mapping file", func() {
		file := filepath.Join(GinkgoT().TempDir(), "ci.yml")
		Expect(os.WriteFile(file, []byte("drop_events: [deployed]"), 0o600)).To(Succeed())
		p := start(&emitter.PrometheusConfig{Rules: []rule.Rule{deployed}, MappingFile: file}, nil)
		Expect(p.Engine().Knows("deployed")).To(BeTrue())
		Expect(samplesOf(p)).NotTo(HaveKey(ContainSubstring("deploys_total")))
	})
})

func TestEmitDoesNotAllocateForReplacedValues(t *testing.T) {
	config := &emitter.PrometheusConfig{BindIP: "127.0.0.1", BindPort: "0", Rules: []rule.Rule{{
		Event: "e", Metric: "e_total", Type: rule.Counter, Operation: rule.Inc,
		Labels: []rule.Label{{Name: "a", Attribute: "a", Replace: []rule.Replacement{{Match: "(.)(.*)", With: "$1"}}}},
	}}}
	p := startFor(t, config, nil)
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
