package events_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"code.cloudfoundry.org/lager/v3/lagertest"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/events"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/sourcetest"
	"github.com/signalbox-ci/signalbox/internal/access"
	"github.com/signalbox-ci/signalbox/internal/httpserver"
	"github.com/signalbox-ci/signalbox/internal/membudget"
)

var _ = Describe("A stream", func() {
	var (
		logger   *lagertest.TestLogger
		sink     *recorder
		registry *prometheus.Registry
		options  events.Options
		handler  http.Handler
	)
	BeforeEach(func() {
		logger = lagertest.NewTestLogger("intake")
		sink, registry = &recorder{}, prometheus.NewRegistry()
		options = events.Options{Logger: logger, Sink: sink, IDs: &idSet{}, Bodies: &source.WholeBodies{}, Registerer: registry}
	})
	JustBeforeEach(func() { handler = events.NewHandler(options) })

	post := func(query string, body io.Reader, headers ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodPost, events.Path+"?"+query, body)
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w
	}
	// open starts a stream, which ends when the returned body is closed.
	open := func(query string, headers ...string) (*io.PipeWriter, <-chan *httptest.ResponseRecorder) {
		body, writer := io.Pipe()
		ended := make(chan *httptest.ResponseRecorder, 1)
		DeferCleanup(writer.Close)
		go func() { ended <- post(query, body, headers...) }()
		return writer, ended
	}
	send := func(w io.Writer, text string) {
		GinkgoHelper()
		_, err := io.WriteString(w, text)
		Expect(err).NotTo(HaveOccurred())
	}
	expectEnded := func(reason string) {
		GinkgoHelper()
		Expect(testutil.GatherAndCompare(registry, strings.NewReader(endedPage(reason)), "signalbox_event_streams", "signalbox_event_streams_ended_total")).To(Succeed())
	}

	It("applies each line when it has arrived, and responds at the end", func() {
		body, ended := open("ack=end")
		for i, name := range []string{"a", "b", "unknown"} {
			send(body, `{"name":`)
			Expect(sink.names()).To(HaveLen(i))
			send(body, `"`+name+"\"}\n")
			Eventually(sink.names).Should(HaveLen(i + 1))
		}
		Expect(testutil.GatherAndCount(registry, "signalbox_event_streams")).To(Equal(1))
		Expect(ended).NotTo(Receive())

		body.Close()
		var w *httptest.ResponseRecorder
		Eventually(ended).Should(Receive(&w))
		Expect(w.Code).To(Equal(http.StatusOK))
		Expect(w.Header()).To(HaveKeyWithValue("Content-Type", ConsistOf("application/json")))
		Expect(w.Body.String()).To(Equal(`{"lines":3,"accepted":3,"unknown":1,"refused":0,"duplicate":0,"status":200}` + "\n"))
		expectEnded("complete")
	})

	It("has a response with lines of progress, if the client wants that", func() {
		body, writer := io.Pipe()
		response, w := newPipedResponse()
		DeferCleanup(func() { writer.Close(); response.Close() })
		r := httptest.NewRequest(http.MethodPost, events.Path+"?ack=0s", body)
		go func() {
			defer GinkgoRecover()
			handler.ServeHTTP(w, r)
			w.Close()
		}()
		progress := json.NewDecoder(response)
		for _, c := range []struct{ line, progress string }{
			{`{"name":"a","id":"1"}` + "\n", `{"lines": 1, "accepted": 1, "unknown": 0, "refused": 0, "duplicate": 0}`},
			{`{"name":"refused"}` + "\n", `{"lines": 2, "accepted": 1, "unknown": 0, "refused": 1, "duplicate": 0,
				"errors": [{"line": 2, "event": "refused", "metric": "m", "reason": "wrong", "hint": "do it right"}]}`},
			{"oops\n", `{"lines": 3, "accepted": 1, "unknown": 0, "refused": 1, "duplicate": 0, "rejected": 1,
				"errors": [{"line": 3, "reason": "not JSON: got \"oops\", expected a value (column 1)"}]}`},
			{`{"name":"a","id":"1"}` + "\n", `{"lines": 4, "accepted": 1, "unknown": 0, "refused": 1, "duplicate": 1, "rejected": 1}`},
			{"\n", `{"lines": 5, "accepted": 1, "unknown": 0, "refused": 1, "duplicate": 1, "rejected": 1}`},
			{"{\"name\":\"b\"}\n", `{"lines": 6, "accepted": 2, "unknown": 0, "refused": 1, "duplicate": 1, "rejected": 1}`},
		} {
			send(writer, c.line)
			var got json.RawMessage
			Expect(progress.Decode(&got)).To(Succeed())
			Expect(got).To(MatchJSON(c.progress))
		}
		send(writer, `{"name":"c"}`) // without a line ending
		writer.Close()
		var got json.RawMessage
		Expect(progress.Decode(&got)).To(Succeed())
		Expect(got).To(MatchJSON(`{"lines": 7, "accepted": 3, "unknown": 0, "refused": 1, "duplicate": 1, "rejected": 1, "status": 400}`))
		Expect(progress.Decode(&got)).To(MatchError(io.EOF))
		Expect(w.header).To(HaveKeyWithValue("Content-Type", ConsistOf("application/x-ndjson")))
		Expect(w.header).To(HaveKeyWithValue("X-Content-Type-Options", ConsistOf("nosniff")))
		Expect(sink.names()).To(Equal([]string{"a", "refused", "b", "c"}))
	})

	It("reports and logs errors before it ends", func() {
		body, ended := open("ack=0s")
		send(body, "{\"name\":5}\n")
		Eventually(logger).Should(gbytes.Say(`events-rejected.*"error":"name: got a number, expected a string","line":1`))
		send(body, "{}\n")
		Eventually(logger).Should(gbytes.Say(`events-rejected.*"error":"the event has no name","line":2`))
		send(body, "\n{\"name\":\"misspeled\"}\n") // must not be logged
		body.Close()
		var w *httptest.ResponseRecorder
		Eventually(ended).Should(Receive(&w))
		Expect(strings.Count(string(logger.Buffer().Contents()), "events-rejected")).To(Equal(2))
		Expect(strings.Count(w.Body.String(), "the event has no name")).To(Equal(1))
	})

	It("responds with 400 at the end if events were malformed, and lists the first ten errors", func() {
		w := post("ack=end", strings.NewReader("{\"name\":\"a\"}\n"+strings.Repeat("{}\n", 12)))
		Expect(w.Code).To(Equal(http.StatusBadRequest))
		Expect(w.Body.String()).To(HavePrefix(`{"lines":13,"accepted":1,"unknown":0,"refused":0,"duplicate":0,"rejected":12,"errors":[{"line":2,`))
		Expect(strings.Count(w.Body.String(), "the event has no name")).To(Equal(10))
		Expect(w.Body.String()).To(HaveSuffix(`"status":400}` + "\n"))
	})

	DescribeTable("may be of any Content-Type, and consists of lines only",
		func(contentType string) {
			w := post("ack=end", strings.NewReader("[{\"name\":\"a\"}]\n{\"name\":\n\"a\"}\n{\"name\":\"b\"}"), "Content-Type", contentType)
			Expect(w.Code).To(Equal(http.StatusBadRequest))
			Expect(w.Body.String()).To(HavePrefix(`{"lines":4,"accepted":1,"unknown":0,"refused":0,"duplicate":0,"rejected":3,`))
			Expect(sink.names()).To(Equal([]string{"b"}))
		},
		Entry(nil, ""), Entry(nil, "application/json"), Entry(nil, "application/x-ndjson"), Entry(nil, "application/x-www-form-urlencoded"),
	)

	DescribeTable("can be compressed, if the client flushes each line",
		func(encoding string, compress func(io.Writer) flushWriter) {
			body, ended := open("ack=end", "Content-Encoding", encoding)
			compressed := compress(body)
			for i := range 3 {
				send(compressed, "{\"name\":\"a\"}\n")
				Expect(compressed.Flush()).To(Succeed())
				Eventually(sink.names).Should(HaveLen(i + 1))
			}
			Expect(compressed.Close()).To(Succeed())
			body.Close()
			var w *httptest.ResponseRecorder
			Eventually(ended).Should(Receive(&w))
			Expect(w.Code).To(Equal(http.StatusOK), w.Body.String())
		},
		Entry(nil, "gzip", func(w io.Writer) flushWriter { return gzip.NewWriter(w) }),
		Entry(nil, "snappy", func(w io.Writer) flushWriter { return s2.NewWriter(w, s2.WriterSnappyCompat()) }),
		Entry(nil, "zstd", func(w io.Writer) flushWriter {
			encoder, err := zstd.NewWriter(w)
			Expect(err).NotTo(HaveOccurred())
			return encoder
		}),
	)

	DescribeTable("that is interrupted",
		func(err error, status int, reason, text string) {
			w := post("ack=end", sourcetest.Broken("{\"name\":\"a\"}\n{\"name\":\"b\"}\n", err))
			Expect(w.Code).To(Equal(status))
			Expect(w.Body).To(MatchJSON(fmt.Sprintf(`{"lines": 2, "accepted": 2, "unknown": 0, "refused": 0, "duplicate": 0,
				"errors": [{"line": 3, "reason": %q}], "status": %d}`, text, status)))
			Expect(sink.malformed).To(BeZero(), "no event was cut off")
			expectEnded(reason)

			// Within a line, the event is lost.
			w = post("ack=end", sourcetest.Broken("{\"name\":\"a\"}\n{\"name\":\"b\"}", err))
			Expect(w.Code).To(Equal(status))
			Expect(w.Body).To(MatchJSON(fmt.Sprintf(`{"lines": 1, "accepted": 1, "unknown": 0, "refused": 0, "duplicate": 0, "rejected": 1,
				"errors": [{"line": 2, "reason": %q}], "status": %d}`, text, status)))
			Expect(sink.malformed).To(Equal(1))
			Expect(sink.names()).To(Equal([]string{"a", "b", "a"}))
			if status == http.StatusServiceUnavailable {
				Expect(w.Header().Get("Retry-After")).NotTo(BeEmpty())
			}
		},
		Entry("by a broken connection", io.ErrUnexpectedEOF, http.StatusBadRequest, "broken", "the body is cut off: unexpected EOF"),
		Entry("because the client is silent", os.ErrDeadlineExceeded, http.StatusRequestTimeout, "idle", "nothing arrived for 5m0s: send a blank line from time to time"),
		Entry("by the shutdown", httpserver.ErrShutdown, http.StatusServiceUnavailable, "shutdown", "the server is shutting down: send this line and the following ones again"),
	)

	It("reports the reason for its end even after ten other errors", func() {
		w := post("ack=end", sourcetest.Broken(strings.Repeat("{}\n", 20), httpserver.ErrShutdown))
		Expect(w.Body.String()).To(ContainSubstring(`"rejected":20,`))
		Expect(strings.Count(w.Body.String(), "the event has no name")).To(Equal(9))
		Expect(w.Body.String()).To(ContainSubstring(`{"line":21,"reason":"the server is shutting down`))
	})

	It("recognizes repeated events", func() {
		for _, duplicates := range []int{0, 1} {
			w := post("ack=end", strings.NewReader("{\"name\":\"a\",\"id\":\"1\"}\n"))
			Expect(w.Body.String()).To(HavePrefix(fmt.Sprintf(`{"lines":1,"accepted":%d,"unknown":0,"refused":0,"duplicate":%d,`, 1-duplicates, duplicates)))
		}
	})

	It("is rejected if the encoding is not supported", func() {
		Expect(post("ack=end", strings.NewReader("{\"name\":\"a\"}\n"), "Content-Encoding", "br").Code).To(Equal(http.StatusUnsupportedMediaType))
	})

	Context("with limits", func() {
		BeforeEach(func() { options.Limits = source.Limits{BodyBytes: 30, LineBytes: 20} })

		It("can be longer than other bodies", func() {
			w := post("ack=end", strings.NewReader(strings.Repeat("{\"name\":\"a\"}\n", 10)))
			Expect(w.Code).To(Equal(http.StatusOK))
			Expect(sink.events).To(HaveLen(10))
		})

		It("continues after a line that is too long", func() {
			w := post("ack=end", strings.NewReader("{\"name\":\"a\"}\n{\"name\":\"bbbbbbbbbbb\"}\n{\"name\":\"c\"}\n"))
			Expect(w.Code).To(Equal(http.StatusBadRequest))
			Expect(w.Body).To(MatchJSON(`{"lines": 3, "accepted": 2, "unknown": 0, "refused": 0, "duplicate": 0, "rejected": 1,
				"errors": [{"line": 2, "reason": "the event is longer than the limit of 20 bytes"}], "status": 400}`))
			Expect(sink.names()).To(Equal([]string{"a", "c"}))
		})
	})

	Context("while as many others are open as there may be", func() {
		BeforeEach(func() { options.MaxStreams = 2 })

		It("is refused, but ordinary requests are not", func() {
			first, ended := open("ack=end")
			second, _ := open("ack=end")
			send(first, "{\"name\":\"a\"}\n")
			send(second, "{\"name\":\"a\"}\n")
			w := post("ack=end", strings.NewReader("{\"name\":\"b\"}\n"))
			Expect(w.Code).To(Equal(http.StatusServiceUnavailable))
			Expect(w.Header().Get("Retry-After")).NotTo(BeEmpty())
			Expect(w.Body).To(MatchJSON(`{"error": "2 streams are open, the maximum: try again later, or send ordinary requests"}`))
			Expect(logger).To(gbytes.Say("stream-refused"))
			Expect(post("", strings.NewReader("{\"name\":\"c\"}\n")).Code).To(Equal(http.StatusOK))

			first.Close()
			Eventually(ended).Should(Receive())
			Expect(post("ack=end", strings.NewReader("{\"name\":\"d\"}\n")).Code).To(Equal(http.StatusOK))
			Eventually(sink.names).Should(ConsistOf("a", "a", "c", "d"))
		})
	})

	Context("with little memory", func() {
		const decoder = 128 << 10
		var buffer *membudget.Budget
		BeforeEach(func() {
			buffer = membudget.Divide(40 << 20).Buffer // 4 MiB
			options.Buffer = buffer
		})
		long := func(n int) string {
			return `{"name":"a","attributes":{"a":"` + strings.Repeat("x", n) + "\"}}\n"
		}

		It("leaves half of the memory to ordinary requests", func() {
			streams := 0
			for ; ; streams++ {
				body, ended := open("ack=end")
				var w *httptest.ResponseRecorder
				Eventually(func() bool {
					select {
					case w = <-ended:
						return true
					default:
						return buffer.Used() == int64(streams+1)*decoder
					}
				}).Should(BeTrue())
				if w != nil {
					Expect(w.Code).To(Equal(http.StatusServiceUnavailable))
					Expect(w.Header().Get("Retry-After")).NotTo(BeEmpty())
					break
				}
				send(body, "{\"name\":\"a\"}\n")
			}
			Expect(streams).To(Equal(16))
			Expect(post("", strings.NewReader("{\"name\":\"a\"}\n")).Code).To(Equal(http.StatusOK))
		})

		It("returns the memory for a long line when the line has been handled", func() {
			body, ended := open("ack=end")
			line := long(160 << 10)
			send(body, line[:150<<10])
			Eventually(buffer.Used).Should(BeNumerically(">", decoder))
			send(body, line[150<<10:])
			Eventually(sink.names).Should(HaveLen(1))
			Eventually(buffer.Used).Should(BeEquivalentTo(decoder))
			send(body, line) // again
			Eventually(sink.names).Should(HaveLen(2))
			body.Close()
			Eventually(ended).Should(Receive())
			Expect(buffer.Used()).To(BeZero())
		})

		It("ends at a line for which there is no memory", func() {
			w := post("ack=end", strings.NewReader("{\"name\":\"a\"}\n"+long(900<<10)+"{\"name\":\"b\"}\n"))
			Expect(w.Code).To(Equal(http.StatusRequestEntityTooLarge))
			Expect(w.Body.String()).To(And(HavePrefix(`{"lines":1,"accepted":1,`), ContainSubstring("--memory-limit")))
			Expect(sink.names()).To(Equal([]string{"a"}))
			Expect(buffer.Used()).To(BeZero())
			expectEnded("memory")
		})

		DescribeTable("does not count lines of earlier requests if there is no memory to begin",
			func(query, response string) {
				post("ack=end", sourcetest.Broken(strings.Repeat("{\"name\":\"a\"}\n", 7)+"{", io.ErrUnexpectedEOF))
				Expect(buffer.TryAcquire(buffer.Size() - decoder/2)).To(BeTrue())
				w := post(query, strings.NewReader("{\"name\":\"a\"}\n"))
				Expect(w.Code).To(Equal(http.StatusServiceUnavailable))
				Expect(w.Body.String()).To(HavePrefix(response))
				Expect(sink.names()).To(HaveLen(7))
			},
			Entry("for a stream", "ack=end", `{"lines":0,"accepted":0,"unknown":0,"refused":0,"duplicate":0,"errors":[{"line":1,`),
			Entry("for a request", "", `{"accepted":0,"unknown":0,"refused":0,"duplicate":0,"rejected":1,"errors":[{"line":1,`),
		)
	})
})

