//go:build e2e

package endtoend

import (
	"fmt"
	"math/rand/v2"
	"strings"

	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/proto"
)

// randomStep returns a random request. It uses so few names, labels and types that many
// requests contradict existing metrics. It avoids the known differences, and different
// help texts of a metric, of which a Pushgateway serves an arbitrary one.
func randomStep(random *rand.Rand) step {
	pick := func(from ...string) string { return from[random.IntN(len(from))] }
	group := pick("/a", "/b", "@base64/YQ") + pick("", "", "/instance/i", "/l/1", "/l/2", "/l@base64/MQ", "/m/1/l/1", "/l/1/m/1", "/instance/i/l/1")
	switch random.IntN(12) {
	case 0:
		return del(group)
	case 1:
		return put(group, "")
	case 2:
		return post(group, "")
	}
	send := post
	if random.IntN(3) == 0 {
		send = put
	}

	if random.IntN(3) == 0 {
		var all []*dto.MetricFamily
		names := map[string]bool{}
		for range 1 + random.IntN(3) {
			// A Pushgateway keeps only the last message of a name.
			if name := randomName(random); !names[name] {
				names[name] = true
				all = append(all, randomFamily(random, name))
			}
		}
		return send(group, "", families(all...))
	}

	var body strings.Builder
	names := map[string]bool{}
	for range 1 + random.IntN(3) {
		// A Pushgateway ignores samples without the suffixes of a summary or histogram.
		if name := randomName(random); !names[name] {
			names[name] = true
			writeRandomText(random, &body, name)
		}
	}
	var with []option
	if encoding := pick("", "", "gzip", "snappy"); encoding != "" {
		with = append(with, compressed(encoding))
	}
	return send(group, body.String(), with...)
}

func randomName(random *rand.Rand) string {
	all := []string{"x_count", "x_sum", "x_bucket", "x_total", "y_count", "push_time_seconds", "go_threads", "x", "y", "x", "y", "x", "y"}
	return all[random.IntN(len(all))]
}

// randomType returns the usual type of the metric in most cases, so that some pushes
// succeed.
func randomType(random *rand.Rand, name string) dto.MetricType {
	if random.IntN(4) == 0 {
		return dto.MetricType(random.IntN(5))
	}
	switch name {
	case "x":
		return dto.MetricType_COUNTER
	case "y":
		return dto.MetricType_HISTOGRAM
	case "x_bucket":
		return dto.MetricType_SUMMARY
	case "x_total":
		return dto.MetricType_UNTYPED
	}
	return dto.MetricType_GAUGE
}

func randomLabels(random *rand.Rand) []string {
	var pairs []string
	for _, name := range []string{"instance", "job", "l", "m"} {
		if random.IntN(4) == 0 {
			values := []string{"1", "i", ""}
			if name != "instance" {
				values = values[:2] // to the Pushgateway, an empty label and none are different
			}
			pairs = append(pairs, name, values[random.IntN(len(values))])
		}
	}
	return pairs
}

func randomFamily(random *rand.Rand, name string) *dto.MetricFamily {
	f := &dto.MetricFamily{Name: &name, Type: randomType(random, name).Enum()}
	for range 1 + random.IntN(2) {
		value := float64(random.IntN(10))
		m := &dto.Metric{Label: labels(randomLabels(random)...)}
		switch f.GetType() {
		case dto.MetricType_COUNTER:
			m.Counter = &dto.Counter{Value: &value}
		case dto.MetricType_GAUGE:
			m.Gauge = &dto.Gauge{Value: &value}
		case dto.MetricType_UNTYPED:
			m.Untyped = &dto.Untyped{Value: &value}
		case dto.MetricType_SUMMARY:
			m.Summary = &dto.Summary{SampleCount: proto.Uint64(3), SampleSum: &value, Quantile: []*dto.Quantile{{Quantile: proto.Float64(0.5), Value: &value}}}
		default:
			m.Histogram = native()
			if random.IntN(2) == 0 {
				m.Histogram = &dto.Histogram{SampleCount: proto.Uint64(3), SampleSum: &value, Bucket: []*dto.Bucket{bucket(1, 2)}}
			}
		}
		f.Metric = append(f.Metric, m)
	}
	return f
}

func writeRandomText(random *rand.Rand, body *strings.Builder, name string) {
	kind := strings.ToLower(randomType(random, name).String())
	if kind != "untyped" || random.IntN(2) == 0 {
		fmt.Fprintf(body, "# TYPE %s %s\n", name, kind)
	}
	written := map[string]bool{}
	for range 1 + random.IntN(2) {
		var pairs string
		for i, of := 0, randomLabels(random); i < len(of); i += 2 {
			pairs += fmt.Sprintf("%s=%q,", of[i], of[i+1])
		}
		key := strings.Replace(pairs, `instance="",`, "", 1)
		if written[key] && (kind == "summary" || kind == "histogram") {
			continue // the Pushgateway does not reject repeated samples of these types
		}
		written[key] = true
		value := []string{"0", "1", "2.5", "NaN", "+Inf", "-3"}[random.IntN(6)]
		switch kind {
		case "summary":
			fmt.Fprintf(body, "%[1]s{%[2]squantile=\"0.5\"} %[3]s\n%[1]s_sum{%[2]s} %[3]s\n%[1]s_count{%[2]s} 4\n", name, pairs, value)
		case "histogram":
			fmt.Fprintf(body, "%[1]s_bucket{%[2]sle=\"2\"} 3\n%[1]s_bucket{%[2]sle=\"+Inf\"} 4\n%[1]s_sum{%[2]s} %[3]s\n%[1]s_count{%[2]s} 4\n", name, pairs, value)
		default:
			fmt.Fprintf(body, "%s{%s} %s\n", name, pairs, value)
		}
		if random.IntN(40) == 0 {
			body.WriteString("timestamped 1 1\n")
		}
	}
}
