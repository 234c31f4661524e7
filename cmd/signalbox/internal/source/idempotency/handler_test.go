package idempotency_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"code.cloudfoundry.org/lager/v3/lagertest"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/idempotency"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/sourcetest"
	"github.com/signalbox-ci/signalbox/internal/membudget"
)

func TestIdempotency(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "Idempotency")
}

func isStream(r *http.Request) bool { return r.URL.Path == "/stream" }

var _ = Describe("Handler", func() {
	var (
		logger  *lagertest.TestLogger
		now     time.Time
		table   *idempotency.Table
		bodies  *source.WholeBodies
		handled []string                                 // bodies that reached the next handler
		next    func(http.ResponseWriter, *http.Request) // called after the body was read
		do      func(method, path, body string, headers ...string) *httptest.ResponseRecorder
		keyed   func(key, body string) *httptest.ResponseRecorder
		handler http.Handler
	)
	BeforeEach(func() {
		logger = lagertest.NewTestLogger("intake")
		now = time.Unix(1_700_000_000, 0)
		table = idempotency.NewTable(idempotency.Options{Clock: func() time.Time { return now }})
		bodies = &source.WholeBodies{}
		handled = nil
		next = func(w http.ResponseWriter, _ *http.Request) { source.Answer(w, http.StatusOK, len(handled)) }
		handler = idempotency.NewHandler(table, bodies, logger, isStream, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			Expect(err).NotTo(HaveOccurred())
			handled = append(handled, string(body))
			next(w, r)
		}))
		do = func(method, path, body string, headers ...string) *httptest.ResponseRecorder {
			r := httptest.NewRequest(method, path, strings.NewReader(body))
			for i := 0; i < len(headers); i += 2 {
				r.Header.Add(headers[i], headers[i+1])
			}
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			return w
		}
		keyed = func(key, body string) *httptest.ResponseRecorder {
			return do(http.MethodPost, "/p", body, idempotency.Header, key)
		}
	})

	It("passes on requests without a key, and reading requests, however often they are repeated", func() {
		for range 3 {
			Expect(do(http.MethodPost, "/p", "a").Code).To(Equal(http.StatusOK))
			Expect(do(http.MethodGet, "/p", "", idempotency.Header, "k").Code).To(Equal(http.StatusOK))
		}
		Expect(handled).To(HaveLen(6))
	})

	It("answers a repeat with the stored status and body", func() {
		next = func(w http.ResponseWriter, _ *http.Request) { source.Answer(w, http.StatusBadRequest, "first") }
		first, repeat := keyed("k", "a"), keyed("k", "a")
		Expect(first.Code).To(Equal(http.StatusBadRequest))
		Expect(first.Header()).NotTo(HaveKey("Idempotency-Replayed"))
		Expect(repeat.Code).To(Equal(first.Code))
		Expect(repeat.Body.String()).To(Equal(first.Body.String()))
		Expect(repeat.Header()).To(HaveKeyWithValue("Content-Type", []string{"application/json"}))
		Expect(repeat.Header()).To(HaveKeyWithValue("Idempotency-Replayed", []string{"true"}))
		Expect(handled).To(Equal([]string{"a"}))
	})

	It("answers a repeat of a request with an empty answer", func() {
		next = func(http.ResponseWriter, *http.Request) {}
		for range 2 {
			w := keyed("k", "")
			Expect(w.Code).To(Equal(http.StatusOK))
			Expect(w.Body.Len()).To(BeZero())
		}
		Expect(handled).To(HaveLen(1))
	})

	It("handles requests with other keys or paths", func() {
		keyed("k", "a")
		keyed("l", "a")
		do(http.MethodPost, "/other", "a", idempotency.Header, "k")
		Expect(handled).To(HaveLen(3))
	})

	DescribeTable("rejects another request with the same path and key",
		func(method, path, body string, headers ...string) {
			do(http.MethodPut, "/p?ttl=1h", "a", idempotency.Header, "k")
			w := do(method, path, body, append(headers, idempotency.Header, "k")...)
			Expect(w.Code).To(Equal(http.StatusUnprocessableEntity))
			Expect(w.Body).To(MatchJSON(`{"error": "another request to this path had the same Idempotency-Key: expected a new key for each request"}`))
			Expect(handled).To(HaveLen(1))
			Expect(logger).To(gbytes.Say("request-rejected"))
		},
		Entry("body", http.MethodPut, "/p?ttl=1h", "b"),
		Entry("method", http.MethodPost, "/p?ttl=1h", "a"),
		Entry("query", http.MethodPut, "/p?ttl=2h", "a"),
		Entry("encoding", http.MethodPut, "/p?ttl=1h", "a", "Content-Encoding", "gzip"),
	)

	It("rejects a repeat of a request that is still being handled, and answers it afterward", func() {
		var concurrent, different *httptest.ResponseRecorder
		next = func(w http.ResponseWriter, _ *http.Request) {
			concurrent, different = keyed("k", "a"), keyed("k", "b")
			w.WriteHeader(http.StatusAccepted)
		}
		Expect(keyed("k", "a").Code).To(Equal(http.StatusAccepted))
		Expect(concurrent.Code).To(Equal(http.StatusConflict))
		Expect(concurrent.Header()).To(HaveKeyWithValue("Retry-After", []string{"1"}))
		Expect(different.Code).To(Equal(http.StatusUnprocessableEntity))
		Expect(keyed("k", "a").Code).To(Equal(http.StatusAccepted))
		Expect(handled).To(HaveLen(1))
	})

	It("handles one of several concurrent requests", func() {
		var handledOnce atomic.Int32
		handler := idempotency.NewHandler(table, bodies, logger, isStream, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			handledOnce.Add(1)
			w.WriteHeader(http.StatusAccepted)
		}))
		var requests sync.WaitGroup
		var statuses [3]atomic.Int32 // 202, replayed 202, 409
		for range 50 {
			requests.Go(func() {
				r := httptest.NewRequest(http.MethodPost, "/p", strings.NewReader("a"))
				r.Header.Set(idempotency.Header, "k")
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, r)
				switch {
				case w.Code == http.StatusAccepted && w.Header().Get("Idempotency-Replayed") == "":
					statuses[0].Add(1)
				case w.Code == http.StatusAccepted:
					statuses[1].Add(1)
				case w.Code == http.StatusConflict:
					statuses[2].Add(1)
				}
			})
		}
		requests.Wait()
		Expect(handledOnce.Load()).To(Equal(int32(1)))
		Expect(statuses[0].Load()).To(Equal(int32(1)))
		Expect(statuses[1].Load() + statuses[2].Load()).To(Equal(int32(49)))
	})

	It("forgets answers after an hour", func() {
		keyed("k", "a")
		now = now.Add(time.Hour - 1)
		keyed("k", "a")
		Expect(handled).To(HaveLen(1))
		now = now.Add(1)
		keyed("k", "b")
		Expect(handled).To(HaveLen(2))
	})

	DescribeTable("lets clients repeat a request that was not handled",
		func(status int) {
			next = func(w http.ResponseWriter, _ *http.Request) { source.Reject(w, status, "later") }
			Expect(keyed("k", "a").Code).To(Equal(status))
			Expect(keyed("k", "b").Code).To(Equal(status))
			Expect(handled).To(HaveLen(2))
		},
		Entry("413", http.StatusRequestEntityTooLarge),
		Entry("429", http.StatusTooManyRequests),
		Entry("503", http.StatusServiceUnavailable),
		Entry("a redirect", http.StatusTemporaryRedirect),
	)

	It("lets clients repeat a request whose handler panicked", func() {
		next = func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
		for range 2 {
			Expect(func() { keyed("k", "a") }).To(Panic())
		}
		Expect(handled).To(HaveLen(2))
	})

	It("rejects invalid keys", func() {
		for _, headers := range [][]string{
			{idempotency.Header, ""}, {idempotency.Header, strings.Repeat("k", 256)}, {idempotency.Header, "k", idempotency.Header, "l"},
		} {
			w := do(http.MethodPost, "/p", "a", headers...)
			Expect(w.Code).To(Equal(http.StatusBadRequest))
			Expect(w.Body).To(MatchJSON(`{"error": "expected one Idempotency-Key of 1 to 255 bytes"}`))
		}
		Expect(handled).To(BeEmpty())
	})

	It("rejects a key for a stream without reading the body", func() {
		Expect(do(http.MethodPost, "/stream", "a").Code).To(Equal(http.StatusOK))
		r := httptest.NewRequest(http.MethodPost, "/stream", sourcetest.Broken("", io.ErrNoProgress))
		r.Header.Set(idempotency.Header, "k")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		Expect(w.Code).To(Equal(http.StatusBadRequest))
		Expect(w.Body).To(MatchJSON(`{"error": "a stream cannot have an Idempotency-Key: give each event an id instead"}`))
		Expect(handled).To(HaveLen(1))
	})

	Describe("bodies", func() {
		send := func(body io.Reader) *httptest.ResponseRecorder {
			r := httptest.NewRequest(http.MethodPost, "/p", body)
			r.Header.Set(idempotency.Header, "k")
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			return w
		}

		It("are not passed on unless they are complete", func() {
			w := send(sourcetest.Broken("abc", io.ErrUnexpectedEOF))
			Expect(w.Code).To(Equal(http.StatusBadRequest))
			Expect(w.Body.String()).To(ContainSubstring("the body is cut off: unexpected EOF; nothing was applied"))
			Expect(handled).To(BeEmpty())
			Expect(send(strings.NewReader("abcdef")).Code).To(Equal(http.StatusOK))
			Expect(handled).To(Equal([]string{"abcdef"}))
		})

		It("are limited in size", func() {
			bodies.MaxBytes = 100_000
			for _, body := range []io.Reader{strings.NewReader(strings.Repeat("x", 100_001)), sourcetest.Unsized(strings.Repeat("x", 100_001))} {
				w := send(body)
				Expect(w.Code).To(Equal(http.StatusRequestEntityTooLarge))
				Expect(w.Body.String()).To(ContainSubstring("limit of 100000 bytes"))
			}
			Expect(send(sourcetest.Unsized(strings.Repeat("x", 100_000))).Code).To(Equal(http.StatusOK))
			Expect(handled).To(Equal([]string{strings.Repeat("x", 100_000)}))
		})

		It("count toward the memory for bodies", func() {
			bodies.Buffer = membudget.Divide(1 << 20).Buffer
			var used int64
			next = func(http.ResponseWriter, *http.Request) { used = bodies.Buffer.Used() }
			Expect(send(strings.NewReader("x")).Code).To(Equal(http.StatusOK))
			Expect(used).To(BeNumerically(">", 0))
			Expect(bodies.Buffer.Used()).To(BeZero())

			Expect(do(http.MethodPost, "/p", strings.Repeat("y", 110_000), idempotency.Header, "l").Code).To(Equal(http.StatusRequestEntityTooLarge))
			bodies.Buffer.Add(100_000)
			w := do(http.MethodPost, "/p", strings.Repeat("y", 10_000), idempotency.Header, "l")
			Expect(w.Code).To(Equal(http.StatusServiceUnavailable))
			Expect(w.Header()).To(HaveKeyWithValue("Retry-After", []string{"2"}))
			Expect(w.Body.String()).To(ContainSubstring("nothing was applied"))
			Expect(handled).To(HaveLen(1))
			Expect(bodies.Buffer.Used()).To(BeEquivalentTo(100_000))
		})

		It("are limited in total", func() {
			bodies.Buffer = membudget.Divide(2_500_000).Buffer // 250,000 bytes
			var inner *httptest.ResponseRecorder
			next = func(w http.ResponseWriter, r *http.Request) {
				if len(handled) == 1 {
					inner = do(http.MethodPost, "/p", strings.Repeat("y", 100_000), idempotency.Header, "l")
				}
			}
			Expect(send(strings.NewReader(strings.Repeat("x", 100_000))).Code).To(Equal(http.StatusOK))
			Expect(inner.Code).To(Equal(http.StatusServiceUnavailable))
			Expect(inner.Header()).To(HaveKeyWithValue("Retry-After", []string{"2"}))
			Expect(do(http.MethodPost, "/p", strings.Repeat("y", 100_000), idempotency.Header, "l").Code).To(Equal(http.StatusOK))
		})
	})

	It("counts what it does", func() {
		keyed("k", "a")
		keyed("k", "a")
		keyed("k", "b")
		ids := table.IDs("p")
		ids.Add([]byte("1"))
		ids.Add([]byte("1"))
		Expect(testutil.CollectAndCompare(table, strings.NewReader(`
# HELP signalbox_idempotency_entries Number of event IDs and answers to requests that are kept to recognize repeats.
# TYPE signalbox_idempotency_entries gauge
signalbox_idempotency_entries 2
# HELP signalbox_events_duplicate_total Number of events dropped because an event with the same ID was received before.
# TYPE signalbox_events_duplicate_total counter
signalbox_events_duplicate_total 1
# HELP signalbox_idempotent_requests_repeated_total Number of requests whose Idempotency-Key was used before, by outcome: replayed (got the stored answer), concurrent (rejected, because the first request was still being handled), or different (rejected, because the requests differ).
# TYPE signalbox_idempotent_requests_repeated_total counter
signalbox_idempotent_requests_repeated_total{outcome="concurrent"} 0
signalbox_idempotent_requests_repeated_total{outcome="different"} 1
signalbox_idempotent_requests_repeated_total{outcome="replayed"} 1
`), "signalbox_idempotency_entries", "signalbox_events_duplicate_total", "signalbox_idempotent_requests_repeated_total")).To(Succeed())
		problems, err := testutil.CollectAndLint(table)
		Expect(err).NotTo(HaveOccurred())
		Expect(problems).To(BeEmpty())
	})
})
