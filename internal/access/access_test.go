package access_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"code.cloudfoundry.org/lager/v3"
	"code.cloudfoundry.org/lager/v3/lagertest"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/signalbox-ci/signalbox/internal/access"
)

func TestAccess(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "Access")
}

var _ = Describe("A guard", func() {
	var (
		options access.Options
		logger  *lagertest.TestLogger
	)
	BeforeEach(func() {
		logger = lagertest.NewTestLogger("test")
		options = access.Options{
			Address: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 19391},
			Denials: access.NewDenials("intake"), OriginFlag: "--cors-origin",
			Logger: func() lager.Logger { return logger },
		}
	})

	// do sends a request with headers through the guard to a handler that answers 200.
	do := func(method, path string, headers ...string) *httptest.ResponseRecorder {
		GinkgoHelper()
		r := httptest.NewRequest(method, path, nil)
		r.Host = "127.0.0.1:19391"
		for i := 0; i < len(headers); i += 2 {
			if headers[i] == "Host" {
				r.Host = headers[i+1]
			} else {
				r.Header.Set(headers[i], headers[i+1])
			}
		}
		w := httptest.NewRecorder()
		access.New(options, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusOK)
		})).ServeHTTP(w, r)
		return w
	}
	denied := func(reason string, n string) {
		GinkgoHelper()
		Expect(testutil.CollectAndCompare(options.Denials, strings.NewReader(`
# HELP signalbox_requests_denied_total Number of requests that were denied before they were handled, by listener and reason.
# TYPE signalbox_requests_denied_total counter
`+strings.Replace(`
signalbox_requests_denied_total{listener="intake",reason="bad_credentials"} 0
signalbox_requests_denied_total{listener="intake",reason="cross_origin"} 0
signalbox_requests_denied_total{listener="intake",reason="host"} 0
signalbox_requests_denied_total{listener="intake",reason="no_credentials"} 0
signalbox_requests_denied_total{listener="intake",reason="rate_limit"} 0
`, reason+`"} 0`, reason+`"} `+n, 1)))).To(Succeed())
	}

	Describe("on a loopback address", func() {
		DescribeTable("accepts the names that only this machine can have",
			func(host string) { Expect(do("GET", "/metrics", "Host", host).Code).To(Equal(http.StatusOK)) },
			Entry(nil, "127.0.0.1:19391"), Entry(nil, "127.0.0.1"), Entry(nil, "192.0.2.1:80"), Entry(nil, "[::1]:19391"), Entry(nil, "[::1]"),
			Entry(nil, "[fe80::1%eth0]:19391"), Entry(nil, "localhost"), Entry(nil, "LocalHost:19391"), Entry(nil, "localhost."), Entry(nil, "ci.localhost:1"),
			Entry("HTTP/1.0 without the header", ""),
		)
		DescribeTable("denies all other names, for reading too",
			func(host string) {
				w := do("GET", "/metrics", "Host", host)
				Expect(w.Code).To(Equal(http.StatusForbidden))
				Expect(w.Body.String()).To(And(ContainSubstring("--allowed-host"), HaveSuffix("\n")))
				denied("host", "1")
			},
			Entry(nil, "evil.example:19391"), Entry(nil, "evil.example"), Entry(nil, "127.0.0.1.evil.example"), Entry(nil, "localhost.evil.example:19391"),
			Entry(nil, "xlocalhost"), Entry(nil, "a:b:c"), Entry(nil, "."+"x"),
		)
		It("accepts additional names with any port and in any case", func() {
			options.Hosts = []string{"CI.example.com"}
			Expect(do("PUT", "/x", "Host", "ci.Example.com.:443").Code).To(Equal(http.StatusOK))
			Expect(do("PUT", "/x", "Host", "x.ci.example.com").Code).To(Equal(http.StatusForbidden))
		})
		It("accepts additional names that are not ASCII, in the form that browsers send", func() {
			options.Hosts = []string{"Bücher.example"}
			Expect(access.CheckHost(options.Hosts[0])).To(Succeed())
			Expect(do("GET", "/x", "Host", "xn--bcher-kva.example:443").Code).To(Equal(http.StatusOK))
			Expect(do("GET", "/x", "Host", "bcher.example").Code).To(Equal(http.StatusForbidden))
		})
		It("logs who sent a denied request, at a limited rate", func() {
			for range 30 {
				do("GET", "/metrics/"+strings.Repeat("a", 1000), "Host", "evil.example")
			}
			Expect(len(logger.Logs())).To(And(BeNumerically(">=", 10), BeNumerically("<=", 12)))
			Expect(logger.Logs()[0].Data).To(And(HaveKeyWithValue("remote", "192.0.2.1:1234"), HaveKeyWithValue("reason", "host"),
				HaveKeyWithValue("listener", "intake"), HaveKeyWithValue("path", HaveLen(64+len("…")))))
			denied("host", "30")
		})
	})

	It("does not check the host on other addresses unless hosts are listed", func() {
		options.Address = &net.TCPAddr{IP: net.IPv4zero}
		Expect(do("GET", "/metrics", "Host", "signalbox:19391").Code).To(Equal(http.StatusOK))
		options.Hosts = []string{"signalbox"}
		Expect(do("GET", "/metrics", "Host", "signalbox:19391").Code).To(Equal(http.StatusOK))
		Expect(do("GET", "/metrics", "Host", "evil.example").Code).To(Equal(http.StatusForbidden))
	})

	Describe("for websites", func() {
		evil := []string{"Origin", "http://evil.example", "Sec-Fetch-Site", "cross-site"}
		DescribeTable("denies everything that changes something",
			func(method string) {
				w := do(method, "/x", evil...)
				Expect(w.Code).To(Equal(http.StatusForbidden))
				Expect(w.Body.String()).To(ContainSubstring("--cors-origin"))
				denied("cross_origin", "1")
			},
			Entry(nil, "POST"), Entry(nil, "PUT"), Entry(nil, "DELETE"), Entry(nil, "PATCH"), Entry(nil, "FOO"),
		)
		It("denies it if an old browser sends only the origin, or hides it", func() {
			Expect(do("POST", "/x", "Origin", "http://evil.example").Code).To(Equal(http.StatusForbidden))
			Expect(do("POST", "/x", "Origin", "null").Code).To(Equal(http.StatusForbidden))
		})
		It("allows clients that are not browsers, the page of the listener itself, and reading without CORS", func() {
			Expect(do("POST", "/x").Code).To(Equal(http.StatusOK))
			Expect(do("POST", "/x", "Origin", "http://127.0.0.1:19391", "Sec-Fetch-Site", "same-origin").Code).To(Equal(http.StatusOK))
			w := do("GET", "/x", evil...)
			Expect(w.Code).To(Equal(http.StatusOK))
			Expect(w.Header()).To(BeEmpty())
		})
		It("lets all websites read with *, but not write", func() {
			options.Origins = []string{"*"}
			Expect(do("GET", "/x", evil...).Header()).To(HaveKeyWithValue("Access-Control-Allow-Origin", ConsistOf("*")))
			w := do("POST", "/x", evil...)
			Expect(w.Code).To(Equal(http.StatusForbidden))
			Expect(w.Body.String()).To(ContainSubstring("--cors-origin * allows only reading; to allow writing, name the website in another --cors-origin"))
			Expect(do("OPTIONS", "/x", append(evil, "Access-Control-Request-Method", "PUT")...).Header()).
				To(HaveKeyWithValue("Access-Control-Allow-Methods", ConsistOf("GET, HEAD")))
		})
		It("lets listed websites read and write, also when credentials are required", func() {
			options.Origins = []string{"https://ci.example.com"}
			ours := []string{"Origin", "https://ci.example.com", "Sec-Fetch-Site", "cross-site"}
			w := do("POST", "/x", ours...)
			Expect(w.Code).To(Equal(http.StatusOK))
			Expect(w.Header()).To(And(HaveKeyWithValue("Access-Control-Allow-Origin", ConsistOf("https://ci.example.com")), HaveKeyWithValue("Vary", ConsistOf("Origin"))))
			for _, name := range []string{"Accept-Encoding", "Allow", "Date", "Idempotency-Replayed", "Retry-After"} {
				Expect(strings.Split(w.Header().Get("Access-Control-Expose-Headers"), ", ")).To(ContainElement(name))
			}
			w = do("POST", "/x", evil...)
			Expect(w.Code).To(Equal(http.StatusForbidden))
			Expect(w.Header()).NotTo(HaveKey("Access-Control-Allow-Origin"))

			options.Tokens = tokens("0123456789abcdef\n", nil)
			w = do("OPTIONS", "/x", append(ours, "Access-Control-Request-Method", "PUT")...)
			Expect(w.Code).To(Equal(http.StatusNoContent))
			Expect(w.Header()).To(And(HaveKeyWithValue("Access-Control-Allow-Methods", ConsistOf(ContainSubstring("PUT"))),
				HaveKeyWithValue("Access-Control-Allow-Headers", ConsistOf(ContainSubstring("Authorization")))))
			Expect(do("PUT", "/x", ours...).Code).To(Equal(http.StatusUnauthorized))
			Expect(do("PUT", "/x", append(ours, "Authorization", "Bearer 0123456789abcdef")...).Code).To(Equal(http.StatusOK))
		})
	})

	Describe("with tokens", func() {
		BeforeEach(func() { options.Tokens = tokens("first-0123456789\nsecond-0123456789+/==\n", nil) })

		DescribeTable("accepts a valid one", func(authorization string) {
			Expect(do("GET", "/x", "Authorization", authorization).Code).To(Equal(http.StatusOK))
		},
			Entry(nil, "Bearer first-0123456789"), Entry(nil, "bearer second-0123456789+/=="), Entry(nil, "BEARER  first-0123456789 "))
		DescribeTable("denies other credentials", func(authorization string) {
			w := do("GET", "/x", "Authorization", authorization)
			Expect(w.Code).To(Equal(http.StatusUnauthorized))
			Expect(w.Header()).To(HaveKeyWithValue("Www-Authenticate", ConsistOf(`Bearer realm="signalbox"`)))
			Expect(w.Body.String()).To(And(HavePrefix("invalid credentials"), Not(ContainSubstring("0123456789"))))
			Expect(string(logger.Buffer().Contents())).NotTo(ContainSubstring("0123456789"))
			denied("bad_credentials", "1")
		},
			Entry(nil, "Bearer first-012345678"), Entry(nil, "Bearer first-01234567890"), Entry(nil, "Bearer"), Entry(nil, "Bearer "), Entry(nil, "Basic first-0123456789"),
			Entry(nil, "first-0123456789"), Entry("a comment", "Bearer # comment"), Entry("both", "Bearer first-0123456789\nsecond-0123456789+/=="))
		It("asks for credentials if there are none, but not for health checks", func() {
			w := do("DELETE", "/x")
			Expect(w.Code).To(Equal(http.StatusUnauthorized))
			Expect(w.Body.String()).To(Equal("credentials are required: expected the header Authorization: Bearer with a valid token\n"))
			denied("no_credentials", "1")
			for _, path := range []string{"/-/healthy", "/-/ready"} {
				Expect(do("GET", path, "Host", "kubelet.example").Code).To(Equal(http.StatusOK))
			}
			for _, path := range []string{"/-/reload", "/-/healthy/", "/-/healthy/x", "//-/healthy", "/metrics/../-/healthy", "/-%2Fhealthy"} {
				Expect(do("GET", path).Code).To(Equal(http.StatusUnauthorized), path)
			}
		})
	})
})

