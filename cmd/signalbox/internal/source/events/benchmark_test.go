package events_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"code.cloudfoundry.org/lager/v3"
	"github.com/klauspost/compress/zstd"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/events"
	"github.com/signalbox-ci/signalbox/metric"
)

// batch returns a thousand events as a scheduler emits them, one per line, with about
// ten names and a hundred workers.
func batch() []byte {
	var b bytes.Buffer
	for i := range 1000 {
		stamp := fmt.Sprintf(`"host":"web-0","time":"2026-08-07T10:11:12.%09dZ"`, i)
		switch i % 4 {
		case 0, 1:
			fmt.Fprintf(&b, `{"name":"worker containers","value":%d,"attributes":`+
				`{"platform":"linux","tags":"a/b","team_name":"main","worker":"worker-%d"},%s}`+"\n", i, i%100, stamp)
		case 2:
			fmt.Fprintf(&b, `{"name":"http response time","value":%d.25,"attributes":`+
				`{"method":"GET","path":"/api/v1/builds/%d","route":"GetBuild","status":"200"},%s}`+"\n", i, i, stamp)
		case 3:
			fmt.Fprintf(&b, `{"name":"gc: event of kind %d","value":%d,"attributes":{},%s}`+"\n", i%40/4, i, stamp)
		}
	}
	return b.Bytes()
}

// array returns the lines as the elements of an array.
func array(lines []byte) []byte {
	elements := bytes.ReplaceAll(bytes.TrimSpace(lines), []byte("\n"), []byte(","))
	return append(append([]byte("["), elements...), ']')
}

func BenchmarkDecode(b *testing.B) {
	lines := batch()
	for _, bench := range []struct {
		name   string
		input  []byte
		format source.Format
	}{
		{"lines", lines, source.Lines},
		{"array", array(lines), source.Sniff},
	} {
		b.Run(bench.name, func(b *testing.B) {
			decoder := events.NewDecoder(source.Limits{})
			count := 0
			accept := func(*events.Event) { count++ }
			reject := func(line int, err error) { b.Fatalf("line %d: %v", line, err) }

			b.SetBytes(int64(len(bench.input)))
			b.ReportAllocs()
			for b.Loop() {
				if err := decoder.Decode(bytes.NewReader(bench.input), bench.format, accept, reject); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(count), "ns/event")
		})
	}
}

// BenchmarkLager measures the cost of a line of a web node's log in which every third
// line is an event.
func BenchmarkLager(b *testing.B) {
	var log bytes.Buffer
	for i := range 1000 {
		log.WriteString(logLine("atc.tracker.track", fmt.Sprintf(`{"build":%d,"session":"4.%d"}`, i, i)))
		log.WriteString(logLine("atc.api.worker-containers.emit.event",
			fmt.Sprintf(`{"name":"worker containers","platform":"linux","session":"4.%d","tags":"a/b","team-name":"main","value":%d,"worker":"worker-%d"}`, i, i, i%100)))
		log.WriteString("goroutine 1 [running]:\n")
	}
	decoder := events.NewDecoder(source.Limits{})
	reject := func(line int, err error) { b.Fatalf("line %d: %v", line, err) }

	b.SetBytes(int64(log.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if err := decoder.DecodeLager(bytes.NewReader(log.Bytes()), nil, func(*events.Event) {}, reject, func() {}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*3000), "ns/line")
}

// BenchmarkHandler measures the cost of a POST of a thousand events without the
// network.
func BenchmarkHandler(b *testing.B) {
	lines := batch()
	encoder, err := zstd.NewWriter(nil)
	if err != nil {
		b.Fatal(err)
	}

	for _, bench := range []struct {
		name, encoding string
		body           []byte
	}{
		{"plain", "", lines},
		{"zstd", "zstd", encoder.EncodeAll(lines, nil)},
	} {
		b.Run(bench.name, func(b *testing.B) {
			handler := events.NewHandler(events.Options{Logger: lager.NewLogger("benchmark"), Sink: discard{}})

			b.ReportAllocs()
			for b.Loop() {
				r := httptest.NewRequest(http.MethodPost, events.Path, io.NopCloser(bytes.NewReader(bench.body)))
				r.Header.Set("Content-Encoding", bench.encoding)
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, r)
				if w.Code != http.StatusOK {
					b.Fatal(w.Body)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*1000), "ns/event")
		})
	}
}

// A discard is a Sink that does nothing.
type discard struct{}

func (discard) Emit(metric.Event, *metric.Outcome) {}

func (discard) Prepare(metric.EventType) (func(*metric.Event, []string, *metric.Outcome), func([][]string)) {
	return func(*metric.Event, []string, *metric.Outcome) {}, nil
}

func (discard) Malformed(error) {}