// endedPage returns the metrics after one stream has ended for the reason.
func endedPage(reason string) string {
	page := `# HELP signalbox_event_streams Number of open streams of events over HTTP.
# TYPE signalbox_event_streams gauge
signalbox_event_streams 0
# HELP signalbox_event_streams_ended_total Number of streams of events over HTTP that have ended, by reason: complete (by the client), broken (the connection or the encoding), idle (the client sent nothing for five minutes), unread (the client did not read the response), memory (none left for a line), shutdown, or refused (too many streams).
# TYPE signalbox_event_streams_ended_total counter
`
	for _, r := range []string{"broken", "complete", "idle", "memory", "refused", "shutdown", "unread"} {
		n := 0
		if r == reason {
			n = 1
		}
		page += fmt.Sprintf("signalbox_event_streams_ended_total{reason=%q} %d\n", r, n)
	}
	return page
}

// A pipedResponse is a response that is written to a pipe.
type pipedResponse struct {
	*io.PipeWriter
	header http.Header
}

func newPipedResponse() (*io.PipeReader, *pipedResponse) {
	reader, writer := io.Pipe()
	return reader, &pipedResponse{writer, http.Header{}}
}

func (r *pipedResponse) Header() http.Header { return r.header }
func (*pipedResponse) WriteHeader(int)       {}
func (*pipedResponse) Flush()                {}

