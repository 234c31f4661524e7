package agents_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"code.cloudfoundry.org/lager/v3/lagertest"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/agents"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/sourcetest"
	"github.com/signalbox-ci/signalbox/emitter/aggregator"
	"github.com/signalbox-ci/signalbox/internal/membudget"
)

// one returns an update with one metric.
func one(name string) string {
	return `{"labels":{"username":"u"},"metrics":[{"name":"` + name + `","type":"gauge","value":1}]}`
}

var _ = Describe("Handler", func() {
	var (
		logger    *lagertest.TestLogger
		sink      *recorder
		malformed int
		options   agents.Options
	)

	BeforeEach(func() {
		logger = lagertest.NewTestLogger("agents")
		sink = &recorder{}
		malformed = 0
		options = agents.Options{Logger: logger, Sink: sink, Malformed: func() { malformed++ }}
	})

	do := func(method string, body io.Reader, headers ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, agents.Path, body)
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		w := httptest.NewRecorder()
		agents.NewHandler(options).ServeHTTP(w, r)
		return w
	}
	post := func(body string, headers ...string) *httptest.ResponseRecorder {
		return do(http.MethodPost, strings.NewReader(body), headers...)
	}

	It("applies an update and responds with 200", func() {
		w := post(`{
			"labels": {"username": "ada", "workspace_name": "main", "agent_name": "a-1", "template_name": "go"},
			"metrics": [
				{"name": "builds_total", "type": "counter", "value": 1.5, "labels": {"b": "x", "a": "\u00e9\ud83d\ude80\n"}},
				{"labels": {"a": "y"}, "value": -2e3, "type": "gauge", "name": "load"},
				{"name": "nan", "type": "gauge", "value": "NaN", "labels": {}},
				{"name": "up", "type": "gauge", "value": "+Inf"},
				{"name": "down", "type": "\u0067auge", "value": "-Inf"}
			]
		}`)
		Expect(w.Code).To(Equal(http.StatusOK), w.Body.String())
		Expect(w.Body.String()).To(Equal(`{"accepted":5}` + "\n"))
		Expect(w.Header()).To(HaveKeyWithValue("Content-Type", ConsistOf("application/json")))
		Expect(w.Header()).To(HaveKeyWithValue("X-Content-Type-Options", ConsistOf("nosniff")))
		Expect(sink.updates).To(Equal([][]string{{
			`{username="ada",workspace_name="main",agent_name="a-1",template_name="go"}`,
			`builds_total{b="x",a="é🚀\n"} counter 1.5`,
			`load{a="y"} gauge -2000`,
			`nan{} gauge NaN`,
			`up{} gauge +Inf`,
			`down{} gauge -Inf`,
		}}))
		Expect(malformed).To(BeZero())
		Expect(logger.Logs()).To(BeEmpty())
	})

	It("applies the valid metrics and reports the errors of the others in order", func() {
		w := post(`{"metrics": [
			{"name": "a", "type": "gauge", "value": 1},
			{"name": "rejected_1", "type": "gauge", "value": 1},
			{"name": "b", "type": "foo", "value": 1},
			5,
			{"name": "rejected_2", "type": "gauge", "value": 1},
			{"name": "c", "type": "gauge", "value": 1}
		]}`)
		Expect(w.Code).To(Equal(http.StatusBadRequest))
		Expect(w.Body.String()).To(Equal(`{"accepted":2,"rejected":4,"errors":[` +
			`{"line":1,"update":0,"metric":1,"name":"rejected_1","reason":"metric \"rejected_1\" is rejected"},` +
			`{"line":1,"update":0,"metric":2,"name":"b","reason":"got type \"foo\", expected counter or gauge"},` +
			`{"line":1,"update":0,"metric":3,"reason":"metric: got a number, expected an object"},` +
			`{"line":1,"update":0,"metric":4,"name":"rejected_2","reason":"metric \"rejected_2\" is rejected"}]}` + "\n"))
		Expect(sink.metrics()).To(Equal([]string{"a{} gauge 1", "c{} gauge 1"}))
		Expect(malformed).To(Equal(2), "the sink counts its rejections itself")
		Expect(logger).To(gbytes.Say(`agent-metrics-rejected.*"accepted":2,"error":"metric \\"rejected_1\\" is rejected","line":1,` +
			`"name":"rejected_1",.*"rejected":4,.*"update":0`))
	})

	It("lists the first ten errors but counts all of them", func() {
		metrics := strings.Repeat(`{},{"name":"rejected","type":"gauge","value":0},{"name":"a","type":"gauge","value":0},`, 12)
		w := post(`{"metrics":[` + metrics + `5]}`)
		Expect(w.Code).To(Equal(http.StatusBadRequest))
		Expect(w.Body.String()).To(HavePrefix(`{"accepted":12,"rejected":25,"errors":[{`))
		Expect(strings.Count(w.Body.String(), `"reason"`)).To(Equal(10))
		Expect(strings.Count(w.Body.String(), "the metric has no name")).To(Equal(5))
		Expect(w.Body.String()).To(ContainSubstring(`"metric":13,`))
		Expect(malformed).To(Equal(13))
	})

	DescribeTable("rejects a metric",
		func(metric, reason string) {
			w := post(`{"metrics":[` + metric + `,{"name":"good","type":"gauge","value":1}]}`)
			Expect(w.Code).To(Equal(http.StatusBadRequest))
			a := decodeResponse(w)
			Expect([]int{a.Accepted, a.Rejected, len(a.Errors)}).To(Equal([]int{1, 1, 1}))
			e := a.Errors[0]
			Expect([]int{e.Line, e.Update}).To(Equal([]int{1, 0}))
			Expect(e.Metric).To(HaveValue(BeZero()))
			Expect(e.Name == "x").To(Equal(strings.Contains(metric, `"name":"x"`)))
			Expect(e.Reason).To(ContainSubstring(reason))
			Expect(sink.metrics()).To(Equal([]string{"good{} gauge 1"}))
			Expect(malformed).To(Equal(1))
		},
		Entry("that is a string", `"x"`, `metric: got a string, expected an object`),
		Entry("that is null", `null`, `metric: got null, expected an object`),
		Entry("that is an array", `[1,[2]]`, `metric: got an array, expected an object`),
		Entry("without a name", `{"type":"gauge","value":1}`, `the metric has no name`),
		Entry("with an empty name", `{"name":"","type":"gauge","value":1}`, `the metric has no name`),
		Entry("without a type", `{"name":"x","value":1}`, `the metric has no type`),
		Entry("without a value", `{"name":"x","type":"gauge"}`, `the metric has no value`),
		Entry("without anything", `{}`, `the metric has no name`),
		Entry("whose name is null", `{"name":null,"type":"gauge","value":1}`, `name: got null, expected a string`),
		Entry("whose name is a number", `{"name":5,"type":"gauge","value":1}`, `name: got a number, expected a string`),
		Entry("whose type is null", `{"name":"x","type":null,"value":1}`, `type: got null, expected a string`),
		Entry("whose type is capitalized", `{"name":"x","type":"Gauge","value":1}`, `got type "Gauge", expected counter or gauge`),
		Entry("whose type is long", `{"name":"x","type":"`+strings.Repeat("é", 50)+`","value":1}`,
			`got type "`+strings.Repeat("é", 32)+`"…, expected counter or gauge`),
		Entry("whose value is null", `{"name":"x","type":"gauge","value":null}`, `value: got null, expected a number`),
		Entry("whose value is a boolean", `{"name":"x","type":"gauge","value":true}`, `value: got a boolean, expected a number`),
		Entry("whose value is a number in quotes", `{"name":"x","type":"gauge","value":"5"}`,
			`got value "5"`),
		Entry("whose value is infinite without a sign", `{"name":"x","type":"gauge","value":"Inf"}`,
			`got value "Inf"`),
		Entry("whose value is too large", `{"name":"x","type":"gauge","value":1e999}`, `value 1e999 is out of range of a float64`),
		Entry("with an unknown field", `{"unit":"s","name":"x","type":"gauge","value":1}`,
			`unknown field "unit"`),
		Entry("with a capitalized field", `{"name":"x","type":"gauge","Value":1}`,
			`unknown field "Value"`),
		Entry("with a field of an update", `{"metrics":[],"name":"x","type":"gauge","value":1}`,
			`unknown field "metrics"`),
		Entry("with a duplicate name", `{"name":"x","name":"y","type":"gauge","value":1}`, `field "name" is duplicated`),
		Entry("with a duplicate value", `{"name":"x","type":"gauge","value":1,"\u0076alue":1}`, `field "value" is duplicated`),
		Entry("whose labels are null", `{"name":"x","type":"gauge","value":1,"labels":null}`, `labels: got null, expected an object`),
		Entry("whose labels are an array", `{"name":"x","type":"gauge","value":1,"labels":[{}]}`, `labels: got an array, expected an object`),
		Entry("with a label that is null", `{"name":"x","type":"gauge","value":1,"labels":{"a":null}}`, `label "a": got null, expected a string`),
		Entry("with a label that is a number, followed by others", `{"name":"x","type":"gauge","value":1,"labels":{"a":5,"b":{},"c":"d"}}`,
			`label "a": got a number, expected a string`),
		Entry("with a label that is an object", `{"name":"x","type":"gauge","value":1,"labels":{"a":{"b":"}"}}}`,
			`label "a": got an object, expected a string`),
		Entry("with a duplicate label", `{"name":"x","type":"gauge","value":1,"labels":{"a":"1","b":"2","\u0061":"1"}}`,
			`label "a" is duplicated`),
		Entry("with too many labels", `{"name":"x","type":"gauge","value":1,"labels":{`+manyLabels(65)+`}}`,
			`the limit of 64`),
		Entry("whose name is not UTF-8", "{\"name\":\"a\xff\",\"type\":\"gauge\",\"value\":1}", `name: "a\xff" is not UTF-8`),
		Entry("with a field that is not UTF-8", "{\"a\xff\":\"a\",\"name\":\"x\",\"type\":\"gauge\",\"value\":1}", `"a\xff" is not UTF-8`),
		Entry("with a label that is not UTF-8", "{\"name\":\"x\",\"type\":\"gauge\",\"value\":1,\"labels\":{\"a\":\"\xc3\"}}",
			`label "a": "\xc3" is not UTF-8`),
		Entry("with a label name that is not UTF-8", "{\"name\":\"x\",\"type\":\"gauge\",\"value\":1,\"labels\":{\"\xc3\":\"a\"}}",
			`label name: "\xc3" is not UTF-8`),
		Entry("with the first half of a surrogate pair", `{"name":"x","type":"gauge","value":1,"labels":{"a":"\\\uD83D!"}}`,
			`label "a": invalid escape sequence "\\uD83D" in a string`),
		Entry("with two first halves of surrogate pairs", `{"name":"x","type":"gauge","value":1,"labels":{"a":"\ud83d\ud83d"}}`,
			`label "a": invalid escape sequence "\\ud83d" in a string`),
		Entry("with the second half of a surrogate pair", `{"name":"x","type":"gauge","value":1,"labels":{"a":"\ude00"}}`,
			`label "a": invalid escape sequence "\\ude00" in a string`),
	)

	It("accepts as many labels as the limit", func() {
		w := post(`{"labels":{` + manyLabels(64) + `},"metrics":[{"name":"x","type":"gauge","value":1,"labels":{` + manyLabels(64) + `}}]}`)
		Expect(w.Code).To(Equal(http.StatusOK), w.Body.String())
	})

	It("does not mistake an escaped backslash for half of a surrogate pair", func() {
		w := post(`{"metrics":[{"name":"x","type":"gauge","value":1,"labels":{"a":"\\ud83d","b":"\ufffd"}}]}`)
		Expect(w.Code).To(Equal(http.StatusOK), w.Body.String())
		Expect(sink.metrics()).To(Equal([]string{`x{a="\\ud83d",b="` + "\ufffd" + `"} gauge 1`}))
	})

	It("truncates a long name in the response", func() {
		w := post(`{"metrics":[{"name":"rejected` + strings.Repeat("x", 100) + `","type":"gauge","value":1}]}`)
		Expect(w.Body.String()).To(ContainSubstring(`"name":"rejected` + strings.Repeat("x", 56) + `…"`))
	})

	DescribeTable("rejects an update as a whole",
		func(update string, rejected int, reason string) {
			w := post("\n" + update + "\n" + one("good") + "\n")
			Expect(w.Code).To(Equal(http.StatusBadRequest))
			a := decodeResponse(w)
			Expect([]int{a.Accepted, a.Rejected, len(a.Errors)}).To(Equal([]int{1, rejected, 1}))
			e := a.Errors[0]
			Expect([]int{e.Line, e.Update}).To(Equal([]int{2, 0}))
			Expect(e.Metric).To(BeNil())
			Expect(e.Name).To(BeEmpty())
			Expect(e.Reason).To(ContainSubstring(reason))
			Expect(sink.metrics()).To(Equal([]string{"good{} gauge 1"}))
			Expect(malformed).To(Equal(1))
		},
		Entry("that is a number", `5`, 1, `update: got a number, expected an object`),
		Entry("that is null", `null`, 1, `update: got null, expected an object`),
		Entry("without metrics", `{"labels":{"username":"u"}}`, 1, `the update has no metrics`),
		Entry("whose metrics are null", `{"metrics":null}`, 1, `metrics: got null, expected an array`),
		Entry("whose metrics are an object", `{"metrics":{"name":"x"}}`, 1, `metrics: got an object, expected an array`),
		Entry("whose labels are null", `{"labels":null,"metrics":[{},{}]}`, 2, `labels: got null, expected an object`),
		Entry("with a label that is a number", `{"labels":{"username":5},"metrics":[]}`, 1, `label "username": got a number, expected a string`),
		Entry("with a duplicate label", `{"labels":{"username":"a","username":"b"},"metrics":[{},{},{}]}`, 3, `label "username" is duplicated`),
		Entry("with an unknown field", `{"metrics":[{},{}],"label":{}}`, 2, `unknown field "label"`),
		Entry("with a capitalized field", `{"Metrics":[{}]}`, 1, `unknown field "Metrics"`),
		Entry("with duplicate metrics", `{"metrics":[{"name":"x","type":"gauge","value":1}],"metrics":[]}`, 1, `field "metrics" is duplicated`),
		Entry("that is not JSON", `{"metrics":[}`, 1,
			`not JSON: got "}", expected a value (column 13)`),
		Entry("that is incomplete", `{"metrics":["`, 1, `not JSON: unterminated string (column 14)`),
		Entry("with NaN", `{"metrics":[NaN]}`, 1,
			`not JSON: got "NaN", expected a value (column 13)`),
		Entry("with another update on the same line", `{"metrics":[]} {"metrics":[]}`, 1,
			`not JSON: got "{", expected the end of the input (column 16)`),
		Entry("that is nested too deeply", `{"metrics":`+strings.Repeat("[", 20_000), 1,
			`not JSON: got more than 10000 nested values (column 10011)`),
	)

	It("reports that the sink rejected an update, and continues", func() {
		rejected := `{"labels":{"username":"rejected"},"metrics":[{"name":"a","type":"gauge","value":1},{},{"name":"b","type":"gauge","value":1}]}`
		w := post(`[` + one("a") + `,` + rejected + `,{"labels":{"username":"rejected"},"metrics":[]},` + one("b") + `]`)
		Expect(w.Code).To(Equal(http.StatusBadRequest))
		Expect(w.Body).To(MatchJSON(`{"accepted": 2, "rejected": 4, "errors": [
			{"line": 1, "update": 1, "reason": "unknown user \"rejected\""},
			{"line": 1, "update": 2, "reason": "unknown user \"rejected\""}
		]}`))
		Expect(sink.metrics()).To(Equal([]string{"a{} gauge 1", "b{} gauge 1"}))
		Expect(malformed).To(Equal(1))
	})

	DescribeTable("accepts the same formats as for events",
		func(contentType, body string, metrics ...string) {
			w := post(body, "Content-Type", contentType)
			Expect(w.Code).To(Equal(http.StatusOK), w.Body.String())
			Expect(w.Body).To(MatchJSON(fmt.Sprintf(`{"accepted": %d}`, len(metrics))))
			names := []string{}
			for _, metric := range sink.metrics() {
				names = append(names, metric[:strings.Index(metric, "{")])
			}
			Expect(names).To(Equal(metrics))
		},
		Entry("an empty body", "application/json", " \n"),
		Entry("an update without metrics", "application/json", `{"metrics":[]}`),
		Entry("an update", "application/json", one("a"), "a"),
		Entry("an update with the default Content-Type of curl", "application/x-www-form-urlencoded", one("a"), "a"),
		Entry("an update after a byte order mark", "", "\ufeff"+one("a"), "a"),
		Entry("an update spread over lines", "application/json", spread("a"), "a"),
		Entry("updates spread over lines", "application/json", spread("a")+spread("b")+" "+one("c"), "a", "b", "c"),
		Entry("an array", "application/json", "["+one("a")+" ,\n"+spread("b")+"]\n", "a", "b"),
		Entry("an empty array", "application/json", "[]"),
		Entry("lines", "application/x-ndjson", one("a")+"\n"+one("b"), "a", "b"),
		Entry("lines with the Content-Type of JSON", "application/json", one("a")+"\r\n\r\n"+one("b")+"\r\n", "a", "b"),
	)

	It("rejects an array if the Content-Type declares lines", func() {
		w := post("["+one("a")+"]", "Content-Type", "application/x-ndjson")
		Expect(w.Code).To(Equal(http.StatusBadRequest))
		Expect(w.Body.String()).To(ContainSubstring("update: got an array, expected an object"))
		Expect(sink.updates).To(BeEmpty())
	})

	DescribeTable("applies the updates before a syntax error, and reports its position",
		func(body string, line, update int, reason string, metrics ...string) {
			w := post(body)
			Expect(w.Code).To(Equal(http.StatusBadRequest))
			a := decodeResponse(w)
			Expect([]int{a.Accepted, a.Rejected, len(a.Errors)}).To(Equal([]int{len(metrics), 1, 1}))
			e := a.Errors[0]
			Expect([]int{e.Line, e.Update}).To(Equal([]int{line, update}))
			Expect(e.Metric).To(BeNil())
			Expect(e.Name).To(BeEmpty())
			Expect(e.Reason).To(ContainSubstring(reason))
			Expect(sink.metrics()).To(HaveLen(len(metrics)))
			for i, metric := range sink.metrics() {
				Expect(metric).To(HavePrefix(metrics[i] + "{"))
			}
			Expect(malformed).To(Equal(1))
		},
		Entry("in a line, where it also applies the updates after it", one("a")+"\n\noops\n"+one("b"), 3, 1,
			`not JSON: got "oops", expected a value (column 1)`, "a", "b"),
		Entry("in the first line", "  {'}\n"+one("b")+"\n"+one("c"), 1, 0,
			`not JSON: got "'", expected a string (column 4)`, "b", "c"),
		Entry("in a first line that ends within a string", "{\"met\n"+one("b"), 1, 0,
			`not JSON: unterminated string (column 6)`, "b"),
		Entry("in a first line that may continue on the next", "{\"metrics\":[\n"+one("b"), 2, 0,
			`not JSON: got the end of the input, expected a comma or the end of the array (column 78)`),
		Entry("in an array", "["+one("a")+",\n"+one("b")+",\n {oops},"+one("c")+"]", 3, 2,
			`not JSON: got "oops", expected a string (column 3)`, "a", "b"),
		Entry("between elements", "["+one("a")+" "+one("b")+"]", 1, 1,
			`not JSON: got "{", expected a comma or the end of the array (column 80)`, "a"),
		Entry("after an array", "["+one("a")+"]\n]", 2, 1, `not JSON: got "]", expected the end of the input (column 1)`, "a"),
		Entry("at the end of an incomplete array", "["+one("a")+",\n"+one("b"), 2, 2, `not JSON: got the end of the input, expected a comma or the end of the array (column 78)`, "a", "b"),
		Entry("at the end of an incomplete element", "["+one("a")+",\n"+one("b")[:70], 2, 1, `not JSON: unterminated string (column 71)`, "a"),
		Entry("after an update spread over lines", spread("a")+"oops", 10, 1,
			`not JSON: got "oops", expected a value (column 1)`, "a"),
		Entry("in an update spread over lines", spread("a")+"{\n  \"metrics\": [{oops}]\n}\n"+one("b"), 11, 1,
			`not JSON: got "oops", expected a string (column 16)`, "a"),
		Entry("at the end of an incomplete update spread over lines", strings.TrimSuffix(spread("a"), "}\n"), 8, 0,
			`not JSON: got the end of the input, expected a comma or the end of the object (column 4)`),
	)

	Describe("limits", func() {
		BeforeEach(func() { options.BodyBytes = int64(2*len(one("a")) + 2) })

		It("accept a body as large as the limit", func() {
			w := post(one("a") + "\n" + one("b") + "\n")
			Expect(w.Code).To(Equal(http.StatusOK), w.Body.String())
		})

		It("reject a body whose Content-Length exceeds the limit with 413, without applying any updates", func() {
			w := post(one("a") + "\n" + one("b") + "\n ")
			Expect(w.Code).To(Equal(http.StatusRequestEntityTooLarge))
			Expect(w.Body).To(MatchJSON(`{"accepted": 0, "rejected": 1, "errors": [{"line": 1, "update": 0,
				"reason": "the body is too large: 157 bytes, more than the limit of 156 bytes; nothing was applied"}]}`))
			Expect(sink.updates).To(BeEmpty())
			Expect(malformed).To(Equal(1))
			Expect(logger).To(gbytes.Say("agent-metrics-rejected"))
		})

		It("reject a body without a Content-Length with 413, without applying any updates", func() {
			w := do(http.MethodPost, sourcetest.Unsized(one("a")+"\n"+one("bb")+"\n"))
			Expect(w.Code).To(Equal(http.StatusRequestEntityTooLarge))
			Expect(w.Body).To(MatchJSON(`{"accepted": 0, "rejected": 1, "errors": [{"line": 1, "update": 0,
				"reason": "the body is too large: more than the limit of 156 bytes"}]}`))
			Expect(sink.updates).To(BeEmpty())
			Expect(malformed).To(Equal(1))
		})

		It("apply to the decompressed size", func() {
			w := post(sourcetest.Gzip(strings.Repeat(one("a")+"\n", 1000)), "Content-Encoding", "gzip")
			Expect(w.Code).To(Equal(http.StatusRequestEntityTooLarge))
			Expect(w.Body.String()).To(HavePrefix(`{"accepted":0,"rejected":1,"errors":[{"line":1,"update":0,"reason":"the body is too large`))
		})

		It("on series and memory are answered with 429", func() {
			for _, o := range []aggregator.Options{{AgentMaxSeries: 1}, {Memory: membudget.Divide(6 << 10).Held}} {
				pushed, err := aggregator.New(o)
				Expect(err).NotTo(HaveOccurred())
				options.Sink = pushed.Agents
				Expect(post(one("a")).Code).To(Equal(http.StatusOK))
				for name := 'b'; pushed.Agents.Update(context.Background(), aggregator.Labels{Username: "u"}, []aggregator.Metric{{Name: string(name), Type: aggregator.Gauge}}) == nil; name++ {
				}
				Expect(post(one("full")).Code).To(Equal(http.StatusTooManyRequests))
				Expect(post(one("a") + "\n" + one("-")).Code).To(Equal(http.StatusBadRequest))
				Expect(post(one("a")).Code).To(Equal(http.StatusOK))
			}
		})

		It("apply to the memory for reading and parsing", func() {
			budgets := membudget.Divide(1 << 20)
			options.BodyBytes, options.Buffer, options.Parse = 1<<20, budgets.Buffer, budgets.Parse

			w := post(strings.Repeat(" ", 200<<10))
			Expect(w.Code).To(Equal(http.StatusRequestEntityTooLarge), "more than the buffers")
			Expect(w.Body.String()).To(ContainSubstring("--memory-limit"))
			w = post(one("a") + strings.Repeat(" ", 20<<10))
			Expect(w.Code).To(Equal(http.StatusRequestEntityTooLarge), "takes more memory to parse than there is")
			Expect(w.Body.String()).To(ContainSubstring("--memory-limit"))
			Expect(sink.updates).To(BeEmpty())

			budgets.Buffer.Add(100 << 10)
			w = post(one("a"))
			Expect(w.Code).To(Equal(http.StatusServiceUnavailable), "other requests take up the buffers")
			Expect(w.Header().Get("Retry-After")).NotTo(BeEmpty())
			Expect(sink.updates).To(BeEmpty())

			budgets.Buffer.Release(100 << 10)
			Expect(post(one("a")).Code).To(Equal(http.StatusOK))
			Expect(budgets.Buffer.Used()).To(BeZero())
			Expect(budgets.Parse.Used()).To(BeZero())
		})
	})

	It("has a default limit", func() {
		r := httptest.NewRequest(http.MethodPost, agents.Path, http.NoBody)
		r.ContentLength = 16<<20 + 1
		w := httptest.NewRecorder()
		agents.NewHandler(options).ServeHTTP(w, r)
		Expect(w.Code).To(Equal(http.StatusRequestEntityTooLarge))
		Expect(w.Body.String()).To(ContainSubstring("more than the limit of 16777216 bytes"))
	})

	DescribeTable("applies only complete updates of a body that is cut off",
		func(body string, metrics ...string) {
			for end := 0; end <= len(body); end++ {
				*sink = recorder{}
				malformed = 0
				cut := sourcetest.Broken(body[:end], io.ErrUnexpectedEOF)
				w := do(http.MethodPost, cut)
				Expect(w.Code).To(Equal(http.StatusBadRequest))
				accepted := sink.metrics()
				Expect(len(accepted)).To(BeNumerically("<=", len(metrics)))
				Expect(accepted).To(Equal(metrics[:len(accepted)]))
				Expect(w.Body).To(MatchJSON(fmt.Sprintf(`{"accepted": %d, "rejected": 1, "errors": [
					{"line": %d, "update": %d, "reason": "the body is cut off: unexpected EOF"}
				]}`, len(accepted), 1+strings.Count(body[:end], "\n"), len(sink.updates))), body[:end])
				Expect(malformed).To(Equal(1))
				if end == len(body) {
					Expect(accepted).To(Equal(metrics))
				}
			}
		},
		Entry("in lines", one("a")+"\n"+one("b")+"\n", "a{} gauge 1", "b{} gauge 1"),
		Entry("in an array", "["+one("a")+",\n"+one("b")+"\n]", "a{} gauge 1", "b{} gauge 1"),
		Entry("spread over lines", spread("a")+spread("b"), "a{} gauge 1", "b{} gauge 1"),
	)

	It("applies no update at the very end of a body that is cut off, even if it seems complete", func() {
		for _, body := range []string{one("a"), "[" + one("a"), strings.TrimSpace(spread("a"))} {
			w := do(http.MethodPost, sourcetest.Broken(body, io.ErrUnexpectedEOF))
			Expect(w.Code).To(Equal(http.StatusBadRequest))
			Expect(w.Body.String()).To(HavePrefix(`{"accepted":0,"rejected":1,`))
			Expect(sink.updates).To(BeEmpty())
		}
	})

	It("counts updates with syntax errors in the index of later ones", func() {
		w := post("oops\n" + one("a") + "\n{}\n")
		Expect(w.Body).To(MatchJSON(`{"accepted": 1, "rejected": 2, "errors": [
			{"line": 1, "update": 0, "reason": "not JSON: got \"oops\", expected a value (column 1)"},
			{"line": 3, "update": 2, "reason": "the update has no metrics"}
		]}`))
	})

	It("retains nothing of the previous body", func() {
		handler := agents.NewHandler(options)
		for range 10 { // the pool does not always return used buffers
			for _, body := range []string{one("a"), `[5,` + one("rejected") + `]`, "{", one("a")} {
				handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, agents.Path, strings.NewReader(body)))
			}
		}
		Expect(sink.metrics()).To(HaveLen(20))
		Expect(malformed).To(Equal(20))
	})

	DescribeTable("takes time proportional to the size of a body",
		func(start, unit, end string) {
			options.Sink = discard{}
			began := time.Now()
			post(start + strings.Repeat(unit, 1<<18/len(unit)) + end)
			Expect(time.Since(began)).To(BeNumerically("<", 10*time.Second))
		},
		Entry("of brackets", "", "[", ""),
		Entry("of quotes", "", `"`, ""),
		Entry("of white space", "", "\n", ""),
		Entry("of lines", "", "{}\n", ""),
		Entry("of lines with incomplete objects", "", "{\"\":\n", ""),
		Entry("of updates in one line", "", `{"metrics":[]} `, ""),
		Entry("of updates in an array", "[", `{"metrics":[]},`, "0]"),
		Entry("of updates in an array with a syntax error", "[", `{"metrics":[]},{`, ""),
		Entry("of metrics", `{"metrics":[0`, `,0`, "]}"),
		Entry("of labels", `{"labels":{"b":""`, `,"\u0061":""`, "}}"),
	)

	DescribeTable("accepts compressed bodies",
		func(encoding string, compress func(string) string) {
			w := post(compress(one("a")), "Content-Encoding", encoding)
			Expect(w.Code).To(Equal(http.StatusOK), w.Body.String())
			Expect(sink.metrics()).To(Equal([]string{"a{} gauge 1"}))
		},
		Entry("gzip", "gzip", sourcetest.Gzip),
		Entry("snappy", "snappy", sourcetest.Snappy),
		Entry("zstd", "zstd", sourcetest.Zstd),
		Entry("identity", "identity", func(s string) string { return s }),
	)

	It("reports that a compressed body is damaged", func() {
		text := sourcetest.Gzip(one("a"))
		w := post(text[:len(text)-3], "Content-Encoding", "gzip")
		Expect(w.Code).To(Equal(http.StatusBadRequest))
		Expect(w.Body).To(MatchJSON(`{"accepted": 0, "rejected": 1, "errors": [
			{"line": 1, "update": 0, "reason": "the body is cut off: decoding gzip: unexpected EOF"}
		]}`))

		w = post(one("a"), "Content-Encoding", "gzip")
		Expect(w.Code).To(Equal(http.StatusBadRequest))
		Expect(w.Body.String()).To(ContainSubstring("reading the body: decoding gzip: gzip: invalid header"))
	})

	It("rejects other encodings", func() {
		w := post(one("a"), "Content-Encoding", "br")
		Expect(w.Code).To(Equal(http.StatusUnsupportedMediaType))
		Expect(w.Header()).To(HaveKeyWithValue("Accept-Encoding", ConsistOf("gzip, snappy, zstd")))
		Expect(w.Body).To(MatchJSON(`{"error": "got Content-Encoding \"br\", expected one of gzip, snappy, zstd"}`))
		Expect(sink.updates).To(BeEmpty())
		Expect(malformed).To(Equal(1))
		Expect(logger).To(gbytes.Say("body-rejected"))
	})

	DescribeTable("rejects an invalid query",
		func(query, reason string) {
			r := httptest.NewRequest(http.MethodPost, agents.Path+"?"+query, strings.NewReader(one("a")))
			w := httptest.NewRecorder()
			agents.NewHandler(options).ServeHTTP(w, r)
			Expect(w.Code).To(Equal(http.StatusBadRequest))
			Expect(w.Body.String()).To(ContainSubstring(reason))
			Expect(sink.updates).To(BeEmpty())
			Expect(malformed).To(Equal(1))
			Expect(logger).To(gbytes.Say("query-rejected"))
		},
		Entry("with the parameter of pushes", "ttl=1h", `unknown query parameter \"ttl\", expected none`),
		Entry("with an empty parameter", "=", `unknown query parameter \"\", expected none`),
		Entry("that is malformed", "a;b", "invalid query"),
	)

	It("parses and applies few bodies at the same time", func() {
		busy := &busySink{}
		options.Sink = busy
		handler := agents.NewHandler(options)
		var posts sync.WaitGroup
		for range 8 * runtime.GOMAXPROCS(0) {
			posts.Go(func() {
				r := httptest.NewRequest(http.MethodPost, agents.Path, strings.NewReader(strings.Repeat(one("a")+"\n", 50)))
				handler.ServeHTTP(httptest.NewRecorder(), r)
			})
		}
		posts.Wait()
		Expect(busy.most.Load()).To(And(BeNumerically(">", 0), BeNumerically("<=", runtime.GOMAXPROCS(0)+1)))
	})

	It("rejects other methods", func() {
		w := do(http.MethodGet, nil)
		Expect(w.Code).To(Equal(http.StatusMethodNotAllowed))
		Expect(w.Header()).To(HaveKeyWithValue("Allow", ConsistOf("POST")))
		Expect(w.Body).To(MatchJSON(`{"error": "method GET not allowed, expected POST"}`))
	})

	It("works without the Malformed function", func() {
		options.Malformed = nil
		Expect(post("oops").Code).To(Equal(http.StatusBadRequest))
	})

	It("limits the rate of log lines", func() {
		handler := agents.NewHandler(options)
		for range 200 {
			handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, agents.Path, strings.NewReader("oops")))
		}
		Expect(len(logger.Logs())).To(BeNumerically("<", 150))
		Expect(malformed).To(Equal(200))
	})
})

