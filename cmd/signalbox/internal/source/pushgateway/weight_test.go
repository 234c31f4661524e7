package pushgateway

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	runtimemetrics "runtime/metrics"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/encoding/protodelim"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/signalbox-ci/signalbox/emitter/aggregator"
)

const protobufType = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"

const openMetricsType = "application/openmetrics-text; version=1.0.0"

// numbered returns the text n times, with the number of the copy in place of @.
func numbered(n int, text string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.ReplaceAll(text, "@", fmt.Sprintf("%05x", i)))
	}
	return b.String()
}

// delimited returns the messages, each preceded by its length.
func delimited(messages ...[]byte) string {
	var b []byte
	for _, m := range messages {
		b = protowire.AppendBytes(b, m)
	}
	return string(b)
}

// field returns a field that contains bytes.
func field(number protowire.Number, content ...[]byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), bytes.Join(content, nil))
}

func times(n int, message []byte) []byte { return bytes.Repeat(message, n) }

// heavyBodies are bodies that take as much memory as possible, and a typical one.
func heavyBodies() []struct{ name, contentType, body string } {
	const n = 10_000
	typical := numbered(n/100, `# HELP http_request_duration_seconds_@ Duration of requests.
# TYPE http_request_duration_seconds_@ gauge
http_request_duration_seconds_@{method="GET",path="/api/v1/builds",code="200"} 1234.5
http_request_duration_seconds_@{method="POST",path="/api/v1/builds",code="200"} 1234.5
http_request_duration_seconds_@{method="POST",path="/api/v1/builds",code="503"} 1234.5
`)
	var typicalProtobuf bytes.Buffer
	for i := range 1000 {
		protodelim.MarshalTo(&typicalProtobuf, &dto.MetricFamily{
			Name: proto.String(fmt.Sprintf("http_requests_%d_total", i)), Help: proto.String("Number of requests."), Type: dto.MetricType_COUNTER.Enum(),
			Metric: []*dto.Metric{{
				Label:   []*dto.LabelPair{{Name: proto.String("method"), Value: proto.String("GET")}, {Name: proto.String("path"), Value: proto.String("/api/v1")}},
				Counter: &dto.Counter{Value: proto.Float64(1234.5)},
			}},
		})
	}
	name := func(n string) []byte { return field(1, []byte(n)) }
	gauge := []byte{0x18, 1} // the type gauge
	families := func(n int, metrics func(i int) []byte) string {
		var all [][]byte
		for i := range n {
			all = append(all, append(append(name(fmt.Sprintf("a%04x", i)), gauge...), metrics(i)...))
		}
		return delimited(all...)
	}
	return []struct{ name, contentType, body string }{
		{"typical text", "", typical},
		{"the same sample", "", strings.Repeat("a 1\n", 10*n)},
		{"histograms in many families", "", numbered(n/10, "# TYPE a@ HISTOGRAM\na@_bucket{le=\"+Inf\"} 1\na@_sum 1\na@_count 1\n")},
		{"families", "", numbered(n, "a@ 1\n")},
		{"histograms", "", numbered(n/10, "# TYPE a@ histogram\na@_bucket{le=\"+Inf\"} 1\na@_sum 1\na@_count 1\n")},
		{"summaries", "", numbered(n/10, "# TYPE a@ summary\na@{quantile=\"0.5\"} 1\na@_sum 1\na@_count 1\n")},
		{"a histogram", "", "# TYPE a histogram\n" + numbered(n, "a_bucket{l=\"@\",le=\"+Inf\"} 1\n")},
		{"series", "", numbered(n, "a{b=\"@\"} 1\n")},
		{"empty labels", "", numbered(n, "a{b=\"\",c=\"\",d=\"\",e=\"@\"} 1\n")},
		{"labels", "", numbered(n/50, "a{z=\"@\""+numbered(50, ",l@=\"\"")+"} 1\n")},
		{"long values", "", numbered(100, "a{b=\"@"+strings.Repeat("x", 10_000)+"\"} 1\n")},
		{"help texts", "", numbered(n, "# HELP a@ x\n")},
		{"types", "", numbered(n, "# TYPE a@ gauge\n")},
		{"comments", "", strings.Repeat("#\n", 10*n)},
		{"one long comment", "", strings.Repeat("#", 1<<20)},
		{"empty lines", "", strings.Repeat("\n", 10*n)},
		{"nothing but quotes", "", strings.Repeat("\"", 1<<20)},
		{"OpenMetrics families", openMetricsType, numbered(n, "a@ 1\n") + "# EOF\n"},
		{"OpenMetrics families by their end", "", numbered(n, "a@ 1\n") + "# EOF\n"},
		{"OpenMetrics types", openMetricsType, numbered(n, "# TYPE a@ gauge\n") + "# EOF\n"},
		{"OpenMetrics counters", openMetricsType, numbered(n, "# TYPE a@ counter\na@_total 1\n") + "# EOF\n"},
		{"OpenMetrics exemplars", openMetricsType, numbered(n, "# TYPE a@ counter\na@_total 1 # {} 1\n") + "# EOF\n"},
		{"OpenMetrics histograms", openMetricsType, numbered(n/10, "# TYPE a@ histogram\na@_bucket{le=\"+Inf\"} 1 # {t=\"1\"} 1\na@_count 1\na@_sum 1\n") + "# EOF\n"},
		{"OpenMetrics gauge histograms", openMetricsType, numbered(n/10, "# TYPE a@ gaugehistogram\na@_bucket{le=\"+Inf\"} 1\na@_gcount 1\na@_gsum 1\n") + "# EOF\n"},
		{"OpenMetrics summaries", openMetricsType, numbered(n/10, "# TYPE a@ summary\na@{quantile=\"0.5\"} 1\n") + "# EOF\n"},
		{"OpenMetrics series", openMetricsType, numbered(n, "a{b=\"@\"} 1\n") + "# EOF\n"},
		{"OpenMetrics labels", openMetricsType, numbered(n/50, "a{z=\"@\""+numbered(50, ",l@=\"\"")+"} 1\n") + "# EOF\n"},
		{"OpenMetrics timestamps", openMetricsType, strings.Repeat("a 1 1\n", 10*n) + "# EOF\n"},
		{"typical protobuf", protobufType, typicalProtobuf.String()},
		{"empty families", protobufType, strings.Repeat("\x00", 10*n)},
		{"protobuf families", protobufType, families(n, func(int) []byte { return nil })},
		{"families with a gauge", protobufType, families(n, func(int) []byte { return field(4, field(2, []byte{9, 0, 0, 0, 0, 0, 0, 0, 0})) })},
		{"families with a short gauge", protobufType, families(n, func(int) []byte { return field(4, field(2)) })},
		{"empty metrics", protobufType, delimited(append(name("a"), times(10*n, field(4))...))},
		{"empty gauges", protobufType, delimited(append(append(name("a"), gauge...), times(10*n, field(4, field(2)))...))},
		{"empty label pairs", protobufType, delimited(append(append(name("a"), gauge...), field(4, field(2), times(10*n, field(1)))...))},
		{"short label pairs", protobufType, delimited(append(append(name("a"), gauge...), field(4, field(2), times(10*n, field(1, field(1), field(2))))...))},
		{"empty buckets", protobufType, delimited(append(name("a"), field(4, field(7, times(10*n, field(3))))...))},
		{"buckets", protobufType, delimited(append(append(name("a"), 0x18, 4), field(4, field(7, times(10*n, field(3, []byte{8, 1, 0x11, 0, 0, 0, 0, 0, 0, 0, 0}))))...))},
		{"empty quantiles", protobufType, delimited(append(append(name("a"), 0x18, 2), field(4, field(4, times(10*n, field(3))))...))},
		{"empty spans", protobufType, delimited(append(append(name("a"), 0x18, 4), field(4, field(7, times(10*n, field(12))))...))},
		{"packed deltas", protobufType, delimited(append(append(name("a"), 0x18, 4), field(4, field(7, field(13, times(10*n, []byte{2}))))...))},
		{"unpacked deltas", protobufType, delimited(append(append(name("a"), 0x18, 4), field(4, field(7, times(10*n, []byte{13 << 3, 2})))...))},
		{"exemplars", protobufType, delimited(append(append(name("a"), 0x18, 4), field(4, field(7, times(10*n, field(16))))...))},
		{"unknown fields", protobufType, delimited(append(name("a"), times(10*n, field(100))...))},
		{"protobuf without a header", "", "\x05\n\x01a\"\x00" + strings.Repeat("\x02\"\x00", 10*n)},
		{"protobuf that is text", protobufType, strings.Repeat("a 1\n", 10*n)},
		{"text that claims to be another protobuf", "application/vnd.google.protobuf", numbered(n, "a@ 1\n")},
	}
}

