//go:build e2e

package endtoend

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"

	"github.com/signalbox-ci/signalbox/scripts/internal/deliveries"
)

// samples returns the samples on a page whose names begin with a prefix, without
// creation times and those that depend on the current time.
func samples(page, prefix string) (found []string) {
	for line := range strings.Lines(page) {
		name, _, _ := strings.Cut(line, "{")
		if strings.HasPrefix(line, prefix) && !strings.HasSuffix(name, "_created") && !strings.Contains(name, "oldest_job_waiting") {
			found = append(found, strings.TrimSuffix(line, "\n"))
		}
	}
	return found
}

var _ = Describe("Webhooks that are not as they should be", func() {
	var (
		s    *signalbox
		base string
	)
	// do sends a request and returns the status and the answer.
	do := func(request *http.Request) (int, string) {
		GinkgoHelper()
		response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true, ExpectContinueTimeout: time.Minute}}).Do(request)
		Expect(err).NotTo(HaveOccurred())
		defer response.Body.Close()
		answer, err := io.ReadAll(response.Body)
		Expect(err).NotTo(HaveOccurred())
		return response.StatusCode, string(answer)
	}
	// delivery returns a recorded delivery that is signed now, after it was changed.
	delivery := func(system, name string, change func(*hook)) *http.Request {
		GinkgoHelper()
		h, _ := recorded(system, name)
		moved := []deliveries.Delivery{h.Delivery}
		deliveries.ShiftToNow(moved, time.Now())
		h.Delivery = moved[0]
		if change != nil {
			change(&h)
		}
		request, err := h.request(base)
		Expect(err).NotTo(HaveOccurred())
		return request
	}
	// body returns a change that replaces the body.
	body := func(text string) func(*hook) { return func(h *hook) { h.Body = []byte(text) } }
	outcomes := func() map[string]string {
		GinkgoHelper()
		found := map[string]string{}
		for _, sample := range samples(get(s.metrics, "text/plain"), "signalbox_source_deliveries_total") {
			parts := regexp.MustCompile(`outcome="(\w+)",source="(\w+)"} (\d+)`).FindStringSubmatch(sample)
			if parts[3] != "0" {
				found[parts[2]+" "+parts[1]] = parts[3]
			}
		}
		return found
	}
	const job, build = "workflow_job-life_a-3-completed-success", "build-life_a-4-success"

	Describe("get a defined answer:", Ordered, func() {
		BeforeAll(func() { s, base = startWebhooks("--webhook-max-body-bytes=1000000") })

		// The counts are those after the previous entries.
		counts := map[string]int{}
		DescribeTable("", func(status int, outcome, answer string, request func() *http.Request) {
			r := request()
			path := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
			got, text := do(r)
			Expect(text).To(ContainSubstring(answer))
			Expect(got).To(Equal(status))
			counts[path+" "+outcome]++
			want := map[string]string{}
			for key, n := range counts {
				want[key] = fmt.Sprint(n)
			}
			Expect(outcomes()).To(Equal(want))
		},
			Entry("a wrong signature", 401, "unauthorized", "X-Hub-Signature-256 does not match any of the 2 configured secrets", func() *http.Request {
				r := delivery("github", job, nil)
				r.Header.Set("X-Hub-Signature-256", "sha256="+strings.Repeat("0", 64))
				return r
			}),
			Entry("a signature of another body", 401, "unauthorized", "does not match", func() *http.Request {
				r := delivery("github", job, nil)
				r.Body, r.ContentLength = io.NopCloser(strings.NewReader("{}")), 2
				return r
			}),
			Entry("no signature", 401, "unauthorized", "X-Hub-Signature-256 is missing", func() *http.Request {
				r := delivery("github", job, nil)
				r.Header.Del("X-Hub-Signature-256")
				return r
			}),
			Entry("a malformed signature", 401, "unauthorized", "X-Hub-Signature-256 is malformed", func() *http.Request {
				r := delivery("github", job, nil)
				r.Header.Set("X-Hub-Signature-256", "a,b")
				return r
			}),
			Entry("no token", 401, "unauthorized", "missing", func() *http.Request {
				r := delivery("gitlab", build, nil)
				r.Header.Del("X-Gitlab-Token")
				r.Header.Del("webhook-signature")
				return r
			}),
			Entry("a token of another CI system", 401, "unauthorized", "X-Gitlab-Token does not match the configured secret", func() *http.Request {
				r := delivery("gitlab", build, nil)
				r.Header.Del("webhook-signature")
				r.Header.Set("X-Gitlab-Token", githubSecret)
				return r
			}),
			Entry("an old signature", 401, "unauthorized", "webhook-timestamp is outside the replay window of 5m0s", func() *http.Request {
				h, _ := recorded("gitlab", build)
				Expect(h.Sign("gitlab", []string{gitlabSigningKey}, time.Now().Add(-6*time.Minute))).To(Succeed())
				r := delivery("gitlab", build, body(string(h.Body)))
				r.Header = h.Header
				return r
			}),
			Entry("a body that is too large", 413, "malformed", "1000000 bytes", func() *http.Request {
				r := delivery("github", job, body(strings.Repeat(" ", 1_000_001)))
				r.Header.Set("Expect", "100-continue") // otherwise the connection can be closed before the answer is read
				return r
			}),
			Entry("a truncated body", 400, "malformed", "the body is not JSON", func() *http.Request {
				return delivery("github", job, func(h *hook) { h.Body = h.Body[:len(h.Body)/2] })
			}),
			Entry("an empty body", 400, "malformed", "the body is not JSON", func() *http.Request { return delivery("gitlab", build, body("")) }),
			Entry("a body that is not JSON", 400, "malformed", "the body is not JSON", func() *http.Request { return delivery("gitlab", build, body("<xml/>")) }),
			Entry("a deeply nested body", 202, "ignored", "unknown action", func() *http.Request {
				return delivery("github", job, body(strings.Repeat(`{"workflow_job":`, 50_000)+"1"+strings.Repeat("}", 50_000)))
			}),
			Entry("JSON that is no object", 202, "ignored", "", func() *http.Request { return delivery("github", job, body("[1]")) }),
			Entry("a null object of GitHub", 202, "ignored", "workflow_job is missing", func() *http.Request { return delivery("github", "workflow_job-null-workflow_job", nil) }),
			Entry("a null object of GitLab", 202, "ignored", "object_attributes is missing", func() *http.Request {
				return delivery("gitlab", build, body(`{"object_kind":"pipeline","object_attributes":null,"builds":null}`))
			}),
			Entry("an unknown event", 202, "ignored", `the event \"ping\" is not about runs`, func() *http.Request { return delivery("github", "ping", nil) }),
			Entry("an unknown result", 202, "unmapped", `unknown conclusion \"exploded\"`, func() *http.Request {
				return delivery("github", job, func(h *hook) {
					h.Renumber(1_000_000)
					h.Body = bytes.Replace(h.Body, []byte(`"conclusion": "success"`), []byte(`"conclusion": "exploded"`), 1)
				})
			}),
			Entry("a form of GitHub", 202, "accepted", `"events":5`, func() *http.Request {
				return delivery("github", job, func(h *hook) {
					h.SetID("form")
					h.Body = []byte(url.Values{"payload": {string(h.Body)}}.Encode())
					h.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				})
			}),
			Entry("a name of another host", 202, "accepted", `"events":5`, func() *http.Request {
				r := delivery("gitlab", build, nil)
				r.Host = "hooks.example.com"
				return r
			}),
		)

		It("and count as they should", func() {
			page := get(s.metrics, "text/plain")
			Expect(samples(page, "ci_jobs_finished_total")).To(ConsistOf(
				MatchRegexp(`result="success".*system="github"} 1`), MatchRegexp(`result="other".*system="github"} 1`), MatchRegexp(`result="success".*system="gitlab"} 1`)))
			Expect(s.log).NotTo(gbytes.Say("panic"))
			s.stop()
		})
	})

	It("are logged at most once a second, without secrets", func() {
		s, base = startWebhooks("--log-level=debug")
		begun := time.Now()
		for range 300 {
			r := delivery("gitlab", build, nil)
			r.Header.Del("webhook-signature")
			r.Header.Set("X-Gitlab-Token", gitlabToken+"x")
			status, answer := do(r)
			Expect(status).To(Equal(http.StatusUnauthorized))
			Expect(answer).NotTo(ContainSubstring(gitlabToken))
		}
		lines := strings.Count(string(s.log.Contents()), "delivery-unauthorized")
		Expect(lines).To(And(BeNumerically(">=", 1), BeNumerically("<=", 1+int(time.Since(begun).Seconds()+1))))
		for range 3 {
			do(delivery("github", job, nil))
			do(delivery("gitlab", build, nil))
		}
		root := strings.TrimSuffix(s.metrics, "metrics")
		shown := string(s.log.Contents())
		for _, path := range []string{"metrics", "", "api/v1/overview", "api/v1/status"} {
			for _, accept := range []string{"text/plain", "application/openmetrics-text", "text/html", "application/json"} {
				shown += get(root+path, accept)
			}
		}
		events, err := url.Parse(s.events)
		Expect(err).NotTo(HaveOccurred())
		for _, path := range []string{"/api/v1/status", "/api/v1/metrics", "/metrics"} {
			shown += get("http://"+events.Host+path, "application/json")
		}
		shown += get(base+"/webhooks/github", "") + get(base+"/", "")
		Expect(shown).To(And(ContainSubstring("X-Gitlab-Token does not match"), ContainSubstring("github-secret-file")))
		for _, secret := range []string{githubSecret, gitlabToken, strings.TrimPrefix(gitlabSigningKey, "whsec_"), "signalbox-fixture-signing-key"} {
			Expect(strings.Contains(shown, secret)).To(BeFalse(), secret)
		}
	})

	It("have a limited number of series, and correct totals, whatever labels runners have", func() {
		const jobs, limit = 1000, 100
		s, base = startWebhooks("--catalog=ci", fmt.Sprint("--prometheus-max-series-per-metric=", limit))
		var hooks []hook
		for i := range jobs {
			for _, name := range []string{"workflow_job-life_a-1-queued", "workflow_job-life_a-3-completed-success"} {
				h, _ := recorded("github", name)
				h.SetID(fmt.Sprint(name, i))
				h.Renumber(int64(i + 1))
				h.Body = bytes.Replace(h.Body, []byte(`"ubuntu-latest"`), fmt.Appendf(nil, "%q", fmt.Sprint("runner-", i)), 1)
				h.Shift(time.Since(time.Unix(1772618622, 0))) // the end of the job
				hooks = append(hooks, h)
			}
		}
		sendHooks(base, hooks)
		page := get(s.metrics, "text/plain")
		total := 0
		finished := samples(page, "ci_jobs_finished_total{")
		for _, sample := range finished {
			var n int
			_, err := fmt.Sscan(sample[strings.LastIndexByte(sample, ' '):], &n)
			Expect(err).NotTo(HaveOccurred())
			total += n
		}
		Expect(total).To(Equal(jobs))
		Expect(len(finished)).To(BeNumerically("<=", limit+1))
		Expect(finished).To(ContainElement(ContainSubstring("__overflow__")))
		active := samples(page, "ci_jobs_active{")
		Expect(active).To(And(Not(BeEmpty()), HaveEach(HaveSuffix(" 0"))))
		Expect(len(active)).To(BeNumerically("<=", limit))
		Expect(bytes.Count(s.log.Contents(), []byte("\n"))).To(BeNumerically("<", 50))
	})

	It("do not reach a listener that does not exist", func() {
		s := startSignalbox()
		Expect(s.announced("signalbox.listening-for-webhooks")).To(BeEmpty())
		for _, listener := range []string{strings.TrimSuffix(s.events, "/api/v1/events"), strings.TrimSuffix(s.metrics, "/metrics")} {
			Expect(curl("-d", "{}", listener+"/webhooks/github")).To(And(ContainSubstring("--webhook-bind-port"), MatchRegexp("40[45]$")))
		}
	})

	It("have no effect on a daemon that does not start", func() {
		fails := func(args ...string) string {
			GinkgoHelper()
			command := exec.Command(signalboxBinary, append([]string{"run", "--prometheus-bind-port=0", "--intake-bind-port=0", "--webhook-bind-port=0"}, args...)...)
			out, err := command.CombinedOutput()
			var exit *exec.ExitError
			Expect(err).To(BeAssignableToTypeOf(exit))
			Expect(bytes.Count(out, []byte("\n"))).To(Equal(1), string(out))
			return fmt.Sprint(command.ProcessState.ExitCode(), " ", string(out))
		}
		Expect(fails("--github-secret-file", writeFile("\n"))).To(MatchRegexp(`^1 .*--github-secret-file: .* contains no secret, expected one`))
		certificate := certify("IP:127.0.0.1")
		Expect(fails("--github-secret-file", writeFile(githubSecret), "--webhook-web-config-file", writeFile(fmt.Sprintf(
			"tls_server_config: {cert_file: %s, key_file: %s}\nbasic_auth_users: {ci: %s}\n", certificate.cert, certificate.key, passwordHash)))).
			To(MatchRegexp(`^1 .*--webhook-web-config-file: .*got basic_auth_users, expected none`))
	})
})

