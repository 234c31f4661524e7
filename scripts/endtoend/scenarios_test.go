//go:build e2e

package endtoend

import (
	"math"
	"strings"

	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// scenarios lists requests to which a Pushgateway 1.11.3 and signalbox react in the
// same way, and the known differences with their reasons.
var scenarios = []scenario{
	// Methods.
	{name: "PUT replaces the group", steps: []step{
		put("/j", "a 1\nb 2\n"),
		put("/j", "c 3\n"),
	}},
	{name: "POST replaces metrics by name, with all series", steps: []step{
		post("/j", "x{l=\"1\"} 1\nx{l=\"2\"} 2\ny 3\n"),
		post("/j", "x{l=\"3\"} 4\nz 5\n"),
	}},
	{name: "PUT without a body creates a group", steps: []step{put("/j", "")}},
	{name: "PUT without a body empties a group", steps: []step{put("/j", "x 1\n"), put("/j", "")}},
	{name: "POST without a body creates a group", steps: []step{post("/j", "")}},
	{name: "POST without a body does not change a group", steps: []step{put("/j", "x 1\n"), post("/j", "")}},
	{name: "a body of comments and blank lines is empty", steps: []step{
		put("/a", "# a comment\n\n#\n"),
		put("/b", "\n"),
		put("/c", "x 1\n"),
		post("/c", "# EOF\n"),
		put("/d", "# TYPE x counter\n# HELP x Alone.\n"),
	}},
	{name: "DELETE", steps: []step{put("/a", "x 1\n"), put("/b", "x 2\n"), del("/a")}},
	{name: "DELETE of a group that does not exist", steps: []step{put("/a", "x 1\n"), del("/b"), del("/a/instance/i")}},
	{name: "DELETE deletes only the exact group", steps: []step{
		put("/a", "x 1\n"),
		put("/a/instance/i", "x 2\n"),
		put("/a/instance/i/l/m", "x 3\n"),
		del("/a/instance/i"),
	}},
	{name: "DELETE, and a push after it", steps: []step{put("/a", "x 1\n"), del("/a"), post("/a", "y 1\n")}},
	{name: "DELETE of a group with a failed push", steps: []step{put("/a", "x 1 1\n", answered(400)), del("/a")}},
	{name: "deleting all groups", steps: []step{
		put("/a", "x 1\n"),
		put("/b", "x 2\n"),
		request("PUT", "/api/v1/admin/wipe", answered(202)),
	}},
	{name: "a type may change by replacement", steps: []step{
		put("/a", "# TYPE x counter\nx 1\n"),
		post("/a", "# TYPE x gauge\nx 2\n"),
		put("/a", "# TYPE x histogram\nx_bucket{le=\"+Inf\"} 1\nx_sum 1\nx_count 1\n"),
		post("/a", "x 1\n"),
	}},
	{name: "a type may change after DELETE", steps: []step{
		put("/a", "# TYPE x counter\nx 1\n"),
		del("/a"),
		put("/b", "# TYPE x gauge\nx 2\n"),
	}},

	// Grouping keys.
	{name: "the order of labels in the path does not matter", steps: []step{
		put("/j/a/1/b/2", "x 1\n"),
		put("/j/b/2/a/1", "y 1\n"),
	}},
	{name: "base64 and plain are the same group", steps: []step{
		put("/j/a/1", "x 1\n"),
		put("@base64/ag/a@base64/MQ==", "y 1\n"),
	}},
	{name: "labels in the path override labels in the body", steps: []step{
		put("/j/instance/i/l/v", "x{job=\"other\",instance=\"other\",l=\"other\",m=\"kept\"} 1\nx{m=\"too\"} 2\n"),
	}},
	{name: "instance: missing, in the body, in the path, empty", steps: []step{
		put("/a", "x 1\n"),
		put("/b", "x{instance=\"i\"} 1\n"),
		put("/c/instance/i", "x 1\n"),
		put("/d", "x{instance=\"\"} 1\n"),
		put("/e/instance@base64/=", "x{instance=\"i\"} 1\n"),
		put("/f", "x{instance=\"i\"} 1\nx 2\n"),
	}},
	{name: "a job in base64", steps: []step{
		put("@base64/YS9i", "x 1\n"),
		put("@base64/YS9iYw==", "x 1\n"),
		put("@base64/YS9iYw", "y 1\n"),
		put("@base64/YS9iYw=", "z 1\n"),
	}},
	{name: "a label in base64", steps: []step{
		put("/directory_cleaner/path@base64/L3Zhci90bXA", "x 1\n"),
		put("/titan/name@base64/zqDPgc6_zrzOt864zrXPjc-C", "x 1\n"),
		put("/titan/name/%CE%A0%CF%81%CE%BF%CE%BC%CE%B7%CE%B8%CE%B5%CF%8D%CF%82", "y 1\n"),
	}},
	{name: "an empty value in base64", steps: []step{
		put("/j/first_label@base64/=/second_label/foobar", "x 1\n"),
		put("/j/first_label@base64/==/second_label/foobar", "y 1\n"),
		put("/j/a@base64/=/b@base64/=", "x 1\n"),
	}},
	{name: "invalid base64", steps: []step{
		put("@base64/a", "x 1\n", answered(400)),
		put("@base64/!!!!", "x 1\n", answered(400)),
		put("@base64/+++/", "x 1\n", answered(400)),
		put("/j/l@base64/zqDPgc6/zrzOt864zrXPjc+C", "x 1\n", answered(400)),
		put("/j/l@base64/zqDPgc6+zrzOt864zrXPjc+C", "x 1\n", answered(400)),
		put("/j/l@base64/a=b", "x 1\n", answered(400)),
		del("@base64/a", answered(400)),
		del("/j/l@base64/a", answered(400)),
	}},
	{name: "base64 of invalid UTF-8", steps: []step{
		put("@base64/_w==", "x 1\n", answered(400)),
		put("/j/l@base64/_w==", "x 1\n", answered(400)),
		put("/j/l/%FF", "x 1\n", answered(400)),
		put("/%FF", "x 1\n", answered(400)),
	}, poisons: "The times of the failed push have the invalid label value, too, and every later scrape fails."},
	{name: "DELETE with invalid UTF-8", steps: []step{
		del("@base64/_w==", but(400, "No group can have such a label.")),
	}},
	{name: "an empty job", steps: []step{
		put("@base64/=", "x 1\n", answered(400)),
		put("@base64/=/l/v", "x 1\n", answered(400)),
		del("@base64/=", answered(400)),
		put("/", "x 1\n", answered(307), but(400, "The Pushgateway redirects to /metrics/job, which does not exist.")),
		put("", "x 1\n", answered(404)),
		put("@base64", "x 1\n", answered(404)),
		put("//", "x 1\n", answered(307), but(400, emptySegment)),
		put("//l/v", "x 1\n", answered(307), but(400, emptySegment)),
	}},
	{name: "an odd number of path segments", steps: []step{
		put("/j/l", "x 1\n", answered(400)),
		put("/j/l/v/m", "x 1\n", answered(400)),
		post("/j/l", "x 1\n", answered(400)),
		del("/j/l", answered(400)),
		put("/j/l@base64", "x 1\n", answered(400)),
	}},
	{name: "a trailing slash", steps: []step{
		put("/a/", "x 1\n"),
		put("/d/e/", "x 2\n"),
		put("/a/l/v/", "x 1\n", answered(400)),
		put("@base64/Yg==/", "x 1\n"),
		put("/c/e@base64/", "x 1\n"),
		del("/a/"),
	}},
	{name: "double slashes", steps: []step{
		put("/j//l/v", "x 1\n", answered(307), but(400, emptySegment)),
		put("/j/l//m/w", "x 1\n", answered(307), but(400, emptySegment)),
		put("/j/l/v//", "x 1\n", answered(307), but(400, emptySegment)),
		request("PUT", "//metrics/job/j", content("x 1\n"), answered(307)),
		request("PUT", "/metrics//job/j", content("x 1\n"), answered(307)),
		post("/j//l/v?ttl=1h", "x 1\n", answered(307), but(400, emptySegment)),
		del("/j//l/v", answered(307), but(400, emptySegment)),
	}},
	{name: "dots in the path", steps: []step{
		put("/./j", "x 1\n", answered(307), but(400, emptySegment)),
		put("/j/../k", "x 1\n", answered(307), but(400, emptySegment)),
		put("/j/l/..", "x 1\n", answered(307), but(400, emptySegment)),
		put("/j/l/...", "x 1\n"),
		put("/a.b", "x 1\n"),
	}},
	{name: "invalid label names", steps: []step{
		put("/j/__x/v", "x 1\n", answered(400)),
		put("/j/__name__/v", "x 1\n", answered(400)),
		put("/j/__/v", "x 1\n", answered(400)),
		put("/j/1a/v", "x 1\n", answered(400)),
		put("/j/a-b/v", "x 1\n", answered(400)),
		put("/j/a.b/v", "x 1\n", answered(400)),
		put("/j/a%20b/v", "x 1\n", answered(400)),
		put("/j/%C3%A9/v", "x 1\n", answered(400)),
		put("/j/l@base32/v", "x 1\n", answered(400)),
		put("/j/@base64/dg==", "x 1\n", answered(400)),
		put("/j/l@base64@base64/dg==", "x 1\n", answered(400)),
		del("/j/__x/v", answered(400)),
	}},
	{name: "unusual label names", steps: []step{
		put("/j/_x/v", "x 1\n"),
		put("/j/n%61me/v", "x 1\n"),
		put("/j/U__foo_2e_bar/v", "x 1\n"),
		put("/j/Job/v", "x 1\n"),
	}},
	{name: "a duplicate label in the path", steps: []step{
		put("/a/l/1/l/2", "x 1\n"),
		put("/b/l@base64/MQ/l/2", "x 1\n"),
		put("/c/l/1/l@base64/Mg", "x 1\n"),
		put("/d/job/other", "x 1\n"),
		put("/e/instance/1/instance/2", "x 1\n"),
	}},
	{name: "escaped characters in the path", steps: []step{
		put("/a%20b", "x 1\n"),
		put("/a+b", "x 1\n"),
		put("/a%2Bb", "y 1\n"),
		put("/100%25", "x 1\n"),
		put("/j/l/a%0Ab", "x 1\n"),
		put("/j/l/a%5Cb", "x 1\n"),
		put("/j/l/a%22b", "x 1\n"),
		put("/j/l/a%00b", "x 1\n"),
		put("/j/l/a%3Fb%23c", "x 1\n"),
		put("/j/l/a;b=c&d@e,f:g", "x 1\n"),
		put("/j/l/%7Bx%7D", "x 1\n"),
		put("/j/l/a%252Fb", "x 1\n"),
	}},
	{name: "characters that need no escaping, escaped and not", steps: []step{
		request("PUT", "/%6Detrics/%6Aob/%6A", content("x 1\n")),
		put("%40base64/ag%3D%3D/l%40base64/%4D%51", "x 1\n"),
		request("PUT", "/metrics/job/ö/l/日", content("x 1\n")),
		put("/j/l/a|b", "x 1\n"),
		put("/j/l/a\"b<>^`{}", "x 1\n"),
	}},
	{name: "invalid escapes", steps: []step{
		put("/j/l/%", "x 1\n", answered(400)),
		put("/j/l/%zz", "x 1\n", answered(400)),
		put("/%2", "x 1\n", answered(400)),
	}},
	{name: "escaped dots", steps: []step{
		put("/j/l/%2E%2E", "x 1\n"),
		put("/%2E", "x 1\n"),
	}},
	{name: "trailing slashes of other paths", steps: []step{
		request("GET", "/metrics/", answered(301), but(404, redirects)),
		request("GET", "/-/healthy/", answered(301), but(404, redirects)),
		request("GET", "/api/v1/metrics/", answered(301), but(404, redirects+" This one leads to /metrics.")),
		request("GET", "/api/v1/", answered(404)),
		request("GET", "/api/v1", answered(307), but(404, redirects)),
	}},
	{name: "HEAD and OPTIONS", steps: []step{
		request("HEAD", "/api/v1/metrics", answered(405)),
		request("HEAD", "/api/v1/status", answered(405)),
		request("OPTIONS", "/metrics"),
		request("OPTIONS", "/-/healthy", but(405, "Health checks support only GET and HEAD.")),
		request("OPTIONS", "/api/v1/status"),
		request("OPTIONS", "/nothing", answered(404)),
	}},
	{name: "query parameters are ignored", steps: []step{
		put("/j?a=b", "x 1\n", but(400, unknownParameter)),
		put("/k?", "x 1\n"),
		del("/j?a=b", but(400, unknownParameter)),
		del("/j"),
	}},
	{name: "an escaped slash in the job", steps: []step{
		put("/a%2Fb", "x 1\n", answered(400), but(200, slash)),
		del("/a%2fb", answered(400), but(202, slash)),
		put("/a%2Fb", "x 1\n", answered(400), but(200, slash)),
	}, differs: []string{
		`+ # push_failure_time_seconds gauge …`,
		`+ # push_time_seconds gauge …`,
		`+ # x untyped ""`,
		`+ push_failure_time_seconds{instance="",job="a/b"} zero`,
		`+ push_time_seconds{instance="",job="a/b"} positive`,
		`+ x{instance="",job="a/b"} 1`,
	}, why: slash},
	{name: "an escaped slash in a value", steps: []step{
		put("/j/path/var%2Ftmp", "x 1\n", answered(400), but(200, slash)),
	}, differs: []string{
		`+ # push_failure_time_seconds gauge …`,
		`+ # push_time_seconds gauge …`,
		`+ # x untyped ""`,
		`+ push_failure_time_seconds{instance="",job="j",path="var/tmp"} zero`,
		`+ push_time_seconds{instance="",job="j",path="var/tmp"} positive`,
		`+ x{instance="",job="j",path="var/tmp"} 1`,
	}, why: slash},
	{name: "an escaped slash before a value", steps: []step{
		put("/j/path/%2Fvar%2Ftmp", "x 1\n", but(200, slash)),
		del("/k/path/%2Fvar%2Ftmp"),
	}, differs: []string{
		`- push_failure_time_seconds{instance="",job="j",path="",var="tmp"} zero`,
		`- push_time_seconds{instance="",job="j",path="",var="tmp"} positive`,
		`- x{instance="",job="j",path="",var="tmp"} 1`,
		`+ push_failure_time_seconds{instance="",job="j",path="/var/tmp"} zero`,
		`+ push_time_seconds{instance="",job="j",path="/var/tmp"} positive`,
		`+ x{instance="",job="j",path="/var/tmp"} 1`,
	}, why: slash},
	{name: "the grouping labels le and quantile", steps: []step{
		put("/a/le/1", "x 1\n"),
		put("/b/quantile/1", "x 1\n"),
		put("/d/quantile/1", "# TYPE s summary\ns{quantile=\"0.5\"} 1\ns_sum 1\ns_count 1\n", answered(400)),
	}},
	{name: "the grouping label le, and a histogram", steps: []step{
		put("/a/le/3", "# TYPE x histogram\nx_bucket{le=\"1\"} 1\nx_bucket{le=\"+Inf\"} 1\nx_sum 1\nx_count 1\n", but(400, duplicateLE)),
	}, differs: []string{
		`- # x histogram ""`,
		`- push_failure_time_seconds{instance="",job="a",le="3"} zero`,
		`- push_time_seconds{instance="",job="a",le="3"} positive`,
		`- x{instance="",job="a"} count 1 sum 1 le1 1`,
		`+ push_failure_time_seconds{instance="",job="a",le="3"} positive`,
		`+ push_time_seconds{instance="",job="a",le="3"} zero`,
	}, protobufDiffers: []string{
		`- # x histogram ""`,
		`- push_failure_time_seconds{instance="",job="a",le="3"} zero`,
		`- push_time_seconds{instance="",job="a",le="3"} positive`,
		`- x{instance="",job="a",le="3"} count 1 sum 1 le1 1`,
		`+ push_failure_time_seconds{instance="",job="a",le="3"} positive`,
		`+ push_time_seconds{instance="",job="a",le="3"} zero`,
	}, why: duplicateLE},

	// Consistency.
	{name: "timestamps", steps: []step{
		put("/a", "x 1 1700000000000\n", answered(400)),
		post("/b", "x 1\ny 1 1\n", answered(400)),
	}},
	{name: "a failed push changes only the time of the failure", steps: []step{
		put("/a", "x 1\n"),
		put("/a", "x 2\ny 1 1\n", answered(400)),
		post("/a", "y 1 1\n", answered(400)),
	}},
	{name: "the time of the failure is kept", steps: []step{
		put("/a", "x 1 1\n", answered(400)),
		put("/a", "x 1\n"),
		put("/a", ""),
		post("/a", "y 1\n"),
	}},
	{name: "a type that differs from another group's", steps: []step{
		put("/a", "# TYPE x counter\nx 1\n"),
		put("/b", "# TYPE x gauge\nx 1\ny 1\n", answered(400)),
		put("/c", "x 1\n", answered(400)),
		put("/d", "# TYPE x untyped\nx 1\n", answered(400)),
		put("/e", "# TYPE x summary\nx_sum 1\nx_count 1\n", answered(400)),
		put("/f", "# TYPE x histogram\nx_bucket{le=\"+Inf\"} 1\nx_sum 1\nx_count 1\n", answered(400)),
		put("/g", "# TYPE x counter\nx 1\n"),
	}},
	{name: "a type that differs from that of an untyped metric", steps: []step{
		put("/a", "x 1\n"),
		post("/b", "# TYPE x counter\nx 1\n", answered(400)),
		post("/b", "# TYPE x gauge\nx 1\n", answered(400)),
		post("/b", "x 1\n"),
	}},
	{name: "a type that may not change, because another group uses it", steps: []step{
		put("/a", "# TYPE x counter\nx 1\n"),
		put("/b", "# TYPE x counter\nx 1\n"),
		put("/a", "# TYPE x gauge\nx 1\n", answered(400)),
		del("/b"),
		put("/a", "# TYPE x gauge\nx 1\n"),
	}},
	{name: "a duplicate series in a push", steps: []step{
		put("/a", "x 1\nx 2\n", answered(400)),
		put("/b", "x{l=\"1\",m=\"2\"} 1\nx{m=\"2\",l=\"1\"} 2\n", answered(400)),
		put("/c/l/v", "x{l=\"1\"} 1\nx{l=\"2\"} 2\n", answered(400)),
		put("/d", "x{instance=\"\"} 1\nx 2\n", answered(400)),
	}},
	{name: "a series that another group has", steps: []step{
		put("/j/instance/i", "x 1\n"),
		put("/j", "x{instance=\"i\"} 1\n", answered(400)),
		put("/j", "x{instance=\"k\"} 1\n"),
		put("/j/l/v", "x 1\n"),
		put("/j", "x{l=\"v\"} 1\n", answered(400)),
		put("/j/l/w", "x{m=\"1\"} 1\n"),
		put("/j/m/1", "x{l=\"w\"} 1\n", answered(400)),
	}},
	{name: "a series that another group had", steps: []step{
		put("/j/instance/i", "x 1\n"),
		del("/j/instance/i"),
		put("/j", "x{instance=\"i\"} 1\n"),
		put("/j/instance/i", "x 1\n", answered(400)),
		put("/j", "y 1\n"),
		put("/j/instance/i", "x 1\n"),
	}},
	{name: "an empty label and no label", steps: []step{
		put("/a", "x{l=\"\"} 1\n"),
		put("/b", "x{l=\"\"} 1\nx 2\n", but(400, "The Pushgateway serves two series that are the same to Prometheus, which drops one.")),
		del("/b"),
	}},
	{name: "two groups whose times of pushes are the same series", steps: []step{
		put("/j/instance@base64/=", "x 1\n"),
		put("/j", "y 1\n", answered(400)),
	}, differs: []string{
		`+ # push_failure_time_seconds gauge …`,
		`+ # push_time_seconds gauge …`,
		`+ # x untyped ""`,
		`+ push_failure_time_seconds{instance="",job="j"} zero`,
		`+ push_time_seconds{instance="",job="j"} positive`,
		`+ x{instance="",job="j"} 1`,
	}, poisons: "The times of the successful push and of the failed push are the same series, and every later scrape fails."},
	{name: "series with other labels in other groups", steps: []step{
		put("/a", "x{l=\"1\"} 1\n"),
		put("/b", "x{m=\"1\",n=\"2\"} 1\n"),
	}},
	{name: "different help texts", steps: []step{
		put("/a", "# HELP y One.\n# TYPE y gauge\ny 1\n"),
		post("/a", "# HELP y Two.\n# TYPE y gauge\ny 1\n"),
	}},
	{name: "histogram x, then x_count", steps: []step{
		put("/a", "# TYPE x histogram\nx_bucket{le=\"+Inf\"} 1\nx_sum 1\nx_count 1\n"),
		put("/b", "# TYPE x_count gauge\nx_count 1\n", answered(400)),
		put("/b", "x_bucket 1\n", answered(400)),
		put("/b", "x_sum 1\n", answered(400)),
		put("/b", "x_total 1\n"),
	}},
	{name: "x_count, then histogram x", steps: []step{
		put("/a", "# TYPE x_count gauge\nx_count 1\n"),
		put("/b", "# TYPE x histogram\nx_bucket{le=\"+Inf\"} 1\nx_sum 1\nx_count 1\n", answered(400)),
	}},
	{name: "x_bucket, then histogram x", steps: []step{
		put("/a", "# TYPE x_bucket gauge\nx_bucket 1\n"),
		put("/b", "# TYPE x histogram\nx_bucket{le=\"+Inf\"} 1\nx_sum 1\nx_count 1\n", answered(400)),
	}},
	{name: "summary x, then x_sum", steps: []step{
		put("/a", "# TYPE x summary\nx_sum 1\nx_count 1\n"),
		put("/b", "x_sum 1\n", answered(400)),
		put("/b", "x_count 1\n", answered(400)),
		put("/b", "x_bucket 1\n"),
	}},
	{name: "x_sum, then summary x", steps: []step{
		put("/a", "x_sum 1\n"),
		put("/b", "# TYPE x summary\nx_sum 1\nx_count 1\n", answered(400)),
	}},
	{name: "histogram x and x_count in one push", steps: []step{
		put("/a", "", families(
			family("x", dto.MetricType_HISTOGRAM, &dto.Metric{Histogram: &dto.Histogram{SampleCount: proto.Uint64(1)}}),
			family("x_count", dto.MetricType_GAUGE, &dto.Metric{Gauge: &dto.Gauge{Value: proto.Float64(1)}}),
		), answered(400)),
	}},
	{name: "x_count in the group of histogram x", steps: []step{
		put("/a", "# TYPE x histogram\nx_bucket{le=\"+Inf\"} 1\nx_sum 1\nx_count 1\n"),
		post("/a", "x_count 1\n", answered(400)),
		put("/a", "x_count 1\n"),
	}},
	{name: "histogram x and summary x_sum", steps: []step{
		put("/a", "# TYPE x histogram\nx_bucket{le=\"+Inf\"} 1\nx_sum 1\nx_count 1\n"),
		put("/b", "# TYPE x_sum summary\nx_sum_sum 1\nx_sum_count 1\n", answered(400)),
	}},
	{name: "counters x and x_total", steps: []step{
		put("/a", "# TYPE x counter\nx 1\n# TYPE x_total counter\nx_total 2\n# TYPE x_created gauge\nx_created 3\n# TYPE x_info gauge\nx_info 1\n"),
	}},
	{name: "a metric of the Go runtime", steps: []step{
		put("/a", "# TYPE go_goroutines counter\ngo_goroutines 1\n", answered(400)),
		put("/b", "go_goroutines 1\n", answered(400)),
		put("/c", "# TYPE go_goroutines gauge\ngo_goroutines 1\n"),
		put("/d", "# HELP go_goroutines Mine.\n# TYPE go_goroutines gauge\ngo_goroutines 2\n"),
		put("/e", "# TYPE go_gc_duration_seconds_count gauge\ngo_gc_duration_seconds_count 1\n", answered(400)),
	}},
	{name: "metrics of signalbox itself", steps: []step{
		put("/a", "# TYPE concourse_builds_started_total gauge\nconcourse_builds_started_total 1\n", but(400, ownFamily)),
		put("/b", "# TYPE concourse_builds_duration_seconds_count gauge\nconcourse_builds_duration_seconds_count 1\n", but(400, ownFamily)),
	}, differs: []string{
		`- # concourse_builds_duration_seconds_count gauge ""`,
		`- # concourse_builds_started_total gauge ""`,
		`- concourse_builds_duration_seconds_count{instance="",job="b"} 1`,
		`- concourse_builds_started_total{instance="",job="a"} 1`,
		`- push_failure_time_seconds{instance="",job="a"} zero`,
		`- push_failure_time_seconds{instance="",job="b"} zero`,
		`- push_time_seconds{instance="",job="a"} positive`,
		`- push_time_seconds{instance="",job="b"} positive`,
		`+ push_failure_time_seconds{instance="",job="a"} positive`,
		`+ push_failure_time_seconds{instance="",job="b"} positive`,
		`+ push_time_seconds{instance="",job="a"} zero`,
		`+ push_time_seconds{instance="",job="b"} zero`,
	}, why: ownFamily},
	{name: "a pushed time of a push is overridden", steps: []step{
		put("/a", "# TYPE push_time_seconds gauge\npush_time_seconds -5\n"),
		put("/b", "# TYPE push_time_seconds counter\npush_time_seconds 5\n"),
		put("/c", "push_time_seconds{l=\"v\"} 5\nx 1\n"),
		post("/d", "# TYPE push_failure_time_seconds gauge\npush_failure_time_seconds 5\n"),
	}},
	{name: "a pushed time of a failure is overridden in an existing group", steps: []step{
		put("/a", "x 1\n"),
		post("/a", "# TYPE push_failure_time_seconds gauge\npush_failure_time_seconds 5\n"),
	}, differs: []string{
		`- push_failure_time_seconds{instance="",job="a"} positive`,
		`+ push_failure_time_seconds{instance="",job="a"} zero`,
	}, why: "The Pushgateway overrides it only in pushes that set it, which its README does not mention."},

	// The text format.
	{name: "all types in text", steps: []step{
		put("/j", strings.Join([]string{
			"# HELP c A counter.", "# TYPE c counter", "c{l=\"1\"} 1", "c{l=\"2\"} 2e3",
			"# HELP g A gauge.", "# TYPE g gauge", "g -1.5",
			"# HELP u Untyped.", "# TYPE u untyped", "u 0.1", "v 1",
			"# HELP s A summary.", "# TYPE s summary", "s{quantile=\"0.5\"} 1", "s{quantile=\"0.99\"} NaN", "s_sum 10", "s_count 4",
			"# HELP h A histogram.", "# TYPE h histogram", "h_bucket{le=\"0.1\"} 1", "h_bucket{le=\"1\"} 2", "h_bucket{le=\"+Inf\"} 3", "h_sum 7.5", "h_count 3", "",
		}, "\n")),
	}},
	{name: "unusual values", steps: []step{
		put("/a", "# TYPE x gauge\nx{l=\"1\"} NaN\nx{l=\"2\"} +Inf\nx{l=\"3\"} -Inf\nx{l=\"4\"} -0\nx{l=\"5\"} 1e-300\nx{l=\"6\"} 12345678901234567890\nx{l=\"7\"} .5\nx{l=\"8\"} nan\nx{l=\"9\"} inf\nx{l=\"10\"} Infinity\nx{l=\"11\"} +1\n"),
		put("/b", "# TYPE y counter\ny{l=\"1\"} NaN\ny{l=\"2\"} -1\ny{l=\"3\"} +Inf\ny{l=\"4\"} 0.5\n"),
	}, differs: []string{
		`- x{instance="",job="a",l="4"} 0`,
		`+ x{instance="",job="a",l="4"} -0`,
	}, protobufDiffers: []string{}, why: "The Pushgateway writes -0 as 0 in text."},
	{name: "invalid values", steps: []step{
		put("/a", "x 0x10\n", answered(400)),
		put("/a", "x 1_000\n", answered(400)),
		put("/a", "x 1,5\n", answered(400)),
		put("/a", "x one\n", answered(400)),
		put("/a", "x\n", answered(400)),
		put("/a", "x 1 2 3\n", answered(400)),
		put("/a", "x 1e400\n", answered(400)),
		put("/a", "x 1 1.5\n", answered(400)),
	}},
	{name: "incomplete lines and other line endings", steps: []step{
		put("/a", "x 1", answered(400)),
		put("/a", "x 1\r\n", answered(400)),
		put("/a", "x 1\ny 2", answered(400)),
		put("/a", "# a comment", answered(400)),
		put("/b", "x{l=\"v\n", answered(400)),
		put("/b", "x{l=\"v\"\n", answered(400)),
		put("/b", "x{l=\n", answered(400)),
		put("/b", "x{\n", answered(400)),
		put("/b", "{l=\"v\"} 1\n", answered(400)),
		put("/b", "1 1\n", answered(400)),
		put("/b", "{\"x\",\"y\"} 1\n", answered(400)),
		put("/b", "x{\"y\"} 1\n", answered(400)),
		put("/c", "\"x\" 1\n"),
		put("/d", "{\"x\",} 1\n"),
	}},
	{name: "a line that crashes some parsers", steps: []step{
		put("/a", "{} 1\n", answered(noAnswer), but(400, "The Pushgateway's handler panics.")),
	}},
	{name: "whitespace", steps: []step{
		put("/a", "  x 1\n\ty\t2\nz { l = \"v\" , m = \"w\" , }  3\nv{} 4\nu{l=\"v\"}5\n"),
		put("/d", "x 1 \n", answered(400)),
		put("/b", "#HELP n A help.\n#TYPE n counter\nn 1\n"),
		put("/c", "#   TYPE   w   counter\n#   HELP   w   Spaces within.  \nw 1\n"),
	}},
	{name: "help and label values with escapes", steps: []step{
		put("/a", "# HELP x A \\\\ backslash, a\\nnew line, \"quotes\" and \t a tab.\nx{l=\"a\\\\b\\\"c\\nd\te'f\"} 1\n"),
		put("/b", "# HELP y Ein Wörtchen ☃.\ny{l=\"ö ☃ 日本 \U0001F600\"} 1\n"),
		put("/c", "# HELP z\nz 1\n# HELP w \nw 1\n"),
		put("/d", "x{l=\"\\t\"} 1\n", answered(400)),
		put("/d", "# HELP x \\t\nx 1\n", answered(400)),
		put("/d", "x{l=\"\xff\"} 1\n", answered(400)),
	}},
	{name: "HELP and TYPE in unusual places", steps: []step{
		put("/a", "# HELP x One.\n# HELP x Two.\nx 1\n", answered(400)),
		put("/a", "# TYPE x gauge\n# TYPE x gauge\nx 1\n", answered(400)),
		put("/a", "x 1\n# TYPE x gauge\n", answered(400)),
		put("/a", "# TYPE x enum\nx 1\n", answered(400)),
		put("/a", "# TYPE x unknown\nx 1\n", answered(400)),
		put("/a", "# TYPE x info\nx 1\n", answered(400)),
		put("/b", "# TYPE x COUNTER\nx 1\n"),
		put("/c", "y 1\n# HELP y Late.\n"),
		put("/d", "# TYPE z counter\nz{l=\"1\"} 1\nv 1\nz{l=\"2\"} 2\n"),
		put("/e", "# UNIT w_seconds seconds\nw_seconds 1\n# EOF\n"),
		put("/f", "# TYPE u\nu 1\n"),
	}},
	{name: "a gauge histogram in text", steps: []step{
		put("/a", "# TYPE x gaugehistogram\nx_bucket{le=\"1\"} 1\nx_sum 1\nx_count 3\n"),
	}, groupsDiffer: []string{
		`- map[job:a] x {"labels":{"instance":"","job":"a"},"value":"0"}`,
		`+ map[job:a] x {"buckets":{"1":"1"},"count":"3","labels":{"instance":"","job":"a"},"sum":"1"}`,
	}, why: gaugeHistogram},
	{name: "names in text", steps: []step{
		put("/a", "a:b:c 1\n_x 1\nX1 1\n"),
		put("/b", "1x 1\n", answered(400)),
		put("/b", "x-y 1\n", answered(400)),
		put("/b", "x.y 1\n", answered(400)),
		put("/b", "ö 1\n", answered(400)),
		put("/b", "{\"x.y\"} 1\n", answered(400)),
		put("/b", "{\"x_y\",l=\"v\"} 1\n"),
		put("/c", "x{1l=\"v\"} 1\n", answered(400)),
		put("/c", "x{l.m=\"v\"} 1\n", answered(400)),
		put("/c", "x{l:m=\"v\"} 1\n", answered(400)),
		put("/c", "x{\"l.m\"=\"v\"} 1\n", answered(400)),
		put("/c", "x{\"lm\"=\"v\"} 1\n"),
		put("/d", "x{__name__=\"y\"} 1\n", answered(400)),
		put("/e", "x{__l=\"v\"} 1\n", answered(400)),
		put("/f", "x{l=\"1\",l=\"2\"} 1\n", answered(400)),
		put("/f", "x{l=\"1\",l=\"1\"} 1\n", answered(400)),
		put("/f", "x{l='v'} 1\n", answered(400)),
	}},
	{name: "le and quantile as ordinary labels", steps: []step{
		put("/a", "# TYPE x counter\nx{le=\"1\"} 1\nx{quantile=\"0.5\"} 2\nx{le=\"none\"} 3\n"),
	}},
	{name: "incomplete histograms", steps: []step{
		put("/a", "# TYPE a histogram\na_bucket{le=\"1\"} 1\na_sum 1\na_count 2\n"),
		put("/b", "# TYPE b histogram\nb_bucket{le=\"1\"} 1\n", but(400, incomplete)),
		del("/b"),
		put("/c", "# TYPE c histogram\nc_sum 1\n", but(400, incomplete)),
		del("/c"),
		put("/d", "# TYPE d histogram\nd_count 3\n", but(400, incomplete)),
		del("/d"),
		put("/e", "# TYPE e histogram\ne_bucket{le=\"1\"} 5\ne_bucket{le=\"2\"} 3\ne_bucket{le=\"+Inf\"} 1\ne_sum 1\ne_count 4\n"),
		put("/f", "# TYPE f histogram\nf_bucket{le=\"2\"} 2\nf_bucket{le=\"1\"} 1\nf_bucket{le=\"+Inf\"} 2\nf_sum 1\nf_count 2\n"),
		put("/g", "# TYPE g histogram\ng_bucket{le=\"1\"} 1\ng_bucket{le=\"1.0\"} 1\ng_sum 1\ng_count 1\n", but(400, sameSample)),
		del("/g"),
		put("/h", "# TYPE h histogram\nh_bucket{le=\"+Inf\"} 3\n", but(400, incomplete)),
		del("/h"),
		put("/i", "# TYPE i histogram\ni_bucket{le=\"-1\"} 1\ni_bucket{le=\"0\"} 2\ni_bucket{le=\"+Inf\"} 2\ni_sum -5\ni_count 2\n"),
		put("/j", "# TYPE j histogram\nj_bucket{le=\"1\"} 1\nj_sum NaN\nj_count 1\n"),
	}},
	{name: "histograms with unusual parts", steps: []step{
		put("/a", "# TYPE a histogram\na_bucket{le=\"one\"} 1\n", answered(400)),
		put("/b", "# TYPE b histogram\nb_bucket 1\nb_count 1\nb_sum 1\n", but(400, lostSample)),
		del("/b"),
		put("/c", "# TYPE c histogram\nc 1\n", but(400, lostSample)),
		del("/c"),
		put("/d", "# TYPE d histogram\nd_bucket{le=\"1\"} 1.5\nd_bucket{le=\"+Inf\"} 2.5\nd_sum 1\nd_count 2.5\n"),
		put("/e", "# TYPE e histogram\ne_bucket{le=\"1\"} -1\ne_sum 1\ne_count -1\n", answered(400)),
		put("/f", "# TYPE f histogram\nf_bucket{le=\"NaN\"} 1\nf_sum 1\nf_count 1\n", but(400, lostSample)),
		del("/f"),
		put("/g", "# TYPE g histogram\ng_bucket{le=\"1\"} NaN\ng_sum 1\ng_count NaN\n", but(400, lostSample)),
		del("/g"),
	}},
	{name: "a histogram whose buckets change", steps: []step{
		put("/a", "# TYPE x histogram\nx_bucket{le=\"1\"} 1\nx_bucket{le=\"+Inf\"} 2\nx_sum 3\nx_count 2\n"),
		post("/a", "# TYPE x histogram\nx_bucket{le=\"5\"} 1\nx_bucket{le=\"+Inf\"} 2\nx_sum 3\nx_count 2\n"),
		put("/b", "# TYPE x histogram\nx_bucket{le=\"7\"} 1\nx_bucket{le=\"+Inf\"} 2\nx_sum 3\nx_count 2\n"),
		put("/c", "# TYPE x histogram\nx_bucket{l=\"1\",le=\"1\"} 1\nx_sum{l=\"1\"} 1\nx_count{l=\"1\"} 1\nx_bucket{l=\"2\",le=\"2\"} 1\nx_sum{l=\"2\"} 1\nx_count{l=\"2\"} 1\n"),
	}},
	{name: "unusual summaries", steps: []step{
		put("/a", "# TYPE a summary\na{quantile=\"0.5\"} 1\n", but(400, incomplete)),
		del("/a"),
		put("/b", "# TYPE b summary\nb_sum 1\n", but(400, incomplete)),
		del("/b"),
		put("/c", "# TYPE c summary\nc_count 1\n", but(400, incomplete)),
		del("/c"),
		put("/d", "# TYPE d summary\nd{quantile=\"half\"} 1\n", answered(400)),
		put("/e", "# TYPE e summary\ne{quantile=\"0.9\"} 2\ne{quantile=\"0.5\"} 1\ne_sum 1\ne_count 1\n"),
		put("/f", "# TYPE f summary\nf{quantile=\"0.5\"} 1\nf{quantile=\"0.50\"} 2\nf_sum 1\nf_count 1\n", but(400, sameSample)),
		del("/f"),
		put("/g", "# TYPE g summary\ng 1\n", but(400, lostSample)),
		del("/g"),
		put("/h", "# TYPE h summary\nh{quantile=\"2\"} 1\nh_sum -1\nh_count 1\n"),
		put("/i", "# TYPE i summary\ni_sum 1\ni_count -1\n", but(400, lostSample)),
		del("/i"),
	}},
	{name: "OpenMetrics", steps: []step{
		put("/a", "# TYPE x counter\n# HELP x Help.\nx_total 1\n# EOF\n", header("Content-Type", "application/openmetrics-text; version=1.0.0")),
		put("/b", "# TYPE y counter\ny_total 1 # {trace_id=\"a\"} 1\n# EOF\n", header("Content-Type", "application/openmetrics-text; version=1.0.0"), answered(400), but(200, "The Pushgateway parses OpenMetrics as text, which has no exemplars.")),
		del("/b"),
	}, differs: []string{
		`- # x_total untyped ""`,
		`+ # x_total counter "Help."`,
	}, why: "The Pushgateway parses OpenMetrics as text, in which this counter has no type."},
	{name: "a group with many series", steps: []step{put("/j", many(1000))}},
	{name: "a long value and many labels", steps: []step{
		put("/a/l/"+strings.Repeat("v", 2000), "x{m=\""+strings.Repeat("ö", 2000)+"\"} 1\n"),
		put("/b", "x{"+strings.TrimSuffix(manyLabels(40), ",")+"} 1\n"),
	}},

	// Headers.
	{name: "Content-Types of text", steps: []step{
		put("/a", "x 1\n", header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")),
		put("/b", "x 1\n", header("Content-Type", "application/x-www-form-urlencoded")),
		put("/c", "x 1\n", header("Content-Type", "application/json")),
		put("/d", "x 1\n", header("Content-Type", ";;;")),
		put("/e", "x 1\n", header("Content-Type", "")),
		put("/f", "x 1\n", header("Content-Type", "application/vnd.google.protobuf")),
		put("/g", "x 1\n", header("Content-Type", "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=text")),
		put("/h", "x 1\n", header("Content-Type", "application/vnd.google.protobuf; proto=other; encoding=delimited")),
	}},
	{name: "Content-Types of protobuf", steps: []step{
		put("/a", "", families(counter("x", 1))),
		put("/b", "", families(counter("x", 1)), header("Content-Type", `Application/Vnd.Google.Protobuf; ENCODING=delimited; proto="io.prometheus.client.MetricFamily"; charset=utf-8`)),
		put("/c", "", families(counter("x", 1)), header("Content-Type", "application/vnd.google.protobuf"), answered(400)),
		put("/d", "", families(counter("x", 1)), header("Content-Type", "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=Delimited"), answered(400)),
		put("/e", "", families(counter("x", 1)), header("Content-Type", ""), answered(400)),
		put("/f", "x 1\n", header("Content-Type", protobufFormat), answered(400)),
	}},
	{name: "compressed bodies", steps: []step{
		put("/a", "x 1\n", compressed("gzip")),
		put("/b", "x 1\n", compressed("snappy")),
		post("/c", many(1000), compressed("gzip")),
		post("/d", many(1000), compressed("snappy")),
		put("/e", "", families(counter("z", 1)), compressed("gzip")),
		put("/f", "", families(counter("z", 1)), compressed("snappy")),
		put("/g", "x 1\n", compressed("gzip"), header("Content-Encoding", "GZIP")),
		put("/h", "x 1\n", compressed("snappy"), header("Content-Encoding", "Snappy")),
		put("/i", "", compressed("gzip")),
		put("/k", "", compressed("snappy")),
	}},
	{name: "invalid compressed bodies", steps: []step{
		put("/a", "x 1\n", header("Content-Encoding", "gzip"), answered(400)),
		put("/b", "", header("Content-Encoding", "gzip"), answered(400)),
		put("/c", "", header("Content-Encoding", "snappy")),
		put("/d", "x 1\n", header("Content-Encoding", "snappy"), answered(400)),
		put("/e", many(100), compressed("gzip"), cut(9), answered(400)),
		put("/f", "x 1\n", compressed("gzip"), cut(8), answered(400)),
		put("/g", many(100), compressed("snappy"), cut(5), answered(400)),
		put("/h", "\x04\x0cx 1\n", header("Content-Encoding", "snappy"), answered(400)), // a block
		put("/i", "x 1\n", compressed("gzip"), header("Content-Encoding", ""), answered(400)),
		del("/k", header("Content-Encoding", "gzip"), answered(400), but(202, "Signalbox ignores the encoding of a DELETE, which has no body.")),
	}},
	{name: "unknown encodings are ignored", steps: []step{
		put("/a", "x 1\n", header("Content-Encoding", "br"), but(415, unknownEncoding)),
		put("/b", "x 1\n", header("Content-Encoding", "identity")),
		put("/c", "x 1\n", header("Content-Encoding", "nonsense"), but(415, unknownEncoding)),
		del("/a"),
		del("/c"),
	}},
	{name: "zstd", steps: []step{
		put("/a", "x 1\n", compressed("zstd"), answered(400), but(200, "Signalbox also accepts zstd.")),
		put("/b", "", families(counter("y", 1)), compressed("zstd"), answered(400), but(200, "Signalbox also accepts zstd.")),
	}, differs: []string{
		`+ # push_failure_time_seconds gauge …`,
		`+ # push_time_seconds gauge …`,
		`+ # x untyped ""`,
		`+ # y counter "Help of y."`,
		`+ push_failure_time_seconds{instance="",job="a"} zero`,
		`+ push_failure_time_seconds{instance="",job="b"} zero`,
		`+ push_time_seconds{instance="",job="a"} positive`,
		`+ push_time_seconds{instance="",job="b"} positive`,
		`+ x{instance="",job="a"} 1`,
		`+ y{instance="",job="b"} 1`,
	}, why: "Signalbox also accepts zstd."},

	// Protobuf.
	{name: "all types in protobuf", steps: []step{
		put("/j", "", families(
			counter("c", 1),
			family("g", dto.MetricType_GAUGE,
				&dto.Metric{Label: labels("l", "1"), Gauge: &dto.Gauge{Value: proto.Float64(-1.5)}},
				&dto.Metric{Label: labels("l", "2"), Gauge: &dto.Gauge{Value: proto.Float64(math.NaN())}}),
			family("u", dto.MetricType_UNTYPED, &dto.Metric{Untyped: &dto.Untyped{Value: proto.Float64(3)}}),
			family("s", dto.MetricType_SUMMARY, &dto.Metric{Summary: &dto.Summary{SampleCount: proto.Uint64(4), SampleSum: proto.Float64(10), Quantile: []*dto.Quantile{
				{Quantile: proto.Float64(0.5), Value: proto.Float64(1)}, {Quantile: proto.Float64(0.99), Value: proto.Float64(math.NaN())}}}}),
			family("h", dto.MetricType_HISTOGRAM, &dto.Metric{Histogram: &dto.Histogram{SampleCount: proto.Uint64(3), SampleSum: proto.Float64(7.5), Bucket: []*dto.Bucket{
				bucket(0.1, 1), bucket(1, 2), bucket(math.Inf(1), 3)}}}),
			family("i", dto.MetricType_HISTOGRAM, &dto.Metric{Histogram: &dto.Histogram{SampleCount: proto.Uint64(3), SampleSum: proto.Float64(7.5), Bucket: []*dto.Bucket{
				bucket(0.1, 1)}}}),
		)),
	}},
	{name: "POST and PUT of protobuf", steps: []step{
		put("/j", "", families(counter("a", 1), counter("b", 2))),
		post("/j", "", families(counter("b", 3), counter("c", 4))),
		put("/k", "", families(counter("a", 1))),
		put("/k", "", families()),
	}},
	{name: "text and protobuf in the same group", steps: []step{
		put("/j", "", families(counter("a", 1))),
		post("/j", "# TYPE b counter\nb 2\n"),
		post("/k", "# TYPE a gauge\na 2\n", answered(400)),
	}},
	{name: "native histograms", steps: []step{
		put("/a", "", families(family("x", dto.MetricType_HISTOGRAM, &dto.Metric{Histogram: native()}))),
		put("/b", "", families(family("y", dto.MetricType_HISTOGRAM, &dto.Metric{Histogram: nativeFloat()}))),
		put("/c", "", families(family("x", dto.MetricType_HISTOGRAM, &dto.Metric{Label: labels("l", "v"), Histogram: &dto.Histogram{
			Schema: proto.Int32(3), ZeroThreshold: proto.Float64(1e-128), SampleCount: proto.Uint64(0), PositiveSpan: []*dto.BucketSpan{{Offset: proto.Int32(0), Length: proto.Uint32(0)}}}}))),
	}},
	{name: "a native histogram with classic buckets", steps: []step{
		put("/a", "", families(family("x", dto.MetricType_HISTOGRAM, &dto.Metric{Histogram: func() *dto.Histogram {
			h := native()
			h.Bucket = []*dto.Bucket{bucket(1, 3), bucket(4, 6)}
			return h
		}()}))),
	}},
	{name: "a float histogram and a gauge histogram", steps: []step{
		put("/a", "", families(family("x", dto.MetricType_HISTOGRAM, &dto.Metric{Histogram: &dto.Histogram{SampleCountFloat: proto.Float64(2.5), SampleSum: proto.Float64(1), Bucket: []*dto.Bucket{
			{UpperBound: proto.Float64(1), CumulativeCountFloat: proto.Float64(1.5)}}}}))),
		put("/b", "", families(family("y", dto.MetricType_GAUGE_HISTOGRAM, &dto.Metric{Histogram: &dto.Histogram{SampleCount: proto.Uint64(2), SampleSum: proto.Float64(1), Bucket: []*dto.Bucket{bucket(1, 1)}}}))),
	}, groupsDiffer: []string{
		`- map[job:b] y {"labels":{"instance":"","job":"b"},"value":"0"}`,
		`+ map[job:b] y {"buckets":{"1":"1"},"count":"2","labels":{"instance":"","job":"b"},"sum":"1"}`,
	}, why: gaugeHistogram},
	{name: "a native gauge histogram", steps: []step{
		put("/a", "", families(family("x", dto.MetricType_GAUGE_HISTOGRAM, &dto.Metric{Histogram: native()}))),
	}, groupsDiffer: []string{
		`- map[job:a] x {"labels":{"instance":"","job":"a"},"value":"0"}`,
		`+ map[job:a] x {"buckets":[[1,"-0.707106781187","-0.594603557501","2"],[3,"-0.001","0.001","1"],[0,"1","1.189207115","1"],[0,"1.189207115","1.41421356237","3"],[0,"2.37841423001","2.82842712475","2"]],"count":"9","labels":{"instance":"","job":"a"},"sum":"20.5"}`,
	}, why: gaugeHistogram},
	{name: "exemplars", steps: []step{
		put("/a", "", families(
			family("c", dto.MetricType_COUNTER, &dto.Metric{Counter: &dto.Counter{Value: proto.Float64(1), Exemplar: example()}}),
			family("h", dto.MetricType_HISTOGRAM, &dto.Metric{Histogram: &dto.Histogram{SampleCount: proto.Uint64(2), SampleSum: proto.Float64(1), Bucket: []*dto.Bucket{
				{UpperBound: proto.Float64(1), CumulativeCount: proto.Uint64(1), Exemplar: example()}}}}),
			family("n", dto.MetricType_HISTOGRAM, &dto.Metric{Histogram: func() *dto.Histogram {
				h := native()
				h.Exemplars = []*dto.Exemplar{example()}
				return h
			}()}),
		)),
	}},
	{name: "created timestamps", steps: []step{
		put("/a", "", families(
			family("c", dto.MetricType_COUNTER, &dto.Metric{Counter: &dto.Counter{Value: proto.Float64(1), CreatedTimestamp: timestamppb.Now()}}),
			family("s", dto.MetricType_SUMMARY, &dto.Metric{Summary: &dto.Summary{SampleCount: proto.Uint64(1), SampleSum: proto.Float64(1), CreatedTimestamp: timestamppb.Now()}}),
			family("h", dto.MetricType_HISTOGRAM, &dto.Metric{Histogram: &dto.Histogram{SampleCount: proto.Uint64(1), SampleSum: proto.Float64(1), Bucket: []*dto.Bucket{bucket(1, 1)}, CreatedTimestamp: timestamppb.Now()}}),
		)),
	}},
	{name: "timestamps in protobuf", steps: []step{
		put("/a", "", families(family("x", dto.MetricType_GAUGE, &dto.Metric{TimestampMs: proto.Int64(1), Gauge: &dto.Gauge{Value: proto.Float64(1)}})), answered(400)),
		put("/b", "", families(family("x", dto.MetricType_GAUGE, &dto.Metric{TimestampMs: proto.Int64(0), Gauge: &dto.Gauge{Value: proto.Float64(1)}})), answered(400)),
	}},
	{name: "damaged protobuf", steps: []step{
		put("/a", "", families(counter("x", 1)), cut(1), answered(400)),
		put("/b", "", families(counter("x", 1), counter("y", 1)), cut(3), answered(400)),
		put("/c", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", header("Content-Type", protobufFormat), answered(400)),
		put("/d", "\x03\x0a\x05x", header("Content-Type", protobufFormat), answered(400)),
	}},
	{name: "protobuf with invalid names", steps: []step{
		put("/a", "", families(labeled("x", "", "v")), answered(400)),
		put("/b", "", families(labeled("x", "__name__", "y")), answered(400)),
		put("/c", "", families(labeled("x", "l", "\xff")), answered(400)),
	}},
	{name: "protobuf with names that need quotes in the text format", steps: []step{
		put("/a", "", families(counter("x.y", 1)), but(400, legacyNames)),
		put("/b", "", families(labeled("x", "l.m", "v")), but(400, legacyNames)),
	}, differs: []string{
		`- # x untyped "Help of x."`,
		`- # x_y counter "Help of x.y."`,
		`- push_failure_time_seconds{instance="",job="a"} zero`,
		`- push_failure_time_seconds{instance="",job="b"} zero`,
		`- push_time_seconds{instance="",job="a"} positive`,
		`- push_time_seconds{instance="",job="b"} positive`,
		`- x_y{instance="",job="a"} 1`,
		`- x{instance="",job="b",l_m="v"} 1`,
		`+ push_failure_time_seconds{instance="",job="a"} positive`,
		`+ push_failure_time_seconds{instance="",job="b"} positive`,
		`+ push_time_seconds{instance="",job="a"} zero`,
		`+ push_time_seconds{instance="",job="b"} zero`,
	}, why: legacyNames},
	{name: "protobuf with an empty name", steps: []step{
		put("/a", "", families(counter("", 1)), but(400, noName)),
	}, differs: []string{
		`+ # push_failure_time_seconds gauge …`,
		`+ # push_time_seconds gauge …`,
		`+ push_failure_time_seconds{instance="",job="a"} positive`,
		`+ push_time_seconds{instance="",job="a"} zero`,
	}, poisons: noName},
	{name: "protobuf with the label le", steps: []step{
		put("/a", "", families(family("x", dto.MetricType_HISTOGRAM, &dto.Metric{Label: labels("le", "3"), Histogram: &dto.Histogram{SampleCount: proto.Uint64(1), Bucket: []*dto.Bucket{bucket(1, 1)}}})), but(400, duplicateLE)),
	}, differs: []string{
		`- # x histogram "Help of x."`,
		`- push_failure_time_seconds{instance="",job="a"} zero`,
		`- push_time_seconds{instance="",job="a"} positive`,
		`- x{instance="",job="a"} count 1 sum 0 le1 1`,
		`+ push_failure_time_seconds{instance="",job="a"} positive`,
		`+ push_time_seconds{instance="",job="a"} zero`,
	}, protobufDiffers: []string{
		`- # x histogram "Help of x."`,
		`- push_failure_time_seconds{instance="",job="a"} zero`,
		`- push_time_seconds{instance="",job="a"} positive`,
		`- x{instance="",job="a",le="3"} count 1 sum 0 le1 1`,
		`+ push_failure_time_seconds{instance="",job="a"} positive`,
		`+ push_time_seconds{instance="",job="a"} zero`,
	}, why: duplicateLE},
	{name: "protobuf with duplicate labels", steps: []step{
		put("/a", "", families(labeled("x", "l", "1", "l", "2")), answered(400)),
		put("/b", "", families(labeled("x", "job", "1", "job", "2")), answered(400)),
		put("/c", "", families(labeled("x", "instance", "1", "instance", "1")), answered(400)),
	}},
	{name: "protobuf with labels in any order", steps: []step{
		put("/a/m/g", "", families(labeled("x", "z", "1", "m", "2", "a", "3"))),
		put("/b", "", families(family("y", dto.MetricType_UNTYPED,
			&dto.Metric{Label: labels("a", "1", "b", "2"), Untyped: &dto.Untyped{}},
			&dto.Metric{Label: labels("b", "2", "a", "1"), Untyped: &dto.Untyped{}})), answered(400)),
	}},
	{name: "values that do not match the type", steps: []step{
		put("/a", "", families(family("x", dto.MetricType_COUNTER, &dto.Metric{Gauge: &dto.Gauge{Value: proto.Float64(1)}})), answered(400)),
		put("/b", "", families(family("x", dto.MetricType_HISTOGRAM, &dto.Metric{Summary: &dto.Summary{}})), answered(400)),
		put("/c", "", families(family("x", dto.MetricType_GAUGE, &dto.Metric{})), answered(400)),
	}},
	{name: "an unknown type", steps: []step{
		put("/a", "", families(family("x", dto.MetricType(77), &dto.Metric{Gauge: &dto.Gauge{}})), but(400, unknownType)),
	}, differs: []string{
		`+ # push_failure_time_seconds gauge …`,
		`+ # push_time_seconds gauge …`,
		`+ push_failure_time_seconds{instance="",job="a"} positive`,
		`+ push_time_seconds{instance="",job="a"} zero`,
	}, poisons: unknownType},
	{name: "a family without a type, without help, without samples", steps: []step{
		put("/a", "", families(&dto.MetricFamily{Name: proto.String("x"), Metric: []*dto.Metric{{Counter: &dto.Counter{Value: proto.Float64(1)}}}})),
		put("/b", "", families(family("y", dto.MetricType_GAUGE), counter("z", 1))),
	}, groupsDiffer: []string{
		`- map[job:b] # y GAUGE "Help of y."`,
	}, why: noSamples},
	{name: "a family without samples replaces by POST", steps: []step{
		put("/a", "", families(counter("x", 1), counter("y", 1))),
		post("/a", "", families(family("x", dto.MetricType_COUNTER))),
	}, groupsDiffer: []string{
		`- map[job:a] # x COUNTER "Help of x."`,
	}, why: noSamples},
	{name: "a duplicate family", steps: []step{
		put("/a", "", families(labeled("x", "l", "1"), labeled("x", "l", "2"))),
	}, differs: []string{
		`+ x{instance="",job="a",l="1"} 1`,
	}, why: "The Pushgateway keeps only the last message of a name, Signalbox keeps all."},
	{name: "push times in protobuf", steps: []step{
		put("/a", "", families(counter("push_time_seconds", 1), counter("push_failure_time_seconds", 1), counter("x", 1))),
	}},
	{name: "values without a value", steps: []step{
		put("/a", "", families(family("x", dto.MetricType_COUNTER, &dto.Metric{Counter: &dto.Counter{}}))),
		put("/b", "", families(family("y", dto.MetricType_HISTOGRAM, &dto.Metric{Histogram: &dto.Histogram{}}))),
		put("/c", "", families(family("z", dto.MetricType_SUMMARY, &dto.Metric{Summary: &dto.Summary{}}))),
	}},

	// Other methods and paths.
	{name: "unsupported methods of a group", steps: []step{
		put("/j", "x 1\n"),
		request("GET", "/metrics/job/j", answered(405)),
		request("HEAD", "/metrics/job/j", answered(405)),
		request("PATCH", "/metrics/job/j", answered(405)),
		request("OPTIONS", "/metrics/job/j"),
		request("GET", "/metrics/job/j/l/v", answered(405)),
		request("GET", "/metrics/job@base64/ag", answered(405)),
	}},
	{name: "unsupported methods of the page", steps: []step{
		request("GET", "/metrics"),
		request("HEAD", "/metrics", answered(405)),
		request("POST", "/metrics", content("x 1\n"), answered(405)),
		request("PUT", "/metrics", content("x 1\n"), answered(405)),
		request("DELETE", "/metrics", answered(405)),
	}},
	{name: "unknown paths", steps: []step{
		request("PUT", "/metrics/foo/bar", content("x 1\n"), answered(404)),
		request("PUT", "/metrics/Job/j", content("x 1\n"), answered(307), but(404, redirects)),
		request("PUT", "/metrics/job@base32/j", content("x 1\n"), answered(404)),
		request("PUT", "/metric/job/j", content("x 1\n"), answered(404)),
		request("PUT", "/job/j", content("x 1\n"), answered(404)),
		request("PUT", "/x/metrics/job/j", content("x 1\n"), answered(404)),
		request("GET", "/nothing", answered(404)),
		request("GET", "/metrics/foo/bar", answered(404)),
	}},
	{name: "health checks", steps: []step{
		request("GET", "/-/healthy"),
		request("GET", "/-/ready"),
		request("PUT", "/-/healthy", answered(405)),
		request("POST", "/-/ready", answered(405)),
		request("HEAD", "/-/healthy", answered(405), but(200, "Signalbox's health checks also support HEAD.")),
	}},
	{name: "the lifecycle API is not enabled", steps: []step{
		request("PUT", "/-/quit", answered(403)),
		request("POST", "/-/quit", answered(403)),
		request("GET", "/-/quit", answered(405)),
	}},
	{name: "the admin API", steps: []step{
		request("GET", "/api/v1/admin/wipe", answered(405)),
		request("POST", "/api/v1/admin/wipe", answered(405)),
		request("DELETE", "/api/v1/admin/wipe", answered(405)),
		request("PUT", "/api/v1/admin/nothing", answered(404)),
	}},
	{name: "the query API", steps: []step{
		request("GET", "/api/v1/status"),
		request("GET", "/api/v1/metrics"),
		request("POST", "/api/v1/status", answered(405)),
		request("POST", "/api/v1/metrics", answered(405)),
		request("DELETE", "/api/v1/metrics", answered(405)),
		request("OPTIONS", "/api/v1/metrics"),
		request("GET", "/api/v1/nothing", answered(404)),
		request("GET", "/api/v2/metrics", answered(404)),
	}},
	{name: "the web pages", steps: []step{
		request("GET", "/", but(404, "The intake listener of Signalbox has no pages for browsers.")),
		request("GET", "/status", but(404, "The intake listener of Signalbox has no pages for browsers.")),
	}},
}

// Reasons for differences.
const (
	slash       = "The Pushgateway decodes the path before it splits it; to Signalbox, %2F in a value is part of the value."
	redirects   = "The Pushgateway's router redirects unknown paths to similar ones."
	duplicateLE = "A histogram with the label le has this label twice on the page, and Prometheus cannot scrape it."
	noName      = "The Pushgateway accepts a family without a name, and then serves pages that end before this family."
	unknownType = "The Pushgateway accepts a family with an unknown type, and then serves text pages that end before this family."
	noSamples   = "The Pushgateway's query API shows families that its page does not."

	gaugeHistogram = "The Pushgateway's query API does not support this type."
	legacyNames    = "The Pushgateway accepts such names in protobuf by default, but not in text."

	emptySegment     = "The Pushgateway redirects to the path of another group."
	unknownParameter = "A misspelled ttl must not be ignored."
	unknownEncoding  = "The Pushgateway ignores an encoding that it does not know, and parses the compressed body."

	incomplete = "For a sample that is missing, the Pushgateway serves a zero that the client has not pushed."
	sameSample = "The Pushgateway serves the same sample twice."
	lostSample = "The Pushgateway drops such a sample, or serves another value."

	ownFamily = "Both reject pushes that contradict their own families, which differ."
)

func family(name string, of dto.MetricType, metrics ...*dto.Metric) *dto.MetricFamily {
	return &dto.MetricFamily{Name: &name, Help: proto.String("Help of " + name + "."), Type: &of, Metric: metrics}
}

func counter(name string, value float64) *dto.MetricFamily {
	return family(name, dto.MetricType_COUNTER, &dto.Metric{Counter: &dto.Counter{Value: &value}})
}

func labeled(name string, pairs ...string) *dto.MetricFamily {
	return family(name, dto.MetricType_UNTYPED, &dto.Metric{Label: labels(pairs...), Untyped: &dto.Untyped{Value: proto.Float64(1)}})
}

// labels returns labels from alternating names and values.
func labels(pairs ...string) (all []*dto.LabelPair) {
	for i := 0; i < len(pairs); i += 2 {
		all = append(all, &dto.LabelPair{Name: &pairs[i], Value: &pairs[i+1]})
	}
	return all
}

func bucket(le float64, count uint64) *dto.Bucket {
	return &dto.Bucket{UpperBound: &le, CumulativeCount: &count}
}

func native() *dto.Histogram {
	return &dto.Histogram{
		SampleCount: proto.Uint64(9), SampleSum: proto.Float64(20.5),
		Schema: proto.Int32(2), ZeroThreshold: proto.Float64(0.001), ZeroCount: proto.Uint64(1),
		PositiveSpan:  []*dto.BucketSpan{{Offset: proto.Int32(1), Length: proto.Uint32(2)}, {Offset: proto.Int32(3), Length: proto.Uint32(1)}},
		PositiveDelta: []int64{1, 2, -1},
		NegativeSpan:  []*dto.BucketSpan{{Offset: proto.Int32(-2), Length: proto.Uint32(1)}},
		NegativeDelta: []int64{2},
	}
}

func nativeFloat() *dto.Histogram {
	return &dto.Histogram{
		SampleCountFloat: proto.Float64(4.5), SampleSum: proto.Float64(2.5),
		Schema: proto.Int32(0), ZeroThreshold: proto.Float64(0.001), ZeroCountFloat: proto.Float64(0.5),
		PositiveSpan:  []*dto.BucketSpan{{Offset: proto.Int32(0), Length: proto.Uint32(2)}},
		PositiveCount: []float64{1.5, 2.5},
	}
}

func example() *dto.Exemplar {
	return &dto.Exemplar{Label: labels("trace_id", "abc"), Value: proto.Float64(0.5), Timestamp: timestamppb.Now()}
}

func many(n int) string {
	var body strings.Builder
	body.WriteString("# TYPE many gauge\n")
	for i := range n {
		body.WriteString("many{n=\"" + strings.Repeat("i", i%50) + number(float64(i)) + "\"} 1\n")
	}
	return body.String()
}

func manyLabels(n int) string {
	var all strings.Builder
	for i := range n {
		all.WriteString("l" + number(float64(i)) + "=\"v\",")
	}
	return all.String()
}
