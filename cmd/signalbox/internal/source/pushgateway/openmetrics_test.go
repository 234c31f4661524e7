package pushgateway

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/types/known/timestamppb"
)

var update = flag.Bool("update", false, "write the values decoded from the OpenMetrics tests to testdata")

// TestOpenMetrics decodes the parser tests of the OpenMetrics project.
func TestOpenMetrics(t *testing.T) {
	files, err := filepath.Glob("testdata/openmetrics/[a-z]*")
	if err != nil || len(files) < 200 {
		t.Fatalf("got %d files: %v", len(files), err)
	}
	var values strings.Builder
	for _, file := range files {
		name := filepath.Base(file)
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		families, err := decodeOpenMetrics(text)
		if strings.HasPrefix(name, "bad_") {
			if err == nil {
				t.Errorf("%s was accepted: %s", name, text)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s was rejected: %v", name, err)
		}
		fmt.Fprintf(&values, "== %s\n", name)
		for _, f := range families {
			writeFamily(&values, f)
		}
	}
	const golden = "testdata/openmetrics_values.txt"
	if *update {
		if err := os.WriteFile(golden, []byte(values.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if values.String() != string(want) {
		got, expected := strings.Split(values.String(), "\n"), strings.Split(string(want), "\n")
		for i := range min(len(got), len(expected)) {
			if got[i] != expected[i] {
				t.Fatalf("line %d of %s: got %q, expected %q", i+1, golden, got[i], expected[i])
			}
		}
		t.Errorf("got %d lines, expected %d", len(got), len(expected))
	}
}

// writeFamily writes a family in a format that shows all details.
func writeFamily(b *strings.Builder, f *dto.MetricFamily) {
	fmt.Fprintf(b, "%s %s help=%q\n", f.GetName(), f.GetType(), f.GetHelp())
	for _, m := range f.Metric {
		b.WriteString("  ")
		writePairs(b, m.Label)
		if m.TimestampMs != nil {
			fmt.Fprintf(b, " at=%dms", m.GetTimestampMs())
		}
		switch {
		case m.Counter != nil:
			fmt.Fprintf(b, " %v", m.Counter.GetValue())
			writeExemplar(b, m.Counter.Exemplar)
			writeCreated(b, m.Counter.CreatedTimestamp)
		case m.Gauge != nil:
			fmt.Fprintf(b, " %v", m.Gauge.GetValue())
		case m.Untyped != nil:
			fmt.Fprintf(b, " %v", m.Untyped.GetValue())
		case m.Summary != nil:
			if m.Summary.SampleCount != nil {
				fmt.Fprintf(b, " count=%d", m.Summary.GetSampleCount())
			}
			if m.Summary.SampleSum != nil {
				fmt.Fprintf(b, " sum=%v", m.Summary.GetSampleSum())
			}
			for _, q := range m.Summary.Quantile {
				fmt.Fprintf(b, " %v:%v", q.GetQuantile(), q.GetValue())
			}
			writeCreated(b, m.Summary.CreatedTimestamp)
		case m.Histogram != nil:
			if m.Histogram.SampleCount != nil {
				fmt.Fprintf(b, " count=%d", m.Histogram.GetSampleCount())
			}
			if m.Histogram.SampleSum != nil {
				fmt.Fprintf(b, " sum=%v", m.Histogram.GetSampleSum())
			}
			for _, bucket := range m.Histogram.Bucket {
				fmt.Fprintf(b, " %v:%d", bucket.GetUpperBound(), bucket.GetCumulativeCount())
				writeExemplar(b, bucket.Exemplar)
			}
			writeCreated(b, m.Histogram.CreatedTimestamp)
		}
		b.WriteString("\n")
	}
}

func writePairs(b *strings.Builder, pairs []*dto.LabelPair) {
	b.WriteString("{")
	for i, l := range pairs {
		if i > 0 {
			b.WriteString(",")
		}
		fmt.Fprintf(b, "%s=%q", l.GetName(), l.GetValue())
	}
	b.WriteString("}")
}

func writeExemplar(b *strings.Builder, e *dto.Exemplar) {
	if e == nil {
		return
	}
	b.WriteString(" #")
	writePairs(b, e.Label)
	fmt.Fprintf(b, " %v", e.GetValue())
	if e.Timestamp != nil {
		fmt.Fprintf(b, " at=%d", e.Timestamp.AsTime().UnixMilli())
	}
}

func writeCreated(b *strings.Builder, at *timestamppb.Timestamp) {
	if at != nil {
		fmt.Fprintf(b, " created=%d.%09d", at.Seconds, at.Nanos)
	}
}
