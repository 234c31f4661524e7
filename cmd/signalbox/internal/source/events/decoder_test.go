package events_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing/iotest"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/events"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/sourcetest"
	"github.com/signalbox-ci/signalbox/metric"
)

var _ = Describe("Decoder", func() {
	var (
		decoder  *events.Decoder
		sink     *recorder
		rejected []string
	)

	BeforeEach(func() {
		decoder = events.NewDecoder(source.Limits{})
	})

	decodeFrom := func(r io.Reader, format source.Format) error {
		sink, rejected = &recorder{}, []string{}
		return decoder.Decode(r, format, sink.record, func(line int, err error) {
			rejected = append(rejected, fmt.Sprintf("%d: %s", line, err))
		})
	}
	decode := func(format source.Format, text string) {
		GinkgoHelper()
		Expect(decodeFrom(strings.NewReader(text), format)).To(Succeed())
	}

	Describe("an event", func() {
		event := func(text string) metric.Event {
			GinkgoHelper()
			decode(source.Lines, text)
			Expect(rejected).To(BeEmpty())
			Expect(sink.events).To(HaveLen(1))
			return sink.events[0]
		}

		It("has all fields of the input", func() {
			Expect(event(`{"name":"build finished","value":12.5,"attributes":{"job":"unit","team_name":"main"},` +
				`"host":"web-1","time":"2026-08-07T10:11:12.123456789+02:00"}`)).To(Equal(metric.Event{
				Name:       "build finished",
				Value:      12.5,
				Attributes: map[string]string{"job": "unit", "team_name": "main"},
				Host:       "web-1",
				Time: time.Date(2026, 8, 7, 10, 11, 12, 123456789,
					time.FixedZone("", 2*60*60)),
			}))
		})

		It("needs only a name; the default value is 1", func() {
			Expect(event(`{"name":"a"}`)).To(Equal(metric.Event{Name: "a", Value: 1}))
		})

		It("treats null as a missing field", func() {
			Expect(event(`{"name":"a","value":null,"attributes":null,"host":null,"time":null}`)).
				To(Equal(metric.Event{Name: "a", Value: 1}))
		})

		DescribeTable("has the value",
			func(text string, value float64) {
				Expect(event(`{"name":"a","value":` + text + `}`).Value).To(Equal(value))
			},
			Entry("zero", "0", 0.0),
			Entry("negative", "-17", -17.0),
			Entry("with a fraction", "0.25", 0.25),
			Entry("with an exponent", "1.5E+3", 1500.0),
			Entry("too small for a float64", "1e-999", 0.0),
		)

		DescribeTable("has the attribute",
			func(text, value string) {
				Expect(event(`{"name":"a","attributes":{"k":` + text + `}}`).Attributes).
					To(Equal(map[string]string{"k": value}))
			},
			Entry("string", `"v"`, "v"),
			Entry("empty string", `""`, ""),
			Entry("number, as it was written", `1.50`, "1.50"),
			Entry("number out of range, as it was written", `-1E+999`, "-1E+999"),
			Entry("true", `true`, "true"),
			Entry("false", `false`, "false"),
			Entry("string with short escapes", `"\"\\\/\b\f\n\r\t"`, "\"\\/\b\f\n\r\t"),
			Entry("string with Unicode escapes", `"\u00e4\u20AC"`, "ä€"),
			Entry("string with a surrogate pair", `"a\ud83d\ude80b"`, "a🚀b"),
			Entry("string with characters that are not ASCII", `"ä€🚀"`, "ä€🚀"),
		)

		It("may have white space between tokens", func() {
			Expect(event(" \t{ \"name\" : \"a\" , \"attributes\" : { \"k\" : \"v\" } , \"value\" : 2 } \t")).
				To(Equal(metric.Event{Name: "a", Value: 2, Attributes: map[string]string{"k": "v"}}))
		})

		It("is decoded correctly after any number of others", func() {
			var text strings.Builder
			for i := range 20_000 {
				fmt.Fprintf(&text, "{\"name\":\"n%d\",\"attributes\":{\"k%d\":\"v%d\"}}\n", i, i, i)
			}
			decode(source.Lines, text.String())
			Expect(rejected).To(BeEmpty())
			Expect(sink.events).To(HaveLen(20_000))
			for i, event := range sink.events {
				if event.Name != fmt.Sprint("n", i) || event.Attributes[fmt.Sprint("k", i)] != fmt.Sprint("v", i) {
					Fail(fmt.Sprintf("event %d: got %+v", i, event))
				}
			}
		})

		It("retains nothing of the previous event", func() {
			decode(source.Lines, `{"name":"a","value":2,"attributes":{"k":"v"},"host":"h"}`+"\n"+
				`{"name":"b","attributes":{"l":"w"}}`+"\n"+
				`{"name":"c"}`)
			Expect(sink.events[1:]).To(Equal([]metric.Event{
				{Name: "b", Value: 1, Attributes: map[string]string{"l": "w"}},
				{Name: "c", Value: 1},
			}))
		})
	})

	DescribeTable("rejects a line with the reason",
		func(text, reason string) {
			decode(source.Lines, text)
			Expect(rejected).To(ConsistOf(HavePrefix("1: " + reason)))
			Expect(sink.events).To(BeEmpty())
		},
		Entry("an array", `[1]`, `event: got an array, expected an object`),
		Entry("an unknown word", `nonsense`, `not JSON: got "nonsense", expected a value (column 1)`),
		Entry("no name", `{}`, `the event has no name`),
		Entry("a null name", `{"name":null}`, `the event has no name`),
		Entry("an empty name", `{"name":""}`, `the event has no name`),
		Entry("a name that is not a string", `{"name":5}`, `name: got a number, expected a string`),
		Entry("a value that is not a number", `{"name":"a","value":"5"}`, `value: got a string, expected a number`),
		Entry("a value out of range", `{"name":"a","value":1e999}`, `value 1e999 is out of range of a float64`),
		Entry("NaN", `{"name":"a","value":NaN}`,
			`not JSON: got "NaN", expected a value (column 21)`),
		Entry("a number with a leading zero", `{"name":"a","value":01}`,
			`not JSON: got "1", expected a comma or the end of the object (column 22)`),
		Entry("a number without digits", `{"name":"a","value":-}`, `not JSON: got "}", expected a digit (column 22)`),
		Entry("a number that ends at its decimal point", `{"name":"a","value":1.}`,
			`not JSON: got "}", expected a digit (column 23)`),
		Entry("an invalid time", `{"name":"a","time":"yesterday"}`,
			`got time "yesterday"`),
		Entry("a time in seconds", `{"name":"a","time":1700000000}`, `time: got a number, expected a string`),
		Entry("attributes that are not an object", `{"name":"a","attributes":[]}`, `attributes: got an array, expected an object`),
		Entry("an attribute that is null", `{"name":"a","attributes":{"k":null}}`,
			`attribute "k": got null`),
		Entry("an attribute that is an object", `{"name":"a","attributes":{"k":{}}}`,
			`attribute "k": got an object`),
		Entry("an attribute that is an array", `{"name":"a","attributes":{"k":["v"]}}`,
			`attribute "k": got an array`),
		Entry("a duplicate attribute", `{"name":"a","attributes":{"k":"v","k":"w"}}`, `attribute "k" is duplicated`),
		Entry("an unknown field", `{"name":"a","attrs":{}}`,
			`unknown field "attrs"`),
		Entry("a capitalized field", `{"Name":"a"}`,
			`unknown field "Name"`),
		Entry("a duplicate field", `{"name":"a","name":"b"}`, `field "name" is duplicated`),
		Entry("text after the event", `{"name":"a"} {"name":"b"}`, `not JSON: got "{", expected the end of the input (column 14)`),
		Entry("a missing colon", `{"name" "a"}`, `not JSON: got "\"", expected a colon (column 9)`),
		Entry("a missing comma", `{"name":"a""value":1}`,
			`not JSON: got "\"", expected a comma or the end of the object (column 12)`),
		Entry("a trailing comma", `{"name":"a",}`, `not JSON: got "}", expected a string (column 13)`),
		Entry("a missing brace", `{"name":"a"`, `not JSON: got the end of the input, expected a comma or the end of the object (column 12)`),
		Entry("an unterminated string", `{"name":"a`, `not JSON: unterminated string (column 11)`),
		Entry("a string that ends in a backslash", `{"name":"a\`, `not JSON: unterminated string (column 11)`),
		Entry("a bare tab in a string", "{\"name\":\"a\tb\"}", `not JSON: unescaped control character "\t" in a string (column 11)`),
		Entry("a bare NUL in a string with an escape", "{\"name\":\"\\n\x00\"}", `not JSON: unescaped control character "\x00" in a string (column 12)`),
		Entry("an invalid escape", `{"name":"\x"}`, `invalid escape sequence "\\x" in a string (column 10)`),
		Entry("an invalid Unicode escape", `{"name":"\u12g4"}`, `invalid escape sequence "\\u12g4" in a string (column 10)`),
		Entry("the first half of a surrogate pair", `{"name":"\ud83d!"}`, `invalid escape sequence "\\ud83d" in a string (column 10)`),
		Entry("the halves of a surrogate pair in the wrong order", `{"name":"\ude80\ud83d"}`, `invalid escape sequence "\\ude80" in a string (column 10)`),
		Entry("invalid UTF-8", "{\"name\":\"a\xff\"}", `not UTF-8: "\xff\"}" at byte 11`),
		Entry("invalid UTF-8 in an attribute", "{\"name\":\"a\",\"attributes\":{\"k\xc3\":\"v\"}}",
			`not UTF-8: "\xc3\":\"" at byte 29`),
	)

	It("truncates long input in errors", func() {
		decode(source.Lines, `{"`+strings.Repeat("ä", 500)+`":1}`)
		Expect(rejected).To(HaveLen(1))
		Expect(len(rejected[0])).To(BeNumerically("<", 150))
		Expect(rejected[0]).To(HavePrefix(`1: unknown field "` + strings.Repeat("ä", 32) + `"…, expected one of`))

		decode(source.Lines, `{"x`+strings.Repeat("ä", 500)+`":1}`)
		Expect(rejected[0]).To(HavePrefix(`1: unknown field "x` + strings.Repeat("ä", 31) + `"…, expected one of`))

		decode(source.Lines, `{"value":`+strings.Repeat("1", 500)+`}`)
		Expect(rejected).To(Equal([]string{"1: value " + strings.Repeat("1", 64) + "… is out of range of a float64"}))
	})

	Describe("limits", func() {
		BeforeEach(func() {
			decoder = events.NewDecoder(source.Limits{LineBytes: 60, Attributes: 2, LabelValueBytes: 8})
		})

		DescribeTable("reject",
			func(text, reason string) {
				decode(source.Lines, text+"\n"+`{"name":"next"}`)
				Expect(rejected).To(ConsistOf(HavePrefix("1: " + reason)))
				Expect(sink.names()).To(Equal([]string{"next"}))
			},
			Entry("a long line", strings.Repeat(" ", 61), "the event is longer than the limit of 60 bytes"),
			Entry("a line longer than several buffers", strings.Repeat("x", 1<<18), "the event is longer than the limit of 60 bytes"),
			Entry("too many attributes", `{"name":"a","attributes":{"a":"","b":"","c":""}}`, "more attributes than the limit of 2"),
			Entry("a long name", `{"name":"123456789"}`, `name "123456789" has 9 bytes`),
			Entry("a long host", `{"host":"123456789"}`, `host "123456789" has 9 bytes`),
			Entry("a long attribute value", `{"attributes":{"k":"123456789"}}`,
				`attribute "k" has a value of 9 bytes`),
			Entry("a long number in an attribute", `{"attributes":{"k":123456789}}`,
				`attribute "k" has a value of 9 bytes`),
			Entry("a long attribute name", `{"attributes":{"123456789":"v"}}`,
				`attribute "123456789" has a name of 9 bytes`),
		)

		DescribeTable("accept",
			func(text string) {
				decode(source.Lines, text)
				Expect(rejected).To(BeEmpty())
				Expect(sink.events).To(HaveLen(1))
			},
			Entry("a line as long as the limit", `{"name":"a"}`+strings.Repeat(" ", 48)),
			Entry("a line as long as the limit with CRLF", `{"name":"a"}`+strings.Repeat(" ", 48)+"\r\n"),
			Entry("as many attributes as the limit", `{"name":"a","attributes":{"a":"","b":""}}`),
			Entry("strings as long as the limit", `{"name":"12345678","attributes":{"k":"12345678"}}`),
			Entry("a string that exceeds the limit only with its escapes", `{"name":"1234567\u0038"}`),
		)

		It("apply to the elements of an array", func() {
			decode(source.Sniff, `[{"name":"a"},`+"\n"+`{"name":"`+strings.Repeat("x", 1<<18)+`"},`+"\n"+`{"name":"c"}]`)
			Expect(rejected).To(Equal([]string{"2: element 2: the event is longer than the limit of 60 bytes"}))
			Expect(sink.names()).To(Equal([]string{"a", "c"}))
		})

		It("do not apply to an array as a whole", func() {
			decode(source.Sniff, `[`+strings.Repeat(`{"name":"a"}, `, 1000)+`{"name":"b"}]`)
			Expect(rejected).To(BeEmpty())
			Expect(sink.events).To(HaveLen(1001))
		})
	})

	Describe("lines", func() {
		It("are decoded after rejected ones, which are identified by line number", func() {
			decode(source.Lines, `{"name":"a"}`+"\n\n"+`{"nome":"b"}`+"\n \t\r\n"+`{"name":"c"}`+"\n"+`}`+"\n")
			Expect(sink.names()).To(Equal([]string{"a", "c"}))
			Expect(rejected).To(HaveExactElements(
				HavePrefix(`3: unknown field "nome"`),
				HavePrefix(`6: not JSON: got "}"`),
			))
		})

		DescribeTable("may start or end with",
			func(text string) {
				decode(source.Lines, text)
				Expect(rejected).To(BeEmpty())
				Expect(sink.names()).To(Equal([]string{"a", "b"}))
			},
			Entry("LF", "{\"name\":\"a\"}\n{\"name\":\"b\"}\n"),
			Entry("CRLF", "{\"name\":\"a\"}\r\n{\"name\":\"b\"}\r\n"),
			Entry("no line ending at the end", "{\"name\":\"a\"}\n{\"name\":\"b\"}"),
			Entry("a byte order mark at the start", "\ufeff{\"name\":\"a\"}\n{\"name\":\"b\"}"),
		)

		It("may be longer than the buffer", func() {
			long := `{"name":"a"` + strings.Repeat(" ", 300<<10) + `}`
			decode(source.Lines, long+"\n"+`{"name":"b"}`+"\n"+long)
			Expect(rejected).To(BeEmpty())
			Expect(sink.names()).To(Equal([]string{"a", "b", "a"}))
		})

		It("must not be an array", func() {
			decode(source.Lines, `[{"name":"a"}]`)
			Expect(rejected).To(Equal([]string{"1: event: got an array, expected an object"}))
		})

		It("may be an empty input", func() {
			decode(source.Lines, "")
			Expect(rejected).To(BeEmpty())
			Expect(sink.events).To(BeEmpty())
		})

		It("are decoded as they arrive", func() {
			reader, writer := io.Pipe()
			seen := make(chan string)
			done := make(chan error)
			go func() {
				done <- decoder.Decode(reader, source.Lines,
					func(event *events.Event) { seen <- event.Name },
					func(int, error) {})
			}()

			for _, name := range []string{"a", "b"} {
				_, err := io.WriteString(writer, `{"name":"`+name+`"}`+"\n")
				Expect(err).NotTo(HaveOccurred())
				Eventually(seen).Should(Receive(Equal(name)))
			}
			Expect(writer.Close()).To(Succeed())
			Eventually(done).Should(Receive(BeNil()))
		})
	})

	Describe("input without a declared format", func() {
		DescribeTable("may be",
			func(text string, names ...string) {
				decode(source.Sniff, text)
				Expect(rejected).To(BeEmpty())
				Expect(sink.names()).To(Equal(append([]string{}, names...)))

				Expect(decodeFrom(iotest.OneByteReader(strings.NewReader(text)), source.Sniff)).To(Succeed())
				Expect(rejected).To(BeEmpty())
				Expect(sink.names()).To(Equal(append([]string{}, names...)), "one byte at a time")
			},
			Entry("empty", ""),
			Entry("white space", " \r\n\t\n"),
			Entry("an array", `[{"name":"a"},{"name":"b"}]`, "a", "b"),
			Entry("an empty array", ` [ ] `),
			Entry("an array spread over lines", "\n[\n  {\n    \"name\": \"a\"\n  },\n  {\"name\": \"b\"}\n]\n", "a", "b"),
			Entry("an array of strings with brackets in them", `[{"name":"a]}\"{["},{"name":"\\"}]`, `a]}"{[`, `\`),
			Entry("an array after a byte order mark", "\ufeff"+`[{"name":"a"}]`, "a"),
			Entry("one object", `{"name":"a"}`, "a"),
			Entry("one object spread over lines", "{\n  \"name\": \"a\",\n  \"attributes\": {\r\n\t\"k\": \"v\"}\n}\n\n", "a"),
			Entry("lines", "{\"name\":\"a\"}\n{\"name\":\"b\"}\n", "a", "b"),
			Entry("lines after blank ones", "\n\n{\"name\":\"a\"}\n\n{\"name\":\"b\"}\n", "a", "b"),
		)

		It("consists of lines if the first line is JSON, even if it is not an event", func() {
			decode(source.Sniff, "\n5\n"+`{"name":"a"}`)
			Expect(rejected).To(Equal([]string{"2: event: got a number, expected an object"}))
			Expect(sink.names()).To(Equal([]string{"a"}))
		})

		It("consists of lines if it is not JSON as a whole", func() {
			decode(source.Sniff, "\n{\"name\":\"a\n\n{\"name\":\"b\"}\n")
			Expect(rejected).To(Equal([]string{"2: not JSON: unterminated string (column 11)"}))
			Expect(sink.names()).To(Equal([]string{"b"}))
		})

		It("consists of lines if the first line exceeds the limit", func() {
			decoder = events.NewDecoder(source.Limits{LineBytes: 20})
			decode(source.Sniff, `{"name":"0123456789abcdef"}`+"\n"+`{"name":"b"}`)
			Expect(rejected).To(Equal([]string{"1: the event is longer than the limit of 20 bytes"}))
			Expect(sink.names()).To(Equal([]string{"b"}))
		})

		It("consists of lines if it exceeds the limit for an object", func() {
			decoder = events.NewDecoder(source.Limits{LineBytes: 20})
			decode(source.Sniff, "{\n\"name\":\"a\",\n\"value\":3}\n"+strings.Repeat("{\"name\":\"b\"}\n", 50000))
			Expect(rejected).To(HaveLen(3))
			Expect(sink.events).To(HaveLen(50000))
			Expect(decoder.Line()).To(Equal(50004))
		})

		It("is rejected with the line and column of a syntax error", func() {
			decode(source.Sniff, "\n \t{\"name\":\"\\ud800\"}")
			Expect(rejected).To(Equal([]string{`2: invalid escape sequence "\\ud800" in a string (column 12)`}))

			decode(source.Sniff, "\n \t{\n\"name\":\"\\ud800\"}")
			Expect(rejected).To(Equal([]string{`3: invalid escape sequence "\\ud800" in a string (column 9)`}))

			decode(source.Sniff, "  \n {\"name\":\"\\ud800\"}")
			Expect(rejected).To(Equal([]string{`2: invalid escape sequence "\\ud800" in a string (column 11)`}))

			decode(source.Sniff, " {\"name\":\"a\"}\n{}}")
			Expect(rejected).To(Equal([]string{`2: not JSON: got "}", expected the end of the input (column 3)`}))

			decode(source.Sniff, "\n {}}\n {}}")
			Expect(rejected).To(Equal([]string{
				`2: not JSON: got "}", expected the end of the input (column 4)`,
				`3: not JSON: got "}", expected the end of the input (column 4)`,
			}))
		})

		It("is rejected with the line of an object that is not an event", func() {
			decode(source.Sniff, "\n{\n\"name\":\"a\",\n\"value\":\"5\"}\n")
			Expect(rejected).To(Equal([]string{"2: value: got a string, expected a number"}))
		})
	})

	Describe("an array", func() {
		It("continues after a rejected element, which is identified by its first line and its number", func() {
			decode(source.Sniff, "[{\"name\":\"a\"},\n\n{\n\"name\":\n5}, true\n,[{}],\"x\",-1.5,null,\n{\"name\":\"b\"}]")
			Expect(sink.names()).To(Equal([]string{"a", "b"}))
			Expect(rejected).To(Equal([]string{
				"3: element 2: name: got a number, expected a string",
				"5: element 3: event: got a boolean, expected an object",
				"6: element 4: event: got an array, expected an object",
				"6: element 5: event: got a string, expected an object",
				"6: element 6: event: got a number, expected an object",
				"6: element 7: event: got null, expected an object",
			}))
		})

		DescribeTable("ends at a syntax error",
			func(text, reason string) {
				decode(source.Sniff, text)
				Expect(sink.names()).To(Equal([]string{"a"}))
				Expect(rejected).To(Equal([]string{reason}))
			},
			Entry("an extra comma", "[{\"name\":\"a\"}\n,,{\"name\":\"b\"}]", `2: not JSON: got ",", expected a value`),
			Entry("a trailing comma", `[{"name":"a"},]`, `1: not JSON: got "]", expected a value`),
			Entry("a missing comma", `[{"name":"a"}{"name":"b"}]`, `1: not JSON: got "{", expected a comma or the end of the array`),
			Entry("a missing bracket", "[{\"name\":\"a\"}\n\n", `3: not JSON: unterminated array`),
			Entry("an unterminated element", "[{\"name\":\"a\"}\n,{\"name\":", `2: not JSON: unterminated array`),
			Entry("text after the array", "[{\"name\":\"a\"}]\n[{\"name\":\"b\"}]", `2: not JSON: got "[", expected the end of the input`),
			Entry("a syntax error in an element", "[{\"name\":\"a\"},{\n\"name\" \"b\"},{\"name\":\"c\"}]",
				`2: element 2: not JSON: got "\"", expected a colon`),
			Entry("a syntax error after another error in an element", "[{\"name\":\"a\"},{\"name\":5,\n\"x\" oops},{\"name\":\"c\"}]",
				`2: element 2: not JSON: got "oops", expected a colon`),
			Entry("a word", "[{\"name\":\"a\"}, oops, {\"name\":\"c\"}]", `1: element 2: not JSON: got "oops", expected a value`),
		)
	})

	Describe("when the reader fails", func() {
		failure := errors.New("connection reset")

		DescribeTable("decodes everything before the error, except for an incomplete event",
			func(text string, format source.Format, line int, names ...string) {
				r := sourcetest.Broken(text, failure)
				Expect(decodeFrom(r, format)).To(MatchError(failure))
				Expect(rejected).To(BeEmpty())
				Expect(sink.names()).To(Equal(append([]string{}, names...)))
				Expect(decoder.Line()).To(Equal(line))
			},
			Entry("immediately", "", source.Sniff, 1),
			Entry("in lines", "{\"name\":\"a\"}\n{\"name\":\"b\"}", source.Lines, 2, "a"),
			Entry("between lines", "{\"name\":\"a\"}\n", source.Lines, 2, "a"),
			Entry("in a long line", "{\"name\":\"a\"}\n"+strings.Repeat(" ", 1<<17), source.Lines, 2, "a"),
			Entry("in lines without a declared format", "{\"name\":\"a\"}\n{\"name\":\"b\"}", source.Sniff, 2, "a"),
			Entry("in the first line", "\n{\"name\":\"a\"}", source.Sniff, 2),
			Entry("in an array", "[{\"name\":\"a\"},\n{\"name\":", source.Sniff, 2, "a"),
			Entry("after a comma in an array", "[{\"name\":\"a\"},\n", source.Sniff, 2, "a"),
			Entry("after an array", "[{\"name\":\"a\"}]\n", source.Sniff, 2, "a"),
		)

		It("returns the error after trying to read a single object", func() {
			r := sourcetest.Broken("{\n{\"name\":\"a\"}\n{\"name\":\"b\"}", failure)
			Expect(decodeFrom(r, source.Sniff)).To(MatchError(failure))
			Expect(rejected).To(HaveLen(1))
			Expect(sink.names()).To(Equal([]string{"a"}))
			Expect(decoder.Line()).To(Equal(3))
		})
	})
})

var _ = DescribeTable("Content-Type",
	func(contentType string, format source.Format) {
		Expect(source.FormatOf(contentType)).To(Equal(format))
	},
	Entry("NDJSON", "application/x-ndjson", source.Lines),
	Entry("NDJSON with a parameter", "Application/NDJSON; charset=utf-8", source.Lines),
	Entry("JSON lines", "application/jsonl", source.Lines),
	Entry("JSON lines, alternative name", "application/x-jsonlines", source.Lines),
	Entry("JSON", "application/json", source.Sniff),
	Entry("the default of curl", "application/x-www-form-urlencoded", source.Sniff),
	Entry("none", "", source.Sniff),
	Entry("nonsense", ";;;", source.Sniff),
)
