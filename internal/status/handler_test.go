package status_test

import (
	"compress/gzip"
	"io"
	"io/fs"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/internal/status"
)

// A deadlineRecorder records the write deadline.
type deadlineRecorder struct {
	*httptest.ResponseRecorder
	deadline time.Time
}

// SetWriteDeadline is called by http.ResponseController.
func (r *deadlineRecorder) SetWriteDeadline(deadline time.Time) error {
	r.deadline = deadline
	return nil
}

var _ = Describe("The status page's handler", func() {
	var (
		handler http.Handler
		limits  []int // passed to the overview function
		answer  status.Overview
		number  uint64 // of the answer
	)
	BeforeEach(func() {
		limits, answer, number = nil, status.Overview{}, 1
		handler = status.NewHandler(func(limit int) (status.Overview, uint64) {
			limits = append(limits, limit)
			return answer, number
		})
	})

	request := func(method, target string, header ...string) *http.Response {
		GinkgoHelper()
		r := httptest.NewRequest(method, target, nil)
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, r)
		return recorder.Result()
	}
	body := func(response *http.Response) string {
		GinkgoHelper()
		content, err := io.ReadAll(response.Body)
		Expect(err).NotTo(HaveOccurred())
		return string(content)
	}

	It("serves the page and the files that it references by relative URLs", func() {
		response := request("GET", "/")
		Expect(response).To(HaveHTTPStatus(200))
		Expect(response).To(HaveHTTPHeaderWithValue("Content-Type", "text/html; charset=utf-8"))

		page := body(response)
		named := regexp.MustCompile(`(?:href|src)="([^"#][^"]*)"`).FindAllStringSubmatch(page, -1)
		Expect(len(named)).To(BeNumerically(">", 10))
		for _, found := range named {
			Expect(found[1]).To(MatchRegexp(`^[a-z]`), "a relative URL, which works behind a path prefix")
			if found[1] == "metrics" {
				continue // served by the metrics listener, not by this handler
			}
			Expect(request("GET", "/"+found[1])).To(HaveHTTPStatus(200), found[1])
		}
	})

	It("preloads every module, so that the browser does not discover them one by one", func() {
		page := body(request("GET", "/"))
		scripts, err := filepath.Glob("page/assets/*.js")
		Expect(err).NotTo(HaveOccurred())
		Expect(scripts).NotTo(BeEmpty())
		for _, file := range scripts {
			Expect(page).To(ContainSubstring(`"assets/` + filepath.Base(file) + `"`))
		}
	})

	DescribeTable("serves the page's files with their content types",
		func(path, contentType string) {
			response := request("GET", path)
			Expect(response).To(HaveHTTPStatus(200))
			Expect(response).To(HaveHTTPHeaderWithValue("Content-Type", contentType))
			Expect(body(response)).NotTo(BeEmpty())
		},
		Entry("scripts", "/assets/page.js", "text/javascript; charset=utf-8"),
		Entry("styles", "/assets/page.css", "text/css; charset=utf-8"),
		Entry("the icon", "/assets/icon.svg", "image/svg+xml"),
	)

	It("makes browsers revalidate files, and answers 304 if they are unchanged", func() {
		first := request("GET", "/assets/page.js")
		Expect(first).To(HaveHTTPHeaderWithValue("Cache-Control", "no-cache"))
		etag := first.Header.Get("ETag")
		Expect(etag).NotTo(BeEmpty())
		Expect(request("GET", "/assets/page.css").Header.Get("ETag")).NotTo(Equal(etag))

		again := request("GET", "/assets/page.js", "If-None-Match", etag)
		Expect(again).To(HaveHTTPStatus(304))
		Expect(body(again)).To(BeEmpty())
	})

	It("serves the overview as JSON that clients must not cache", func() {
		answer.Events = status.Events{Received: 7, Names: []status.EventName{{Name: "<b>\u202e"}}}
		response := request("GET", "/api/v1/overview")
		Expect(response).To(HaveHTTPStatus(200))
		Expect(response).To(HaveHTTPHeaderWithValue("Content-Type", "application/json"))
		Expect(response).To(HaveHTTPHeaderWithValue("Cache-Control", "no-store"))
		Expect(body(response)).To(And(ContainSubstring(`"received":7`), ContainSubstring("\"<b>\u202e\"")), "without escapes")
		Expect(limits).To(Equal([]int{100}))
	})

	DescribeTable("compresses long answers",
		func(path string) {
			for range 100 {
				answer.Settings = append(answer.Settings, status.Setting{Name: "prometheus-bind-port", Value: "9391"})
			}
			plain := body(request("GET", path))
			response := request("GET", path, "Accept-Encoding", "gzip")
			Expect(response).To(HaveHTTPHeaderWithValue("Content-Encoding", "gzip"))
			Expect(response).To(HaveHTTPHeaderWithValue("Vary", "Accept-Encoding"))
			uncompressed, err := gzip.NewReader(response.Body)
			Expect(err).NotTo(HaveOccurred())
			Expect(io.ReadAll(uncompressed)).To(BeEquivalentTo(plain))
		},
		Entry("the overview", "/api/v1/overview"),
		Entry("the page", "/"),
		Entry("a script", "/assets/sections.js"),
	)

	DescribeTable("passes on the limit",
		func(query string, limit int) {
			Expect(request("GET", "/api/v1/overview"+query)).To(HaveHTTPStatus(200))
			Expect(limits).To(Equal([]int{limit}))
		},
		Entry("the minimum", "?limit=1", 1),
		Entry("the maximum", "?limit=1000", 1000),
		Entry("ignoring other parameters", "?limit=20&other=5", 20),
	)

	DescribeTable("rejects invalid limits",
		func(query, quoted string) {
			response := request("GET", "/api/v1/overview"+query)
			Expect(response).To(HaveHTTPStatus(400))
			Expect(body(response)).To(And(HavePrefix("got limit "+quoted+","), ContainSubstring("from 1 to 1000")))
			Expect(response).To(HaveHTTPHeaderWithValue("Cache-Control", "no-store"))
			Expect(limits).To(BeEmpty())
		},
		Entry("0", "?limit=0", `"0"`),
		Entry("too many", "?limit=1001", `"1001"`),
		Entry("a fraction", "?limit=1.5", `"1.5"`),
		Entry("empty", "?limit=", `""`),
		Entry("a word with markup", "?limit=%3Cb%3E%0A", `"<b>\n"`),
		Entry("a long text", "?limit="+strings.Repeat("9", 63)+"%C3%A9", `"`+strings.Repeat("9", 63)+`"…`),
	)

	It("answers 500 if the overview cannot be encoded", func() {
		answer.Events.PerSecond = math.NaN()
		response := request("GET", "/api/v1/overview")
		Expect(response).To(HaveHTTPStatus(500))
		Expect(body(response)).To(ContainSubstring("NaN"))
	})

	DescribeTable("encodes an overview once for all clients",
		func(limit string) {
			get := func() string { return body(request("GET", "/api/v1/overview?limit="+limit)) }
			first := get()
			answer.Events.Received = 9
			Expect(get()).To(Equal(first), "the overview with the same number")
			number++
			Expect(get()).To(ContainSubstring(`"received":9`))
		},
		Entry("by default", "100"),
		Entry("for longer lists", "1000"),
	)

	It("caches each limit of an overview separately", func() {
		handler = status.NewHandler(func(limit int) (status.Overview, uint64) {
			return status.Overview{Events: status.Events{Received: uint64(limit)}}, 1
		})
		for _, limit := range []string{"100", "1000", "7", "100", "1000", "7"} {
			Expect(body(request("GET", "/api/v1/overview?limit="+limit))).To(ContainSubstring(`"received":` + limit + `,`))
		}
	})

	It("answers 503 while eight requests for the overview are in progress, and 200 afterwards", func() {
		begun, proceed := make(chan struct{}), make(chan struct{})
		handler = status.NewHandler(func(int) (status.Overview, uint64) {
			begun <- struct{}{}
			<-proceed
			return status.Overview{}, 1
		})
		var running sync.WaitGroup
		for range 8 {
			running.Go(func() { handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/api/v1/overview", nil)) })
		}
		for range 8 {
			<-begun
		}
		response := request("GET", "/api/v1/overview")
		Expect(response).To(HaveHTTPStatus(503))
		Expect(response).To(HaveHTTPHeaderWithValue("Retry-After", "1"))
		Expect(body(response)).To(ContainSubstring("limit of 8 concurrent requests"))
		Expect(request("GET", "/")).To(HaveHTTPStatus(200))

		close(proceed)
		running.Wait()
		go func() { <-begun }()
		Expect(request("GET", "/api/v1/overview")).To(HaveHTTPStatus(200))
	})

	DescribeTable("has a write deadline of fifteen seconds, with and without compression",
		func(encoding string) {
			r := httptest.NewRequest("GET", "/api/v1/overview", nil)
			r.Header.Set("Accept-Encoding", encoding)
			w := &deadlineRecorder{ResponseRecorder: httptest.NewRecorder()}
			handler.ServeHTTP(w, r)
			Expect(w.deadline).To(BeTemporally("~", time.Now().Add(15*time.Second), 5*time.Second))
		},
		Entry("plain", ""),
		Entry("compressed", "gzip"),
	)

	DescribeTable("answers 404 to other paths",
		func(path string) { Expect(request("GET", path)).To(HaveHTTPStatus(404)) },
		Entry("an unknown page", "/nothing"),
		Entry("the page's file name", "/index.html"),
		Entry("the directory of assets", "/assets/"),
		Entry("an unknown asset", "/assets/nothing.js"),
		Entry("a longer path", "/api/v1/overview/more"),
	)

	DescribeTable("answers 405 to other methods",
		func(method, path string) {
			response := request(method, path)
			Expect(response).To(HaveHTTPStatus(405))
			Expect(response).To(HaveHTTPHeaderWithValue("Allow", "GET, HEAD"))
		},
		Entry("POST to the page", "POST", "/"),
		Entry("PUT to the overview", "PUT", "/api/v1/overview"),
		Entry("DELETE to an asset", "DELETE", "/assets/page.js"),
	)

	It("answers HEAD without a body", func() {
		for _, path := range []string{"/", "/assets/page.js"} {
			response := request("HEAD", path)
			Expect(response).To(HaveHTTPStatus(200))
			Expect(body(response)).To(BeEmpty())
		}
	})

	DescribeTable("sends headers that isolate the page",
		func(path string) {
			header := request("GET", path).Header
			Expect(header.Get("X-Content-Type-Options")).To(Equal("nosniff"))
			Expect(header.Get("Referrer-Policy")).To(Equal("no-referrer"))
			policy := strings.Split(header.Get("Content-Security-Policy"), "; ")
			Expect(policy).To(ContainElements("default-src 'none'", "script-src 'self'", "style-src 'self'",
				"img-src 'self'", "connect-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"))
			Expect(policy).NotTo(ContainElement(ContainSubstring("unsafe")))
		},
		Entry("the page", "/"),
		Entry("the overview", "/api/v1/overview"),
		Entry("an asset", "/assets/page.js"),
		Entry("an error", "/nothing"),
		Entry("a bad limit", "/api/v1/overview?limit=x"),
	)

	It("has no scripts that parse text as markup, and no inline scripts or styles", func() {
		markup := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|setHTML|eval\(|new Function`)
		inline := regexp.MustCompile(`(?i)<style|\sstyle=|\son[a-z]+=|<script(?:[^>]*[^>])?>[^<]`)
		err := filepath.WalkDir("page", func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			content, err := os.ReadFile(path)
			if strings.HasSuffix(path, ".js") {
				Expect(markup.FindString(string(content))).To(BeEmpty(), path)
			} else if !strings.HasSuffix(path, ".css") {
				Expect(inline.FindString(string(content))).To(BeEmpty(), path)
			}
			return err
		})
		Expect(err).NotTo(HaveOccurred())
	})
})
