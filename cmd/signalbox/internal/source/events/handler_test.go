package events_test

import (
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
)

var _ = Describe("Handler", func() {
	var (
		logger  *lagertest.TestLogger
		sink    *recorder
		handler http.Handler
	)

	BeforeEach(func() {
		logger = lagertest.NewTestLogger("intake")
		sink = &recorder{}
		handler = events.NewHandler(logger, source.Limits{}, sink, nil)
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
			Expect(w.Body.String()).To(Equal(`{"accepted":3,"unknown":1}` + "\n"))
			Expect(w.Header()).To(HaveKeyWithValue("Content-Type", ConsistOf("application/json")))
			Expect(w.Header()).To(HaveKeyWithValue("X-Content-Type-Options", ConsistOf("nosniff")))
			Expect(sink.names()).To(Equal([]string{"a", "unknown", "b"}))
		})

		It("responds with 200 to a body without events", func() {
			for _, body := range []string{"", "\n\n", "[]"} {
				w := post(body)
				Expect(w.Code).To(Equal(http.StatusOK))
				Expect(w.Body.String()).To(Equal(`{"accepted":0,"unknown":0}` + "\n"))
			}
		})

		It("emits the valid events and responds with 400 if others are rejected", func() {
			w := post("{\"name\":\"a\"}\n\n{\"name\":5}\n{\"name\":\"b\"}\noops\n", "Content-Type", "application/x-ndjson")
			Expect(w.Code).To(Equal(http.StatusBadRequest))
			Expect(w.Body).To(MatchJSON(`{
				"accepted": 2, "unknown": 0, "rejected": 2,
				"errors": [
					{"line": 3, "reason": "name: got a number, expected a string"},
					{"line": 5, "reason": "not JSON: got \"oops\", expected a value (column 1)"}
				]
			}`))
			Expect(sink.names()).To(Equal([]string{"a", "b"}))
		})

		It("logs the first reason and the number of rejected events", func() {
			post("{\"name\":5}\n{\"name\":6}\n{\"name\":\"a\"}\n")
			Expect(logger).To(gbytes.Say(`events-rejected.*"accepted":1,"error":"name: got a number, expected a string","line":1.*"rejected":2`))
		})

		It("lists the first ten errors but counts all of them", func() {
			w := post(strings.Repeat("{\"name\":\"a\"}\n{}\n", 12))
			Expect(w.Code).To(Equal(http.StatusBadRequest))
			Expect(w.Body.String()).To(HavePrefix(`{"accepted":12,"unknown":0,"rejected":12,"errors":[{"line":2,`))
			Expect(strings.Count(w.Body.String(), "the event has no name")).To(Equal(10))
			Expect(w.Body.String()).To(ContainSubstring(`{"line":20,`))
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

		Describe("limits", func() {
			BeforeEach(func() {
				handler = events.NewHandler(logger, source.Limits{BodyBytes: 29}, sink, nil)
			})

			It("accept a body as large as the limit", func() {
				Expect(post("{\"name\":\"a\"}\n{\"name\":\"abcd\"}\n").Code).To(Equal(http.StatusOK))
			})

			It("reject a body whose Content-Length exceeds the limit with 413, without emitting any events", func() {
				w := post("{\"name\":\"a\"}\n{\"name\":\"abcde\"}\n")
				Expect(w.Code).To(Equal(http.StatusRequestEntityTooLarge))
				Expect(w.Body).To(MatchJSON(`{
					"accepted": 0, "unknown": 0, "rejected": 1,
					"errors": [{"line": 1, "reason": "the body is too large: 30 bytes, more than the limit of 29 bytes; nothing was applied"}]
				}`))
				Expect(sink.names()).To(BeEmpty())
			})

			It("reject the rest of a body without a Content-Length with 413", func() {
				w := do(http.MethodPost, "/api/v1/events", sourcetest.Unsized("{\"name\":\"a\"}\n{\"name\":\"abcde\"}\n"))
				Expect(w.Code).To(Equal(http.StatusRequestEntityTooLarge))
				Expect(w.Body).To(MatchJSON(`{
					"accepted": 1, "unknown": 0, "rejected": 1,
					"errors": [{"line": 2, "reason": "the body is too large: more than the limit of 29 bytes"}]
				}`))
				Expect(sink.names()).To(Equal([]string{"a"}))
			})

			It("apply to the decompressed size", func() {
				body := sourcetest.Gzip(strings.Repeat("{\"name\":\"a\"}\n", 10_000))
				Expect(len(body)).To(BeNumerically("<", 1000))

				w := post(body, "Content-Encoding", "gzip")
				Expect(w.Code).To(Equal(http.StatusRequestEntityTooLarge))
				Expect(w.Body.String()).To(ContainSubstring(`{"accepted":2,"unknown":0,"rejected":1,`))
			})

			It("end a compressed body that never ends but decompresses to nothing", func() {
				empty := sourcetest.Gzip("")
				endless := sourcetest.Endless(empty)
				w := do(http.MethodPost, "/api/v1/events", endless, "Content-Encoding", "gzip")
				Expect(w.Code).To(Equal(http.StatusRequestEntityTooLarge))
			})

			It("are reported even after ten other errors", func() {
				handler = events.NewHandler(logger, source.Limits{BodyBytes: 60}, sink, nil)
				w := do(http.MethodPost, "/api/v1/events", sourcetest.Unsized(strings.Repeat("{}\n", 21)))
				Expect(w.Code).To(Equal(http.StatusRequestEntityTooLarge))
				Expect(w.Body.String()).To(HavePrefix(`{"accepted":0,"unknown":0,"rejected":21,`))
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
						Expect(w.Body).To(MatchJSON(`{"accepted":2,"unknown":0}`))
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
					Expect(w.Body).To(MatchJSON(`{"accepted":0,"unknown":0}`))
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
				Expect(w.Body.String()).To(HavePrefix(`{"accepted":10000,"unknown":0,"rejected":1,"errors":[{"line":10001,`))
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
				"accepted": 1, "unknown": 0, "rejected": 1,
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