// A flushWriter compresses what is written to it.
type flushWriter interface {
	io.WriteCloser
	Flush() error
}

// A pipeListener accepts one connection.
type pipeListener struct {
	accept chan net.Conn
	closed context.Context
	close  context.CancelFunc
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.accept:
		return conn, nil
	case <-l.closed.Done():
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.close()
	return nil
}

func (*pipeListener) Addr() net.Addr { return &net.TCPAddr{} }

// serveStream serves one connection within memory, and begins a stream on it.
func serveStream(t *testing.T, query string) (conn net.Conn, registry *prometheus.Registry, stop func()) {
	logger := lagertest.NewTestLogger("intake")
	registry = prometheus.NewRegistry()
	ours, theirs := net.Pipe()
	listener := &pipeListener{accept: make(chan net.Conn, 1)}
	listener.closed, listener.close = context.WithCancel(context.Background())
	listener.accept <- ours
	server := source.Serve(logger, listener, access.Options{}, events.NewHandler(events.Options{Logger: logger, Sink: &recorder{}, Registerer: registry}))
	fmt.Fprintf(theirs, "POST %s?%s HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n", events.Path, query)
	return theirs, registry, func() {
		theirs.Close()
		server.Shutdown(context.Background()) //nolint:errcheck // the listener fails
	}
}