// stopTheWorld makes the runtime stop the program during garbage collections.
const stopTheWorld = "gcstoptheworld=1"

// TestWeight compares the weight of bodies with the memory that parsing and pushing
// them takes. It does so in a process in which collections stop the world. Otherwise,
// everything that is allocated during a collection would count as live, and on a busy
// machine a collection can take so long that this is most of the memory.
func TestWeight(t *testing.T) {
	if debug := os.Getenv("GODEBUG"); !strings.Contains(debug, stopTheWorld) {
		command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestWeight$", "-test.count=1", "-test.v")
		command.Env = append(os.Environ(), "GODEBUG="+strings.TrimPrefix(debug+","+stopTheWorld, ","))
		output, err := command.CombinedOutput()
		t.Logf("%s", output)
		if err != nil {
			t.Errorf("the test failed in its own process: %v", err)
		}
		return
	}
	defer debug.SetGCPercent(debug.SetGCPercent(10)) // to find the maximum
	for _, group := range []struct {
		labels      []aggregator.Label
		aggregateBy []string
	}{
		{labels: []aggregator.Label{{Name: "job", Value: "j"}}},
		{
			labels:      []aggregator.Label{{Name: "job", Value: "j"}, {Name: "long", Value: strings.Repeat("x", 200)}, {Name: "a"}, {Name: "b", Value: "b"}},
			aggregateBy: []string{"job", "long"},
		},
	} {
		for _, body := range heavyBodies() {
			pushed, err := aggregator.New(aggregator.Options{GroupAggregateBy: group.aggregateBy})
			if err != nil {
				t.Fatal(err)
			}
			content := []byte(body.body)
			took := peak(func() {
				var families []*dto.MetricFamily
				families, err = new(handler).decode(content, body.contentType)
				if err == nil {
					err = pushed.Groups.Push(t.Context(), aggregator.Push{Grouping: group.labels, Families: families})
				}
			})
			weight := weigh(content, body.contentType, group.labels)
			size := float64(len(content))
			t.Logf("%d labels: %-40s %8d bytes: takes %6.1f times, weighs %6.1f (%.60v)",
				len(group.labels), body.name, len(content), float64(took)/size, float64(weight)/size, err)
			if took > weight {
				t.Errorf("%s: takes %d bytes, weighs only %d", body.name, took, weight)
			}
		}
	}
}

// peak returns the maximum by which f increases the live heap, in bytes, as collections
// find it. The percentage of garbage collection must be low. The result can be too low
// if the other goroutine misses collections, but not too high.
func peak(f func()) int64 {
	sample := []runtimemetrics.Sample{{Name: "/gc/heap/live:bytes"}} // at the last collection
	live := func() uint64 {
		runtimemetrics.Read(sample)
		return sample[0].Value.Uint64()
	}
	runtime.GC()
	before := live()
	most := before
	const interval = 20 * time.Microsecond // much shorter than the time between collections
	begun, ended := make(chan struct{}), make(chan struct{})
	var stopped atomic.Bool
	go func() {
		defer close(ended)
		close(begun)
		for !stopped.Load() {
			most = max(most, live())
			time.Sleep(interval)
		}
	}()
	<-begun
	f()
	stopped.Store(true)
	<-ended
	runtime.GC()
	return int64(max(most, live()) - before)
}
