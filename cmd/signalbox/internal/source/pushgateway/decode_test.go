package pushgateway_test

import (
	"cmp"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/proto"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/sourcetest"
)

var _ = Describe("Bodies", func() {
	var f *fixture

	BeforeEach(func() { f = newFixture() })

	// names returns the names of the families in the last push.
	names := func() []string {
		GinkgoHelper()
		names := []string{}
		for _, family := range f.last().Families {
			names = append(names, family.GetName())
		}
		return names
	}

	Describe("text", func() {
		DescribeTable("is the format of every body that is not delimited protobuf or OpenMetrics",
			func(contentType string) {
				w := f.put("/j", "# TYPE x gauge\nx 1\na 1\n", "Content-Type", contentType)
				Expect(w.Code).To(Equal(http.StatusOK), w.Body.String())
				Expect(names()).To(Equal([]string{"a", "x"}))
			},
			Entry("text", "text/plain; version=0.0.4; charset=utf-8"),
			Entry("no Content-Type", ""),
			Entry("form", "application/x-www-form-urlencoded"),
			Entry("nonsense", ";;"),
			Entry("protobuf that is not delimited", "application/vnd.google.protobuf"),
			Entry("protobuf of something else", "application/vnd.google.protobuf; proto=other; encoding=delimited"),
		)

		DescribeTable("may contain no metrics",
			func(body string) {
				Expect(f.put("/j", body).Code).To(Equal(http.StatusOK))
				Expect(f.last().Families).To(BeEmpty())
			},
			Entry("no bytes", ""),
			Entry("comments", "# a comment\n\n# TYPE x counter\n"),
			Entry("the EOF line of OpenMetrics", "# EOF\n"),
		)

		It("keeps timestamps, which the store checks", func() {
			Expect(f.put("/j", "x 1 1000\n").Code).To(Equal(http.StatusOK))
			Expect(f.last().Families[0].Metric[0].GetTimestampMs()).To(BeEquivalentTo(1000))
		})

		It("may be invalid in ways that the store checks", func() {
			Expect(f.put("/j", "# HELP x \xff\nx{__a=\"1\"} 1\n").Code).To(Equal(http.StatusOK))
			Expect(f.put("/j", "x 1\nx 2\nx_count 1\n# TYPE x_count gauge\n# TYPE x histogram\n").Code).To(Equal(http.StatusBadRequest))
			Expect(f.put("/j", "x 1\nx 2\n").Code).To(Equal(http.StatusOK))
			Expect(f.put("/j", "# TYPE x_count gauge\nx_count 1\n# TYPE x histogram\nx_sum 1\nx_bucket{le=\"+Inf\"} 1\n").Code).To(Equal(http.StatusOK))
		})

		It("may contain inconsistent histograms, as in the Pushgateway", func() {
			body := "# TYPE h histogram\nh_bucket{le=\"2\"} 1\nh_bucket{le=\"1\"} 5\nh_count 2.5\nh_sum NaN\n"
			Expect(f.put("/j", body).Code).To(Equal(http.StatusOK))
		})

		DescribeTable("is rejected if it cannot be parsed",
			func(body, reason string) {
				w := f.put("/j", body)
				Expect(w.Code).To(Equal(http.StatusBadRequest))
				Expect(w.Body.String()).To(Equal(reason + "\n"))
				Expect(f.store.pushes).To(BeEmpty())
			},
			Entry("no line ending", "x 1", "text format parsing error in line 1: unexpected end of input stream: the last line does not end with a newline: append one, as echo does"),
			Entry("no value", "y 1\nx\n", `text format parsing error in line 2: expected float as value, got "": the value is missing`),
			Entry("name with a dot", "a.b 1\n", `text format parsing error in line 1: expected float as value, got ".b": a metric name consists of ASCII letters, digits, _ and :`),
			Entry("quoted name with a dot", "{\"a.b\"} 1\n", `text format parsing error in line 1: invalid metric name "a.b"; UTF-8 names are not enabled`),
			Entry("quoted label name with a dot", "{\"x\",\"a.b\"=\"1\"} 1\n", `text format parsing error in line 1: invalid label name "a.b"; UTF-8 names are not enabled`),
			Entry("duplicate label", "x{a=\"1\",a=\"2\"} 1\n", `text format parsing error in line 1: duplicate label names for metric "x"`),
			Entry("label that is not UTF-8", "x{a=\"\xff\"} 1\n", `text format parsing error in line 1: invalid label value "\xff"`),
			Entry("a zero byte after a name in braces", "{\"x\"} 1\n\n\x00y 1\n", "text format parsing error in line 3: got a zero byte: the body is binary, expected text; if it is compressed, send the header Content-Encoding: gzip, snappy or zstd"),
			Entry("no name in braces", "# A comment.\n{\"x\"} 1\n\n{a=\"1\"} 1\n",
				`text format parsing error in line 4: metric name not set while parsing: "{a=\"1\"} 1"`),
		)

		DescribeTable("is rejected if a sample of a summary or histogram would be lost or changed",
			func(body, reason string) {
				w := f.put("/j", body)
				Expect(w.Code).To(Equal(http.StatusBadRequest))
				Expect(w.Body.String()).To(Equal("pushed metrics are invalid or inconsistent with existing metrics: " + reason + "\n"))
				Expect(f.store.pushes).To(BeEmpty())
			},
			Entry("a negative count of a summary", "# TYPE s summary\ns_sum 3\ns_count -3\n", "text format parsing error in line 3: metric s_count: got count -3, expected a non-negative integer"),
			Entry("NaN as a count of a summary", "# TYPE s summary\ns_count NaN\ns_sum 3\n", "text format parsing error in line 2: metric s_count: got count NaN, expected a non-negative integer"),
			Entry("a fractional count of a summary", "# TYPE s summary\n\n# x\n\ns_sum 3\ns_count 1.5\n", "text format parsing error in line 6: metric s_count: got count 1.5, expected a non-negative integer"),
			Entry("a count of a summary that is too large", "# TYPE s summary\ns_sum 3\ns_count 1e25\n", "text format parsing error in line 3: metric s_count: got count 1e+25, expected a non-negative integer"),
			Entry("an infinite count of a histogram", "# TYPE h histogram\nh_count +Inf\n", "text format parsing error in line 2: metric h_count: got count +Inf, expected a non-negative number"),
			Entry("NaN as a count of a bucket", "# TYPE h histogram\nh_bucket{le=\"1\"} NaN\n", "text format parsing error in line 2: metric h_bucket: got count NaN, expected a non-negative number"),
			Entry("NaN as a bound", "# TYPE h histogram\nh_bucket{le=\"NaN\"} 1\n", `text format parsing error in line 2: metric h_bucket: label le: got "NaN", expected a number`),
			Entry("NaN as a quantile", "# TYPE s summary\ns{quantile=\"NaN\"} 1\n", `text format parsing error in line 2: metric s: label quantile: got "NaN", expected a number`),
			Entry("a bucket without a bound", "# TYPE h histogram\nh_bucket 1\n", "text format parsing error in line 2: metric h_bucket: the label le is missing"),
			Entry("a sample without a quantile", "# TYPE s summary\ns 1\n", "text format parsing error in line 2: metric s: the label quantile is missing"),
			Entry("a sample with the name of a histogram", "# TYPE h histogram\nh 1\n", "text format parsing error in line 2: metric h: a histogram has no samples with this name"),
			Entry("text that makes expfmt's parser panic", "g 1\n# TYPE s summary\ng 2\n{\"s\",a=\"1\"} 1\n",
				"text format parsing error in line 4: metric s: the label quantile is missing"),
			Entry("a duplicate count", "# TYPE s summary\ns_count 1\ns_count{a=\"\"} 2\n", "text format parsing error in line 3: metric s_count: the sample is duplicated"),
			Entry("a duplicate sum", "# TYPE h histogram\nh_sum 1\nh_sum 2\n", "text format parsing error in line 3: metric h_sum: the sample is duplicated"),
			Entry("no count and no bucket +Inf", "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_sum 1\n", "metric h: the sample h_count is missing"),
			Entry("no sum", "# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_bucket{le=\"+Inf\"} 3\n", "metric h: the sample h_sum is missing"),
			Entry("no count of a summary", "# TYPE s summary\ns_sum{a=\"1\"} 1\ng 1\n{\"s_sum\"} 2\n", "metric s: the sample s_count is missing"),
			Entry("no sum of a summary", "# TYPE s summary\ns{quantile=\"0.5\"} 1\ns_count 1\n", "metric s: the sample s_sum is missing"),
			Entry("no sum in OpenMetrics", "# TYPE h histogram\nh_bucket{le=\"+Inf\"} 3\n# EOF\n", "metric h: the sample h_sum is missing (the body is parsed as OpenMetrics because it ends in \"# EOF\")"),
		)

		It("may lack the count of a histogram, which is then that of its last bucket", func() {
			Expect(f.put("/j", "# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_bucket{le=\"inf\"} 3\nh_sum 1\n").Code).To(Equal(http.StatusOK))
			Expect(f.last().Families[0].Metric[0].Histogram.GetSampleCount()).To(BeEquivalentTo(3))
		})

		It("may contain summaries, histograms, and names in braces", func() {
			f.options.UTF8Names = true
			body := "# HELP \"s.s\" A\\\\summary.\\n\n# TYPE \"s.s\" Summary\n{\"s.s\",quantile=\"0.5\",\"a.b\"=\"1\"} 1 5\n{\"s.s_count\",\"a.b\"=\"1\"} 2\n{\"a.b\"=\"1\",\"s.s_sum\"} 3\n" +
				"\t#TYPE h gaugehistogram\n  h_bucket{le=\"1\",} 0.5\nx -0\nh_count 1\nh_sum 2\n"
			w := f.put("/j", body)
			Expect(w.Code).To(Equal(http.StatusOK), w.Body.String())
			families := f.last().Families
			Expect(names()).To(Equal([]string{"h", "s.s", "x"}))
			Expect(families[0].GetType()).To(Equal(dto.MetricType_GAUGE_HISTOGRAM))
			Expect(families[0].Metric[0].Histogram.Bucket[0].GetCumulativeCountFloat()).To(Equal(0.5))
			Expect(families[1].GetHelp()).To(Equal("A\\summary.\n"))
			Expect(families[1].Metric).To(HaveLen(1))
			Expect(families[1].Metric[0].Label[0].GetName()).To(Equal("a.b"))
			Expect(families[1].Metric[0].GetTimestampMs()).To(BeEquivalentTo(5))
			Expect(families[1].Metric[0].Summary.GetSampleCount()).To(BeEquivalentTo(2))
			Expect(math.Signbit(families[2].Metric[0].Untyped.GetValue())).To(BeTrue())
		})

		DescribeTable("with a common mistake is answered with its correction",
			func(body, hint string, headers ...string) {
				w := f.put("/j", body, headers...)
				Expect(w.Code).To(Equal(http.StatusBadRequest))
				Expect(w.Body.String()).To(ContainSubstring(hint))
			},
			Entry("no newline at the end", "x 3", "append one"),
			Entry("no newline after a comment", "x 3\n# HELP x y", "append one"),
			Entry("no newline after a name in braces", "{\"x\"} 3", "append one"),
			Entry("curl -d", "# TYPE x counterx 3", "use curl --data-binary", "Content-Type", "application/x-www-form-urlencoded"),
			Entry("curl -d with several lines", "x 3y 4", "use curl --data-binary", "Content-Type", "application/x-www-form-urlencoded"),
			Entry("curl -d of OpenMetrics", "# TYPE x counterx_total 3# EOF", "use curl --data-binary", "Content-Type", "application/x-www-form-urlencoded"),
			Entry("curl --data-urlencode", "x%203%0A", "URL-encoded", "Content-Type", "application/x-www-form-urlencoded"),
			Entry("curl -F", "--b\r\nContent-Disposition: form-data; name=\"f\"\r\n\r\nx 3\n\r\n--b--\r\n", "use curl --data-binary", "Content-Type", "multipart/form-data; boundary=b"),
			Entry("CR LF", "# TYPE x counter\r\nx 3\r\n", "CR LF"),
			Entry("CR LF in samples only", "x 3\r\n", "CR LF"),
			Entry("CR LF in a histogram", "# TYPE h histogram\nh_bucket{le=\"1\"} 1\r\n", "CR LF"),
			Entry("CR LF in OpenMetrics", "# TYPE x gauge\r\nx 3\r\n# EOF\r\n", "CR LF", "Content-Type", "application/openmetrics-text"),
			Entry("UTF-16", "\xff\xfex\x00 \x003\x00\n\x00", "UTF-16"),
			Entry("UTF-16, the other way round", "\xfe\xff\x00x\x00 \x003\x00\n", "UTF-16"),
			Entry("UTF-16 without a byte order mark", "x\x00 \x003\x00\n\x00", "UTF-16"),
			Entry("a byte order mark", "\xef\xbb\xbfx 3\n", "byte order mark"),
			Entry("a blank at the end", "y 1\nx 3 \n", "ends with a blank"),
			Entry("a blank at the end of a type", "# TYPE x counter \nx 3\n", "ends with a blank"),
			Entry("gzip without a header", sourcetest.Gzip("x 3\n"), "send the header Content-Encoding: gzip"),
			Entry("zstd without a header", sourcetest.Zstd("x 3\n"), "send the header Content-Encoding: zstd"),
			Entry("snappy without a header", sourcetest.Snappy("x 3\n"), "send the header Content-Encoding: snappy"),
			Entry("protobuf without a header", delimited(familyOf("x", dto.MetricType_GAUGE, gaugeOf(1))), "send the header Content-Type: application/vnd.google.protobuf"),
			Entry("protobuf without a header whose length is a newline", "\n\n\bbuilds_x", "send the header Content-Type: application/vnd.google.protobuf"),
			Entry("text that begins like protobuf", "x\n\nbuilds_started_total 1\n"+strings.Repeat("y 1\n", 100), "the value is missing"),
			Entry("zlib", "\x78\x9c\xab\x50\x30\xe4\x02\x00\x03\x03\x00\xd4", "the body is binary"),
			Entry("a ZIP file", "PK\x03\x04\x14\x00\x00\x00", "the body is binary"),
			Entry("xz", "\xfd7zXZ\x00\x00\x04", "the body is binary"),
			Entry("a zero byte at the end", "x 3\n\x00", "the body is binary"),
			Entry("gzip in protobuf", sourcetest.Gzip("x 3\n"), "send the header Content-Encoding: gzip", "Content-Type", protobufType),
			Entry("text that claims to be protobuf", "x 3\n", "the body is text", "Content-Type", protobufType),
			Entry("JSON that claims to be protobuf", "{\"x\": 3}", "the body is JSON", "Content-Type", protobufType),
			Entry("a number of lines of JSON", "{\"x\": 3}\n{\"x\": 4}\n", "the body is JSON"),
			Entry("JSON with a mistake", "[{\"x\": 3},]\n", "the body is JSON"),
			Entry("a comment after a sample", "x 3 # a comment\n", "line of its own"),
			Entry("a metric name with umlauts", "größe 3\n", "a metric name consists of"),
			Entry("a metric name that begins with a digit", "1x 3\n", "a metric name consists of"),
			Entry("a label name with a dash", "x{a-b=\"1\"} 3\n", "a label name consists of"),
			Entry("a label name with a dot", "x{a=\"1\",a.b=\"1\"} 3\n", "a label name consists of"),
			Entry("a path of Windows", "x{path=\"C:\\temp\"} 3\n", "write \\\\ for a backslash"),
			Entry("\\n instead of newlines", "x 3\\ny 4\\n", "as two characters"),
			Entry("a type with a typo", "# TYPE x guage\nx 3\n", "counter, gauge"),
			Entry("a type of OpenMetrics", "# TYPE x info\nx_info 1\n", "# EOF"),
			Entry("a counter of OpenMetrics without _total", "# TYPE x counter\nx 3\n# EOF\n", "got sample x, expected x_total after # TYPE x counter"),
			Entry("a counter of OpenMetrics with _total in its type", "# TYPE x_total counter\nx_total 3\n# EOF\n", "got sample x_total, expected x_total after # TYPE x counter"),
			Entry("OpenMetrics with a blank line at the end", "# TYPE x counter\nx_total 3\n# EOF\n\n", "unexpected data after # EOF"),
			Entry("OpenMetrics with blanks at the end", "# TYPE x counter\nx_total 3\n# EOF \n", "parsed as OpenMetrics"),
			Entry("remote write", "", "got a remote write request", "X-Prometheus-Remote-Write-Version", "0.1.0"),
			Entry("JSON", "{\"x\": 3}\n", "the body is JSON"),
			Entry("HTML", "<html></html>\n", "the body is HTML"),
			Entry("an exemplar", "x 3 # {trace_id=\"a\"} 3\n", "exemplars are part of OpenMetrics"),
			Entry("a no-break space", "x\u00a03\n", "not ASCII"),
			Entry("typographic quotes", "x{a=“b”} 3\n", "typographic quotes"),
			Entry("single quotes", "x{a='b'} 3\n", "double quotes"),
			Entry("no quotes", "x{a=b} 3\n", "double quotes"),
			Entry("a decimal comma", "x 3,5\n", "decimal comma"),
			Entry("an equals sign", "x = 3\n", "separate name and value with a space"),
			Entry("no value", "x\n", "the value is missing"),
			Entry("no value after a blank", "x{a=\"1\"} \n", "the value is missing"),
			Entry("a comment in another language", "// x\nx 3\n", "a comment begins with #"),
		)

		It("is not corrected if there is no common mistake", func() {
			Expect(f.put("/j", "x 1\ny z\r\n# x\n").Body.String()).To(ContainSubstring("CR LF"))
			Expect(f.put("/j", "x{a=\"\r\"} 1\ny z\n").Body.String()).To(Equal("text format parsing error in line 2: expected float as value, got \"z\"\n"))
		})

		It("may otherwise contain metric names in braces", func() {
			Expect(f.put("/j", "{\"x\",a=\"1\"} 1\n{\"x\"} 1\n").Code).To(Equal(http.StatusOK))
			Expect(f.last().Families[0].Metric).To(HaveLen(2))
		})

		It("has a limit on the number of labels on a line, because parsing takes quadratic time", func() {
			Expect(f.put("/j", "# "+strings.Repeat("=", 1000)+"\nx{a=\""+strings.Repeat("=\\\"", 1000)+"\"} 1\n"+withLabels(64)+withLabels(64)).Code).To(Equal(http.StatusOK))
			for _, n := range []int{65, 10_000} {
				w := f.put("/j", "x 1\n"+withLabels(n))
				Expect(w.Code).To(Equal(http.StatusBadRequest))
				Expect(w.Body.String()).To(And(ContainSubstring("line 2"), ContainSubstring("64 labels")))
			}
		})

		It("is truncated in errors", func() {
			w := f.put("/j", "x "+strings.Repeat("é", 1<<20)+"\n")
			Expect(w.Code).To(Equal(http.StatusBadRequest))
			Expect(w.Body.Len()).To(BeNumerically("<", 5000))
			Expect(w.Body.String()).To(HaveSuffix("é…\n"))
		})
	})

	Describe("OpenMetrics", func() {
		const body = "# TYPE jobs counter\n# HELP jobs Jobs.\njobs_total 7.0 # {trace_id=\"abc\"} 1 1.5\njobs_created 1520430000.123\n# EOF\n"

		DescribeTable("is decoded with its types",
			func(contentType string) {
				for _, text := range []string{body, strings.TrimSuffix(body, "\n")} {
					w := f.put("/j", text, "Content-Type", contentType)
					Expect(w.Code).To(Equal(http.StatusOK), w.Body.String())
					Expect(names()).To(Equal([]string{"jobs_total"}))
					family := f.last().Families[0]
					Expect(family.GetType()).To(Equal(dto.MetricType_COUNTER))
					Expect(family.GetHelp()).To(Equal("Jobs."))
					counter := family.Metric[0].Counter
					Expect(counter.GetValue()).To(Equal(7.0))
					Expect(counter.Exemplar.Label[0].GetValue()).To(Equal("abc"))
					Expect(counter.Exemplar.Timestamp.AsTime().UnixMilli()).To(BeEquivalentTo(1500))
					Expect(counter.CreatedTimestamp.AsTime().UnixMilli()).To(BeEquivalentTo(1520430000123))
				}
			},
			Entry("OpenMetrics", "application/openmetrics-text; version=1.0.0; charset=utf-8"),
			Entry("OpenMetrics without a version", "application/openmetrics-text"),
			Entry("no Content-Type", ""),
			Entry("form", "application/x-www-form-urlencoded"),
			Entry("text without a version, as fetch sends it", "text/plain;charset=UTF-8"),
		)

		It("is text if the Content-Type says so", func() {
			w := f.put("/j", "# A comment.\nx 1\n# EOF\n", "Content-Type", "text/plain; version=0.0.4")
			Expect(w.Code).To(Equal(http.StatusOK), w.Body.String())
		})

		It("is named in errors", func() {
			w := f.put("/j", "# TYPE x counter\nx_total -1\n# EOF\n")
			Expect(w.Body.String()).To(Equal("pushed metrics are invalid or inconsistent with existing metrics: OpenMetrics parsing error in line 2: metric x_total: got value -1, expected a non-negative number (the body is parsed as OpenMetrics because it ends in \"# EOF\")\n"))
			w = f.put("/j", "x 1\n", "Content-Type", "application/openmetrics-text")
			Expect(w.Body.String()).To(Equal("OpenMetrics parsing error in line 2: data does not end with # EOF\n"))
		})
	})

	Describe("protobuf", func() {
		put := func(body string) string {
			w := f.put("/j", body, "Content-Type", protobufType)
			return fmt.Sprint(w.Code, " ", w.Body)
		}

		It("is decoded", func() {
			Expect(put(delimited(
				familyOf("b", dto.MetricType_GAUGE, gaugeOf(1, "z", "1", "a", "2")),
				familyOf("a", dto.MetricType_UNTYPED, &dto.Metric{Untyped: &dto.Untyped{}}),
			))).To(Equal("200 "))
			Expect(names()).To(Equal([]string{"a", "b"}))
			Expect(f.last().Families[1].Metric[0].Label).To(HaveLen(2))
		})

		It("may have its Content-Type in other spellings", func() {
			w := f.put("/j", delimited(familyOf("x", dto.MetricType_GAUGE, gaugeOf(1))),
				"Content-Type", `Application/Vnd.Google.Protobuf; ENCODING=delimited; proto="io.prometheus.client.MetricFamily"; charset=utf-8`)
			Expect(w.Code).To(Equal(http.StatusOK))
		})

		It("may be empty or contain a family without metrics", func() {
			Expect(put("")).To(Equal("200 "))
			Expect(f.last().Families).To(BeEmpty())
			Expect(put(delimited(familyOf("x", dto.MetricType_GAUGE)))).To(Equal("200 "))
			Expect(names()).To(Equal([]string{"x"}))
		})

		It("may contain a family in several messages", func() {
			Expect(put(delimited(
				familyOf("x", dto.MetricType_GAUGE, gaugeOf(1, "a", "1")),
				familyOf("y", dto.MetricType_GAUGE, gaugeOf(1)),
				familyOf("x", dto.MetricType_GAUGE, gaugeOf(2, "a", "2")),
			))).To(Equal("200 "))
			Expect(names()).To(Equal([]string{"x", "y"}))
			Expect(f.last().Families[0].Metric).To(HaveLen(2))
		})

		It("may be invalid in ways that the store checks, such as a family with two types", func() {
			Expect(put(delimited(familyOf("", 77, gaugeOf(1, "a.b", "\xff"), &dto.Metric{})))).To(Equal("200 "))
			Expect(f.last().Families[0].Metric).To(HaveLen(2))
			Expect(put(delimited(
				familyOf("x", dto.MetricType_GAUGE, gaugeOf(1)),
				familyOf("x", dto.MetricType_UNTYPED),
				familyOf("x", dto.MetricType_GAUGE, gaugeOf(2)),
			))).To(Equal("200 "))
			Expect(names()).To(Equal([]string{"x", "x"}))
		})

		It("may contain unknown fields, which are dropped", func() {
			Expect(put("\x06\x0a\x01x\xa0\x3e\x01")).To(Equal("200 "))
			Expect(f.last().Families[0].ProtoReflect().GetUnknown()).To(BeEmpty())
		})

		DescribeTable("is rejected if it cannot be parsed",
			func(body, reason string) {
				Expect(put(body)).To(MatchRegexp("^400 " + reason + "\n$"))
			},
			Entry("text", "x 1\n", "message 1: unexpected EOF: the body is text, expected delimited protobuf, as the Content-Type says"),
			Entry("cut off", delimited(familyOf("x", 1, gaugeOf(1)), familyOf("y", 1, gaugeOf(1)))[:20], "message 2: unexpected EOF"),
			Entry("a length that is too long", strings.Repeat("\xff", 11), "message 1: proto: variable length integer overflow"),
			Entry("a length beyond the end", "\xff\xff\xff\xff\xff\xff\xff\xff\x7f", "message 1: unexpected EOF"),
			Entry("a damaged message", "\x03\x0a\x05x", "message 1: proto: cannot parse invalid wire-format data"),
		)

		DescribeTable("buckets",
			func(h *dto.Histogram, reason string) {
				for _, typ := range []dto.MetricType{dto.MetricType_HISTOGRAM, dto.MetricType_GAUGE_HISTOGRAM} {
					answer := put(delimited(familyOf("x", typ, histogramOf(h))))
					if reason == "" {
						Expect(answer).To(Equal("200 "))
						Expect(slices.IsSortedFunc(f.last().Families[0].Metric[0].Histogram.Bucket, func(a, b *dto.Bucket) int {
							return cmp.Compare(a.GetUpperBound(), b.GetUpperBound())
						})).To(BeTrue())
						continue
					}
					Expect(answer).To(Equal("400 pushed metrics are invalid or inconsistent with existing metrics: message 1: metric x: sample 1 of 1: " + reason + "\n"))
					Expect(f.store.pushes).To(BeEmpty())
				}
			},
			Entry("none", &dto.Histogram{}, ""),
			Entry("sorted", &dto.Histogram{SampleCount: proto.Uint64(2), SampleSum: proto.Float64(1), Bucket: []*dto.Bucket{bucketOf(-1, 1), bucketOf(1, 1), bucketOf(math.Inf(1), 2)}}, ""),
			Entry("unsorted", &dto.Histogram{SampleCount: proto.Uint64(2), SampleSum: proto.Float64(1), Bucket: []*dto.Bucket{bucketOf(2, 2), bucketOf(1, 1)}}, ""),
			Entry("decreasing counts", &dto.Histogram{SampleCount: proto.Uint64(2), Bucket: []*dto.Bucket{bucketOf(1, 2), bucketOf(2, 1)}},
				"got count 1 in bucket le=2, expected at least the previous count 2"),
			Entry("a count of the histogram less than that of a bucket", &dto.Histogram{SampleCount: proto.Uint64(1), Bucket: []*dto.Bucket{bucketOf(1, 2)}},
				"got count 1, expected at least 2, the count of bucket le=1"),
			Entry("a count that is NaN", &dto.Histogram{Bucket: []*dto.Bucket{{CumulativeCountFloat: proto.Float64(math.NaN())}}},
				"got count NaN in bucket le=0, expected at least the previous count 0"),
			Entry("a negative count", &dto.Histogram{Bucket: []*dto.Bucket{{CumulativeCountFloat: proto.Float64(-1)}}},
				"got count -1 in bucket le=0, expected at least the previous count 0"),
		)
	})

	DescribeTable("with invalid metrics count as failed pushes of the group, unlike malformed ones, in every format",
		func(body, contentType string, failed bool) {
			f.options.UTF8Names = true
			w := f.put("/j", body, "Content-Type", contentType)
			Expect(w.Code).To(Equal(http.StatusBadRequest))
			Expect(f.store.failed).To(Equal(failed), w.Body.String())
			Expect(w.Body.String()).NotTo(ContainSubstring("append one"), "the body can be parsed")
		},
		Entry("text: a sample", "# TYPE s summary\ns_sum 1\ns_count -1\n", "", true),
		Entry("text: a negative bucket, which the Pushgateway cannot parse", "# TYPE h histogram\nh_bucket{le=\"1\"} -1\n", "", false),
		Entry("text: a missing sample", "# TYPE s summary\ns_sum 1\n", "", true),
		Entry("text: a value that is not a number", "x y\n", "", false),
		Entry("text: a duplicate label", "x{a=\"1\",a=\"2\"} 1\n", "", false),
		Entry("text: a duplicate type", "# TYPE s summary\n# TYPE s summary\n", "", false),
		Entry("names in braces: a sample", "# TYPE s summary\n{\"s_sum\"} 1\n{\"s_count\"} -1\n", "", true),
		Entry("names in braces: a missing sample", "# TYPE s summary\n{\"s_sum\"} 1\n", "", true),
		Entry("names in braces: a value that is not a number", "{\"x\"} y\n", "", false),
		Entry("names in braces: a duplicate label", "{\"x\",a=\"1\",a=\"2\"} 1\n", "", false),
		Entry("names in braces: a duplicate type", "{\"x\"} 1\n# TYPE s summary\n# TYPE s summary\n", "", false),
		Entry("OpenMetrics: a sample", "# TYPE c counter\nc_total -1\n# EOF", "", true),
		Entry("OpenMetrics: a sample, by Content-Type", "# TYPE c counter\nc_total -1\n# EOF\n", "application/openmetrics-text", true),
		Entry("OpenMetrics: a missing sample", "# TYPE c counter\nc_created 1\n# EOF\n", "", true),
		Entry("OpenMetrics: a missing sum", "# TYPE h histogram\nh_bucket{le=\"+Inf\"} 1\n# EOF\n", "", true),
		Entry("OpenMetrics: a name that is used twice", "# TYPE c counter\nc_total 1\n# TYPE g gauge\ng 1\n# TYPE c_total gauge\nc_total 1\n# EOF\n", "", true),
		Entry("OpenMetrics: a value that is not a number", "x y\n# EOF\n", "", false),
		Entry("OpenMetrics: a duplicate label", "x{a=\"1\",a=\"2\"} 1\n# EOF\n", "", false),
		Entry("OpenMetrics: a duplicate type", "# TYPE s summary\n# TYPE s summary\n# EOF\n", "", false),
		Entry("protobuf: a bucket", delimited(familyOf("h", dto.MetricType_HISTOGRAM, histogramOf(&dto.Histogram{
			SampleCount: proto.Uint64(1), Bucket: []*dto.Bucket{bucketOf(1, 2)},
		}))), protobufType, true),
		Entry("protobuf: a damaged message", "\x03\x0a\x05x", protobufType, false),
	)

	It("name the missing samples of a gauge histogram as its format does", func() {
		w := f.put("/j", "# TYPE h gaugehistogram\nh_bucket{le=\"+Inf\"} 1\n# EOF\n")
		Expect(w.Body.String()).To(ContainSubstring("the sample h_gsum is missing"))
		w = f.put("/j", "# TYPE h gaugehistogram\nh_bucket{le=\"+Inf\"} 1\n")
		Expect(w.Body.String()).To(ContainSubstring("the sample h_sum is missing"))
		w = f.put("/j", "# TYPE h gaugehistogram\nh_bucket{le=\"1\"} 1\nh_sum 1\n")
		Expect(w.Body.String()).To(ContainSubstring("the sample h_count is missing"))
	})

	DescribeTable("in protobuf get no counts and sums that the client has not sent",
		func(m *dto.Metric, reason string, count int) {
			typ := dto.MetricType_HISTOGRAM
			if m.Summary != nil {
				typ = dto.MetricType_SUMMARY
			}
			w := f.put("/j", delimited(familyOf("x", typ, m)), "Content-Type", protobufType)
			if reason != "" {
				Expect(w.Code).To(Equal(http.StatusBadRequest))
				Expect(w.Body.String()).To(HaveSuffix("message 1: metric x: sample 1 of 1: " + reason + "\n"))
				Expect(f.store.failed).To(BeTrue())
				return
			}
			Expect(w.Code).To(Equal(http.StatusOK), w.Body.String())
			pushed := f.last().Families[0].Metric[0]
			Expect(pushed.GetSummary().GetSampleCount() + pushed.GetHistogram().GetSampleCount()).To(BeEquivalentTo(count))
		},
		Entry("buckets without a count", histogramOf(&dto.Histogram{SampleSum: proto.Float64(1), Bucket: []*dto.Bucket{bucketOf(1, 2), bucketOf(math.Inf(1), 3)}}), "", 3),
		Entry("buckets alone", histogramOf(&dto.Histogram{Bucket: []*dto.Bucket{bucketOf(1, 2), bucketOf(math.Inf(1), 3)}}), "the sum is missing", 0),
		Entry("a histogram without a sum", histogramOf(&dto.Histogram{SampleCount: proto.Uint64(3)}), "the sum is missing", 0),
		Entry("a histogram with a sum alone", histogramOf(&dto.Histogram{SampleSum: proto.Float64(1)}), "the count is missing", 0),
		Entry("a float histogram without a sum", histogramOf(&dto.Histogram{SampleCountFloat: proto.Float64(0.5)}), "the sum is missing", 0),
		Entry("a histogram without observations", histogramOf(&dto.Histogram{Bucket: []*dto.Bucket{bucketOf(1, 0)}}), "", 0),
		Entry("a summary without a sum", &dto.Metric{Summary: &dto.Summary{SampleCount: proto.Uint64(3)}}, "the sum is missing", 0),
		Entry("a summary without a count", &dto.Metric{Summary: &dto.Summary{SampleSum: proto.Float64(3)}}, "the count is missing", 0),
		Entry("a summary without observations", &dto.Metric{Summary: &dto.Summary{}}, "", 0),
	)

	Describe("that are compressed", func() {
		DescribeTable("are decompressed",
			func(encoding string, compress func(string) string) {
				for _, body := range []string{"x 1\n", strings.Repeat("# A comment.\n", 100_000) + "x 1\n"} {
					w := f.put("/j", compress(body), "Content-Encoding", encoding)
					Expect(w.Code).To(Equal(http.StatusOK), w.Body.String())
					Expect(names()).To(Equal([]string{"x"}))
				}
				w := f.put("/j", compress(delimited(familyOf("y", dto.MetricType_GAUGE, gaugeOf(1)))), "Content-Encoding", encoding, "Content-Type", protobufType)
				Expect(w.Code).To(Equal(http.StatusOK), w.Body.String())
				Expect(names()).To(Equal([]string{"y"}))
			},
			Entry("gzip", "gzip", sourcetest.Gzip),
			Entry("GZIP", "GZIP", sourcetest.Gzip),
			Entry("snappy", "snappy", sourcetest.Snappy),
			Entry("zstd", "zstd", sourcetest.Zstd),
			Entry("identity", "identity", func(s string) string { return s }),
		)

		It("are rejected with 415 if the encoding is unknown", func() {
			for _, encoding := range []string{"br", "deflate", "gzip, gzip"} {
				w := f.put("/j", "x 1\n", "Content-Encoding", encoding)
				Expect(w.Code).To(Equal(http.StatusUnsupportedMediaType))
				Expect(w.Body.String()).To(ContainSubstring("expected one of gzip, snappy, zstd"))
				Expect(w.Header()).To(HaveKeyWithValue("Accept-Encoding", ConsistOf("gzip, snappy, zstd")))
			}
			Expect(f.store.pushes).To(BeEmpty())
		})

		DescribeTable("are rejected if damaged",
			func(encoding, body, reason string) {
				w := f.put("/j", body, "Content-Encoding", encoding)
				Expect(w.Code).To(Equal(http.StatusBadRequest))
				Expect(w.Body.String()).To(ContainSubstring(reason))
				Expect(f.store.pushes).To(BeEmpty())
			},
			Entry("text instead of gzip", "gzip", "x 1\nx 1\nx 1\nx 1\n", "reading the body: decoding gzip: gzip: invalid header: if the body is not compressed, do not send Content-Encoding"),
			Entry("gzip without any bytes", "gzip", "", "the body is cut off: decoding gzip: unexpected EOF"),
			Entry("gzip that is cut off", "gzip", sourcetest.Gzip("x 1\n")[:14], "the body is cut off: decoding gzip: unexpected EOF"),
			Entry("gzip that is cut off at its end", "gzip", sourcetest.Gzip("x 1\n")[:20], "the body is cut off: decoding gzip: unexpected EOF"),
			Entry("text instead of snappy", "snappy", "x 1\n", "decoding snappy: "),
			Entry("snappy in the block format", "snappy", "\x04\x0cx 1\n", "decoding snappy: "),
			Entry("text instead of zstd", "zstd", "x 1\n", "decoding zstd: "),
		)

		It("may be empty", func() {
			for encoding, body := range map[string]string{"gzip": sourcetest.Gzip(""), "snappy": "", "zstd": sourcetest.Zstd("")} {
				Expect(f.put("/j", body, "Content-Encoding", encoding).Code).To(Equal(http.StatusOK), encoding)
			}
		})
	})
})

// withLabels returns a line with n labels.
func withLabels(n int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "x{number=\"%d\"", n)
	for i := range n - 1 {
		fmt.Fprintf(&b, ",l%d=\"v\"", i)
	}
	b.WriteString("} 1\n")
	return b.String()
}
