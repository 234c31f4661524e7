//go:build e2e

package endtoend

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/push"
)

const (
	accessToken = "0123456789abcdef0123456789abcdef"

	// passwordHash is the bcrypt hash of "secret".
	passwordHash = "$2a$04$KWY2jkZEEFoqql3DodBozOXw6KM0OV3Rhy/YMgtgUC/uP3fVrs84a"
)

// A certified is a directory with a certificate for names and its key.
type certified struct{ cert, key string }

// certify creates a certificate that signs itself.
func certify(names ...string) certified {
	GinkgoHelper()
	directory := GinkgoT().TempDir()
	c := certified{filepath.Join(directory, "tls.crt"), filepath.Join(directory, "tls.key")}
	output("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1",
		"-subj", "/CN=signalbox", "-addext", "subjectAltName="+strings.Join(names, ","), "-out", c.cert, "-keyout", c.key)
	return c
}

// client returns an HTTP client that trusts only the certificate.
func (c certified) client() *http.Client {
	GinkgoHelper()
	pem, err := os.ReadFile(c.cert)
	Expect(err).NotTo(HaveOccurred())
	roots := x509.NewCertPool()
	Expect(roots.AppendCertsFromPEM(pem)).To(BeTrue())
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true}}
}

func writeFile(content string) string {
	GinkgoHelper()
	path := filepath.Join(GinkgoT().TempDir(), "file")
	Expect(os.WriteFile(path, []byte(content), 0o600)).To(Succeed())
	return path
}

// curl runs curl and returns the status and the body of the answer.
func curl(args ...string) string {
	GinkgoHelper()
	return output("curl", append([]string{"-sS", "-w", "%{http_code}"}, args...)...)
}

var _ = Describe("signalbox on the internet", Ordered, func() {
	var (
		s           *signalbox
		certificate certified
		pushes      string
	)
	BeforeAll(func() {
		certificate = certify("IP:127.0.0.1")
		tlsConfig := fmt.Sprintf("tls_server_config: {cert_file: %s, key_file: %s}\n", certificate.cert, certificate.key)
		s = startSignalbox("--intake-token-file", writeFile("# current\n"+accessToken+"\n\n# next\nfedcba9876543210fedcba9876543210\n"),
			"--intake-web-config-file", writeFile(tlsConfig+"basic_auth_users: {old: "+passwordHash+"}\n"),
			"--prometheus-web-config-file", writeFile(tlsConfig+"basic_auth_users: {prometheus: "+passwordHash+"}\n"))
		pushes = strings.TrimSuffix(s.announced("signalbox.listening-for-pushes"), "/metrics/job/")
		Expect(pushes).To(HavePrefix("https://"))
	})

	It("accepts events and pushes from curl with a token or a password", func() {
		for _, credentials := range [][]string{{"-H", "Authorization: Bearer " + accessToken}, {"-H", "Authorization: Bearer fedcba9876543210fedcba9876543210"}, {"-u", "old:secret"}} {
			credentials = append(credentials, "--cacert", certificate.cert)
			Expect(curl(append(credentials, "-d", `{"name": "builds started"}`, s.events)...)).To(HaveSuffix("200"))
			Expect(curl(append(credentials, "--data-binary", "tests_total 312\n", pushes+"/metrics/job/a%2Fb")...)).To(HaveSuffix("200"))
			Expect(curl(append(credentials, pushes+"/api/v1/metrics")...)).To(And(ContainSubstring(`"job":"a/b"`), HaveSuffix("200")))
		}
		for _, credentials := range [][]string{nil, {"-H", "Authorization: Bearer " + accessToken[1:]}, {"-u", "old:wrong"}, {"-u", "prometheus:secret"}} {
			credentials = append(credentials, "--cacert", certificate.cert)
			Expect(curl(append(credentials, "-d", `{"name": "builds started"}`, s.events)...)).To(HaveSuffix("401"))
			Expect(curl(append(credentials, "-X", "DELETE", pushes+"/metrics/job/a%2Fb")...)).To(HaveSuffix("401"))
		}
		Expect(curl("--cacert", certificate.cert, pushes+"/-/ready")).To(Equal("OK200"))
	})

	It("accepts pushes of client_golang", func() {
		gauge := prometheus.NewGauge(prometheus.GaugeOpts{Name: "queue_length"})
		gauge.Set(7)
		pusher := func() *push.Pusher {
			return push.New(pushes, "go").Collector(gauge).Client(certificate.client())
		}
		Expect(pusher().Push()).To(MatchError(And(ContainSubstring("401"), ContainSubstring("credentials are required"))))
		Expect(pusher().Header(http.Header{"Authorization": {"Bearer " + accessToken}}).Push()).To(Succeed())
		Expect(pusher().BasicAuth("old", "secret").Add()).To(Succeed())
	})

	It("accepts pushes of the Python client", func() {
		script := exec.Command("/usr/bin/python3", "-c", `
import sys
from prometheus_client import CollectorRegistry, Gauge, push_to_gateway
from prometheus_client.exposition import default_handler
registry = CollectorRegistry()
Gauge("python_queue_length", "", registry=registry).set(8)
def with_token(url, method, timeout, headers, data):
    return default_handler(url, method, timeout, headers + [("Authorization", "Bearer " + sys.argv[2])], data)
push_to_gateway(sys.argv[1], job="python", registry=registry, handler=with_token)`, pushes, accessToken)
		script.Env = append(os.Environ(), "SSL_CERT_FILE="+certificate.cert)
		out, err := script.CombinedOutput()
		Expect(err).NotTo(HaveOccurred(), string(out))
	})

	It("is scraped by Prometheus with a password", func() {
		target, err := url.Parse(s.metrics)
		Expect(err).NotTo(HaveOccurred())
		p := startPrometheusWithConfig(fmt.Sprintf(`
global: {scrape_interval: 500ms, scrape_timeout: 500ms}
scrape_configs:
- job_name: signalbox
  honor_labels: true
  scheme: https
  tls_config: {ca_file: %q}
  basic_auth: {username: prometheus, password: secret}
  static_configs: [{targets: [%q]}]
`, certificate.cert, target.Host))
		Eventually(p.sees(`{__name__=~"tests_total|queue_length|python_queue_length|concourse_builds_started_total"}`), "10s", "100ms").Should(Equal(map[string]float64{
			"tests_total job=a/b": 312, "queue_length job=go": 7, "python_queue_length job=python": 8, "concourse_builds_started_total ": 3,
		}))
		Expect(p.values(`signalbox_requests_denied_total{listener="intake",reason="bad_credentials"}`)).To(HaveLen(1))
	})
})

