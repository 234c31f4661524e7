package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"
	"github.com/onsi/gomega/gexec"

	"github.com/signalbox-ci/signalbox/emitter"
	"github.com/signalbox-ci/signalbox/metric"
)

const webhookSecret = "do-not-show-this-secret"

// secretFile returns a file with secrets, one on a line.
func secretFile(secrets ...string) string {
	GinkgoHelper()
	file := filepath.Join(GinkgoT().TempDir(), "webhook.secret")
	Expect(os.WriteFile(file, []byte(strings.Join(secrets, "\n")), 0o600)).To(Succeed())
	return file
}

// endedJob returns a delivery of GitHub that says that a job has just ended. It waited 5
// seconds and ran 60.
func endedJob(id int) string {
	end := time.Now().UTC().Truncate(time.Second)
	at := func(ago time.Duration) string { return end.Add(-ago).Format(time.RFC3339) }
	return fmt.Sprintf(`{"action": "completed", "workflow_job": {"id": %d, "run_id": 7, "run_attempt": 1, "workflow_name": "CI", "name": "build",
		"status": "completed", "conclusion": "success", "labels": ["ubuntu-latest"], "runner_name": "r1", "steps": [],
		"created_at": %q, "started_at": %q, "completed_at": %q}, "repository": {"full_name": "octo-org/octo-repo", "default_branch": "main"}}`,
		id, at(65*time.Second), at(60*time.Second), at(0))
}

