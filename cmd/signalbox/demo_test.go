package main

import (
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"
	"github.com/onsi/gomega/gexec"
)

var _ = Describe("signalbox demo", func() {
	startDemo := func(args ...string) *process {
		GinkgoHelper()
		return start(nil, append([]string{"demo", "--prometheus-bind-port=0", "--intake-bind-port=0", "--webhook-bind-port=0"}, args...)...)
	}

	// stdout returns the standard output of the process so far.
	stdout := func(p *process) string { return string(p.Out.Contents()) }

	It("serves a live page until it receives a signal", func() {
		demo := startDemo("--speed=1200") // the first bad events come after simulated minutes
		Eventually(demo.Out).Should(gbytes.Say("Press Ctrl-C to stop."))
		var page string
		for line := range strings.Lines(stdout(demo)) {
			if name, url, _ := strings.Cut(strings.TrimSpace(line), " "); name == "Metrics" {
				page = strings.TrimSpace(url)
			}
		}
		metrics := func() string { return body(client.Get(page)) }
		Expect(metrics()).To(And( // immediately, from the simulated past
			MatchRegexp(`(?m)^concourse_builds_finished_total [1-9]`),
			MatchRegexp(`(?m)^concourse_builds_duration_seconds_count\{.*\} [1-9]`),
			ContainSubstring(`concourse_workers_containers{platform="linux",tags="",team="",worker="linux-1"}`),
			MatchRegexp(`(?m)^ci_runs_finished_total\{.*system="github"\} [1-9]`),
			MatchRegexp(`(?m)^ci_runs_finished_total\{.*system="gitlab"\} [1-9]`),
			MatchRegexp(`(?m)^ci_oldest_job_waiting_seconds\{`),
			MatchRegexp(`(?m)^signalbox_source_deliveries_total\{outcome="duplicate",source="github"\} [1-9]`),
			MatchRegexp(`(?m)^signalbox_source_deliveries_total\{outcome="unauthorized",source="gitlab"\} [1-9]`),
		))
		Eventually(metrics).Should(And(
			MatchRegexp(`(?m)^concourse_builds_started_total [1-9]`),
			MatchRegexp(`(?m)^concourse_builds_running [1-9]`),
			MatchRegexp(`(?m)^concourse_workers_registered\{state="running"\} [1-9]`),
			MatchRegexp(`(?m)^signalbox_events_unknown_total [1-9]`),
			MatchRegexp(`(?m)^signalbox_events_rejected_total\{reason="missing_attribute"\} [1-9]`),
			MatchRegexp(`(?m)^ci_job_tests\{instance="",job="unit",pipeline="storefront",team="web"\} [1-9]`),
			MatchRegexp(`(?m)^workspace_memory_bytes\{.*username="alice".*\} [1-9]`),
		))

		demo.Terminate()
		Eventually(demo).Should(gexec.Exit(exitClean))
		Expect(stdout(demo)).To(And(
			MatchRegexp(`(?m)^[\d,]+ events in [\d.ms]+ \([\d,]+ per second\)`),
			MatchRegexp(`(?m)^ +[\d,]+  requests answered$`),
			MatchRegexp(`(?m)^Webhooks of GitHub and GitLab: [1-9][\d,]* delivered, 0 failed, 0 skipped because they were too old\. Intentional faults: [1-9]\d* lost,`),
			MatchRegexp(`(?m)^Pushes of jobs and agents: [1-9]\d* sent, 0 failed`),
		))
		Expect(demo.stderr()).To(BeEmpty()) // bad events are not logged
	})

	It("says on the page that it is a demonstration with intentional faults", func() {
		demo := startDemo()
		Eventually(demo.Out).Should(gbytes.Say("This is a demonstration: all builds are made up. Its faults are intentional"))
		page := regexp.MustCompile(`Status page +(\S+)`).FindStringSubmatch(stdout(demo))
		Expect(page).NotTo(BeNil())
		Expect(body(client.Get(page[1] + "api/v1/overview"))).To(ContainSubstring("This is a demonstration: all builds, runs and deployments are made up"))
	})

	It("receives webhooks on another port if theirs is taken", func() {
		taken, err := net.Listen("tcp", "127.0.0.1:0")
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(taken.Close)
		port := strconv.Itoa(taken.Addr().(*net.TCPAddr).Port)
		demo := startDemo("--webhook-bind-port=" + port)
		Eventually(demo.Out).Should(gbytes.Say("Another program uses port " + port + ", so webhooks are received on port "))
	})

	It("logs bad events and webhooks with --log-level=info", func() {
		demo := startDemo("--log-level=info", "--speed=1200")
		Eventually(demo.Err).Should(gbytes.Say(`signalbox.webhooks.delivery-unauthorized`))
		Eventually(demo.Err).Should(gbytes.Say(`signalbox.demo.event-rejected`))
		Eventually(demo.Err).Should(gbytes.Say(`signalbox.demo.unknown-event`))
	})

	It("accepts events from clients", func() {
		demo := startDemo("--log-level=info")
		status, _ := demo.post(`{"name":"steps waiting","value":77,"attributes":{"type":"mine"}}`)
		Expect(status).To(Equal(http.StatusOK))
		Expect(demo.page()).To(MatchRegexp(`concourse_steps_waiting\{.*type="mine".*\} 77`))
	})

	It("has flags for the rate of events and for the duration", func() {
		demo := startDemo("--events-per-second=3000", "--duration=200ms")
		Eventually(demo).Should(gexec.Exit(exitClean))
		Expect(stdout(demo)).To(ContainSubstring("at 3,000 events per second."))
		Expect(stdout(demo)).To(MatchRegexp(`(?m)^[1-9][\d,]* events in .* \([1-9][\d,]* per second`))
	})

	It("has a shorter staleness limit than run", func() {
		help := start(nil, "demo", "--help")
		Eventually(help).Should(gexec.Exit(exitClean))
		Expect(strings.Join(strings.Fields(stdout(help)), " ")).To(MatchRegexp(
			`--prometheus-worker-stale-after=DURATION [^(]*\(default: 30s\)`))
		help = start(nil, "run", "--help")
		Eventually(help).Should(gexec.Exit(exitClean))
		Expect(strings.Join(strings.Fields(stdout(help)), " ")).To(MatchRegexp(
			`--prometheus-worker-stale-after=DURATION [^(]*\(default: 2m\)`))
	})
})
