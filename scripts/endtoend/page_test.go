//go:build e2e

package endtoend

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"google.golang.org/protobuf/encoding/protodelim"
)

const (
	textFormat     = "text/plain;version=0.0.4"
	protobufFormat = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
)

// A page contains the sorted lines of a gateway's page, or of the groups in an answer
// of its query API: one line for each family and one for each series.
//
//	# tests_total counter "Number of tests."
//	tests_total{instance="",job="unit"} 312
//
// It has only pushed metrics, without the metrics of the gateway itself. It shows only
// whether the times of pushes are zero.
type page []string

// ownPrefixes are the prefixes of the families of the gateways themselves.
var ownPrefixes = []string{"go_", "process_", "promhttp_", "pushgateway_", "signalbox_", "concourse_"}

// isTime reports whether a metric is the time of a push. The values of these metrics
// differ between the gateways, and so do their help texts.
func isTime(name string) bool {
	return name == "push_time_seconds" || name == "push_failure_time_seconds"
}

// readPage reads a page, in the text format or in protobuf.
func readPage(a answer) page {
	GinkgoHelper()
	var p page
	for _, family := range readFamilies(a) {
		name := family.GetName()
		isOwn := slices.ContainsFunc(ownPrefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
		var series []string
		for _, m := range family.Metric {
			labels := map[string]string{}
			var pairs []string
			for _, l := range m.Label {
				labels[l.GetName()] = l.GetValue()
				pairs = append(pairs, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
			}
			if _, pushed := labels["instance"]; isOwn && !pushed {
				continue
			}
			slices.Sort(pairs)
			series = append(series, fmt.Sprintf("%s{%s} %s", name, strings.Join(pairs, ","), value(name, m)))
		}
		if isOwn && len(series) == 0 {
			continue
		}
		help := strconv.Quote(family.GetHelp())
		if isTime(name) {
			help = "…"
		}
		p = append(p, fmt.Sprintf("# %s %s %s", name, strings.ToLower(family.GetType().String()), help))
		p = append(p, series...)
	}
	slices.Sort(p)
	return p
}

func readFamilies(a answer) []*dto.MetricFamily {
	GinkgoHelper()
	if strings.HasPrefix(a.header.Get("Content-Type"), "application/vnd.google.protobuf") {
		var families []*dto.MetricFamily
		for body := bufio.NewReader(strings.NewReader(a.body)); ; {
			family := &dto.MetricFamily{}
			err := protodelim.UnmarshalOptions{MaxSize: -1}.UnmarshalFrom(body, family)
			if errors.Is(err, io.EOF) {
				return families
			}
			Expect(err).NotTo(HaveOccurred())
			families = append(families, family)
		}
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(a.body))
	Expect(err).NotTo(HaveOccurred(), a.body)
	return slices.Collect(maps.Values(families))
}

func value(name string, m *dto.Metric) string {
	var v string
	switch {
	case m.Counter != nil:
		v = number(m.Counter.GetValue()) + exemplar(m.Counter.Exemplar) + created(m.Counter.CreatedTimestamp != nil)
	case m.Gauge != nil && isTime(name):
		v = "zero"
		if m.Gauge.GetValue() > 0 {
			v = "positive"
		}
	case m.Gauge != nil:
		v = number(m.Gauge.GetValue())
	case m.Summary != nil:
		s := m.Summary
		v = fmt.Sprintf("count %d sum %s", s.GetSampleCount(), number(s.GetSampleSum()))
		for _, q := range s.Quantile {
			v += fmt.Sprintf(" q%s %s", number(q.GetQuantile()), number(q.GetValue()))
		}
		v += created(s.CreatedTimestamp != nil)
	case m.Histogram != nil:
		v = histogram(m.Histogram)
	default:
		v = number(m.GetUntyped().GetValue())
	}
	if m.TimestampMs != nil {
		v += " timestamp"
	}
	return v
}

func histogram(h *dto.Histogram) string {
	var v strings.Builder
	fmt.Fprintf(&v, "count %s sum %s", count(h.GetSampleCount(), h.GetSampleCountFloat()), number(h.GetSampleSum()))
	for _, b := range h.Bucket {
		if !math.IsInf(b.GetUpperBound(), 1) || b.Exemplar != nil {
			fmt.Fprintf(&v, " le%s %s%s", number(b.GetUpperBound()), count(b.GetCumulativeCount(), b.GetCumulativeCountFloat()), exemplar(b.Exemplar))
		}
	}
	if h.Schema != nil {
		fmt.Fprintf(&v, " schema %d zero %s %s", h.GetSchema(), number(h.GetZeroThreshold()), count(h.GetZeroCount(), h.GetZeroCountFloat()))
		for _, side := range []struct {
			name   string
			spans  []*dto.BucketSpan
			deltas []int64
			counts []float64
		}{
			{"negative", h.NegativeSpan, h.NegativeDelta, h.NegativeCount},
			{"positive", h.PositiveSpan, h.PositiveDelta, h.PositiveCount},
		} {
			fmt.Fprintf(&v, " %s", side.name)
			for _, s := range side.spans {
				fmt.Fprintf(&v, " %d+%d", s.GetOffset(), s.GetLength())
			}
			fmt.Fprint(&v, side.deltas, side.counts)
		}
		for _, e := range h.Exemplars {
			v.WriteString(exemplar(e))
		}
	}
	v.WriteString(created(h.CreatedTimestamp != nil))
	return v.String()
}

func count(n uint64, f float64) string {
	if f > 0 {
		return number(f)
	}
	return strconv.FormatUint(n, 10)
}

func exemplar(e *dto.Exemplar) string {
	if e == nil {
		return ""
	}
	var pairs []string
	for _, l := range e.Label {
		pairs = append(pairs, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
	}
	slices.Sort(pairs)
	return fmt.Sprintf(" exemplar{%s} %s", strings.Join(pairs, ","), number(e.GetValue()))
}

func created(is bool) string {
	if is {
		return " created"
	}
	return ""
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// series returns the value of a series on the page, or "" if there is no such series.
func (p page) series(name string) string {
	for _, line := range p {
		if rest, found := strings.CutPrefix(line, name+" "); found {
			return rest
		}
	}
	return ""
}

// readGroups returns the groups in an answer of the query API as lines, without the
// parts that only Signalbox has.
func readGroups(groups []map[string]json.RawMessage) page {
	GinkgoHelper()
	var p page
	for _, group := range groups {
		var labels map[string]string
		Expect(json.Unmarshal(group["labels"], &labels)).To(Succeed())
		key := fmt.Sprint(labels)
		p = append(p, fmt.Sprintf("%s last_push_successful %s", key, group["last_push_successful"]))
		for name, raw := range group {
			var family struct {
				TimeStamp  string `json:"time_stamp"`
				Type, Help string
				Metrics    []map[string]any
			}
			if json.Unmarshal(raw, &family) != nil || family.Type == "" {
				continue // not a family: the labels, or an additional field of Signalbox
			}
			Expect(family.TimeStamp).NotTo(BeEmpty(), name)
			if isTime(name) {
				family.Help = "…"
			}
			p = append(p, fmt.Sprintf("%s # %s %s %q", key, name, family.Type, family.Help))
			for _, m := range family.Metrics {
				if isTime(name) {
					m["value"] = map[bool]string{true: "zero", false: "positive"}[m["value"] == "0"]
				}
				roundBounds(m["buckets"])
				encoded, err := json.Marshal(m)
				Expect(err).NotTo(HaveOccurred())
				p = append(p, fmt.Sprintf("%s %s %s", key, name, encoded))
			}
		}
	}
	slices.Sort(p)
	return p
}

// roundBounds rounds the bounds of native buckets, whose last digits depend on how they
// are computed.
func roundBounds(buckets any) {
	native, _ := buckets.([]any)
	for _, b := range native {
		if b, _ := b.([]any); len(b) == 4 {
			for i, bound := range b[1:3] {
				v, err := strconv.ParseFloat(fmt.Sprint(bound), 64)
				Expect(err).NotTo(HaveOccurred())
				b[i+1] = strconv.FormatFloat(v, 'g', 12, 64)
			}
		}
	}
}

// diff returns the lines that only one of two pages has: first those of a, with the
// prefix "- ", and then those of b, with the prefix "+ ".
func diff(a, b page) (lines []string) {
	var added []string
	for len(a) > 0 || len(b) > 0 {
		switch {
		case len(b) == 0 || len(a) > 0 && a[0] < b[0]:
			lines, a = append(lines, "- "+a[0]), a[1:]
		case len(a) == 0 || b[0] < a[0]:
			added, b = append(added, "+ "+b[0]), b[1:]
		default:
			a, b = a[1:], b[1:]
		}
	}
	return append(lines, added...)
}
