package events_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"code.cloudfoundry.org/lager/v3/lagertest"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/events"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/sourcetest"
	"github.com/signalbox-ci/signalbox/internal/membudget"
)

var _ = Describe("Handler", func() {
	var (
		logger  *lagertest.TestLogger
		sink    *recorder
		ids     *idSet
		handler http.Handler
	)

	newHandler := func(limits source.Limits) http.Handler {
		return events.NewHandler(events.Options{Logger: logger, Limits: limits, Sink: sink, IDs: ids, Bodies: &source.WholeBodies{}})
	}
	BeforeEach(func() {
		logger = lagertest.NewTestLogger("intake")
		sink, ids = &recorder{}, &idSet{}
		handler = newHandler(source.Limits{})
	})

	do := func(method, path string, body io.Reader, headers ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, body)
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w
	}
	post := func(body string, headers ...string) *httptest.ResponseRecorder {
		return do(http.MethodPost, "/api/v1/events", strings.NewReader(body), headers...)
	}

	Describe("POST /api/v1/events", func() {
		It("responds with 200 if every event is well formed", func() {
			w := post("{\"name\":\"a\"}\n{\"name\":\"unknown\"}\n{\"name\":\"b\"}\n")
			Expect(w.Code).To(Equal(http.StatusOK))
			Expect(w.Body.String()).To(Equal(`{"accepted":3,"unknown":1,"refused":0,"duplicate":0}` + "\n"))
			Expect(w.Header()).To(HaveKeyWithValue("Content-Type", ConsistOf("application/json")))
			Expect(w.Header()).To(HaveKeyWithValue("X-Content-Type-Options", ConsistOf("nosniff")))
			Expect(sink.names()).To(Equal([]string{"a", "unknown", "b"}))
		})

		It("responds with 200 to a body without events", func() {
			for _, body := range []string{"", "\n\n", "[]"} {
				w := post(body)
				Expect(w.Code).To(Equal(http.StatusOK))
				Expect(w.Body.String()).To(Equal(`{"accepted":0,"unknown":0,"refused":0,"duplicate":0}` + "\n"))
			}
		})

		It("emits the valid events and responds with 400 if others are rejected", func() {
			w := post("{\"name\":\"a\"}\n\n{\"name\":5}\n{\"name\":\"b\"}\noops\n", "Content-Type", "application/x-ndjson")
			Expect(w.Code).To(Equal(http.StatusBadRequest))
			Expect(w.Body).To(MatchJSON(`{
				"accepted": 2, "unknown": 0, "refused": 0, "duplicate": 0, "rejected": 2,
				"errors": [
					{"line": 3, "reason": "name: got a number, expected a string"},
					{"line": 5, "reason": "not JSON: got \"oops\", expected a value (column 1)"}
				]
			}`))
			Expect(sink.names()).To(Equal([]string{"a", "b"}))
		})

		It("logs the first reason and the number of rejected events", func() {
			post("{\"name\":5}\n{\"name\":6}\n{\"name\":\"a\"}\n")
			Expect(logger).To(gbytes.Say(`events-rejected.*"accepted":1,"error":"name: got a number, expected a string","line":1.*"refused":0,"rejected":2`))
		})

		It("lists the first ten errors but counts all of them", func() {
			w := post(strings.Repeat("{\"name\":\"a\"}\n{}\n", 12))
			Expect(w.Code).To(Equal(http.StatusBadRequest))
			Expect(w.Body.String()).To(HavePrefix(`{"accepted":12,"unknown":0,"refused":0,"duplicate":0,"rejected":12,"errors":[{"line":2,`))
			Expect(strings.Count(w.Body.String(), "the event has no name")).To(Equal(10))
			Expect(w.Body.String()).To(ContainSubstring(`{"line":20,`))
		})

		It("counts refused, unknown and duplicate events separately, and explains them", func() {
			for range 2 { // the second time, the shapes are known
				w := post(`{"name":"a"}
{"name":"refused"}
{"name":"partial","id":"x"}
{"name":"unknown"}

{"name":"misspeled"}
{"name":"a","id":"x"}
{"name":"a","id":"y"}
`)
				Expect(w.Code).To(Equal(http.StatusOK))
				Expect(w.Body).To(MatchJSON(`{"accepted": 5, "unknown": 2, "refused": 1, "duplicate": 1, "errors": [
					{"line": 2, "event": "refused", "metric": "m", "reason": "wrong", "hint": "do it right"},
					{"line": 3, "event": "partial", "metric": "m", "reason": "wrong", "hint": "do it right"},
					{"line": 6, "event": "misspeled", "reason": "no rule knows the event", "hint": "did you mean \"misspelled\"?"}
				]}`))
				*ids = nil
			}
			Expect(logger).To(gbytes.Say(`events-rejected.*"accepted":5,"error":"wrong","event":"refused","hint":"do it right","line":2,"metric":"m","refused":1,"rejected":0`))
		})

		It("looks for similar names only for the first unknown events, which takes long", func() {
			w := post(strings.Repeat("{\"name\":\"unknown\"}\n", 100) + "{\"name\":\"misspeled\"}\n{\"name\":\"refused\"}\n")
			Expect(w.Body).To(MatchJSON(`{"accepted": 101, "unknown": 101, "refused": 1, "duplicate": 0, "errors": [
				{"line": 102, "event": "refused", "metric": "m", "reason": "wrong", "hint": "do it right"}
			]}`))
		})

		It("names the line and the element of a refused event in an array", func() {
			w := post("[{\"name\":\"a\"},\n{\"name\":\n\"refused\"},\n{\"name\":5}]")
			Expect(w.Code).To(Equal(http.StatusBadRequest))
			Expect(w.Body).To(MatchJSON(`{"accepted": 1, "unknown": 0, "refused": 1, "duplicate": 0, "rejected": 1, "errors": [
				{"line": 2, "event": "refused", "metric": "m", "reason": "element 2: wrong", "hint": "do it right"},
				{"line": 4, "reason": "element 3: name: got a number, expected a string"}
			]}`))
		})

		Describe("events with an ID", func() {
			It("are dropped if the ID was received before", func() {
				for _, duplicates := range []int{0, 2} {
					w := post("{\"name\":\"a\",\"id\":\"1\"}\n{\"id\":\"\\u0032\",\"name\":\"a\"}\n{\"name\":\"b\"}")
					Expect(w.Code).To(Equal(http.StatusOK))
					Expect(w.Body).To(MatchJSON(fmt.Sprintf(`{"accepted": %d, "unknown": 0, "refused": 0, "duplicate": %d}`, 3-duplicates, duplicates)))
				}
				Expect(sink.names()).To(Equal([]string{"a", "a", "b", "b"}))
				Expect(*ids).To(Equal(idSet{"1": true, "2": true}))
			})

			It("can be sent again if they were refused or malformed", func() {
				post("{\"name\":\"refused\",\"id\":\"1\"}\n{\"name\":5,\"id\":\"2\"}")
				Expect(post("{\"name\":\"a\",\"id\":\"1\"}\n{\"name\":\"b\",\"id\":\"2\"}").Body).To(
					MatchJSON(`{"accepted": 2, "unknown": 0, "refused": 0, "duplicate": 0}`))
			})

			It("are rejected if the ID is not a string or is empty", func() {
				w := post("{\"name\":\"a\",\"id\":7}\n{\"name\":\"a\",\"id\":\"\"}\n{\"name\":\"a\",\"id\":null}")
				Expect(w.Body).To(MatchJSON(`{"accepted": 1, "unknown": 0, "refused": 0, "duplicate": 0, "rejected": 2, "errors": [
					{"line": 1, "reason": "id: got a number, expected a string"},
					{"line": 2, "reason": "id is empty: omit it, or send a different ID for each event"}
				]}`))
			})
		})

		Describe("with strict=1", func() {
			strict := func(body string, headers ...string) *httptest.ResponseRecorder {
				return do(http.MethodPost, "/api/v1/events?strict=1", strings.NewReader(body), headers...)
			}

			It("applies a body without malformed or rejected events", func() {
				for _, encoding := range []string{"", "gzip"} {
					body := "{\"name\":\"a\",\"id\":\"1\"}\n{\"name\":\"unknown\"}\n{\"name\":\"b\"}\n{\"name\":\"b\"}\n{\"name\":\"a\",\"id\":\"1\"}"
					if encoding == "gzip" {
						body = sourcetest.Gzip(body)
					}
					w := strict(body, "Content-Encoding", encoding)
					Expect(w.Code).To(Equal(http.StatusOK))
					Expect(w.Body).To(MatchJSON(`{"accepted": 4, "unknown": 1, "refused": 0, "duplicate": 1}`))
					Expect(sink.names()).To(Equal([]string{"a", "unknown", "b", "b"}))
					sink.events, *ids = nil, nil
				}
			})

			DescribeTable("responds with 422 and applies nothing if any event is malformed or rejected",
				func(line, answer string) {
					w := strict("{\"name\":\"a\",\"id\":\"1\"}\n" + line + "\n{\"name\":\"b\"}")
					Expect(w.Code).To(Equal(http.StatusUnprocessableEntity))
					Expect(w.Body).To(MatchJSON(answer))
					Expect(sink.events).To(BeEmpty())
					Expect(*ids).To(BeEmpty())
					Expect(logger).To(gbytes.Say("events-rejected"))
				},
				Entry("malformed", `{"name":5}`, `{"accepted": 0, "unknown": 0, "refused": 0, "duplicate": 0, "rejected": 1,
					"errors": [{"line": 2, "reason": "name: got a number, expected a string"}]}`),
				Entry("refused", `{"name":"refused"}`, `{"accepted": 0, "unknown": 0, "refused": 1, "duplicate": 0,
					"errors": [{"line": 2, "event": "refused", "metric": "m", "reason": "wrong", "hint": "do it right"}]}`),
				Entry("rejected for one of its metrics", `{"name":"partial"}`, `{"accepted": 0, "unknown": 0, "refused": 1, "duplicate": 0,
					"errors": [{"line": 2, "event": "partial", "metric": "m", "reason": "wrong", "hint": "do it right"}]}`),
			)

			It("does not check events that were received before", func() {
				*ids = idSet{"1": true}
				w := strict(`{"name":"refused","id":"1"}`)
				Expect(w.Code).To(Equal(http.StatusOK))
				Expect(w.Body).To(MatchJSON(`{"accepted": 0, "unknown": 0, "refused": 0, "duplicate": 1}`))
			})

			It("applies nothing of a body that is damaged, too large or cut off", func() {
				Expect(strict(sourcetest.Corrupt(sourcetest.Gzip(strings.Repeat("{\"name\":\"a\"}\n", 10_000)), 7), "Content-Encoding", "gzip").Code).
					To(Equal(http.StatusUnprocessableEntity))
				Expect(strict(sourcetest.Gzip(strings.Repeat("{\"name\":\"a\"}\n", 2_000_000)), "Content-Encoding", "gzip").Code).
					To(Equal(http.StatusRequestEntityTooLarge))
				Expect(do(http.MethodPost, "/api/v1/events?strict=1", sourcetest.Broken("{\"name\":\"a\"}\n{\"name\"", io.ErrUnexpectedEOF)).Code).
					To(Equal(http.StatusBadRequest))
				Expect(strict("{}", "Content-Encoding", "br").Code).To(Equal(http.StatusUnsupportedMediaType))
				Expect(sink.events).To(BeEmpty())
			})
		})

		DescribeTable("rejects other query parameters",
			func(query, reason string) {
				w := do(http.MethodPost, "/api/v1/events?"+query, strings.NewReader(`{"name":"a"}`))
				Expect(w.Code).To(Equal(http.StatusBadRequest))
				Expect(w.Body.String()).To(ContainSubstring(reason))
				Expect(sink.events).To(BeEmpty())
				Expect(sink.malformed).To(Equal(1))
			},
			Entry("misspelled", "stric=1", `unknown query parameter \"stric\": did you mean \"strict\"?`),
			Entry("unknown", "ttl=1h", `unknown query parameter \"ttl\", expected ack or strict`),
			Entry("value", "strict=yes", "got strict=yes, expected 1, true, 0 or false"),
			Entry("empty", "strict=", "got strict=, expected 1, true, 0 or false"),
			Entry("duplicated", "strict=1&strict=0", "query parameter strict: got 2 values, expected one"),
			Entry("malformed", "strict=1;a", "invalid query"),
			Entry("no duration", "ack=1", "got ack=1, expected end or a duration such as 1s"),
			Entry("empty duration", "ack=", "got ack=, expected end or a duration such as 1s"),
			Entry("negative duration", "ack=-1s", "got ack=-1s, expected end or a duration such as 1s"),
			Entry("both", "ack=1s&strict=1", "ack and strict cannot be combined"),
		)

		It("applies a body with strict=0 like others", func() {
			w := do(http.MethodPost, "/api/v1/events?strict=0", strings.NewReader("{\"name\":\"a\"}\n{}"))
			Expect(w.Code).To(Equal(http.StatusBadRequest))
			Expect(sink.names()).To(Equal([]string{"a"}))
		})

		DescribeTable("accepts",
			func(contentType, body string) {
				w := post(body, "Content-Type", contentType)
				Expect(w.Code).To(Equal(http.StatusOK), w.Body.String())
				Expect(sink.names()).To(HaveEach("a"))
			},
			Entry("lines", "application/x-ndjson", "{\"name\":\"a\"}\n{\"name\":\"a\"}"),
			Entry("lines with the Content-Type of JSON", "application/json", "{\"name\":\"a\"}\n{\"name\":\"a\"}"),
			Entry("an array", "application/json", `[{"name":"a"}, {"name":"a"}]`),
			Entry("an object", "application/json", "{\n\t\"name\":\"a\"\n}"),
			Entry("an object with the default Content-Type of curl", "application/x-www-form-urlencoded", `{"name":"a"}`),
		)

		It("rejects an array if the Content-Type declares lines", func() {
			w := post(`[{"name":"a"}]`, "Content-Type", "application/x-ndjson")
			Expect(w.Code).To(Equal(http.StatusBadRequest))
		})

		It("reserves the memory for a body that is held as a whole before the first event", func() {
			buffer := membudget.Divide(8 << 20).Buffer
			handler = events.NewHandler(events.Options{Logger: logger, Sink: sink, IDs: ids, Bodies: &source.WholeBodies{Buffer: buffer}, Buffer: buffer})
			long := `{"name":"b","attributes":{"a":"` + strings.Repeat("x", 1000) + `"}` + strings.Repeat(" ", 150<<10) + "}\n"
			post := func(query string) *httptest.ResponseRecorder {
				return do(http.MethodPost, "/api/v1/events"+query, strings.NewReader("{\"name\":\"a\"}\n"+long))
			}
			Expect(post("").Code).To(Equal(http.StatusRequestEntityTooLarge))
			Expect(sink.events).To(HaveLen(1))
			Expect(post("?strict=1").Code).To(Equal(http.StatusRequestEntityTooLarge))
			Expect(sink.events).To(HaveLen(1))
			Expect(buffer.Used()).To(BeZero())

			buffer = membudget.Divide(32 << 20).Buffer
			handler = events.NewHandler(events.Options{Logger: logger, Sink: sink, IDs: ids, Bodies: &source.WholeBodies{Buffer: buffer}, Buffer: buffer})
			Expect(post("?strict=1").Code).To(Equal(http.StatusOK))
			Expect(buffer.Used()).To(BeZero())
		})

		It("rejects a body that never fits with 413, even if an Idempotency-Key has already read it as a whole", func() {
			buffer := membudget.Divide(8 << 20).Buffer // 0.8 MiB, of which large bodies can use 0.6 MiB
			bodies := &source.WholeBodies{Buffer: buffer}
			strict := events.NewHandler(events.Options{Logger: logger, Sink: sink, IDs: ids, Bodies: bodies, Buffer: buffer})
			handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, ok := bodies.Open(w, r, source.NewRejections(logger, source.PrivateBurst))
				Expect(ok).To(BeTrue())
				defer body.Close()
				strict.ServeHTTP(w, body.Request())
			})
			line := `{"name":"b","attributes":{"a":"` + strings.Repeat("x", 1000) + `"}` + strings.Repeat(" ", 150<<10) + "}\n"
			w := do(http.MethodPost, "/api/v1/events?strict=1", strings.NewReader(line))
			Expect(w.Code).To(Equal(http.StatusRequestEntityTooLarge), w.Body.String())
			Expect(sink.events).To(BeEmpty())
			Expect(buffer.Used()).To(BeZero())
		})

		It("reserves the memory for checking a body before anything is applied", func() {
			buffer := membudget.Divide(40 << 20).Buffer // 4 MiB
			handler = events.NewHandler(events.Options{Logger: logger, Limits: source.Limits{LineBytes: 1000}, Sink: sink, IDs: ids, Bodies: &source.WholeBodies{Buffer: buffer}, Buffer: buffer})
			strict := func() *httptest.ResponseRecorder {
				return do(http.MethodPost, "/api/v1/events?strict=1", strings.NewReader(strings.Repeat("{\"name\":\"a\"}\n", 100)))
			}
			sink.dryRunBytes = 20 << 10
			Expect(strict().Code).To(Equal(http.StatusOK))
			Expect(sink.events).To(HaveLen(100))

			sink.dryRunBytes = 40 << 10
			w := strict()
			Expect(w.Code).To(Equal(http.StatusRequestEntityTooLarge))
			Expect(w.Body.String()).To(And(HavePrefix(`{"accepted":0,`), ContainSubstring("--memory-limit"), ContainSubstring("send fewer events in a body with strict=1")))
			sink.dryRunBytes = 20 << 10
			buffer.Add(2 << 20)
			w = strict()
			Expect(w.Code).To(Equal(http.StatusServiceUnavailable))
			Expect(w.Header().Get("Retry-After")).NotTo(BeEmpty())
			Expect(sink.events).To(HaveLen(100))
			Expect(buffer.Used()).To(BeEquivalentTo(2 << 20))
		})

		Describe("limits", func() {
			BeforeEach(func() {
				handler = newHandler(source.Limits{BodyBytes: 29})
			})

			It("accept a body as large as the limit", func() {
				Expect(post("{\"name\":\"a\"}\n{\"name\":\"abcd\"}\n").Code).To(Equal(http.StatusOK))
			})

			It("reject a body whose Content-Length exceeds the limit with 413, without emitting any events", func() {
				w := post("{\"name\":\"a\"}\n{\"name\":\"abcde\"}\n")
				Expect(w.Code).To(Equal(http.StatusRequestEntityTooLarge))
				Expect(w.Body).To(MatchJSON(`{
					"accepted": 0, "unknown": 0, "refused": 0, "duplicate": 0, "rejected": 1,
					"errors": [{"line": 1, "reason": "the body is too large: 30 bytes, more than the limit of 29 bytes; nothing was applied"}]
				}`))
				Expect(sink.names()).To(BeEmpty())
			})

			It("reject the rest of a body without a Content-Length with 413", func() {
				w := do(http.MethodPost, "/api/v1/events", sourcetest.Unsized("{\"name\":\"a\"}\n{\"name\":\"abcde\"}\n"))
				Expect(w.Code).To(Equal(http.StatusRequestEntityTooLarge))
				Expect(w.Body).To(MatchJSON(`{
					"accepted": 1, "unknown": 0, "refused": 0, "duplicate": 0, "rejected": 1,
					"errors": [{"line": 2, "reason": "the body is too large: more than the limit of 29 bytes"}]
				}`))
				Expect(sink.names()).To(Equal([]string{"a"}))
			})

			It("apply to the decompressed size", func() {
				body := sourcetest.Gzip(strings.Repeat("{\"name\":\"a\"}\n", 10_000))
				Expect(len(body)).To(BeNumerically("<", 1000))

				w := post(body, "Content-Encoding", "gzip")
				Expect(w.Code).To(Equal(http.StatusRequestEntityTooLarge))
				Expect(w.Body.String()).To(ContainSubstring(`{"accepted":2,"unknown":0,"refused":0,"duplicate":0,"rejected":1,`))
			})

			It("end a compressed body that never ends but decompresses to nothing", func() {
				empty := sourcetest.Gzip("")
				endless := sourcetest.Endless(empty)
				w := do(http.MethodPost, "/api/v1/events", endless, "Content-Encoding", "gzip")
				Expect(w.Code).To(Equal(http.StatusRequestEntityTooLarge))
			})

			It("are reported even after ten other errors", func() {
				handler = newHandler(source.Limits{BodyBytes: 60})
				w := do(http.MethodPost, "/api/v1/events", sourcetest.Unsized(strings.Repeat("{}\n", 21)))
				Expect(w.Code).To(Equal(http.StatusRequestEntityTooLarge))
				Expect(w.Body.String()).To(HavePrefix(`{"accepted":0,"unknown":0,"refused":0,"duplicate":0,"rejected":21,`))
				Expect(strings.Count(w.Body.String(), "the event has no name")).To(Equal(9))
				Expect(w.Body.String()).To(HaveSuffix(`{"line":21,"reason":"the body is too large: more than the limit of 60 bytes"}]}` + "\n"))
			})
		})

		Describe("compressed bodies", func() {
			lines := "{\"name\":\"a\"}\n{\"name\":\"b\"}\n"

			DescribeTable("are accepted",
				func(encoding string, compress func(string) string) {
					for range 3 { // the pool reuses decompressors
						w := post(compress(lines), "Content-Encoding", encoding)
						Expect(w.Code).To(Equal(http.StatusOK), w.Body.String())
						Expect(w.Body).To(MatchJSON(`{"accepted":2,"unknown":0,"refused":0,"duplicate":0}`))
					}
				},
				Entry("gzip", "gzip", sourcetest.Gzip),
				Entry("X-GZIP", "X-GZIP", sourcetest.Gzip),
				Entry("snappy", "snappy", sourcetest.Snappy),
				Entry("zstd", "zstd", sourcetest.Zstd),
				Entry("identity", "identity", func(s string) string { return s }),
			)

			DescribeTable("may be empty",
				func(encoding, body string) {
					w := post(body, "Content-Encoding", encoding)
					Expect(w.Code).To(Equal(http.StatusOK), w.Body.String())
					Expect(w.Body).To(MatchJSON(`{"accepted":0,"unknown":0,"refused":0,"duplicate":0}`))
				},
				Entry("gzip", "gzip", sourcetest.Gzip("")),
				Entry("gzip of no bytes", "gzip", ""),
				Entry("snappy", "snappy", sourcetest.Snappy("")),
				Entry("zstd", "zstd", sourcetest.Zstd("")),
				Entry("zstd of no bytes", "zstd", ""),
			)

			DescribeTable("are rejected with 400 if damaged",
				func(encoding, body, reason string) {
					for range 3 {
						w := post(body, "Content-Encoding", encoding)
						Expect(w.Code).To(Equal(http.StatusBadRequest), w.Body.String())
						Expect(w.Body.String()).To(ContainSubstring(reason))
						Expect(w.Body.String()).To(ContainSubstring(`"rejected":1,`))
					}

					// The decompressor still works.
					compress := map[string]func(string) string{"gzip": sourcetest.Gzip, "snappy": sourcetest.Snappy, "zstd": sourcetest.Zstd}[encoding]
					Expect(post(compress(lines), "Content-Encoding", encoding).Code).To(Equal(http.StatusOK))
				},
				Entry("text instead of gzip", "gzip", lines, `reading the body: decoding gzip: gzip: invalid header`),
				Entry("gzip that is cut off at its end", "gzip", sourcetest.Cut(sourcetest.Gzip(lines), 3), `the body is cut off: decoding gzip: unexpected EOF`),
				Entry("text instead of snappy", "snappy", lines, `reading the body: decoding snappy: `),
				Entry("text instead of zstd", "zstd", lines, `reading the body: decoding zstd: `),
				Entry("zstd that is cut off", "zstd", sourcetest.Cut(sourcetest.Zstd(lines), 3), `the body is cut off: decoding zstd: unexpected EOF`),
			)

			It("are decoded up to the damage", func() {
				many := strings.Repeat("{\"name\":\"a\"}\n", 10_000)
				w := post(sourcetest.Corrupt(sourcetest.Gzip(many), 7), "Content-Encoding", "gzip")
				Expect(w.Code).To(Equal(http.StatusBadRequest))
				Expect(w.Body.String()).To(HavePrefix(`{"accepted":10000,"unknown":0,"refused":0,"duplicate":0,"rejected":1,"errors":[{"line":10001,`))
				Expect(sink.events).To(HaveLen(10_000))
			})

			It("are rejected if the encoding is not supported", func() {
				w := post(lines, "Content-Encoding", "br")
				Expect(w.Code).To(Equal(http.StatusUnsupportedMediaType))
				Expect(w.Header()).To(HaveKeyWithValue("Accept-Encoding", ConsistOf("gzip, snappy, zstd")))
				Expect(w.Body).To(MatchJSON(`{"error": "got Content-Encoding \"br\", expected one of gzip, snappy, zstd"}`))
				Expect(sink.events).To(BeEmpty())
			})
		})

		It("emits the complete events of a body that is cut off", func() {
			body := sourcetest.Broken("{\"name\":\"a\"}\n{\"name\":\"b\"}", io.ErrUnexpectedEOF)
			w := do(http.MethodPost, "/api/v1/events", body)
			Expect(w.Code).To(Equal(http.StatusBadRequest))
			Expect(w.Body).To(MatchJSON(`{
				"accepted": 1, "unknown": 0, "refused": 0, "duplicate": 0, "rejected": 1,
				"errors": [{"line": 2, "reason": "the body is cut off: unexpected EOF"}]
			}`))
		})

		It("rejects other methods", func() {
			w := do(http.MethodGet, "/api/v1/events", nil)
			Expect(w.Code).To(Equal(http.StatusMethodNotAllowed))
			Expect(w.Header()).To(HaveKeyWithValue("Allow", ConsistOf("POST")))
			Expect(w.Body).To(MatchJSON(`{"error": "method GET not allowed, expected POST"}`))
		})
	})
})

// An idSet implements IDs. It is not safe for concurrent use.
type idSet map[string]bool

func (s *idSet) Add(id []byte) bool {
	if s.Has(id) {
		return false
	}
	if *s == nil {
		*s = idSet{}
	}
	(*s)[string(id)] = true
	return true
}

func (s *idSet) Has(id []byte) bool { return (*s)[string(id)] }

func (s *idSet) Remove(id []byte) { delete(*s, string(id)) }