// A busySink records how many updates are applied at the same time.
type busySink struct{ now, most atomic.Int64 }

// UpdateFrom implements agents.Sink. It lets other goroutines run.
func (s *busySink) UpdateFrom(context.Context, []aggregator.Label, []aggregator.Metric) error {
	n := s.now.Add(1)
	defer s.now.Add(-1)
	for most := s.most.Load(); n > most && !s.most.CompareAndSwap(most, n); most = s.most.Load() {
	}
	for range 10 {
		runtime.Gosched()
	}
	return nil
}

// A responseJSON is the decoded body of a response.
type responseJSON struct {
	Accepted, Rejected int
	Errors             []struct {
		Line, Update int
		Metric       *int
		Name, Reason string
	}
}

func decodeResponse(w *httptest.ResponseRecorder) (a responseJSON) {
	GinkgoHelper()
	decoder := json.NewDecoder(w.Body)
	decoder.DisallowUnknownFields()
	Expect(decoder.Decode(&a)).To(Succeed())
	return a
}

// spread returns the update that one returns, spread over 9 lines.
func spread(name string) string {
	return "{\n  \"labels\": {\n  },\n  \"metrics\": [{\n" +
		"    \"name\": \"" + name + "\",\n    \"type\": \"gauge\", \"value\": 1\n  }\n  ]\n}\n"
}

func manyLabels(n int) string {
	var labels []string
	for i := range n {
		labels = append(labels, fmt.Sprintf(`"l%d":"v"`, i))
	}
	return strings.Join(labels, ",")
}
