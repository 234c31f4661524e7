package metric_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"code.cloudfoundry.org/lager/v3"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/metric"
)

var _ = Describe("WrapHandler", func() {
	var (
		emitted   *concurrentRecorder
		responses chan metric.Event // receives the same events
		monitor   *metric.Monitor
		logger    lager.Logger
	)

	BeforeEach(func() {
		logger, _ = newLogger()
		emitted = &concurrentRecorder{}
		responses = make(chan metric.Event, 10)
		monitor = started(logger, nil, emitted,
			concurrentFunc(func(_ lager.Logger, event metric.Event) { responses <- event }))
	})

	serve := func(method, target string, handler http.HandlerFunc) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		metric.WrapHandler(logger, monitor, "GetInfo", handler).ServeHTTP(w, httptest.NewRequest(method, target, nil))
		return w
	}

	It("emits route, path, method and status", func() {
		w := serve("PUT", "/api/v1/info?verbose", func(w http.ResponseWriter, r *http.Request) {
			r.URL.Path = "/changed"
			w.WriteHeader(http.StatusTeapot)
			io.WriteString(w, "body")
		})
		Expect(w.Code).To(Equal(http.StatusTeapot))
		Expect(w.Body.String()).To(Equal("body"))
		Expect(emitted.Events()).To(HaveLen(1))
		Expect(emitted.Events()[0].Name).To(Equal("http response time"))
		Expect(emitted.Events()[0].Attributes).To(Equal(attributes{
			"route": "GetInfo", "path": "/api/v1/info", "method": "PUT", "status": "418",
		}))
	})

	status := func() string { return emitted.Events()[0].Attributes["status"] }

	It("reports 200 for a handler that sets no status", func() {
		serve("GET", "/", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") })
		Expect(status()).To(Equal("200"))
	})

	It("reports 200 for a handler that does nothing", func() {
		serve("GET", "/", func(http.ResponseWriter, *http.Request) {})
		Expect(status()).To(Equal("200"))
	})

	DescribeTable("emits an event for a handler that panics, and does not recover from the panic",
		func(want string, before http.HandlerFunc) {
			Expect(func() {
				serve("GET", "/", func(w http.ResponseWriter, r *http.Request) {
					before(w, r)
					panic(http.ErrAbortHandler)
				})
			}).To(PanicWith(http.ErrAbortHandler))
			Expect(emitted.Events()).To(HaveLen(1))
			Expect(status()).To(Equal(want))
		},
		Entry("immediately", "500", func(http.ResponseWriter, *http.Request) {}),
		Entry("after writing the status", "404", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) }),
		Entry("while writing the body", "200", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "half") }),
	)

	DescribeTable("reports unknown methods as other",
		func(method, want string) {
			serve(method, "/", func(_ http.ResponseWriter, r *http.Request) { Expect(r.Method).To(Equal(method)) })
			Expect(emitted.Events()[0].Attributes).To(HaveKeyWithValue("method", want))
		},
		Entry(nil, "GET", "GET"), Entry(nil, "HEAD", "HEAD"), Entry(nil, "POST", "POST"),
		Entry(nil, "PUT", "PUT"), Entry(nil, "PATCH", "PATCH"), Entry(nil, "DELETE", "DELETE"),
		Entry(nil, "OPTIONS", "OPTIONS"), Entry(nil, "TRACE", "TRACE"), Entry(nil, "CONNECT", "CONNECT"),
		Entry(nil, "EVIL-4711", "other"), Entry(nil, "get", "other"),
	)

	It("supports flushing, hijacking and deadlines", func() {
		var failed []string
		check := func(what string, ok bool) {
			if !ok {
				failed = append(failed, what)
			}
		}
		server := httptest.NewServer(metric.WrapHandler(logger, monitor, "Hijack",
			http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				_, ok := w.(http.Flusher)
				check("http.Flusher", ok)
				_, ok = w.(io.ReaderFrom)
				check("io.ReaderFrom", ok)
				check("deadline", http.NewResponseController(w).SetWriteDeadline(time.Now().Add(time.Minute)) == nil)
				conn, buffered, err := w.(http.Hijacker).Hijack()
				check("hijack", err == nil)
				defer conn.Close()
				buffered.WriteString("HTTP/1.1 101 Switching Protocols\r\n\r\nhello\n")
				buffered.Flush()
			})))
		defer server.Close()

		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		Expect(err).NotTo(HaveOccurred())
		defer conn.Close()
		io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		answer, err := io.ReadAll(bufio.NewReader(conn))
		Expect(err).NotTo(HaveOccurred())
		Expect(string(answer)).To(HaveSuffix("hello\n"))
		Expect(failed).To(BeEmpty())
		Expect((<-responses).Name).To(Equal("http response time"))
	})

	It("sends the response to the client when the handler flushes it", func() {
		released := make(chan struct{})
		server := httptest.NewServer(metric.WrapHandler(logger, monitor, "Stream",
			http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				io.WriteString(w, "first\n")
				w.(http.Flusher).Flush()
				<-released
				io.Copy(w, strings.NewReader("second\n"))
			})))
		defer server.Close()

		response, err := server.Client().Get(server.URL)
		Expect(err).NotTo(HaveOccurred())
		defer response.Body.Close()
		body := bufio.NewReader(response.Body)
		Expect(body.ReadString('\n')).To(Equal("first\n"))
		Expect(responses).NotTo(Receive(), "the response is not complete")
		close(released)
		Expect(body.ReadString('\n')).To(Equal("second\n"))
		<-responses
	})
})

func TestResponseTimeIsInMilliseconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewWithT(t)
		emitted := &concurrentRecorder{}
		monitor := monitorOf(t, nil, emitted)
		slow := func(http.ResponseWriter, *http.Request) {
			time.Sleep(1500 * time.Microsecond)
		}
		aborting := func(http.ResponseWriter, *http.Request) {
			time.Sleep(2 * time.Second)
			panic(http.ErrAbortHandler)
		}
		for _, handler := range []http.HandlerFunc{slow, aborting} {
			func() {
				defer func() { recover() }()
				metric.WrapHandler(lager.NewLogger("ci"), monitor, "Slow", handler).
					ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
			}()
		}
		g.Expect(emitted.Events()[0].Value).To(Equal(1.5))
		g.Expect(emitted.Events()[1].Value).To(Equal(2000.0))
	})
}
