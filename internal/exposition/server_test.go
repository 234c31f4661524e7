package exposition

import (
	"compress/gzip"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"code.cloudfoundry.org/lager/v3"
	"github.com/klauspost/compress/zstd"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-ci/signalbox/internal/access"
	"github.com/signalbox-ci/signalbox/internal/series"
	"github.com/signalbox-ci/signalbox/internal/webconfig"
)

func TestServerHasTimeouts(t *testing.T) {
	o := ServerOptions{}.http(nil)
	for name, timeout := range map[string]time.Duration{"header": o.ReadHeaderTimeout, "request": o.ReadTimeout, "idle": o.IdleTimeout} {
		if timeout < time.Second || timeout > 10*time.Minute {
			t.Errorf("%s timeout: got %v, want between 1s and 10m", name, timeout)
		}
	}
}

func allocationsOf(f func()) float64 { return testing.AllocsPerRun(5, f) }

var _ = Describe("The server", func() {
	var (
		options HandlerOptions
		address string
		file    string // the web configuration file
		server  *Server
		mu      sync.Mutex
		scrapes []Scrape
		client  *http.Client
	)
	BeforeEach(func() {
		store := newVariedStore()
		scrapes, file, address = nil, "", "127.0.0.1:0"
		options = HandlerOptions{
			Status:      http.HandlerFunc(serveStatus),
			Logger:      func() lager.Logger { return lager.NewLogger("test") },
			Page:        Page{Store: store, Created: true},
			MaxInFlight: 1,
			Done: func(s Scrape) {
				mu.Lock()
				defer mu.Unlock()
				scrapes = append(scrapes, s)
			},
		}
		client = &http.Client{Transport: &http.Transport{DisableCompression: true}}
	})
	newServer := func() (*Server, error) {
		webConfig, err := webconfig.Open(file)
		Expect(err).NotTo(HaveOccurred())
		return Listen(ServerOptions{Address: address, Access: access.Options{WebConfig: webConfig}, Handler: NewHandler(options), Logger: options.Logger})
	}
	listen := func() {
		GinkgoHelper()
		var err error
		server, err = newServer()
		Expect(err).NotTo(HaveOccurred())
		server.Serve()
		DeferCleanup(func() {
			client.CloseIdleConnections()
			Expect(server.Shutdown(context.Background())).To(Succeed())
		})
	}
	get := func(path string, header ...string) (*http.Response, string) {
		GinkgoHelper()
		r, err := http.NewRequest(http.MethodGet, "http://"+server.Addr()+path, nil)
		Expect(err).NotTo(HaveOccurred())
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		response, err := client.Do(r)
		Expect(err).NotTo(HaveOccurred())
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		Expect(err).NotTo(HaveOccurred())
		return response, string(body)
	}

	done := func() []Scrape {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(scrapes)
	}

	It("serves health checks and the status, and answers other paths with 404", func() {
		listen()
		for _, path := range []string{"/-/healthy", "/-/ready"} {
			response, body := get(path)
			Expect(response.StatusCode).To(Equal(http.StatusOK))
			Expect(body).To(Equal("OK"))
		}
		response, body := get("/")
		Expect(response.StatusCode).To(Equal(http.StatusOK))
		Expect(body).To(Equal("the status"))
		response, _ = get("/elsewhere")
		Expect(response.StatusCode).To(Equal(http.StatusNotFound))
		posted, err := client.Post("http://"+server.Addr()+"/metrics", "text/plain", strings.NewReader("m 1\n"))
		Expect(err).NotTo(HaveOccurred())
		posted.Body.Close()
		Expect(posted.StatusCode).To(Equal(http.StatusMethodNotAllowed))
		Expect(posted.Header.Get("Allow")).To(Equal("GET, HEAD"))
	})

	It("adds a hint to the answer to a POST", func() {
		options.WrongListenerHint = func(r *http.Request) string {
			if r.URL.Path == "/events" {
				return "send events to the intake listener"
			}
			return ""
		}
		listen()
		for path, want := range map[string]string{
			"/events":  "method POST not allowed, expected GET or HEAD; send events to the intake listener\n",
			"/metrics": "method POST not allowed, expected GET or HEAD\n",
		} {
			response, err := client.Post("http://"+server.Addr()+path, "text/plain", nil)
			Expect(err).NotTo(HaveOccurred())
			body, err := io.ReadAll(response.Body)
			response.Body.Close()
			Expect(err).NotTo(HaveOccurred())
			Expect(string(body)).To(Equal(want))
		}
	})

	DescribeTable("sets security headers on",
		func(method, path string, status int) {
			listen()
			client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			r, err := http.NewRequest(method, "http://"+server.Addr()+path, nil)
			Expect(err).NotTo(HaveOccurred())
			response, err := client.Do(r)
			Expect(err).NotTo(HaveOccurred())
			response.Body.Close()
			Expect(response.StatusCode).To(Equal(status))
			Expect(response.Header.Get("Content-Security-Policy")).To(ContainSubstring("default-src 'none'"))
			Expect(response.Header.Get("Referrer-Policy")).To(Equal("no-referrer"))
		},
		Entry("the answer to another method", "POST", "/", http.StatusMethodNotAllowed),
		Entry("the answer to another method for the metrics page", "POST", "/metrics", http.StatusMethodNotAllowed),
		Entry("a redirect", "GET", "/a/../metrics", http.StatusTemporaryRedirect),
		Entry("the answer to an unknown path", "GET", "/elsewhere", http.StatusNotFound),
	)

	DescribeTable("answers in the requested format",
		func(accept, contentType, begins string) {
			listen()
			response, body := get("/metrics", "Accept", accept)
			Expect(response.StatusCode).To(Equal(http.StatusOK))
			Expect(response.Header.Get("Content-Type")).To(HavePrefix(contentType))
			Expect(body).To(ContainSubstring(begins))
		},
		Entry("no Accept header", "", "text/plain; version=0.0.4", "# TYPE builds_total counter\n"),
		Entry("any format", "*/*", "text/plain; version=0.0.4", "# TYPE builds_total counter\n"),
		Entry("an invalid header", ";;q=x", "text/plain; version=0.0.4", "# TYPE builds_total counter\n"),
		Entry("Prometheus 2", "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
			"application/openmetrics-text; version=1.0.0", "# TYPE builds counter\n"),
		Entry("Prometheus 3 with created timestamps",
			"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
			"application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited", "builds_total"),
		Entry("text 1.0.0", "text/plain;version=1.0.0;escaping=allow-utf-8", "text/plain; version=0.0.4; charset=utf-8; escaping=allow-utf-8", "# TYPE builds_total counter\n"),
	)

	const (
		prometheus2 = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
		prometheus3 = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
	)
	DescribeTable("negotiates only the configured formats",
		func(formats, accept, contentType string) {
			var err error
			options.Formats, err = ParseFormats(formats)
			Expect(err).NotTo(HaveOccurred())
			listen()
			response, _ := get("/metrics", "Accept", accept)
			Expect(response.StatusCode).To(Equal(http.StatusOK))
			Expect(response.Header.Get("Content-Type")).To(HavePrefix(contentType))
		},
		Entry("all, Prometheus 2", AllFormats, prometheus2, "application/openmetrics-text; version=1.0.0"),
		Entry("text, Prometheus 2", "text", prometheus2, "text/plain; version=0.0.4"),
		Entry("text, Prometheus 3", "text", prometheus3, "text/plain; version=0.0.4"),
		Entry("text, only OpenMetrics accepted", "text", "application/openmetrics-text;version=1.0.0", "text/plain; version=0.0.4"),
		Entry("text and protobuf, Prometheus 2", "text,protobuf", prometheus2, "text/plain; version=0.0.4"),
		Entry("text and protobuf, Prometheus 3", "protobuf, text", prometheus3, "application/vnd.google.protobuf"),
		Entry("OpenMetrics, Prometheus 3", "openmetrics", prometheus3, "application/openmetrics-text; version=1.0.0"),
		Entry("OpenMetrics, only text accepted", "openmetrics", "text/plain", "application/openmetrics-text; version=1.0.0"),
		Entry("OpenMetrics, no Accept header", "openmetrics", "", "application/openmetrics-text; version=1.0.0"),
		Entry("protobuf, no Accept header", "protobuf", "", "application/vnd.google.protobuf"),
	)

	DescribeTable("has no other formats", func(list, message string) {
		_, err := ParseFormats(list)
		Expect(err).To(MatchError(message))
	},
		Entry("an unknown one", "text,json", `got "json", expected text, openmetrics or protobuf`),
		Entry("a misspelled one", "openmetric", `got "openmetric", expected text, openmetrics or protobuf: did you mean "openmetrics"?`),
		Entry("an empty one", "text,", `got "", expected text, openmetrics or protobuf`),
		Entry("a duplicate", "text,protobuf,text", `"text" is duplicated`),
	)

	It("counts scrapes like client_golang's handler", func() {
		count := func(code string) float64 {
			GinkgoHelper()
			_, body := get("/metrics")
			var value float64
			_, err := fmt.Sscanf(body[strings.Index(body, "promhttp_metric_handler_requests_total{code=\""+code):],
				"promhttp_metric_handler_requests_total{code=\""+code+"\"} %g", &value)
			Expect(err).NotTo(HaveOccurred())
			return value
		}
		options.Page.Others = prometheus.DefaultGatherer
		listen()
		_, body := get("/metrics")
		Expect(body).To(ContainSubstring("# TYPE promhttp_metric_handler_requests_in_flight gauge\npromhttp_metric_handler_requests_in_flight 1\n"))
		Expect(body).To(ContainSubstring("# TYPE promhttp_metric_handler_requests_total counter\n"))
		for _, code := range []string{"200", "500", "503"} {
			Expect(body).To(ContainSubstring("\npromhttp_metric_handler_requests_total{code=\"" + code + "\"} "))
		}
		before := count("200")
		Expect(count("200")).To(Equal(before + 1))
	})

	DescribeTable("compresses the answer if requested",
		func(accept, encoding string, open func(io.Reader) io.Reader) {
			listen()
			_, plain := get("/metrics")
			response, body := get("/metrics", "Accept-Encoding", accept)
			Expect(response.Header.Get("Content-Encoding")).To(Equal(encoding))
			Expect(len(body) < len(plain)).To(Equal(encoding != ""))
			opened, err := io.ReadAll(open(strings.NewReader(body)))
			Expect(err).NotTo(HaveOccurred())
			Expect(string(opened)).To(Equal(plain))
		},
		Entry("gzip", "gzip", "gzip", gunzip),
		Entry("zstd", "zstd", "zstd", unzstd),
		Entry("both", "gzip, zstd", "zstd", unzstd),
		Entry("gzip preferred", "gzip, zstd;q=0.5", "gzip", gunzip),
		Entry("gzip excluded", "gzip;q=0", "", func(r io.Reader) io.Reader { return r }),
		Entry("an unsupported encoding", "br", "", func(r io.Reader) io.Reader { return r }),
	)

	It("uses the fastest level of gzip", func() {
		listen()
		_, body := get("/metrics", "Accept-Encoding", "gzip")
		Expect(body[8]).To(BeEquivalentTo(4), "the header's field XFL, see RFC 1952")
	})

	DescribeTable("reports each scrape", func(accept, encoding, format, agent, reportedAgent string) {
		listen()
		response, body := get("/metrics", "Accept", accept, "Accept-Encoding", encoding, "User-Agent", agent)
		Eventually(done).Should(HaveLen(1))
		s := done()[0]
		Expect(s.Took).To(BeNumerically(">", 0))
		s.Took = 0
		Expect(s).To(Equal(Scrape{
			Bytes: int64(len(body)), Format: format, Encoding: response.Header.Get("Content-Encoding"),
			Status: http.StatusOK, Remote: "127.0.0.1", UserAgent: reportedAgent,
		}))
		Expect(s.Encoding).To(Equal(encoding))
	},
		Entry("text", "text/plain", "", "text", "Prometheus/3", "Prometheus/3"),
		Entry("OpenMetrics, compressed", "application/openmetrics-text;version=1.0.0", "gzip", "openmetrics", "x", "x"),
		Entry("protobuf, compressed", "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited", "zstd", "protobuf", "x", "x"),
		Entry("a long user agent that is not UTF-8", "", "", "text", "\xff"+strings.Repeat("a", 300), "\uFFFD"+strings.Repeat("a", 199)),
	)

	It("does not report HEAD requests", func() {
		listen()
		response, err := client.Head("http://" + server.Addr() + "/metrics")
		Expect(err).NotTo(HaveOccurred())
		Expect(response.Body.Close()).To(Succeed())
		get("/metrics")
		Eventually(done).Should(HaveExactElements(HaveField("Bytes", BeNumerically(">", 0))))
	})

	It("is not blocked by a scraper that does not read", func() {
		store := newStore()
		f := add(store, series.FamilyOptions{Name: "m", Type: series.Gauge, Labels: []string{"a"}})
		for i := range 100_000 {
			f.Update(series.Set, series.Plain(fmt.Sprintf("a rather long label value, number %d", i)), "", 1, 0)
		}
		options.Page.Store, options.MaxInFlight = store, 2
		listen()
		stuck, err := net.Dial("tcp", server.Addr())
		Expect(err).NotTo(HaveOccurred())
		_, err = io.WriteString(stuck, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
		Expect(err).NotTo(HaveOccurred())
		_, err = stuck.Read(make([]byte, 1))
		Expect(err).NotTo(HaveOccurred())

		_, body := get("/metrics")
		Expect(strings.Count(body, "\nm{")).To(Equal(100_000))
		update(f, series.Set, 2, "new")
		_, body = get("/metrics")
		Expect(body).To(ContainSubstring("\nm{a=\"new\"} 2\n"))
		Expect(stuck.Close()).To(Succeed())
	})

	It("listens on IPv6", func() {
		address = "[::1]:0"
		listen()
		Expect(server.Addr()).To(HavePrefix("[::1]:"))
		response, _ := get("/metrics")
		Expect(response.StatusCode).To(Equal(http.StatusOK))
	})

	It("names the address if it is in use", func() {
		listen()
		address = server.Addr()
		_, err := newServer()
		Expect(err).To(MatchError(And(ContainSubstring(server.Addr()), ContainSubstring("address already in use"))))
	})

	It("authenticates users of the web configuration", func() {
		file = filepath.Join(GinkgoT().TempDir(), "web.yml")
		// The password is "secret".
		Expect(os.WriteFile(file, []byte("basic_auth_users:\n  ops: $2a$04$KWY2jkZEEFoqql3DodBozOXw6KM0OV3Rhy/YMgtgUC/uP3fVrs84a\n"), 0o600)).To(Succeed())
		listen()
		response, _ := get("/metrics")
		Expect(response.StatusCode).To(Equal(http.StatusUnauthorized))
		response, _ = get("/metrics", "Authorization", "Basic b3BzOnNlY3JldA==")
		Expect(response.StatusCode).To(Equal(http.StatusOK))
	})

	It("serves TLS if the web configuration enables it", func() {
		dir := GinkgoT().TempDir()
		certificate := writeCertificate(dir)
		file = filepath.Join(dir, "web.yml")
		Expect(os.WriteFile(file, []byte("tls_server_config: {cert_file: cert.pem, key_file: key.pem}\n"), 0o600)).To(Succeed())
		listen()
		Expect(server.URL()).To(Equal("https://" + server.Addr() + "/metrics"))

		roots := x509.NewCertPool()
		roots.AddCert(certificate)
		client.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
		response, err := client.Get(server.URL())
		Expect(err).NotTo(HaveOccurred())
		Expect(response.Body.Close()).To(Succeed())
		Expect(response.StatusCode).To(Equal(http.StatusOK))
	})
})

// serveStatus serves a status page at / and answers other paths with 404.
func serveStatus(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/" {
		http.NotFound(w, r)
		return
	}
	io.WriteString(w, "the status")
}

func gunzip(r io.Reader) io.Reader {
	unzipped, err := gzip.NewReader(r)
	Expect(err).NotTo(HaveOccurred())
	return unzipped
}

func unzstd(r io.Reader) io.Reader {
	opened, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1))
	Expect(err).NotTo(HaveOccurred())
	return opened
}

// writeCertificate creates a certificate for 127.0.0.1, and writes it and its key to
// the directory.
func writeCertificate(dir string) *x509.Certificate {
	GinkgoHelper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	Expect(err).NotTo(HaveOccurred())
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotAfter:     time.Now().Add(time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	Expect(err).NotTo(HaveOccurred())
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	Expect(err).NotTo(HaveOccurred())
	for name, block := range map[string]*pem.Block{
		"cert.pem": {Type: "CERTIFICATE", Bytes: der},
		"key.pem":  {Type: "PRIVATE KEY", Bytes: keyDER},
	} {
		Expect(os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600)).To(Succeed())
	}
	certificate, err := x509.ParseCertificate(der)
	Expect(err).NotTo(HaveOccurred())
	return certificate
}
