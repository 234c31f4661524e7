package pushgateway_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing/iotest"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/pushgateway"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/sourcetest"
	"github.com/signalbox-ci/signalbox/emitter/aggregator"
)

var _ = Describe("Handler", func() {
	var f *fixture

	BeforeEach(func() { f = newFixture() })

	It("replaces a group with PUT", func() {
		w := f.put("/j", "x 1\n")
		Expect(w.Code).To(Equal(http.StatusOK))
		Expect(w.Body.String()).To(BeEmpty())
		Expect(f.last().Replace).To(BeTrue())
		Expect(f.last().TTL).To(BeNil())
		Expect(f.last().Families).To(HaveLen(1))
	})

	It("adds to a group with POST", func() {
		w := f.do(http.MethodPost, "/metrics/job/j", strings.NewReader("x 1\n"))
		Expect(w.Code).To(Equal(http.StatusOK))
		Expect(w.Body.String()).To(BeEmpty())
		Expect(f.last().Replace).To(BeFalse())
	})

	It("deletes a group with DELETE", func() {
		w := f.do(http.MethodDelete, "/metrics/job/j/l/v?ttl=nonsense", strings.NewReader("nonsense"))
		Expect(w.Code).To(Equal(http.StatusAccepted))
		Expect(w.Body.String()).To(BeEmpty())
		Expect(f.store.deleted).To(Equal([][]aggregator.Label{labelsOf("job", "j", "l", "v")}))
	})

	DescribeTable("rejects other methods",
		func(method, target, allowed, want string) {
			f.options.Admin = true
			w := f.do(method, target, nil)
			Expect(w.Code).To(Equal(http.StatusMethodNotAllowed))
			Expect(w.Header()).To(HaveKeyWithValue("Allow", ConsistOf(allowed)))
			Expect(w.Body.String()).To(HaveSuffix(want))

			w = f.do(http.MethodOptions, target, nil)
			Expect(w.Code).To(Equal(http.StatusOK))
			Expect(w.Header()).To(HaveKeyWithValue("Allow", ConsistOf(allowed)))
			Expect(w.Body.String()).To(BeEmpty())
		},
		Entry("GET of a group", "GET", "/metrics/job/j", "DELETE, OPTIONS, POST, PUT", "expected DELETE, POST or PUT\n"),
		Entry("HEAD of a group", "HEAD", "/metrics/job/j/l/v", "DELETE, OPTIONS, POST, PUT", "expected DELETE, POST or PUT\n"),
		Entry("PATCH of an invalid group", "PATCH", "/metrics/job/j/l", "DELETE, OPTIONS, POST, PUT", "expected DELETE, POST or PUT\n"),
		Entry("POST of the page", "POST", "/metrics", "GET, OPTIONS", "expected GET\n"),
		Entry("HEAD of the page", "HEAD", "/metrics", "GET, OPTIONS", "expected GET\n"),
		Entry("DELETE of the metrics", "DELETE", "/api/v1/metrics", "GET, OPTIONS", "expected GET\n"),
		Entry("HEAD of the status", "HEAD", "/api/v1/status", "GET, OPTIONS", "expected GET\n"),
		Entry("GET of the wipe", "GET", "/api/v1/admin/wipe", "OPTIONS, PUT", "expected PUT\n"),
	)

	Describe("ttl", func() {
		DescribeTable("is the lifetime of the group",
			func(query string, ttl time.Duration) {
				Expect(f.put("/j?"+query, "").Code).To(Equal(http.StatusOK))
				Expect(f.last().TTL).To(HaveValue(Equal(ttl)))
			},
			Entry("duration", "ttl=10m", 10*time.Minute),
			Entry("duration with several units", "ttl=1h30m", 90*time.Minute),
			Entry("seconds", "ttl=90", 90*time.Second),
			Entry("fraction of a second", "ttl=0.25", 250*time.Millisecond),
			Entry("zero", "ttl=0", time.Duration(0)),
			Entry("zero, as a duration", "ttl=0s", time.Duration(0)),
		)

		DescribeTable("is left to the store",
			func(query string) {
				Expect(f.put("/j?"+query, "").Code).To(Equal(http.StatusOK))
				Expect(f.last().TTL).To(BeNil())
			},
			Entry("no query", ""),
		)

		DescribeTable("is rejected",
			func(query, reason string) {
				w := f.put("/j?"+query, "")
				Expect(w.Code).To(Equal(http.StatusBadRequest))
				Expect(w.Body.String()).To(ContainSubstring(reason))
				Expect(f.store.pushes).To(BeEmpty())
			},
			Entry("duplicate", "ttl=1&ttl=1", "parameter ttl: got 2 values, expected one"),
			Entry("empty", "ttl=", `parameter ttl: got "", expected a duration like 90s`),
			Entry("word", "ttl=soon", `parameter ttl: got "soon", expected`),
			Entry("unknown unit", "ttl=1d", `parameter ttl: got "1d", expected a duration like 90s or 1h30m, or a number of seconds: did you mean 24h?`),
			Entry("negative", "ttl=-1", `parameter ttl: got "-1", expected a non-negative duration`),
			Entry("negative duration", "ttl=-1s", `parameter ttl: got "-1s", expected a non-negative duration`),
			Entry("NaN", "ttl=NaN", "expected a duration"),
			Entry("infinite", "ttl=Inf", "expected a duration"),
			Entry("too long", "ttl=1e10", "expected a duration"),
			Entry("rounded to zero", "ttl=0.1ns", "at least 1ns"),
			Entry("rounded to zero seconds", "ttl=1e-10", "at least 1ns"),
			Entry("misspelled", "tll=1h", `unknown query parameter "tll": did you mean "ttl"?`),
			Entry("in another case", "TTL=1h", `did you mean "ttl"?`),
			Entry("with an unknown parameter", "a=b&ttl=1h", `unknown query parameter "a"`),
			Entry("invalid query", "ttl=%25&x=%zz", "invalid query"),
			Entry("query with a semicolon", "a=b;ttl=5", "invalid query"),
		)
	})

	DescribeTable("responds with the error of the store",
		func(err error, status int, reason string) {
			f.store.err = err
			w := f.put("/j", "x 1\n")
			Expect(w.Code).To(Equal(status))
			Expect(w.Body.String()).To(Equal(reason + "\n"))
			Expect(w.Header()).To(HaveKeyWithValue("X-Content-Type-Options", ConsistOf("nosniff")))
		},
		Entry("invalid", &aggregator.PushError{Refusal: aggregator.Invalid, Err: errors.New("no")}, 400,
			"pushed metrics are invalid or inconsistent with existing metrics: no"),
		Entry("inconsistent", &aggregator.PushError{Refusal: aggregator.Inconsistent, Err: errors.New("no")}, 400,
			"pushed metrics are invalid or inconsistent with existing metrics: no"),
		Entry("limit reached", fmt.Errorf("wrapped: %w", &aggregator.PushError{Refusal: aggregator.LimitReached, Err: errors.New("full")}), 429, "wrapped: full"),
		Entry("not stored", &aggregator.PushError{Refusal: aggregator.NotStored, Err: errors.New("disk full")}, 500, "disk full"),
		Entry("other error", errors.New("oops"), 500, "oops"),
		Entry("long error", errors.New(strings.Repeat("é", 4000)), 500, strings.Repeat("é", 2046)+"…"),
	)

	It("responds with the error of a failed deletion", func() {
		f.store.err = &aggregator.PushError{Refusal: aggregator.NotStored, Err: errors.New("disk full")}
		w := f.do(http.MethodDelete, "/metrics/job/j", nil)
		Expect(w.Code).To(Equal(http.StatusInternalServerError))
		Expect(w.Body.String()).To(Equal("disk full\n"))
	})

	It("logs rejections at a limited rate", func() {
		f.handler = pushgateway.NewHandler(f.options)
		for range 200 {
			f.put("/a%2Fb/l", "")
		}
		Expect(f.logger).To(gbytes.Say(`push-rejected.*odd number of components.*"method":"PUT","path":"/metrics/job/a%2Fb/l","remote":"[^"]*".*"status":400`))
		Expect(len(f.logger.Logs())).To(BeNumerically("<", 150))
	})

	Describe("the page", func() {
		It("is served", func() {
			f.options.Page = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "page") }) //nolint:errcheck // to memory
			w := f.do(http.MethodGet, "/metrics", nil)
			Expect(w.Code).To(Equal(http.StatusOK))
			Expect(w.Body.String()).To(Equal("page"))
		})

		It("responds with 404 if there is none", func() {
			w := f.do(http.MethodGet, "/metrics", nil)
			Expect(w.Code).To(Equal(http.StatusNotFound))
			Expect(w.Body.String()).To(ContainSubstring("this listener does not serve metrics"))
		})
	})

	It("passes requests for other paths to the next handler", func() {
		f.options.Next = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "next") }) //nolint:errcheck // to memory
		Expect(f.do(http.MethodPost, "/api/v1/events", nil).Body.String()).To(Equal("next"))
		Expect(f.do(http.MethodGet, "/metrics/elsewhere", nil).Code).To(Equal(http.StatusNotFound))
	})

	It("does not let clients stop the daemon", func() {
		for _, method := range []string{http.MethodPut, http.MethodPost} {
			w := f.do(method, "/-/quit", nil)
			Expect(w.Code).To(Equal(http.StatusForbidden))
			Expect(w.Body.String()).To(ContainSubstring("not enabled"))
		}
		Expect(f.do(http.MethodGet, "/-/quit", nil).Code).To(Equal(http.StatusMethodNotAllowed))
	})

	Describe("the wipe", func() {
		It("does not exist unless it is enabled", func() {
			for _, method := range []string{"PUT", "GET", "OPTIONS"} {
				Expect(f.do(method, "/api/v1/admin/wipe", nil).Code).To(Equal(http.StatusNotFound))
			}
			Expect(f.store.wiped).To(BeZero())
		})

		It("deletes all groups", func() {
			f.options.Admin = true
			w := f.do(http.MethodPut, "/api/v1/admin/wipe", nil)
			Expect(w.Code).To(Equal(http.StatusAccepted))
			Expect(w.Body.String()).To(BeEmpty())
			Expect(f.store.wiped).To(Equal(1))
		})

		It("rejects query parameters, which would not limit it to some groups", func() {
			f.options.Admin = true
			w := f.do(http.MethodPut, "/api/v1/admin/wipe?job=unit", nil)
			Expect(w.Code).To(Equal(http.StatusBadRequest))
			Expect(w.Body.String()).To(Equal(`unknown query parameter "job", expected none` + "\n"))
			Expect(f.store.wiped).To(BeZero())
			Expect(f.logger).To(gbytes.Say("wipe-rejected"))
		})

		It("responds with the error of the store and logs it", func() {
			f.options.Admin = true
			f.store.err = errors.New("oops")
			w := f.do(http.MethodPut, "/api/v1/admin/wipe", nil)
			Expect(w.Code).To(Equal(http.StatusInternalServerError))
			Expect(w.Body.String()).To(Equal("oops\n"))
			Expect(f.logger).To(gbytes.Say("wipe-rejected"))
		})
	})

	Describe("limits", func() {
		BeforeEach(func() { f.options.BodyBytes = 8 })

		It("accept a body as large as the limit", func() {
			Expect(f.put("/j", "x 1\ny 2\n").Code).To(Equal(http.StatusOK))
		})

		DescribeTable("reject a larger body with 413",
			func(body io.Reader, reason string, headers ...string) {
				w := f.do(http.MethodPut, "/metrics/job/j", body, headers...)
				Expect(w.Code).To(Equal(http.StatusRequestEntityTooLarge))
				Expect(w.Body.String()).To(Equal("the body is too large: " + reason + "\n"))
				Expect(f.store.pushes).To(BeEmpty())
			},
			Entry("with a Content-Length", strings.NewReader("x 1\nyy 2\n"), "9 bytes, more than the limit of 8 bytes; nothing was applied"),
			Entry("without a Content-Length", sourcetest.Unsized("x 1\nyy 2\n"), "more than the limit of 8 bytes"),
			Entry("between lines", sourcetest.Unsized("x 1\ny 2\nz 3\n"), "more than the limit of 8 bytes"),
			Entry("in protobuf", sourcetest.Unsized("\x0aaaaaaaaaaaaaa"), "more than the limit of 8 bytes", "Content-Type", protobufType),
			Entry("when decompressed", sourcetest.Unsized(sourcetest.Gzip("x 1\nyy 2\n")), "more than the limit of 8 bytes", "Content-Encoding", "gzip"),
		)

		It("apply to the decompressed size", func() {
			Expect(len(sourcetest.Gzip("x 1\n"))).To(BeNumerically(">", 8))
			Expect(f.put("/j", sourcetest.Gzip("x 1\n"), "Content-Encoding", "gzip").Code).To(Equal(http.StatusOK))
		})
	})

	DescribeTable("reports that a body is cut off",
		func(contentType, start string) {
			body := sourcetest.Broken(start, io.ErrUnexpectedEOF)
			w := f.do(http.MethodPut, "/metrics/job/j", body, "Content-Type", contentType)
			Expect(w.Code).To(Equal(http.StatusBadRequest))
			Expect(w.Body.String()).To(Equal("the body is cut off: unexpected EOF\n"))
			Expect(f.store.pushes).To(BeEmpty())
		},
		Entry("at the start", "", ""),
		Entry("after a line", "", "x 1\n"),
		Entry("in a line", "", "x 1\ny{"),
		Entry("in protobuf", protobufType, delimited(familyOf("x", 1, gaugeOf(1)))),
	)

	It("responds with the error from reading the body", func() {
		w := f.do(http.MethodPut, "/metrics/job/j", iotest.ErrReader(errors.New("i/o timeout")))
		Expect(w.Code).To(Equal(http.StatusBadRequest))
		Expect(w.Body.String()).To(Equal("reading the body: i/o timeout\n"))
	})

	It("exports metrics about requests", func() {
		registry := prometheus.NewPedanticRegistry()
		f.options.Registerer = registry
		f.put("/j", sourcetest.Gzip(strings.Repeat("x 1\n", 1000)), "Content-Encoding", "gzip")
		Expect(testutil.GatherAndCompare(registry, strings.NewReader(`
			# HELP signalbox_push_requests_total Number of requests to push to or delete a group, by method and status code.
			# TYPE signalbox_push_requests_total counter
			signalbox_push_requests_total{code="202",method="delete"} 0
			signalbox_push_requests_total{code="400",method="delete"} 0
			signalbox_push_requests_total{code="500",method="delete"} 0
			signalbox_push_requests_total{code="200",method="post"} 0
			signalbox_push_requests_total{code="400",method="post"} 0
			signalbox_push_requests_total{code="413",method="post"} 0
			signalbox_push_requests_total{code="429",method="post"} 0
			signalbox_push_requests_total{code="500",method="post"} 0
			signalbox_push_requests_total{code="503",method="post"} 0
			signalbox_push_requests_total{code="200",method="put"} 1
			signalbox_push_requests_total{code="400",method="put"} 0
			signalbox_push_requests_total{code="413",method="put"} 0
			signalbox_push_requests_total{code="429",method="put"} 0
			signalbox_push_requests_total{code="500",method="put"} 0
			signalbox_push_requests_total{code="503",method="put"} 0
		`), "signalbox_push_requests_total")).To(Succeed())
		Expect(testutil.GatherAndLint(registry)).To(BeEmpty())

		families, err := registry.Gather()
		Expect(err).NotTo(HaveOccurred())
		measured := map[string]float64{}
		for _, family := range families {
			for _, m := range family.Metric {
				if m.Histogram.GetSampleCount() == 1 {
					measured[family.GetName()+" "+m.Label[0].GetValue()] = m.Histogram.GetSampleSum()
				}
			}
		}
		Expect(measured).To(HaveLen(2))
		Expect(measured).To(HaveKeyWithValue("signalbox_push_size_bytes put", BeNumerically("<", 100)))
		Expect(measured).To(HaveKeyWithValue("signalbox_push_duration_seconds put", BeNumerically(">", 0)))
	})
})
