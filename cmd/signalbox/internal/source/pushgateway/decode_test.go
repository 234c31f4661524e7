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
		DescribeTable("is the format of every body that is not delimited protobuf",
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
			Entry("OpenMetrics", "application/openmetrics-text; version=1.0.0"),
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
			Expect(f.put("/j", "# TYPE x_count gauge\nx_count 1\n# TYPE x histogram\nx_sum 1\n").Code).To(Equal(http.StatusOK))
		})

		It("may contain inconsistent histograms, as in the Pushgateway", func() {
			body := "# TYPE h histogram\nh_bucket{le=\"2\"} 1\nh_bucket{le=\"1\"} 5\nh_bucket{le=\"1\"} NaN\n"
			Expect(f.put("/j", body).Code).To(Equal(http.StatusOK))
		})

		DescribeTable("is rejected if it cannot be parsed",
			func(body, reason string) {
				w := f.put("/j", body)
				Expect(w.Code).To(Equal(http.StatusBadRequest))
				Expect(w.Body.String()).To(Equal(reason + "\n"))
				Expect(f.store.pushes).To(BeEmpty())
			},
			Entry("no line ending", "x 1", "text format parsing error in line 1: unexpected end of input stream"),
			Entry("CRLF", "x 1\r\n", `text format parsing error in line 1: expected float as value, got "1\r"`),
			Entry("no value", "y 1\nx\n", `text format parsing error in line 2: expected float as value, got ""`),
			Entry("name with a dot", "a.b 1\n", `text format parsing error in line 1: expected float as value, got ".b"`),
			Entry("quoted name with a dot", "{\"a.b\"} 1\n", `text format parsing error in line 1: invalid metric name "a.b"`),
			Entry("duplicate label", "x{a=\"1\",a=\"2\"} 1\n", `text format parsing error in line 1: duplicate label names for metric "x"`),
			Entry("label that is not UTF-8", "x{a=\"\xff\"} 1\n", `text format parsing error in line 1: invalid label value "\xff"`),
			Entry("text that makes the parser panic", "g 1\n# TYPE s summary\ng 2\n{\"s\",a=\"1\"} 1\n",
				"the parser panicked: assignment to entry in nil map"),
			Entry("text that the parser adds to the wrong series", "# TYPE s summary\ns_sum{a=\"1\"} 1\ng 1\n{\"s_sum\"} 2\n",
				"a metric name in braces is not supported in a body with a summary or a histogram"),
		)

		It("may otherwise contain metric names in braces", func() {
			Expect(f.put("/j", "{\"x\",a=\"1\"} 1\n{\"x\"} 1\n").Code).To(Equal(http.StatusOK))
			Expect(f.last().Families[0].Metric).To(HaveLen(2))
		})

		It("is named in the error if the body is OpenMetrics", func() {
			w := f.put("/j", "x_total 1 # {trace_id=\"a\"} 1\n# EOF\n", "Content-Type", "application/openmetrics-text; version=1.0.0")
			Expect(w.Code).To(Equal(http.StatusBadRequest))
			Expect(w.Body.String()).To(ContainSubstring("OpenMetrics"))
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
			Entry("text", "x 1\n", "message 1: unexpected EOF"),
			Entry("cut off", delimited(familyOf("x", 1, gaugeOf(1)), familyOf("y", 1, gaugeOf(1)))[:20], "message 2: unexpected EOF"),
			Entry("a length that is too long", strings.Repeat("\xff", 11), "message 1: proto:.variable length integer overflow"),
			Entry("a length beyond the end", "\xff\xff\xff\xff\xff\xff\xff\xff\x7f", "message 1: unexpected EOF"),
			Entry("a damaged message", "\x03\x0a\x05x", "message 1: proto:.cannot parse invalid wire-format data"),
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
					Expect(answer).To(Equal("400 message 1: metric x: sample 1 of 1: " + reason + "\n"))
					Expect(f.store.pushes).To(BeEmpty())
				}
			},
			Entry("none", &dto.Histogram{}, ""),
			Entry("sorted", &dto.Histogram{SampleCount: proto.Uint64(2), Bucket: []*dto.Bucket{bucketOf(-1, 1), bucketOf(1, 1), bucketOf(math.Inf(1), 2)}}, ""),
			Entry("unsorted", &dto.Histogram{SampleCount: proto.Uint64(2), Bucket: []*dto.Bucket{bucketOf(2, 2), bucketOf(1, 1)}}, ""),
			Entry("decreasing counts", &dto.Histogram{SampleCount: proto.Uint64(2), Bucket: []*dto.Bucket{bucketOf(1, 2), bucketOf(2, 1)}},
				"got count 1 in bucket le=2, expected at least the previous count 2"),
			Entry("a count of the histogram less than that of a bucket", &dto.Histogram{SampleCount: proto.Uint64(1), Bucket: []*dto.Bucket{bucketOf(1, 2)}},
				"got count 1, expected at least 2, the count of bucket le=1"),
			Entry("a duplicate bucket", &dto.Histogram{SampleCount: proto.Uint64(1), Bucket: []*dto.Bucket{bucketOf(1, 1), bucketOf(1, 1)}},
				"bucket le=1 is duplicated"),
			Entry("a bound that is NaN", &dto.Histogram{Bucket: []*dto.Bucket{bucketOf(math.NaN(), 1)}}, "the bound of a bucket is NaN"),
			Entry("a count that is NaN", &dto.Histogram{Bucket: []*dto.Bucket{{CumulativeCountFloat: proto.Float64(math.NaN())}}},
				"got count NaN in bucket le=0, expected at least the previous count 0"),
			Entry("a negative count", &dto.Histogram{Bucket: []*dto.Bucket{{CumulativeCountFloat: proto.Float64(-1)}}},
				"got count -1 in bucket le=0, expected at least the previous count 0"),
		)
	})

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
			Entry("an unknown encoding, which is ignored", "br", func(s string) string { return s }),
		)

		DescribeTable("are rejected if damaged",
			func(encoding, body, reason string) {
				w := f.put("/j", body, "Content-Encoding", encoding)
				Expect(w.Code).To(Equal(http.StatusBadRequest))
				Expect(w.Body.String()).To(ContainSubstring(reason))
				Expect(f.store.pushes).To(BeEmpty())
			},
			Entry("text instead of gzip", "gzip", "x 1\nx 1\nx 1\nx 1\n", "reading the body: decoding gzip: gzip: invalid header"),
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
