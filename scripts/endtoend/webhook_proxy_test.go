//go:build e2e

package endtoend

import (
	"os/exec"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// The configurations in docs/webhooks.md must work, with other addresses.
var _ = Describe("The webhook listener on the internet", func() {
	const (
		ci       = "ci.example.com"
		recorded = "../../cmd/signalbox/internal/source/github/testdata/workflow_job-completed-success"
	)
	// startWebhooks starts signalbox, and returns the address of its webhook listener.
	startWebhooks := func(args ...string) (*signalbox, string) {
		GinkgoHelper()
		s := startSignalbox(append(args, "--catalog=ci", "--webhook-bind-port=0", "--source-memory=1000000h",
			"--github-secret-file", writeFile("signalbox-fixture-secret\n"))...)
		var url string
		Eventually(func() string { url = s.announced("signalbox.listening-for-webhooks"); return url }, "20s", "5ms").ShouldNot(BeEmpty())
		_, rest, _ := strings.Cut(url, "://")
		address, _, _ := strings.Cut(rest, "/")
		return s, address
	}
	// check uses the listener at an address with TLS.
	check := func(s *signalbox, address string) {
		GinkgoHelper()
		_, port, _ := strings.Cut(address, ":")
		options := func(path string) []string {
			return []string{"-k", "--resolve", ci + ":" + port + ":127.0.0.1", "https://" + ci + ":" + port + path}
		}
		via := func(path string, args ...string) string {
			GinkgoHelper()
			return curl(append(options(path), args...)...)
		}
		Eventually(func() error { return exec.Command("curl", options("/webhooks/github")...).Run() }, "20s", "100ms").Should(Succeed())
		Expect(via("/webhooks/github")).To(And(HavePrefix("This is the webhook for GitHub Actions."), HaveSuffix("200")))
		Expect(via("/webhooks/github", "-H", "@"+recorded+".headers", "--data-binary", "@"+recorded+".json")).To(
			And(ContainSubstring(`"outcome":"accepted"`), HaveSuffix("202")))
		large := writeFile(`{"zen": "` + strings.Repeat("x", 3<<20) + `"}`)
		// A proxy can lose the end of an answer that arrives while it still receives the
		// body. Caddy does so occasionally.
		refused := append([]string{"-s", "-w", "\n%{http_code}", "--data-binary", "@" + large}, options("/webhooks/github")...)
		Eventually(func() (string, error) {
			answer, err := exec.Command("curl", refused...).Output()
			return string(answer), err
		}, "20s", "100ms").Should(And(ContainSubstring("X-Hub-Signature-256 is missing"), HaveSuffix("401")))
		Expect(via("/metrics")).NotTo(ContainSubstring("ci_"))
		Expect(curl(s.metrics)).To(ContainSubstring("\nci_job_queue_duration_seconds_sum{runner_class=\"ubuntu-latest\",system=\"github\"} 60\n"))
	}

	It("works with the example for Caddy", func() {
		s, webhooks := startWebhooks()
		address := freeAddress()
		_, port, _ := strings.Cut(address, ":")
		startCaddy(replace(documentedExample("webhooks.md", "caddyfile"),
			ci+" {", "https://"+ci+":"+port+" {\n\tbind 127.0.0.1\n\ttls internal",
			"127.0.0.1:29391", webhooks))
		check(s, address)
	})

	It("works with the example for nginx", func() {
		s, webhooks := startWebhooks()
		certificate := certify("DNS:" + ci)
		address := freeAddress()
		startNginx(replace(documentedExample("webhooks.md", "nginx"),
			"listen 443 ssl", "listen "+address+" ssl",
			"/etc/ssl/ci.example.com.crt", certificate.cert, "/etc/ssl/ci.example.com.key", certificate.key,
			"127.0.0.1:29391", webhooks))
		check(s, address)
	})

	It("serves TLS itself with the example of a web configuration file", func() {
		certificate := certify("DNS:" + ci)
		yaml := ""
		for _, block := range documentedExamples("webhooks.md", "yaml") {
			if strings.HasPrefix(block, "# /etc/signalbox/webhook.yml\n") {
				yaml = block
			}
		}
		config := writeFile(replace(yaml, "/etc/signalbox/tls.crt", certificate.cert, "/etc/signalbox/tls.key", certificate.key))
		s, address := startWebhooks("--webhook-web-config-file", config)
		check(s, address)
	})
})
