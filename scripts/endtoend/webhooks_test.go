//go:build e2e

package endtoend

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

var webhookRuns = flag.Int("webhook-runs", 150, "number of random runs of each CI system in the specs of webhooks")

// The secrets of webhooks. They must not appear in anything that others can read.
const (
	githubSecret     = "github-secret-that-must-not-appear"
	gitlabToken      = "gitlab-token-that-must-not-appear"
	gitlabSigningKey = "whsec_c2lnbmFsYm94LWZpeHR1cmUtc2lnbmluZy1rZXktMzI="
)

// startWebhooks starts a daemon that receives webhooks of GitHub and GitLab on a free
// port. It returns the URL of the webhook listener.
func startWebhooks(args ...string) (*signalbox, string) {
	GinkgoHelper()
	s := startSignalbox(append([]string{"--webhook-bind-port=0",
		"--github-secret-file", writeFile(githubSecret + "\nnext-" + githubSecret + "\n"),
		"--gitlab-secret-file", writeFile(gitlabToken + "\n"), "--gitlab-secret-file", writeFile(gitlabSigningKey + "\n"),
	}, args...)...)
	var url string
	Eventually(func() string {
		url = s.announced("signalbox.listening-for-webhooks")
		return url
	}, "10s", "5ms").ShouldNot(BeEmpty())
	return s, strings.TrimSuffix(url, "/webhooks/github")
}

// request returns the request for a hook, signed with one of the secrets.
func (h hook) request(base string) (*http.Request, error) {
	secrets := map[string][]string{
		"github": {githubSecret, "next-" + githubSecret},
		"gitlab": {gitlabToken, gitlabSigningKey},
	}[h.system]
	d := h.Clone()
	if err := d.Sign(h.system, []string{secrets[rand.IntN(len(secrets))]}, time.Now()); err != nil {
		return nil, err
	}
	request, err := http.NewRequest(http.MethodPost, base+"/webhooks/"+h.system, bytes.NewReader(d.Body))
	if err == nil {
		request.Header = d.Header
	}
	return request, err
}

