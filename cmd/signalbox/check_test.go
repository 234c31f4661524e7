package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/emitter"
	"github.com/signalbox-ci/signalbox/internal/catalog"
	"github.com/signalbox-ci/signalbox/metric"
)

const ownRule = `
rules:
  - event: deploy finished
    metric: deploys_total
    type: counter
    operation: inc
    help: Deployments finished.
    labels: [{name: environment, attribute: env}]
`

var _ = Describe("signalbox check", func() {
	var directory string
	BeforeEach(func() { directory = GinkgoT().TempDir() })

	// check runs the command on a file with the content, which is called FILE in the
	// result, and with other arguments.
	check := func(content string, others ...string) (code int, stdout, stderr string) {
		GinkgoHelper()
		file := filepath.Join(directory, "file")
		Expect(os.WriteFile(file, []byte(content), 0o600)).To(Succeed())
		monitor := metric.NewMonitor()
		monitor.RegisterEmitter(&emitter.PrometheusConfig{})
		var out, errs bytes.Buffer
		code = run(monitor, append([]string{"check", file}, others...), world{stdout: &out, stderr: &errs})
		short := strings.NewReplacer(file, "FILE", directory, "DIR")
		return code, short.Replace(out.String()), short.Replace(errs.String())
	}
	write := func(name, content string) string {
		GinkgoHelper()
		path := filepath.Join(directory, name)
		Expect(os.WriteFile(path, []byte(content), 0o600)).To(Succeed())
		return path
	}

	builtin := len(catalog.Rules(catalog.Inherited))

	DescribeTable("prints the kind of a valid file",
		func(content, verdict string) {
			code, stdout, stderr := check(content)
			Expect(stderr).To(BeEmpty())
			Expect(stdout).To(HavePrefix("FILE: ok: " + verdict))
			Expect(code).To(Equal(exitClean))
		},
		Entry("a mapping file", ownRule, fmt.Sprintf("mapping file, %d rules (%d built-in, 1 custom), ", builtin+1, builtin)),
		Entry("a mapping file of one line", "{builtin: false}", "mapping file, 0 rules (0 built-in, 0 custom), 0 families\n"),
		Entry("an indented mapping file", "  rules: []\n", "mapping file, "),
		Entry("a mapping file on the line of the document marker", "--- {rules: []}", "mapping file, "),
		Entry("a mapping file with a byte order mark", "\uFEFFrules: []\n", "mapping file, "),
		Entry("a web configuration file", "---\nrate_limit:\n  burst: 3\n", "web configuration file\n"),
		Entry("an empty file", "# not yet\n", "empty, which is valid"),
		Entry("an environment file", "# ours\nPATH=/bin\n\n; and\nSIGNALBOX_ATTRIBUTE=\"a=b c\",d=\\\n  'e'\nSIGNALBOX_HOST=\n",
			"environment file of signalbox run, variables: 2; "),
	)

	DescribeTable("prints errors with file and line",
		func(content string, want ...string) {
			code, stdout, stderr := check(content)
			Expect(strings.Split(strings.TrimSuffix(stderr, "\n"), "\n")).To(Equal(want))
			Expect(stdout).To(BeEmpty())
			Expect(code).To(Equal(exitFailure))
		},
		Entry("of a mapping file", "drop_events:\n- error lgo\nrules:\n- evnt: a\n",
			`FILE:2: drop_events[0]: there is no built-in rule for event "error lgo": did you mean "error log"?`,
			`FILE:4: rules[0].evnt: unknown field: did you mean "event"?`,
			`FILE:4: rules[0].metric: metric is missing: expected the name of a metric without the namespace`,
			`FILE:4: rules[0].type: type is missing: expected counter, gauge or histogram`,
			`FILE:4: rules[0].operation: operation is missing: expected add, inc, set, hold, state or observe`),
		Entry("of a mapping file with a misspelled field", "rulse: []", `FILE:1: rulse: unknown field: did you mean "rules"?`),
		Entry("of a web configuration file", "rate_limit:\n  burts: 3\n", `FILE:2: burts: unknown field: did you mean "burst"?`),
		Entry("of a file that is not YAML", "basic_auth_users: [", `FILE:1: did not find expected node content`),
		Entry("of a forbidden header", "http_server_config: {headers: {X: y}}", `FILE: HTTP header "X" can not be configured`),
		Entry("of an indented web configuration file", "rate_limit:\n  rules: 1\n", `FILE:2: rules: unknown field: expected one of burst, interval`),
		Entry("of an environment file",
			"SIGNALBOX_INTAKE_BIND_PROT=1\nSIGNALBOX_INTAKE_BIND_PORT=http\nSIGNALBOX_LOG_LEVEL=loud\nSIGNALBOX_EXIT_ON_EOF=true\n"+
				"SIGNALBOX_PROMETHEUS_GC_INTERVAL=-1s\nSIGNALBOX_HOST=\"a\nexport SIGNALBOX_HOST=a\nnonsense\nSIGNALBOX_ATTRIBUTE=worker=1\nSIGNALBOX_XYZ=1\nSIGNALBOX_STDIN=yes\nSIGNALBOX_PROMETHEUS_WORKER_STALE_AFTER=5",
			`FILE: attribute "worker" becomes the label "worker", which is already used by metric workers_containers`,
			`FILE:1: SIGNALBOX_INTAKE_BIND_PROT is not a variable of signalbox run: did you mean SIGNALBOX_INTAKE_BIND_PORT?`,
			`FILE:2: SIGNALBOX_INTAKE_BIND_PORT: got "http", expected a port from 0 to 65535`,
			`FILE:3: SIGNALBOX_LOG_LEVEL: got "loud", expected debug, info or error`,
			`FILE:4: SIGNALBOX_EXIT_ON_EOF requires SIGNALBOX_STDIN`,
			`FILE:5: SIGNALBOX_PROMETHEUS_GC_INTERVAL: got "-1s", expected a duration of at least 0`,
			`FILE:6: SIGNALBOX_HOST: the quote " is not closed on the same line`,
			`FILE:7: got export, expected NAME=value, which is the only form that systemd accepts`,
			`FILE:8: got "nonsense", expected NAME=value`,
			`FILE:10: SIGNALBOX_XYZ is not a variable of signalbox run: signalbox run --help lists the flags`,
			`FILE:11: SIGNALBOX_STDIN: got "yes", expected true or false`,
			`FILE:12: SIGNALBOX_PROMETHEUS_WORKER_STALE_AFTER: got "5", expected a duration such as 10s or 1m30s`),
		Entry("of an unknown kind of file", "hello",
			`FILE: unknown kind of file: expected a mapping file with the fields builtin, rules, silent_events, drop_events, metrics, `+
				`a web configuration file with the fields tls_server_config, http_server_config, basic_auth_users, rate_limit, `+
				`or an environment file with lines SIGNALBOX_FLAG=value`),
	)

	It("finds equal ports in an environment file", func() {
		_, _, stderr := check("SIGNALBOX_INTAKE_BIND_PORT=9391\nSIGNALBOX_INTAKE_BIND_IP=0.0.0.0\nSIGNALBOX_PUSH_STORAGE_PATH=/nowhere/groups.db\nSIGNALBOX_AGENT_METRICS_AGGREGATE_BY=team\n")
		Expect(strings.Split(strings.TrimSuffix(stderr, "\n"), "\n")).To(ConsistOf(
			MatchRegexp(`^FILE:1: SIGNALBOX_INTAKE_BIND_PORT: got port 9391, which is also the port of SIGNALBOX_PROMETHEUS_BIND_PORT|`+
				`^FILE: SIGNALBOX_PROMETHEUS_BIND_PORT: got port 9391, which is also the port of SIGNALBOX_INTAKE_BIND_PORT`),
			`FILE:4: SIGNALBOX_AGENT_METRICS_AGGREGATE_BY: got "team", expected one of the base labels username, workspace_name, agent_name, template_name`,
		))

		_, _, stderr = check("SIGNALBOX_INTAKE_BIND_PORT=9391\nSIGNALBOX_INTAKE_BIND_IP=127.0.0.2\n")
		Expect(stderr).To(BeEmpty())
	})

	It("escapes invisible characters", func() {
		_, _, stderr := check("a\u202eb: 1\nrulse: []\n")
		Expect(stderr).To(And(ContainSubstring(`a\u202eb`), Not(ContainSubstring("\u202e"))))
	})

	It("checks the files that an environment file names", func() {
		mapping, web := write("mapping.yml", "builtin: maybe"), write("web.yml", "rate_limit: {burst: x}")
		code, _, stderr := check("SIGNALBOX_MAPPING_FILE=" + mapping + "\nSIGNALBOX_PROMETHEUS_WEB_CONFIG_FILE='" + web + "'\n")
		Expect(stderr).To(Equal("DIR/mapping.yml:1: builtin: got \"maybe\", expected true or false\n" +
			"DIR/web.yml:1: cannot unmarshal !!str … into int\n"))
		Expect(code).To(Equal(exitFailure))

		_, _, stderr = check("\nSIGNALBOX_MAPPING_FILE=/nowhere\nSIGNALBOX_PROMETHEUS_WEB_CONFIG_FILE=/nowhere\n")
		Expect(stderr).To(Equal("FILE:2: SIGNALBOX_MAPPING_FILE: open /nowhere: no such file or directory\n" +
			"FILE:3: SIGNALBOX_PROMETHEUS_WEB_CONFIG_FILE: open /nowhere: no such file or directory\n"))
	})

	DescribeTable("accepts the output of signalbox catalog",
		func(naming, catalogs string) {
			monitor := metric.NewMonitor()
			monitor.RegisterEmitter(&emitter.PrometheusConfig{})
			var printed bytes.Buffer
			Expect(run(monitor, []string{"catalog", "--format=yaml", "--prometheus-naming", naming, "--catalog", catalogs}, world{stdout: &printed})).To(Equal(exitClean))

			list, err := catalog.Parse(catalogs)
			Expect(err).NotTo(HaveOccurred())
			rules := len(catalog.Rules(catalog.Naming(naming), list...))
			for _, selected := range []string{"concourse", "ci", "concourse,ci"} {
				_, stdout, stderr := check(printed.String(), "--prometheus-naming", naming, "--catalog", selected)
				Expect(stderr).To(BeEmpty())
				Expect(stdout).To(HavePrefix(fmt.Sprintf("FILE: ok: mapping file, %d rules (0 built-in, %[1]d custom)", rules)))
			}
		},
		Entry("with inherited names", "inherited", "concourse"),
		Entry("with modern names", "modern", "concourse"),
		Entry("of the catalog ci", "inherited", "ci"),
		Entry("of both catalogs", "inherited", "concourse,ci"),
		Entry("of both catalogs, with modern names", "modern", "ci,concourse"),
	)

	It("uses the catalogs of the flags", func() {
		const change = "metrics: [{metric: jobs_finished_total, add_labels: [{name: job, attribute: job}]}]"
		_, _, stderr := check(change)
		Expect(stderr).To(Equal(`FILE:1: metrics[0].metric: no rule updates the metric "jobs_finished_total": the catalog ci has this metric: use --catalog concourse,ci` + "\n"))
		for _, catalogs := range []string{"ci", "concourse,ci"} {
			_, _, stderr = check(change, "--catalog", catalogs)
			Expect(stderr).To(BeEmpty())
			_, _, stderr = check("SIGNALBOX_CATALOG=" + catalogs + "\nSIGNALBOX_MAPPING_FILE=" + write("change.yml", change))
			Expect(stderr).To(BeEmpty())
		}
		_, _, stderr = check("drop_events: [ci job finished]")
		Expect(stderr).To(Equal(`FILE:1: drop_events[0]: there is no built-in rule for event "ci job finished": the catalog ci has this event: use --catalog concourse,ci` + "\n"))
		_, _, stderr = check("\nSIGNALBOX_CATALOG=concurse")
		Expect(stderr).To(Equal(`FILE:2: SIGNALBOX_CATALOG: got "concurse", expected concourse, ci or concourse,ci: did you mean "concourse"?` + "\n"))
		code, _, stderr := check("rules: []", "--catalog=concurse")
		Expect(stderr).To(Equal(`signalbox: --catalog: got "concurse", expected concourse, ci or concourse,ci: did you mean "concourse"?` + "\n"))
		Expect(code).To(Equal(exitBadUsage))
	})

	It("uses the naming and namespace of the flags", func() {
		const change = "metrics: [{metric: job_builds_finished_total, drop_labels: [job]}]"
		_, _, stderr := check(change)
		Expect(stderr).To(ContainSubstring(`no rule updates the metric "job_builds_finished_total"`))
		_, _, stderr = check(change, "--prometheus-naming=modern")
		Expect(stderr).To(BeEmpty())
		_, _, stderr = check("metrics: [{metric: builds_finished, drop: true}]", "--prometheus-naming=modern")
		Expect(stderr).To(HaveSuffix(`no rule updates the metric "builds_finished": with --prometheus-naming=modern, its name is "job_builds_finished_total"` + "\n"))

		const own = "rules: [{event: e, metric: ci_e_total, type: counter, operation: inc, help: h}]"
		_, _, stderr = check(own)
		Expect(stderr).To(BeEmpty())
		_, _, stderr = check(own, "--prometheus-namespace=ci")
		Expect(stderr).To(ContainSubstring(`remove the namespace "ci_"`))

		_, _, stderr = check("SIGNALBOX_PROMETHEUS_NAMING=modern\nSIGNALBOX_MAPPING_FILE=" + write("change.yml", change))
		Expect(stderr).To(BeEmpty())
	})

	It("checks all files even if one has errors", func() {
		code, stdout, stderr := check(ownRule, filepath.Join(directory, "none"), write("empty", ""))
		Expect(stdout).To(MatchRegexp(`^FILE: ok: .*\nDIR/empty: ok: .*\n$`))
		Expect(stderr).To(Equal("DIR/none: no such file or directory\n"))
		Expect(code).To(Equal(exitFailure))
	})

	It("reads only regular files", func() {
		_, _, stderr := check(ownRule, directory, "/dev/zero")
		Expect(stderr).To(Equal("DIR is a directory, expected a regular file\n/dev/zero is a device, expected a regular file\n"))
	})

	It("requires a file", func() {
		var stderr bytes.Buffer
		Expect(run(metric.NewMonitor(), []string{"check"}, world{stderr: &stderr})).To(Equal(exitBadUsage))
		Expect(stderr.String()).To(Equal("signalbox: check requires at least one file: signalbox check FILE...\n"))
	})
})

// Decoding a file with duplicate fields to a map takes quadratic time, because the YAML
// package has an error for each pair of equal fields.
var _ = DescribeTable("signalbox check detects the kind of a file with many fields in linear time",
	func(field string) {
		allocations := func(n int) float64 {
			content := []byte(strings.Repeat(field, n))
			return testing.AllocsPerRun(1, func() { kindOf(content) })
		}
		Expect(allocations(2000)).To(BeNumerically("<", 6*allocations(500)))
	},
	Entry("that are duplicates", "silent_events: []\n"),
	Entry("that are unknown", "nothing_like_it: []\n"),
)
