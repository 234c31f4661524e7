package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
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
)

var _ = Describe("Access to signalbox run", func() {
	const (
		token = "0123456789abcdef"

		// users contains the user a, whose password is "secret".
		users = "basic_auth_users: {a: $2a$04$KWY2jkZEEFoqql3DodBozOXw6KM0OV3Rhy/YMgtgUC/uP3fVrs84a}\n"
	)

	// file writes a file with the content and returns its path.
	file := func(content string) string {
		GinkgoHelper()
		path := filepath.Join(GinkgoT().TempDir(), "file")
		Expect(os.WriteFile(path, []byte(content), 0o600)).To(Succeed())
		return path
	}
	intake := func(daemon *process) string { return strings.TrimSuffix(daemon.eventsURL(), "/api/v1/events") }
	metrics := func(daemon *process) string { return strings.TrimSuffix(daemon.url("serving-metrics"), "/metrics") }

	// insecure is like client, but accepts every certificate.
	insecure := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}

	type header = map[string]string
	do := func(method, url, content string, h header) (int, string) {
		GinkgoHelper()
		request, err := http.NewRequest(method, url, strings.NewReader(content))
		Expect(err).NotTo(HaveOccurred())
		for name, value := range h {
			if name == "Host" {
				request.Host = value
			}
			request.Header.Set(name, value)
		}
		response, err := insecure.Do(request)
		return response.StatusCode, body(response, err)
	}
	var (
		bearer = header{"Authorization": "Bearer " + token}
		basic  = header{"Authorization": "Basic YTpzZWNyZXQ="}
	)

	// A target is a path of the intake listener that reads or writes.
	type target struct{ method, path, content string }
	writing := []target{
		{"POST", "/api/v1/events", startEvent}, {"PUT", "/metrics/job/j", "x 1\n"}, {"POST", "/metrics/job/j", "x 1\n"}, {"DELETE", "/metrics/job/j", ""},
		{"POST", "/api/v1/agent-metrics", `{"labels":{},"metrics":[{"name":"y","type":"gauge","value":1}]}`}, {"PUT", "/api/v1/admin/wipe", ""},
	}
	reading := []target{{"GET", "/metrics", ""}, {"GET", "/api/v1/metrics", ""}, {"GET", "/api/v1/status", ""}}

	It("requires a token or a password on all reading and writing paths of the intake", func() {
		daemon := startDaemon("--intake-token-file", file(token+"\n"), "--intake-web-config-file", file(users), "--enable-admin-api")
		base := intake(daemon)
		for _, t := range append(writing, reading...) {
			status, answer := do(t.method, base+t.path, t.content, nil)
			Expect(status).To(Equal(http.StatusUnauthorized), t.path)
			Expect(answer).To(HavePrefix("credentials are required: "))
			status, _ = do(t.method, base+t.path, t.content, header{"Authorization": "Bearer " + token + "0"})
			Expect(status).To(Equal(http.StatusUnauthorized), t.path)
			for _, valid := range []header{bearer, basic} {
				status, _ = do(t.method, base+t.path, t.content, valid)
				Expect(status).To(BeNumerically("<", 300), t.path)
			}
		}
		for _, path := range []string{"/-/healthy", "/-/ready"} {
			status, _ := do("GET", base+path, "", nil)
			Expect(status).To(Equal(http.StatusOK))
		}
		status, _ := do("GET", base+"/unknown", "", nil)
		Expect(status).To(Equal(http.StatusUnauthorized))

		Expect(daemon.page()).To(And(
			ContainSubstring(`signalbox_requests_denied_total{listener="intake",reason="no_credentials"} 10`),
			ContainSubstring(`signalbox_requests_denied_total{listener="intake",reason="bad_credentials"} 9`),
			ContainSubstring("signalbox_tokens_last_reload_successful 1\n"),
			ContainSubstring(`signalbox_web_config_last_reload_successful{listener="intake"} 1`),
		), "the metrics listener is open")
		_, overview := do("GET", metrics(daemon)+"/api/v1/overview", "", nil)
		Expect(overview).To(MatchRegexp(`The intake listener denied requests, reason no_credentials. The latest, GET /unknown, came from 127\.0\.0\.1:\d+: credentials are required: `))
		Expect(daemon.Err).To(gbytes.Say(`request-denied.*"remote":"127\.0\.0\.1:`))
		Expect(daemon.stderr()).NotTo(ContainSubstring(token))
	})

	It("serves TLS on the intake, and can require client certificates", func() {
		cert, key := certificate()
		tls := "tls_server_config: {cert_file: " + cert + ", key_file: " + key
		daemon := startDaemon("--intake-web-config-file", file(tls+"}\n"))
		Expect(daemon.eventsURL()).To(HavePrefix("https://127.0.0.1:"))
		Expect(daemon.url("listening-for-pushes")).To(HavePrefix("https://127.0.0.1:"))
		status, _ := do("POST", daemon.eventsURL(), startEvent, nil)
		Expect(status).To(Equal(http.StatusOK))
		daemon.Terminate()
		Eventually(daemon).Should(gexec.Exit(0))

		daemon = startDaemon("--intake-web-config-file", file(tls+", client_auth_type: RequireAndVerifyClientCert, client_ca_file: "+cert+"}\n"))
		_, err := insecure.Get(daemon.eventsURL())
		Expect(err).To(HaveOccurred())
	})

	It("reads the tokens again, but not from a file that has become empty", func() {
		path := file(token + "\n")
		daemon := startDaemon("--intake-token-file", path)
		status := func(t string) int {
			GinkgoHelper()
			status, _ := do("POST", daemon.eventsURL(), startEvent, header{"Authorization": "Bearer " + t})
			return status
		}
		Expect(status(token)).To(Equal(http.StatusOK))
		Expect(os.WriteFile(path, []byte("another-0123456789\n"), 0o600)).To(Succeed())
		Eventually(func() int { return status("another-0123456789") }).WithTimeout(10 * time.Second).Should(Equal(http.StatusOK))
		Expect(status(token)).To(Equal(http.StatusUnauthorized))
		Expect(os.WriteFile(path, nil, 0o600)).To(Succeed())
		Eventually(daemon.page).WithTimeout(10 * time.Second).Should(ContainSubstring("signalbox_tokens_last_reload_successful 0\n"))
		Expect(status("another-0123456789")).To(Equal(http.StatusOK))
		Expect(status("")).To(Equal(http.StatusUnauthorized))
		_, overview := do("GET", metrics(daemon)+"/api/v1/overview", "", nil)
		Expect(overview).To(ContainSubstring("the token file of the intake listener is refused"))
	})

	It("does not show metrics on an open intake if the metrics listener is protected", func() {
		daemon := startDaemon("--prometheus-web-config-file", file(users))
		for _, t := range reading {
			status, answer := do(t.method, intake(daemon)+t.path, "", nil)
			Expect(status).To(Equal(http.StatusForbidden))
			Expect(answer).To(And(ContainSubstring("--prometheus-web-config-file"), ContainSubstring("--intake-token-file")))
		}
		status, _ := do("PUT", intake(daemon)+"/metrics/job/j", "x 1\n", nil)
		Expect(status).To(Equal(http.StatusOK))

		daemon = startDaemon("--prometheus-web-config-file", file(users), "--intake-token-file", file(token))
		for _, t := range reading {
			status, _ := do(t.method, intake(daemon)+t.path, "", bearer)
			Expect(status).To(Equal(http.StatusOK))
		}
	})

	It("hides metrics on an open intake as soon as the metrics listener requires a password", func() {
		path := file("")
		daemon := startDaemon("--prometheus-web-config-file", path)
		status, _ := do("GET", intake(daemon)+"/metrics", "", nil)
		Expect(status).To(Equal(http.StatusOK))
		Expect(os.WriteFile(path, []byte(users), 0o600)).To(Succeed())
		status, _ = do("GET", intake(daemon)+"/metrics", "", nil)
		Expect(status).To(Equal(http.StatusForbidden))
	})

	It("denies websites on both listeners, by default", func() {
		daemon := startDaemon("--enable-admin-api", "--enable-reload-api")
		cross := header{"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site", "Content-Type": "text/plain"}
		rebound := header{"Host": "evil.example", "Origin": "http://evil.example", "Sec-Fetch-Site": "same-origin"}
		for _, t := range writing {
			for _, h := range []header{cross, rebound} {
				status, answer := do(t.method, intake(daemon)+t.path, t.content, h)
				Expect(status).To(Equal(http.StatusForbidden), t.path)
				Expect(answer).To(Or(ContainSubstring("--cors-origin"), ContainSubstring("--allowed-host")))
			}
		}
		for _, h := range []header{cross, rebound} {
			status, _ := do("POST", metrics(daemon)+"/-/reload", "", h)
			Expect(status).To(Equal(http.StatusForbidden))
		}
		for _, url := range []string{intake(daemon) + "/api/v1/metrics", metrics(daemon) + "/metrics", metrics(daemon) + "/api/v1/overview", metrics(daemon) + "/"} {
			status, _ := do("GET", url, "", header{"Host": "evil.example"})
			Expect(status).To(Equal(http.StatusForbidden), url)
		}
		Expect(daemon.page()).To(ContainSubstring("concourse_builds_started_total 0\n"))
		status, _ := do("POST", metrics(daemon)+"/-/reload", "", nil)
		Expect(status).To(Equal(http.StatusOK))
	})

	It("accepts additional hosts and origins", func() {
		daemon := startDaemon("--allowed-host=ci.example.com", "--allowed-host=other.example.com", "--cors-origin=https://dashboard.example.com")
		status, _ := do("POST", daemon.eventsURL(), startEvent, header{"Host": "other.example.com"})
		Expect(status).To(Equal(http.StatusOK))
		status, _ = do("GET", metrics(daemon)+"/metrics", "", header{"Host": "ci.example.com:9391"})
		Expect(status).To(Equal(http.StatusOK))
		status, _ = do("POST", daemon.eventsURL(), startEvent, header{"Origin": "https://dashboard.example.com", "Sec-Fetch-Site": "cross-site"})
		Expect(status).To(Equal(http.StatusOK))
	})

	It("logs that everyone on the network can write", func() {
		daemon := startDaemon("--intake-bind-ip=0.0.0.0")
		Eventually(daemon.Err).Should(gbytes.Say("intake-without-credentials"))
		daemon = startDaemon("--intake-bind-ip=0.0.0.0", "--intake-token-file", file(token))
		Eventually(daemon.eventsURL).ShouldNot(BeEmpty())
		Expect(daemon.stderr()).NotTo(ContainSubstring("intake-without-credentials"))
	})

	DescribeTable("names the invalid flag or file, and starts nothing",
		func(code int, message string, flags ...string) {
			daemon := startDaemon(flags...)
			Eventually(daemon).Should(gexec.Exit(code))
			Expect(daemon.stderr()).To(And(ContainSubstring(message), Not(ContainSubstring("serving-metrics"))))
		},
		Entry("a host with a port", 2, `got "a.example:80", expected a host name without a port`, "--allowed-host=a.example:80"),
		Entry("a host with a scheme", 2, `got "http://a.example", expected a host name without a scheme`, "--allowed-host=http://a.example"),
		Entry("a pattern", 2, `got "*.example"`, "--allowed-host=*.example"),
		Entry("an origin with a path", 2, `got "https://a.example/", expected * or an origin`, "--cors-origin=https://a.example/"),
		Entry("an origin without a scheme", 2, `got "a.example", expected * or an origin`, "--cors-origin=a.example"),
		Entry("an origin with the default port", 2, `expected https://a.example: browsers omit the default port`, "--cors-origin=https://a.example:443"),
		Entry("a missing token file", 1, "--intake-token-file: open /nonexistent", "--intake-token-file=/nonexistent"),
		Entry("an empty token file", 1, "--intake-token-file: /dev/null", "--intake-token-file=/dev/null"),
		Entry("a missing web configuration file", 1, "--intake-web-config-file: open /nonexistent", "--intake-web-config-file=/nonexistent"),
	)

	It("checks the files that an environment file names", func() {
		tokens, web := file("short\n"), file("basic_auth_users: {a: b}\n")
		check := start(nil, "check", file("SIGNALBOX_INTAKE_TOKEN_FILE="+tokens+"\nSIGNALBOX_INTAKE_WEB_CONFIG_FILE="+web+"\n"))
		Eventually(check).Should(gexec.Exit(1))
		Expect(check.stderr()).To(And(ContainSubstring(tokens+":1: the token has 5 characters"), ContainSubstring(web+":1: basic_auth_users")))
	})

	It("lets the demo push to its own protected intake, and prints who can use it", func() {
		demo := start(nil, "demo", "--prometheus-bind-port=0", "--intake-bind-port=0", "--speed=1200", "--intake-token-file", file(token))
		Eventually(demo.Out).Should(gbytes.Say(`curl -H "Authorization: Bearer \$TOKEN" -d`))
		Eventually(demo.Out).Should(gbytes.Say("The status page and metrics are open to programs on this machine, without credentials.\n" +
			"Events and pushes are accepted from programs on this machine, with credentials.\n"))
		Eventually(demo.Out).Should(gbytes.Say("Press Ctrl-C to stop."))
		page := strings.TrimSpace(strings.Split(strings.Split(string(demo.Out.Contents()), "Metrics")[1], "\n")[0])
		Eventually(func() string { return body(client.Get(page)) }).Should(MatchRegexp(`(?m)^ci_job_tests\{.*job="unit".*\} [1-9]`))
		demo.Signal(syscall.SIGTERM)
		Eventually(demo).Should(gexec.Exit(0))
		Expect(string(demo.Out.Contents())).To(MatchRegexp(`(?m)^Pushes of jobs and agents: [1-9]\d* sent, 0 failed`))
	})
})

// certificate writes a certificate for 127.0.0.1 that signs itself, and its key.
func certificate() (certFile, keyFile string) {
	GinkgoHelper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	Expect(err).NotTo(HaveOccurred())
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	Expect(err).NotTo(HaveOccurred())
	keyBytes, err := x509.MarshalPKCS8PrivateKey(key)
	Expect(err).NotTo(HaveOccurred())
	directory := GinkgoT().TempDir()
	certFile, keyFile = filepath.Join(directory, "tls.crt"), filepath.Join(directory, "tls.key")
	Expect(os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}), 0o600)).To(Succeed())
	Expect(os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyBytes}), 0o600)).To(Succeed())
	return certFile, keyFile
}
