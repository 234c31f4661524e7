package emitter_test

import (
	"os"
	"path/filepath"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/prometheus/common/expfmt"

	"github.com/signalbox-ci/signalbox/emitter"
	"github.com/signalbox-ci/signalbox/internal/catalog"
	"github.com/signalbox-ci/signalbox/metric"
)

var _ = Describe("The catalog ci", func() {
	// ciEvent returns an event that all rules for it accept.
	ciEvent := func(e catalog.Event, value float64) metric.Event {
		a := attributes{"system": "github", "repository": "example/web", "pipeline": "ci", "run_id": "1", "job_id": "2", "ref_kind": "default", "runner_class": "linux"}
		for attribute, values := range e.Values {
			a[attribute] = values[0]
		}
		return event(e.Name, value, a)
	}
	// driven returns the samples that events update.
	driven := func(p *emitter.Prometheus) map[string]string {
		samples := samplesOf(p)
		for name := range samples {
			if strings.HasPrefix(name, "signalbox_") {
				delete(samples, name)
			}
		}
		return samples
	}

	It("is not selected by default", func() {
		p := start(&emitter.PrometheusConfig{}, nil)
		var outcome metric.Outcome
		outcome.ExplainUnknown = true
		p.EmitReporting(nil, event("ci job finished", 1, nil), &outcome)
		Expect(outcome.Unknown).To(BeTrue())
		Expect(outcome.Explanation.Hint).To(Equal("the catalog ci has this event: use --catalog concourse,ci"))
		p.Emit(nil, event("build finished", 1000, attributes{"team_name": "main", "build_status": "failed"}))
		Expect(scrape(p)).NotTo(ContainSubstring("\nci_"))
	})

	It("can be the only one", func() {
		p := start(&emitter.PrometheusConfig{Catalog: "ci"}, attributes{"worker": "a"})
		Expect(scrape(p)).NotTo(ContainSubstring("concourse_"))
		Expect(driven(p)).To(BeEmpty())
		for _, e := range catalog.Events() {
			Expect(p.Engine().Knows(e.Name)).To(BeFalse())
		}
		Expect(p.Engine().HintFor("build finished")).To(Equal("the catalog concourse has this event: use --catalog concourse,ci"))
		Expect(p.Engine().HintFor("ci job finishd")).To(Equal(`did you mean "ci job finished"?`))
		for _, e := range catalog.Events(catalog.CI) {
			p.Emit(nil, ciEvent(e, 1))
		}
		Expect(p.Engine().UnknownEvents()).To(BeZero())
		Expect(p.Engine().RejectedEvents()).To(BeZero())
	})

	DescribeTable("passes promlint on a page with all families", func(naming string) {
		p := start(&emitter.PrometheusConfig{Catalog: "ci", Naming: naming}, nil)
		for _, e := range catalog.Events(catalog.CI) {
			p.Emit(nil, ciEvent(e, 1))
			for _, result := range e.Values["result"] {
				failed := ciEvent(e, 1)
				failed.Attributes["result"] = result
				p.Emit(nil, failed)
			}
		}
		text := scrape(p)
		for _, name := range families(catalog.Rules(catalog.Inherited, catalog.CI)) {
			Expect(text).To(MatchRegexp(`(?m)^ci_%s(_sum)?[{ ]`, name))
		}
		problems, err := promlint.New(strings.NewReader(text)).Lint()
		Expect(err).NotTo(HaveOccurred())
		Expect(problems).To(BeEmpty())
	}, Entry("inherited", "inherited"), Entry("modern", "modern"))

	It("keeps its namespace if --prometheus-namespace changes, even to ci", func() {
		for _, namespace := range []string{"other", "ci"} {
			p := start(&emitter.PrometheusConfig{Catalog: "concourse,ci", Namespace: namespace}, nil)
			p.Emit(nil, event("ci runs active", 3, attributes{"system": "github", "state": "executing"}))
			p.Emit(nil, event("builds started", 2, nil))
			Expect(driven(p)).To(And(
				HaveKeyWithValue(`ci_runs_active{state="executing",system="github"}`, "3"),
				HaveKeyWithValue(namespace+`_builds_started_total`, "2")))
		}
	})

	It("rejects values that are not in the vocabulary", func() {
		p := start(&emitter.PrometheusConfig{Catalog: "ci"}, nil)
		p.Emit(nil, event("ci job finished", 1, attributes{"system": "x", "result": "succeeded"}))
		p.Emit(nil, event("ci job finished", 1, attributes{"result": "success"}))
		p.Emit(nil, event("ci job finished", 1, attributes{"system": "x", "result": "other"}))
		Expect(samplesOf(p)).To(And(
			HaveKeyWithValue(rejectedFor("unknown_value"), "1"), HaveKeyWithValue(rejectedFor("missing_attribute"), "1"),
			HaveKeyWithValue(`ci_jobs_finished_total{pipeline="",repository="",result="other",retry="",runner_class="",system="x"}`, "1")))
	})

	It("keeps a gauge of current activity at 0 for an hour, and other series for a week", func() {
		now := time.Now()
		p := start(&emitter.PrometheusConfig{Catalog: "ci", Clock: func() time.Time { return now }}, nil)
		p.Emit(nil, event("ci jobs active", 0, attributes{"system": "x", "state": "pending"}))
		p.Emit(nil, event("ci worker lost", 1, attributes{"system": "x"}))
		active, lost := `ci_jobs_active{runner_class="",state="pending",system="x"}`, `ci_workers_lost_total{queue="",system="x"}`
		now = now.Add(59 * time.Minute)
		p.CollectGarbage()
		Expect(samplesOf(p)).To(And(HaveKeyWithValue(active, "0"), HaveKeyWithValue(lost, "1")))
		now = now.Add(2 * time.Minute)
		p.CollectGarbage()
		Expect(samplesOf(p)).To(And(Not(HaveKey(active)), HaveKey(lost)))
		now = now.Add(7 * 24 * time.Hour)
		p.CollectGarbage()
		Expect(driven(p)).To(BeEmpty())
	})

	It("counts Concourse's builds, steps and workers if both catalogs are selected", func() {
		p := start(&emitter.PrometheusConfig{Catalog: "ci,concourse"}, nil)
		build := func(status string) attributes {
			return attributes{"team_name": "main", "pipeline": "web", "job": "unit", "build_status": status, "build_id": "7"}
		}
		for _, status := range []string{"succeeded", "failed", "errored", "aborted", "succeeded", "unheard-of"} {
			p.Emit(nil, event("build finished", 45_000, build(status)))
		}
		p.Emit(nil, event("builds started", 6, nil))
		p.Emit(nil, event("builds running", 2, nil))
		p.Emit(nil, event("steps waiting duration", 4, attributes{"platform": "linux", "workerTags": "gpu", "teamName": "main"}))
		for state, n := range map[string]float64{"running": 5, "stalled": 1, "landing": 2, "landed": 3, "retiring": 4} {
			p.Emit(nil, event("worker state", n, attributes{"state": state}))
		}
		got := map[string]string{}
		for name, value := range samplesOf(p) {
			if strings.HasPrefix(name, "ci_") && !strings.Contains(name, "_bucket{") && !strings.Contains(name, "_created{") {
				got[name] = value
			}
		}
		Expect(got).To(Equal(map[string]string{
			`ci_runs_started_total{pipeline="",repository="",system="concourse"}`:                                           "6",
			`ci_runs_active{state="executing",system="concourse"}`:                                                          "2",
			`ci_runs_finished_total{pipeline="web",ref_kind="",repository="main",result="success",system="concourse"}`:      "2",
			`ci_runs_finished_total{pipeline="web",ref_kind="",repository="main",result="failure",system="concourse"}`:      "1",
			`ci_runs_finished_total{pipeline="web",ref_kind="",repository="main",result="error",system="concourse"}`:        "1",
			`ci_runs_finished_total{pipeline="web",ref_kind="",repository="main",result="cancellation",system="concourse"}`: "1",
			`ci_run_errors_total{error_type="_OTHER",pipeline="web",repository="main",system="concourse"}`:                  "2",
			`ci_run_duration_seconds_sum{pipeline="web",repository="main",result="success",system="concourse"}`:             "90",
			`ci_run_duration_seconds_count{pipeline="web",repository="main",result="success",system="concourse"}`:           "2",
			`ci_run_duration_seconds_sum{pipeline="web",repository="main",result="failure",system="concourse"}`:             "45",
			`ci_run_duration_seconds_count{pipeline="web",repository="main",result="failure",system="concourse"}`:           "1",
			`ci_run_duration_seconds_sum{pipeline="web",repository="main",result="error",system="concourse"}`:               "45",
			`ci_run_duration_seconds_count{pipeline="web",repository="main",result="error",system="concourse"}`:             "1",
			`ci_run_duration_seconds_sum{pipeline="web",repository="main",result="cancellation",system="concourse"}`:        "45",
			`ci_run_duration_seconds_count{pipeline="web",repository="main",result="cancellation",system="concourse"}`:      "1",
			`ci_job_queue_duration_seconds_sum{runner_class="gpu",system="concourse"}`:                                      "4",
			`ci_job_queue_duration_seconds_count{runner_class="gpu",system="concourse"}`:                                    "1",
			`ci_workers{queue="",state="available",system="concourse"}`:                                                     "5",
			`ci_workers{queue="",state="offline",system="concourse"}`:                                                       "1",
		}))
		Expect(samplesOf(p)).To(HaveKeyWithValue(`concourse_builds_finished{job="unit",pipeline="web",status="succeeded",team="main"}`, "2"))
	})

	It("accepts labels from a mapping file", func() {
		file := filepath.Join(GinkgoT().TempDir(), "ci.yml")
		page, err := os.ReadFile("../docs/mapping.md")
		Expect(err).NotTo(HaveOccurred())
		_, example, found := strings.Cut(string(page), "```yaml\n# --catalog ci: ")
		Expect(found).To(BeTrue())
		example, _, _ = strings.Cut(example, "```")
		Expect(os.WriteFile(file, []byte("#"+example), 0o600)).To(Succeed())

		p := start(&emitter.PrometheusConfig{Catalog: "ci", MappingFile: file}, nil)
		p.Emit(nil, event("ci job finished", 1, attributes{"system": "github", "repository": "example/web", "pipeline": "CI", "runner_class": "linux", "retry": "false", "result": "success", "job": "unit"}))
		for _, branch := range []string{"main", "feature/1", "feature/2"} {
			p.Emit(nil, event("ci run finished", 1, attributes{"system": "github", "repository": "example/web", "pipeline": "CI", "ref_kind": "branch", "result": "success", "branch": branch}))
		}
		Expect(samplesOf(p)).To(And(
			HaveKeyWithValue(`ci_jobs_finished_total{job="unit",pipeline="CI",repository="example/web",result="success",retry="false",runner_class="linux",system="github"}`, "1"),
			HaveKeyWithValue(`ci_runs_finished_total{branch="main",pipeline="CI",ref_kind="branch",repository="example/web",result="success",system="github"}`, "1"),
			HaveKeyWithValue(`ci_runs_finished_total{branch="other",pipeline="CI",ref_kind="branch",repository="example/web",result="success",system="github"}`, "2")))
	})

	It("tells which attributes the rules for an event use, and how labels replace their values", func() {
		file := filepath.Join(GinkgoT().TempDir(), "ci.yml")
		Expect(os.WriteFile(file, nil, 0o600)).To(Succeed())
		p := start(&emitter.PrometheusConfig{Catalog: "ci", MappingFile: file}, nil)
		inputs := func(event string) (found []string) {
			for attribute, of := range p.Engine().LabelInputs(event) {
				if of != nil {
					attribute += " " + of("linux-1") + " " + of("gpu")
				}
				found = append(found, attribute)
			}
			return found
		}
		Expect(inputs("ci runs active")).To(ConsistOf("state", "system"))
		Expect(inputs("ci jobs active")).To(ConsistOf("runner_class", "state", "system"))
		Expect(inputs("ci job queued")).To(BeEmpty())
		Expect(inputs("unknown")).To(BeEmpty())

		replaced := "metrics: [{metric: jobs_active, drop_labels: [runner_class], add_labels: [" +
			"{name: runner_class, attribute: runner_class, replace: [{match: 'linux-.*', with: linux}]}, " +
			"{name: size, attribute: runner_class, replace: [{match: '.*-(.*)', with: $1}]}]}, {metric: runs_active, add_labels: [{name: repo, attribute: repository}]}]\n"
		Expect(os.WriteFile(file, []byte(replaced), 0o600)).To(Succeed())
		Expect(p.Reload()).To(Succeed())
		Expect(inputs("ci jobs active")).To(ConsistOf("runner_class linux gpu", "runner_class 1 gpu", "state", "system"))
		Expect(inputs("ci runs active")).To(ConsistOf("repository", "state", "system"))

		Expect(os.WriteFile(file, []byte(replaced+"rules: [{event: ci jobs active, metric: jobs_of_class, type: gauge, operation: set, labels: [{name: class, attribute: runner_class}]}]"), 0o600)).To(Succeed())
		Expect(p.Reload()).To(Succeed())
		Expect(inputs("ci jobs active")).To(ConsistOf("runner_class", "state", "system"))
	})

	It("can be the default of a daemon", func() {
		config := &emitter.PrometheusConfig{}
		config.SetDefaultCatalog(func() string { return "concourse,ci" })
		Expect(start(config, nil).Engine().Knows("ci job finished")).To(BeTrue())
		config = &emitter.PrometheusConfig{Catalog: "concourse"}
		config.SetDefaultCatalog(func() string { return "concourse,ci" })
		Expect(start(config, nil).Engine().Knows("ci job finished")).To(BeFalse())
	})

	It("has IDs in exemplars", func() {
		p := start(&emitter.PrometheusConfig{Catalog: "concourse,ci"}, nil)
		ids := attributes{"system": "github", "result": "success", "run_id": "47", "job_id": "11"}
		p.Emit(nil, event("ci run time", 20, ids))
		p.Emit(nil, event("ci job run time", 20, ids))
		Expect(linesOf(p, expfmt.TypeOpenMetrics, "ci_run_duration_seconds_bucket")).To(ContainElement(ContainSubstring(` # {run_id="47"} 20.0 `)))
		Expect(linesOf(p, expfmt.TypeOpenMetrics, "ci_job_duration_seconds_bucket")).To(ContainElement(ContainSubstring(` # {job_id="11"} 20.0 `)))
		p.Emit(nil, event("build finished", 400_000, attributes{"build_status": "failed", "build_id": "9"}))
		Expect(linesOf(p, expfmt.TypeOpenMetrics, "ci_run_duration_seconds_bucket")).To(ContainElement(ContainSubstring(` # {run_id="9"} 400.0 `)))
	})

	It("must exist", func() {
		_, err := (&emitter.PrometheusConfig{Handler: true, Catalog: "ic"}).NewEmitter(nil)
		Expect(err).To(MatchError(`--catalog: got "ic", expected concourse, ci or concourse,ci: did you mean "ci"?`))
		_, err = (&emitter.PrometheusConfig{Handler: true, Catalog: "ic"}).Check(nil)
		Expect(err).To(MatchError(ContainSubstring(`--catalog: got "ic"`)))
	})
})