// documentedExample returns the only block of a language on a page in docs.
func documentedExample(page, language string) string {
	GinkgoHelper()
	found := documentedExamples(page, language)
	Expect(found).To(HaveLen(1))
	return found[0]
}

// documentedExamples returns the blocks of a language on a page in docs.
func documentedExamples(page, language string) (found []string) {
	GinkgoHelper()
	text, err := os.ReadFile("../../docs/" + page)
	Expect(err).NotTo(HaveOccurred())
	for _, match := range regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		found = append(found, match[1])
	}
	return found
}

// replace replaces texts, all of which must exist.
func replace(text string, pairs ...string) string {
	GinkgoHelper()
	for i := 0; i < len(pairs); i += 2 {
		Expect(text).To(ContainSubstring(pairs[i]))
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// startCaddy starts Caddy with sites. Their certificates must be internal ones.
func startCaddy(sites string) {
	GinkgoHelper()
	GinkgoT().Setenv("XDG_DATA_HOME", GinkgoT().TempDir())
	GinkgoT().Setenv("XDG_CONFIG_HOME", GinkgoT().TempDir())
	start("caddy", "run", "--adapter", "caddyfile", "--config", writeFile("{\n\tadmin off\n\tskip_install_trust\n\tauto_https disable_redirects\n}\n"+sites))
}

// startNginx starts nginx with servers.
func startNginx(servers string) {
	GinkgoHelper()
	directory := GinkgoT().TempDir()
	file := writeFile(fmt.Sprintf(`daemon off; master_process off; pid %[1]s/pid; error_log stderr;
events {}
http {
	access_log off;
	client_body_temp_path %[1]s/a; proxy_temp_path %[1]s/b; fastcgi_temp_path %[1]s/c; uwsgi_temp_path %[1]s/d; scgi_temp_path %[1]s/e;
%[2]s}
`, directory, servers))
	start("nginx", "-e", "stderr", "-p", directory, "-c", file)
}

// The configurations in docs/operations.md must work, with other addresses.
var _ = Describe("signalbox behind a reverse proxy", func() {
	const ci, metrics = "ci.example.com", "metrics.example.com"

	var s *signalbox
	BeforeEach(func() {
		s = startSignalbox("--intake-token-file", writeFile(accessToken), "--allowed-host", ci, "--allowed-host", metrics)
	})
	addresses := func() (intake, page string) {
		GinkgoHelper()
		e, err := url.Parse(s.events)
		Expect(err).NotTo(HaveOccurred())
		m, err := url.Parse(s.metrics)
		Expect(err).NotTo(HaveOccurred())
		return e.Host, m.Host
	}

	// check uses a proxy, which listens on an address. version is curl's option for the
	// version of HTTP of a stream.
	check := func(address, version string) {
		GinkgoHelper()
		_, port, _ := strings.Cut(address, ":")
		options := func(name, path string) []string {
			return []string{"-k", "--resolve", name + ":" + port + ":127.0.0.1", "https://" + name + ":" + port + path}
		}
		via := func(name, path string, args ...string) string {
			GinkgoHelper()
			return curl(append(options(name, path), args...)...)
		}
		Eventually(func() error { return exec.Command("curl", options(ci, "/-/ready")...).Run() }, "20s", "100ms").Should(Succeed())
		token := []string{"-H", "Authorization: Bearer " + accessToken}
		Expect(via(ci, "/api/v1/events", "-d", `{"name": "builds started"}`)).To(HaveSuffix("401"))
		Expect(via(ci, "/api/v1/events", append(token, "-d", `{"name": "builds started"}`)...)).To(HaveSuffix("200"))
		Expect(via(ci, "/metrics/job/a%2Fb", append(token, "--data-binary", "tests_total 312\n")...)).To(HaveSuffix("200"))
		large := writeFile(strings.Repeat(`{"name": "builds started"}`+"\n", 100_000)) // 2.7 MB
		Expect(via(ci, "/api/v1/events", append(token, "--data-binary", "@"+large)...)).To(And(ContainSubstring(`"accepted":100000`), HaveSuffix("200")))
		Expect(via(ci, "/api/v1/events", append(token, "-H", "Origin: https://evil.example", "-d", `{"name": "builds started"}`)...)).To(HaveSuffix("403"))

		stream := startSender(append(append(options(ci, "/api/v1/events?ack=10ms"), token...), version)...)
		for i := range 3 {
			stream.send(streamedEvent)
			Eventually(stream.output, "10s").Should(gbytes.Say(`\{"lines":%d,"accepted":%d,`, i+1, i+1))
		}
		Expect(stream.Close()).To(Succeed())
		Eventually(stream.exited, "10s").Should(Receive(BeNil()))
		Expect(stream.output).To(gbytes.Say(`"status":200`))

		Expect(via(metrics, "/metrics")).To(HaveSuffix("401"))
		page := via(metrics, "/metrics", "-u", "prometheus:secret")
		Expect(page).To(And(ContainSubstring("\ntests_total{instance=\"\",job=\"a/b\"} 312\n"), ContainSubstring("\nconcourse_builds_started_total 100004\n"), HaveSuffix("200")))
		Expect(via(metrics, "/", "-u", "prometheus:secret")).To(ContainSubstring("<html"))
	}

	It("works with the example for Caddy", func() {
		intake, page := addresses()
		address := freeAddress()
		_, port, _ := strings.Cut(address, ":")
		config := replace(documentedExample("operations.md", "caddyfile"),
			ci+" {", "https://"+ci+":"+port+" {\n\tbind 127.0.0.1\n\ttls internal",
			metrics+" {", "https://"+metrics+":"+port+" {\n\tbind 127.0.0.1\n\ttls internal",
			"127.0.0.1:19391", intake, "127.0.0.1:9391", page)
		startCaddy(regexp.MustCompile(`prometheus \$2\S+.*`).ReplaceAllLiteralString(config, "prometheus "+passwordHash))
		check(address, "--http2") // over HTTP/1.1, Caddy discards what follows the first line of the response
	})

	It("works with the example for nginx", func() {
		intake, page := addresses()
		certificate := certify("DNS:"+ci, "DNS:"+metrics)
		address := freeAddress()
		// nginx does not support bcrypt hashes on all systems.
		password := output("openssl", "passwd", "-apr1", "secret")
		startNginx(replace(documentedExample("operations.md", "nginx"),
			"listen 443 ssl", "listen "+address+" ssl",
			"/etc/ssl/ci.example.com.crt", certificate.cert, "/etc/ssl/ci.example.com.key", certificate.key,
			"/etc/ssl/metrics.example.com.crt", certificate.cert, "/etc/ssl/metrics.example.com.key", certificate.key,
			"/etc/nginx/signalbox.htpasswd", writeFile("prometheus:"+password+"\n"),
			"127.0.0.1:19391", intake, "127.0.0.1:9391", page))
		check(address, "--http1.1")
	})
})
