package pushgateway_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"code.cloudfoundry.org/lager/v3"
	dto "github.com/prometheus/client_model/go"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/pushgateway"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/sourcetest"
	"github.com/signalbox-ci/signalbox/emitter/aggregator"
)

// A discard is a Store that does nothing.
type discard struct{}

func (discard) Push(context.Context, aggregator.Push) error      { return nil }
func (discard) Delete(context.Context, []aggregator.Label) error { return nil }
func (discard) List() iter.Seq[aggregator.Group]                 { return slices.Values[[]aggregator.Group](nil) }
func (discard) Wipe(context.Context) error                       { return nil }

// BenchmarkPush measures the cost of a push without the network and the store: a push
// of 20 samples, which is typical of batch jobs, and one of a thousand.
func BenchmarkPush(b *testing.B) {
	for _, samples := range []int{20, 1000} {
		var text bytes.Buffer
		var families []*dto.MetricFamily
		for i := range samples / 10 {
			name := fmt.Sprintf("backup_stage_%d_seconds", i)
			fmt.Fprintf(&text, "# HELP %s How long it took.\n# TYPE %s gauge\n", name, name)
			family := familyOf(name, dto.MetricType_GAUGE)
			for j := range 10 {
				stage := fmt.Sprint("stage-", j)
				fmt.Fprintf(&text, "%s{database=\"main\",stage=\"%s\"} %d.25\n", name, stage, j)
				family.Metric = append(family.Metric, gaugeOf(float64(j)+0.25, "database", "main", "stage", stage))
			}
			families = append(families, family)
		}
		protobuf := delimited(families...)

		for _, bench := range []struct{ name, contentType, encoding, body string }{
			{"text", "", "", text.String()},
			{"text-gzip", "", "gzip", sourcetest.Gzip(text.String())},
			{"protobuf", protobufType, "", protobuf},
		} {
			b.Run(fmt.Sprintf("%s-%d", bench.name, samples), func(b *testing.B) {
				handler := pushgateway.NewHandler(pushgateway.Options{Store: discard{}, Logger: lager.NewLogger("benchmark")})

				b.ReportAllocs()
				for b.Loop() {
					r := httptest.NewRequest(http.MethodPut, "/metrics/job/backup/instance/db-1", io.NopCloser(bytes.NewReader([]byte(bench.body))))
					r.Header.Set("Content-Type", bench.contentType)
					r.Header.Set("Content-Encoding", bench.encoding)
					w := httptest.NewRecorder()
					handler.ServeHTTP(w, r)
					if w.Code != http.StatusOK {
						b.Fatal(w.Body)
					}
				}
			})
		}
	}
}