// signature returns the value of X-Hub-Signature-256.
func signature(secret, body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

var _ = Describe("signalbox run with webhooks", func() {
	// startWebhooks starts a daemon that receives webhooks on a free port.
	startWebhooks := func(args ...string) *process {
		GinkgoHelper()
		return startDaemon(append([]string{"--webhook-bind-port=0"}, args...)...)
	}
	// deliver sends a delivery of a job, signed with a secret.
	deliver := func(daemon *process, secret, body string, headers ...string) (*http.Response, string) {
		GinkgoHelper()
		return postTo(daemon.url("listening-for-webhooks"), body,
			append([]string{"X-GitHub-Event", "workflow_job", "X-Hub-Signature-256", signature(secret, body)}, headers...)...)
	}
	// check runs signalbox check on an environment file.
	check := func(content string) (int, string) {
		GinkgoHelper()
		file := filepath.Join(GinkgoT().TempDir(), "environment")
		Expect(os.WriteFile(file, []byte(content), 0o600)).To(Succeed())
		monitor := metric.NewMonitor()
		monitor.RegisterEmitter(&emitter.PrometheusConfig{})
		var out bytes.Buffer
		code := run(monitor, []string{"check", file}, world{stdout: &out, stderr: &out})
		return code, strings.ReplaceAll(out.String(), file, "FILE")
	}
	const finished = "\n" + `ci_jobs_finished_total{pipeline="CI",repository="octo-org/octo-repo",result="success",retry="false",runner_class="ubuntu-latest",system="github"} `

	It("turns webhooks into metrics, in addition to events of Concourse", func() {
		daemon := startWebhooks("--github-secret-file=" + secretFile(webhookSecret))
		Expect(daemon.url("listening-for-webhooks")).To(MatchRegexp(`^http://127\.0\.0\.1:\d+/webhooks/github$`))
		response, answer := deliver(daemon, webhookSecret, endedJob(1))
		Expect(response.StatusCode).To(Equal(http.StatusAccepted))
		Expect(answer).To(MatchJSON(`{"outcome": "accepted", "events": 5}`))
		daemon.post(startEvent)
		page := daemon.page()
		Expect(page).To(And(
			ContainSubstring(finished+"1\n"),
			ContainSubstring("\n"+`ci_job_queue_duration_seconds_sum{runner_class="ubuntu-latest",system="github"} 5`+"\n"),
			ContainSubstring("\n"+`signalbox_source_deliveries_total{outcome="accepted",source="github"} 1`+"\n"),
			ContainSubstring("\n"+`concourse_builds_started_total 1`+"\n"),
			ContainSubstring("\n"+`ci_runs_started_total{pipeline="",repository="",system="concourse"} 1`+"\n"),
		))
		Expect(page + daemon.stderr()).NotTo(ContainSubstring(webhookSecret))
	})

	DescribeTable("uses the catalogs of --catalog", func(list string, has, hasNot string) {
		daemon := startWebhooks("--catalog="+list, "--github-secret-file="+secretFile(webhookSecret))
		deliver(daemon, webhookSecret, endedJob(1))
		daemon.post(startEvent)
		Expect(daemon.page()).To(And(ContainSubstring("\n"+has), Not(ContainSubstring("\n"+hasNot))))
	},
		Entry("ci", "ci", "ci_jobs_finished_total{", "concourse_builds_"),
		Entry("concourse", "concourse", "concourse_builds_started_total 1", "ci_"),
	)

	It("has no listener for webhooks unless a source is configured", func() {
		taken, err := net.Listen("tcp", "127.0.0.1:0")
		Expect(err).NotTo(HaveOccurred())
		defer taken.Close()
		_, port, _ := net.SplitHostPort(taken.Addr().String())
		daemon := startDaemon("--webhook-bind-port=" + port)
		daemon.eventsURL()
		Expect(daemon.page()).NotTo(Or(ContainSubstring("signalbox_source_"), ContainSubstring("\nci_")))
		Expect(daemon.stderr()).NotTo(ContainSubstring("listening-for-webhooks"))
	})

	It("allows the default port of webhooks for other listeners if no source is configured", func() {
		code, out := check("SIGNALBOX_INTAKE_BIND_PORT=29391\n")
		Expect(out).To(HavePrefix("FILE: ok"))
		Expect(code).To(Equal(exitClean))
		code, out = check("SIGNALBOX_INTAKE_BIND_PORT=29391\nSIGNALBOX_GITHUB_SECRET_FILE=" + secretFile("a") + "\n")
		Expect(out).To(MatchRegexp(`^FILE(:1: SIGNALBOX_INTAKE_BIND_PORT|: SIGNALBOX_WEBHOOK_BIND_PORT): got port 29391, which is also the port of SIGNALBOX_`))
		Expect(code).To(Equal(exitFailure))
	})

	DescribeTable("does not start, and reports the error on one line",
		func(want string, args func() []string) {
			daemon := startWebhooks(args()...)
			Eventually(daemon).Should(gexec.Exit())
			Expect(daemon.ExitCode()).NotTo(BeZero())
			Expect(daemon.stderr()).To(MatchRegexp(want))
			Expect(strings.Count(daemon.stderr(), "\n")).To(Equal(1))
			Expect(daemon.stderr()).NotTo(ContainSubstring(webhookSecret))
		},
		Entry("with an empty secret file", `--github-secret-file: /\S+/webhook.secret contains no secret, expected one on a line \(create one with: openssl rand -hex 32\)`,
			func() []string { return []string{"--github-secret-file=" + secretFile("", "")} }),
		Entry("without the secret file", `--gitlab-secret-file: .*/nowhere.*no such file`,
			func() []string { return []string{"--gitlab-secret-file=/nowhere"} }),
		Entry("with a signing token that is not one", `--gitlab-secret-file: .*whsec_`,
			func() []string { return []string{"--gitlab-secret-file=" + secretFile("whsec_"+webhookSecret)} }),
		Entry("with flags that contradict each other", `--github-secret-file and --github-allow-unauthenticated contradict each other`,
			func() []string {
				return []string{"--github-allow-unauthenticated", "--github-secret-file=" + secretFile(webhookSecret)}
			}),
		Entry("with users in the web configuration file", `--webhook-web-config-file: .*got basic_auth_users, expected none`,
			func() []string {
				file := secretFile("basic_auth_users:", "  ci: $2a$04$KWY2jkZEEFoqql3DodBozOXw6KM0OV3Rhy/YMgtgUC/uP3fVrs84a")
				return []string{"--github-allow-unauthenticated", "--webhook-web-config-file=" + file}
			}),
	)

	It("logs that everyone on the network can send deliveries", func() {
		daemon := startWebhooks("--webhook-bind-ip=0.0.0.0", "--github-secret-file="+secretFile(webhookSecret), "--gitlab-allow-unauthenticated")
		Eventually(daemon.Err).Should(gbytes.Say(`webhook-without-secret.*"source":"gitlab"`))
		Expect(daemon.stderr()).NotTo(MatchRegexp(`webhook-without-secret.*github`))
		daemon = startWebhooks("--gitlab-allow-unauthenticated")
		Eventually(daemon.eventsURL).ShouldNot(BeEmpty())
		Expect(daemon.stderr()).NotTo(ContainSubstring("webhook-without-secret"))
	})

	It("does not start if the port is in use", func() {
		taken, err := net.Listen("tcp", "127.0.0.1:0")
		Expect(err).NotTo(HaveOccurred())
		defer taken.Close()
		_, port, _ := net.SplitHostPort(taken.Addr().String())
		daemon := startWebhooks("--gitlab-allow-unauthenticated", "--webhook-bind-port="+port)
		Eventually(daemon).Should(gexec.Exit(exitFailure))
		Expect(daemon.stderr()).To(And(ContainSubstring("cannot receive webhooks on 127.0.0.1:"+port), ContainSubstring("--webhook-bind-port")))
	})

	It("answers webhooks that are sent to the intake with a hint", func() {
		daemon := startWebhooks("--github-secret-file=" + secretFile(webhookSecret))
		response, answer := postTo(strings.TrimSuffix(daemon.eventsURL(), "/api/v1/events")+"/webhooks/github", endedJob(1))
		Expect(response.StatusCode).To(Equal(http.StatusNotFound))
		Expect(answer).To(ContainSubstring("send webhooks to the webhook listener (--webhook-bind-port)"))

		response, answer = postTo(strings.TrimSuffix(daemon.url("listening-for-webhooks"), "/webhooks/github")+"/api/v1/events", startEvent)
		Expect(response.StatusCode).To(Equal(http.StatusNotFound))
		Expect(answer).To(ContainSubstring("/webhooks/github"))
	})

	It("accepts the name of a reverse proxy in the header Host", func() {
		daemon := startWebhooks("--github-secret-file=" + secretFile(webhookSecret))
		body := endedJob(1)
		request, err := http.NewRequest(http.MethodPost, daemon.url("listening-for-webhooks"), strings.NewReader(body))
		Expect(err).NotTo(HaveOccurred())
		request.Host = "hooks.example.com"
		request.Header.Set("X-Hub-Signature-256", signature(webhookSecret, body))
		response, err := client.Do(request)
		Expect(err).NotTo(HaveOccurred())
		response.Body.Close()
		Expect(response.StatusCode).To(Equal(http.StatusAccepted))
	})

	It("reads the secrets again on SIGHUP", func() {
		file := secretFile(webhookSecret)
		daemon := startWebhooks("--github-secret-file=" + file)
		deliver(daemon, webhookSecret, endedJob(1))
		Expect(os.WriteFile(file, []byte("next-secret\n"+webhookSecret+"\n"), 0o600)).To(Succeed())
		daemon.Signal(syscall.SIGHUP)
		Eventually(daemon.Err).Should(gbytes.Say("secrets-reloaded"))
		for i, secret := range []string{"next-secret", webhookSecret} {
			response, _ := deliver(daemon, secret, endedJob(2+i))
			Expect(response.StatusCode).To(Equal(http.StatusAccepted), secret)
		}

		Expect(os.WriteFile(file, []byte("next-secret\n"), 0o600)).To(Succeed())
		daemon.Signal(syscall.SIGHUP)
		Eventually(daemon.Err).Should(gbytes.Say("secrets-reloaded"))
		response, _ := deliver(daemon, webhookSecret, endedJob(4))
		Expect(response.StatusCode).To(Equal(http.StatusUnauthorized))

		Expect(os.WriteFile(file, nil, 0o600)).To(Succeed())
		daemon.Signal(syscall.SIGHUP)
		Eventually(daemon.Err).Should(gbytes.Say("secrets-not-reloaded.*contains no secret"))
		response, _ = deliver(daemon, "next-secret", endedJob(5))
		Expect(response.StatusCode).To(Equal(http.StatusAccepted))
		Expect(daemon.page()).To(ContainSubstring(finished + "4\n"))
	})

	It("finishes deliveries in progress on SIGTERM", func() {
		daemon := startWebhooks("--github-secret-file=" + secretFile(webhookSecret))
		body := endedJob(1)
		address := strings.TrimSuffix(strings.TrimPrefix(daemon.url("listening-for-webhooks"), "http://"), "/webhooks/github")
		connection, err := net.Dial("tcp", address)
		Expect(err).NotTo(HaveOccurred())
		defer connection.Close()
		// The daemon asks for the body when it has begun to read the request.
		fmt.Fprintf(connection, "POST /webhooks/github HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\nX-Hub-Signature-256: %s\r\nExpect: 100-continue\r\n\r\n", len(body), signature(webhookSecret, body))
		answer := gbytes.BufferReader(connection)
		Eventually(answer).Should(gbytes.Say("100 Continue"))
		daemon.Terminate()
		Eventually(daemon.Err).Should(gbytes.Say("stopping"))
		fmt.Fprint(connection, body)
		Eventually(answer).Should(gbytes.Say(`202 Accepted(?s:.*)"outcome":"accepted"`))
		Eventually(daemon).Should(gexec.Exit(exitClean))
	})

	It("stops accepting deliveries on SIGTERM, even while the intake waits for a client", func() {
		daemon := startWebhooks("--shutdown-timeout=10m", "--github-secret-file="+secretFile(webhookSecret))
		address := func(url string) string { return strings.Split(url, "/")[2] }
		client, err := net.Dial("tcp", address(daemon.eventsURL()))
		Expect(err).NotTo(HaveOccurred())
		defer client.Close()
		fmt.Fprintf(client, "POST /api/v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", len(startEvent))
		answer := gbytes.BufferReader(client)
		Eventually(answer).Should(gbytes.Say("100 Continue"))
		daemon.Terminate()
		Eventually(func() error {
			connection, err := net.Dial("tcp", address(daemon.url("listening-for-webhooks")))
			if err == nil {
				connection.Close()
			}
			return err
		}).Should(MatchError(syscall.ECONNREFUSED))
		Expect(daemon.ExitCode()).To(Equal(-1)) // still running
		fmt.Fprint(client, startEvent)
		Eventually(answer).Should(gbytes.Say("200 OK"))
		Eventually(daemon).Should(gexec.Exit(exitClean))
	})

	Describe("signalbox check", func() {
		It("accepts an environment file with webhooks, and counts the rules of ci", func() {
			first, second := secretFile(webhookSecret), secretFile("whsec_c2lnbmFsYm94LWZpeHR1cmUtc2lnbmluZy1rZXktMzI=")
			code, without := check("SIGNALBOX_HOST=a\nSIGNALBOX_LOG_LEVEL=info\n")
			Expect(code).To(Equal(exitClean))
			code, out := check("SIGNALBOX_GITHUB_SECRET_FILE=" + first + "\nSIGNALBOX_GITLAB_SECRET_FILE=" + first + "," + second + "\n")
			Expect(out).To(HavePrefix("FILE: ok: environment file of signalbox run, variables: 2; "))
			Expect(out).NotTo(Equal(without))
			Expect(code).To(Equal(exitClean))
		})

		DescribeTable("finds errors", func(content func() string, want string) {
			code, out := check(content())
			Expect(out).To(MatchRegexp("^" + want + "\n$"))
			Expect(code).To(Equal(exitFailure))
			Expect(out).NotTo(ContainSubstring(webhookSecret))
		},
			Entry("in a secret file", func() string { return "\nSIGNALBOX_GITHUB_SECRET_FILE=" + secretFile() },
				`FILE:2: SIGNALBOX_GITHUB_SECRET_FILE: /\S+ contains no secret, expected one on a line.*`),
			Entry("in one of several", func() string {
				return "SIGNALBOX_GITLAB_SECRET_FILE=" + secretFile("a") + "," + secretFile("whsec_"+webhookSecret)
			},
				`FILE:1: SIGNALBOX_GITLAB_SECRET_FILE: .*`),
			Entry("a missing secret file", func() string { return "SIGNALBOX_GITHUB_SECRET_FILE=/nowhere" },
				`FILE:1: SIGNALBOX_GITHUB_SECRET_FILE: .*/nowhere: no such file or directory`),
			Entry("contradictions", func() string {
				return "SIGNALBOX_GITHUB_ALLOW_UNAUTHENTICATED=true\nSIGNALBOX_GITHUB_SECRET_FILE=" + secretFile("a")
			},
				`FILE:2: SIGNALBOX_GITHUB_SECRET_FILE and SIGNALBOX_GITHUB_ALLOW_UNAUTHENTICATED contradict each other`),
			Entry("an empty path of a web configuration file", func() string {
				return "SIGNALBOX_GITHUB_ALLOW_UNAUTHENTICATED=true\nSIGNALBOX_WEBHOOK_WEB_CONFIG_FILE=/nowhere"
			},
				`FILE:2: SIGNALBOX_WEBHOOK_WEB_CONFIG_FILE: .*/nowhere: no such file or directory`),
			Entry("a misspelled source", func() string { return "SIGNALBOX_GIHUB_SECRET_FILE=a" },
				`FILE:1: SIGNALBOX_GIHUB_SECRET_FILE is not a variable of signalbox run: did you mean SIGNALBOX_GITHUB_SECRET_FILE\?`),
			Entry("an invalid limit", func() string { return "SIGNALBOX_SOURCE_QUEUED_LIMIT=-1s" },
				`FILE:1: SIGNALBOX_SOURCE_QUEUED_LIMIT: got -1s, expected more than 0s`),
		)
	})
})