var _ = Describe("Webhooks", func() {
	// deliver sends all recordings of a CI system with scripts/deliver.
	deliver := func(base, system string, args ...string) string {
		GinkgoHelper()
		secret := map[string]string{"github": githubSecret, "gitlab": gitlabToken + "\n" + gitlabSigningKey}[system]
		files, err := filepath.Glob(filepath.Join(webhookRecordings, system, "testdata", "*.json"))
		Expect(err).NotTo(HaveOccurred())
		Expect(files).NotTo(BeEmpty())
		args = append([]string{"run", "../deliver", "-url", base + "/webhooks/" + system, "-secret-file", writeFile(secret), "-interval", "0"}, args...)
		return output("go", append(args, files...)...)
	}

	It("are accepted over TLS", func() {
		certificate := certify("IP:127.0.0.1")
		_, base := startWebhooks("--webhook-web-config-file",
			writeFile(fmt.Sprintf("tls_server_config: {cert_file: %s, key_file: %s}\n", certificate.cert, certificate.key)))
		Expect(base).To(HavePrefix("https://"))
		h, _ := recorded("github", "ping")
		Expect(sendHook(certificate.client(), base, h)).To(Succeed())
		Expect(sendHook(http.DefaultClient, strings.Replace(base, "https", "http", 1), h)).To(MatchError(ContainSubstring("400 Bad Request")))
		GinkgoT().Setenv("SSL_CERT_FILE", certificate.cert)
		Expect(deliver(base, "gitlab")).To(ContainSubstring("pipeline-life_a-6-success-second-finish: 202"))
	})

	It("cause the events that signalbox decode prints", func() {
		for _, system := range []string{"github", "gitlab"} {
			By(system)
			received, base := startWebhooks("--catalog=ci")
			posted := startSignalbox("--catalog=ci")
			// The recordings, moved to the present.
			files, err := filepath.Glob(filepath.Join(webhookRecordings, system, "testdata", "*.json"))
			Expect(err).NotTo(HaveOccurred())
			var all []deliveries.Delivery
			for _, file := range files {
				d, err := deliveries.Read(file)
				Expect(err).NotTo(HaveOccurred())
				all = append(all, d)
			}
			deliveries.ShiftToNow(all, time.Now())
			directory := GinkgoT().TempDir()
			arguments := []string{"decode", system}
			for _, d := range all {
				Expect(sendHook(http.DefaultClient, base, hook{system, d})).To(Succeed())
				file := filepath.Join(directory, d.Name+".json")
				Expect(os.WriteFile(file, d.Body, 0o600)).To(Succeed())
				var headers bytes.Buffer
				Expect(d.Header.Write(&headers)).To(Succeed())
				Expect(os.WriteFile(filepath.Join(directory, d.Name+".headers"), headers.Bytes(), 0o600)).To(Succeed())
				arguments = append(arguments, file)
			}
			events := output(signalboxBinary, arguments...)
			Expect(postEvents(posted.events, []byte(events))).To(And(ContainSubstring(`"unknown":0`), ContainSubstring(`"refused":0`)))
			want := samples(get(received.metrics, "text/plain"), "ci_")
			Expect(len(want)).To(BeNumerically(">", 50))
			Expect(samples(get(posted.metrics, "text/plain"), "ci_")).To(Equal(want))
		}
	})

	It("are sent by scripts/deliver, also several times and in random order", func() {
		s, base := startWebhooks("--catalog=ci")
		Expect(deliver(base, "github", "-copies", "20", "-repeat", "3", "-shuffle", "-quiet")).To(MatchRegexp(`^\d+ deliveries in `))
		page := get(s.metrics, "text/plain")
		Expect(page).To(MatchRegexp(`ci_jobs_finished_total{pipeline="CI",repository="octo-org/octo-repo",result="success",retry="true",runner_class="gpu,linux",system="github"} 20\n`))
		Expect(page).To(MatchRegexp(`ci_job_queue_duration_seconds_count{runner_class="gpu,linux",system="github"} 40\n`))
	})

	// As the pages about CI systems describe it.
	DescribeTable("show something sensible if scripts/deliver is run without files", func(system, secret, repository string, count int) {
		s, base := startWebhooks("--catalog=ci")
		for n := range 2 {
			command := exec.Command("go", "run", "./scripts/deliver", "-url", base+"/webhooks/"+system, "-secret-file", writeFile(secret), "-interval", "10ms")
			command.Dir = "../.."
			answers, err := command.CombinedOutput()
			Expect(err).NotTo(HaveOccurred(), string(answers))
			Expect(strings.Count(string(answers), `{"outcome":"accepted"`)).To(Equal(count), string(answers))
			Expect(string(answers)).To(ContainSubstring(fmt.Sprintf("\n%d deliveries in ", count)))

			page := get(s.metrics, "text/plain")
			for _, result := range []string{"success", "failure"} {
				Expect(page).To(MatchRegexp(`\nci_deployments_total{environment="production",repository="%s",result="%s",.*} %d\n`, repository, result, n+1))
				Expect(page).To(MatchRegexp(`\nci_runs_finished_total{.*repository="%s",result="%s",.*} %d\n`, repository, result, n+1))
			}
			Expect(page).To(MatchRegexp(`\nci_change_lead_time_seconds_count{.*repository="%s".*} %d\n`, repository, n+1))
			Expect(page).To(MatchRegexp(`\nsignalbox_source_delivery_delay_seconds_sum{source="%s"} \d{1,2}(\.\d+)?\n`, system))
			Expect(page).NotTo(MatchRegexp(`\nci_(runs|jobs)_active{.*} [1-9]`))
			Expect(page).NotTo(MatchRegexp(`\nsignalbox_source_time_anomalies_total{.*} [1-9]`))
		}
	},
		Entry("of GitHub", "github", githubSecret, "octo-org/octo-repo", 21),
		Entry("of GitLab", "gitlab", gitlabToken+"\n"+gitlabSigningKey, "gitlab-org/gitlab-test", 19),
	)

	It("use new secrets after SIGHUP", func() {
		file := writeFile(githubSecret)
		s, base := startWebhooks("--github-secret-file", file)
		h, _ := recorded("github", "ping")
		Expect(os.WriteFile(file, []byte("rotated-"+githubSecret), 0o600)).To(Succeed())
		Expect(s.command.Process.Signal(syscall.SIGHUP)).To(Succeed())
		Eventually(s.log).Should(gbytes.Say(`secrets-reloaded.*github`))
		Expect(h.Sign("github", []string{"rotated-" + githubSecret}, time.Now())).To(Succeed())
		request, err := http.NewRequest(http.MethodPost, base+"/webhooks/github", bytes.NewReader(h.Body))
		Expect(err).NotTo(HaveOccurred())
		request.Header = h.Header
		response, err := http.DefaultClient.Do(request)
		Expect(err).NotTo(HaveOccurred())
		response.Body.Close()
		Expect(response.StatusCode).To(Equal(http.StatusAccepted))
	})
})