const chunk = "d\r\n{\"name\":\"a\"}\n\r\n"

// A lone event is acknowledged immediately, and further ones after the interval.
func TestProgressIsWrittenAtIntervals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, _, stop := serveStream(t, "ack=10s")
		defer stop()
		began := time.Now()
		go func() {
			for _, at := range []time.Duration{1, 2, 3, 15, 100, 300} {
				time.Sleep(time.Until(began.Add(at * time.Second)))
				io.WriteString(conn, chunk) //nolint:errcheck // the response shows errors
			}
			time.Sleep(time.Second)
			io.WriteString(conn, "0\r\n\r\n") //nolint:errcheck // likewise
		}()
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for lines := bufio.NewScanner(response.Body); lines.Scan(); {
			var p struct{ Lines, Accepted, Status int }
			if err := json.Unmarshal(lines.Bytes(), &p); err != nil {
				t.Fatalf("%s: %v", lines.Text(), err)
			}
			got = append(got, fmt.Sprint(time.Since(began).Seconds(), p))
		}
		want := "[1 {1 1 0}] [11 {3 3 0}] [21 {4 4 0}] [100 {5 5 0}] [300 {6 6 0}] [301 {6 6 200}]"
		if text := fmt.Sprintf("[%s]", strings.Join(got, "] [")); text != want {
			t.Errorf("got %s, expected %s", text, want)
		}
	})
}

// A client that sends events but does not read the response must not occupy a place.
func TestAStreamWhoseResponseIsNotReadEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, registry, stop := serveStream(t, "ack=1s")
		defer stop()
		began := time.Now()
		for {
			if _, err := io.WriteString(conn, chunk); err != nil {
				break
			}
			time.Sleep(time.Second)
		}
		if took := time.Since(began); took > time.Minute {
			t.Errorf("the stream ended after %s", took)
		}
		if err := testutil.GatherAndCompare(registry, strings.NewReader(endedPage("unread")), "signalbox_event_streams_ended_total", "signalbox_event_streams"); err != nil {
			t.Error(err)
		}
	})
}

// If the connection breaks, a line of progress cannot be written either.
func TestAStreamWhoseConnectionBreaksIsNotUnread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, registry, stop := serveStream(t, "ack=1s")
		io.WriteString(conn, chunk) //nolint:errcheck // the metrics show errors
		synctest.Wait()             // until the progress is being written
		conn.Close()
		synctest.Wait()
		stop()
		if err := testutil.GatherAndCompare(registry, strings.NewReader(endedPage("broken")), "signalbox_event_streams_ended_total", "signalbox_event_streams"); err != nil {
			t.Error(err)
		}
	})
}