// sendHooks sends hooks in random order over several connections. All must be accepted.
func sendHooks(base string, hooks []hook) {
	GinkgoHelper()
	const connections = 8
	rand.Shuffle(len(hooks), func(i, j int) { hooks[i], hooks[j] = hooks[j], hooks[i] })
	errs := make(chan error, connections)
	var group sync.WaitGroup
	for c := range connections {
		group.Go(func() {
			transport := &http.Transport{}
			defer transport.CloseIdleConnections()
			client := &http.Client{Transport: transport}
			for i := c; i < len(hooks); i += connections {
				if err := sendHook(client, base, hooks[i]); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	group.Wait()
	close(errs)
	for err := range errs {
		Expect(err).NotTo(HaveOccurred())
	}
}

func sendHook(client *http.Client, base string, h hook) error {
	request, err := h.request(base)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if response.StatusCode != http.StatusAccepted {
		err = fmt.Errorf("%s: %s %s", h.Name, response.Status, answer)
	}
	return err
}

// differences describes the values that are not as expected.
func differences(got, expected map[string]float64) (found []string) {
	all := maps.Clone(got)
	maps.Copy(all, expected)
	for _, key := range slices.Sorted(maps.Keys(all)) {
		if got[key] != expected[key] {
			found = append(found, fmt.Sprintf("%s: got %g, expected %g", key, got[key], expected[key]))
		}
	}
	return found
}

// runQueueSum is the sum of the queue times of GitLab's runs.
const runQueueSum = "ci_run_queue_duration_seconds_sum system=gitlab"

var _ = Describe("Webhooks of GitHub and GitLab", Ordered, func() {
	var (
		signalbox  *signalbox
		base       string
		prometheus *prometheusServer
		cycles     *lifeCycles
		sent       int
	)
	BeforeAll(func() {
		// Jobs that never end expire at the first refresh of the gauges, every 15 s,
		// after the limits.
		signalbox, base = startWebhooks("--catalog=ci", "--source-queued-limit=5s", "--source-running-limit=5s")
		prometheus = startPrometheus(signalbox.metrics)
		cycles = newLifeCycles(GinkgoRandomSeed())
		for range *webhookRuns {
			cycles.github()
			cycles.gitlab()
		}
	})

	It("count each job and run once, in any order, with duplicates and losses", func() {
		for _, hooks := range cycles.hooks {
			sendHooks(base, hooks)
			sent += len(hooks)
		}
		AddReportEntry("deliveries", sent)
		Eventually(func() []string {
			got := map[string]float64{}
			for name, labels := range map[string]string{
				"ci_jobs_finished_total":              "system, runner_class, result, retry",
				"ci_job_queue_duration_seconds_count": "system, runner_class",
				"ci_job_queue_duration_seconds_sum":   "system, runner_class",
				"ci_job_duration_seconds_count":       "system, runner_class, result",
				"ci_job_duration_seconds_sum":         "system, runner_class, result",
				"ci_runs_queued_total":                "system",
				"ci_runs_started_total":               "system",
				"ci_runs_finished_total":              "system, result",
				"ci_run_duration_seconds_count":       "system, result",
				"ci_run_duration_seconds_sum":         "system, result",
				"ci_run_queue_duration_seconds_count": "system",
			} {
				for key, value := range prometheus.values(fmt.Sprintf(`sum by (%s) (%s)`, labels, name)) {
					got[name+key] = value
				}
			}
			expected := maps.Clone(cycles.expected)
			delete(expected, runQueueSum)
			return differences(got, expected)
		}, "20s", "500ms").Should(BeEmpty())
	})

	It("measure the times that runs waited", func() {
		sums := prometheus.values(`sum by (system) (ci_run_queue_duration_seconds_sum)`)
		Expect(sums[" system=gitlab"]).To(Equal(cycles.expected[runQueueSum]))
		Expect(sums[" system=github"]).To(And(BeNumerically(">=", cycles.runQueue["github"][0]), BeNumerically("<=", cycles.runQueue["github"][1])))
	})

	It("have quantiles of queue times", func() {
		bounds := []float64{1, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400}
		for _, q := range []float64{.5, .9, .99} {
			got := prometheus.values(fmt.Sprintf(`histogram_quantile(%g, sum by (system, le) (ci_job_queue_duration_seconds_bucket))`, q))
			for _, system := range []string{"github", "gitlab"} {
				Expect(got[" system="+system]).To(BeNumerically("~", quantile(q, cycles.queue[system], bounds), 1e-6), system)
			}
		}
	})

	It("are counted by outcome", func() {
		// The last deliveries can be repetitions, after which the other specs do not wait.
		Eventually(prometheus.sees(`sum (signalbox_source_deliveries_total)`), "20s", "500ms").Should(Equal(map[string]float64{" ": float64(sent)}))
		outcomes := prometheus.values(`sum by (outcome) (signalbox_source_deliveries_total) > 0`)
		Expect(outcomes).To(And(HaveKey(" outcome=accepted"), HaveKey(" outcome=duplicate"), HaveKey(" outcome=stale"), HaveKey(" outcome=ignored"), HaveLen(4)))
	})

	It("leave no active runs and jobs after their limits", func() {
		const active = `{__name__=~"ci_(jobs|runs)_active|ci_oldest_job_waiting_seconds"}`
		Eventually(prometheus.sees(active+" > 0"), "60s", "500ms").Should(BeEmpty())
		gauges := prometheus.values(active)
		Expect(len(gauges)).To(BeNumerically(">=", 10))
		Expect(gauges).To(HaveEach(0.0))
		for _, system := range []string{"github", "gitlab"} {
			for _, name := range []string{"ci_jobs_active", "ci_runs_active"} {
				for _, state := range []string{"pending", "executing"} {
					Expect(prometheus.values(fmt.Sprintf(`max_over_time(%s{system=%q,state=%q}[10m]) > 0`, name, system, state))).NotTo(BeEmpty(), "%s %s %s", name, system, state)
				}
			}
		}
		for _, name := range []string{"ci_jobs_active", "ci_runs_active", "ci_oldest_job_waiting_seconds"} {
			Expect(prometheus.values(`min_over_time(` + name + `[10m]) < 0`)).To(BeEmpty())
		}
		Expect(prometheus.values(`sum by (source) (signalbox_source_state_expired_total) > 0`)).To(HaveLen(2))
		Eventually(prometheus.sees(`sum (signalbox_source_state_entries{state!="ended"})`), "20s", "500ms").Should(Equal(map[string]float64{" ": 0}))
	})

	It("are finished on SIGTERM", func() {
		signalbox.stop()
	})
})