var _ = DescribeTable("CheckHost rejects names that no request has",
	func(name, reason string) { Expect(access.CheckHost(name)).To(MatchError(ContainSubstring(reason))) },
	Entry(nil, "", "empty name"),
	Entry(nil, "*.example.com", "patterns are not supported"),
	Entry(nil, "[::1]", "IP addresses are always allowed"),
	Entry(nil, "::1", "IP addresses are always allowed"),
	Entry(nil, "fe80::1%eth0", "IP addresses are always allowed"),
	Entry(nil, "[::1]:80", "without a port"),
	Entry(nil, "b\u202ex.example", `got "b\u202ex.example", expected a host name`),
	Entry(nil, "bü cher.example", "patterns"),
)

var _ = It("CheckHost accepts names and IPv4 addresses", func() {
	for _, name := range []string{"ci.example.com", "signal_box", "CI", "127.0.0.1", "xn--bcher-kva.example", "bücher.example", "ci.example.com."} {
		Expect(access.CheckHost(name)).To(Succeed(), name)
	}
})

var _ = DescribeTable("CheckOrigin rejects origins that no request has",
	func(origin, reason string) {
		Expect(access.CheckOrigin(origin)).To(MatchError(ContainSubstring(reason)))
	},
	Entry(nil, "https://*.example.com", "patterns are not supported"),
	Entry(nil, "https://*", "patterns are not supported"),
	Entry(nil, "https://ci.example.com:*", "expected * or an origin"),
	Entry(nil, "https://CI.example.com", "expected https://ci.example.com: browsers send it in this form"),
	Entry(nil, "https://bücher.example:8443", "expected https://xn--bcher-kva.example:8443: browsers"),
	Entry(nil, "https://ci.example.com/", "expected * or an origin"),
)

var _ = It("CheckOrigin accepts origins", func() {
	for _, origin := range []string{"*", "https://ci.example.com", "http://localhost:3000", "http://[::1]:3000", "https://xn--bcher-kva.example"} {
		Expect(access.CheckOrigin(origin)).To(Succeed(), origin)
	}
})

// tokens returns the Tokens in a file with the content.
func tokens(content string, now func() time.Time) *access.Tokens {
	GinkgoHelper()
	if now == nil {
		now = time.Now
	}
	file := filepath.Join(GinkgoT().TempDir(), "tokens")
	Expect(os.WriteFile(file, []byte(content), 0o600)).To(Succeed())
	t, err := access.NewTokens(file, now, func() lager.Logger { return lager.NewLogger("test") })
	Expect(err).NotTo(HaveOccurred())
	return t
}
