package agents_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/agents"
	"github.com/signalbox-ci/signalbox/emitter/aggregator"
)

// batch returns n updates with the given number of metrics each, one update per line.
// They resemble those of workspaces: a metric has two labels and about 110 bytes.
func batch(n, metrics int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{"labels":{"username":"user-%d","workspace_name":"main","agent_name":"agent-%d","template_name":"go"},"metrics":[`, i%10, i)
		for j := range metrics {
			if j > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, `{"name":"agent_http_requests_total","type":"counter","value":%d.25,"labels":{"path":"/api/v1/builds/%d","status":"200"}}`, j, j)
		}
		b.WriteString("]}\n")
	}
	return b.String()
}

// BenchmarkHandler measures the cost of a POST of a thousand metrics without the
// network and the aggregator.
func BenchmarkHandler(b *testing.B) {
	for _, bench := range []struct {
		name, body string
	}{
		{"one update", batch(1, 1000)},
		{"lines of updates of ten", batch(100, 10)},
		{"array of updates of ten", "[" + strings.ReplaceAll(strings.TrimSpace(batch(100, 10)), "\n", ",") + "]"},
	} {
		b.Run(bench.name, func(b *testing.B) {
			handler := agents.NewHandler(agents.Options{Logger: lager.NewLogger("benchmark"), Sink: discard{}})

			b.SetBytes(int64(len(bench.body)))
			b.ReportAllocs()
			for b.Loop() {
				r := httptest.NewRequest(http.MethodPost, agents.Path, io.NopCloser(bytes.NewReader([]byte(bench.body))))
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, r)
				if w.Code != http.StatusOK {
					b.Fatal(w.Body)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*1000), "ns/metric")
		})
	}
}

// A discard is a Sink that does nothing.
type discard struct{}

func (discard) UpdateFrom(context.Context, []aggregator.Label, []aggregator.Metric) error { return nil }
