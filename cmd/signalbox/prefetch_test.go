package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"code.cloudfoundry.org/lager/v3/lagertest"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/events"
	"github.com/signalbox-ci/signalbox/emitter"
	"github.com/signalbox-ci/signalbox/metric"
)

// TestPrefetchingDoesNotChangeThePage posts the same bodies to two programs. One of them
// receives a line at a time, so it prefetches nothing.
func TestPrefetchingDoesNotChangeThePage(t *testing.T) {
	file := filepath.Join(t.TempDir(), "mapping.yml")
	write := func(mapping string) {
		if err := os.WriteFile(file, []byte(mapping), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("")
	logger := lagertest.NewTestLogger("test")
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	start := func() (*emitters, http.Handler) {
		monitor := metric.NewMonitor()
		monitor.RegisterEmitter(&emitter.PrometheusConfig{
			Handler: true, MappingFile: file, MaxSeriesPerMetric: 30_500, Clock: func() time.Time { return now },
		})
		if err := monitor.Initialize(logger, "host", nil, 0); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { monitor.Close(context.Background()) }) //nolint:errcheck // closes a memory-only emitter
		e := newEmitters(logger, monitor)
		return e, events.NewHandler(events.Options{Logger: logger, Sink: e, Bodies: &source.WholeBodies{}})
	}
	whole, wholeEvents := start()
	lines, linesEvents := start()
	post := func(handler http.Handler, query string, body io.Reader) string {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodPost, events.Path+query, body))
		return w.Body.String()
	}
	page := func(e *emitters) string {
		w := httptest.NewRecorder()
		e.page().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		var page strings.Builder
		for line := range strings.Lines(w.Body.String()) {
			if strings.HasPrefix(line, "concourse_") || strings.HasPrefix(line, "signalbox_events_") {
				page.WriteString(line)
			}
		}
		return page.String()
	}

	random := rand.New(rand.NewPCG(1, 2))
	for round, mapping := range []string{"", prefetchedRule, prefetchedRule, prefetchedRule} {
		write(mapping)
		whole.reload()
		lines.reload()
		var body strings.Builder
		for i := range 40_000 {
			worker := i % 33_000
			if round > 1 {
				worker = random.IntN(33_000)
			}
			attributes := `"platform":"linux"`
			if random.IntN(1000) > 0 {
				attributes += `,"team_name":"main","tags":"gpu"`
			}
			name := "worker containers"
			switch random.IntN(10) {
			case 0:
				name = "worker volumes"
			case 1:
				name = "worker containres"
			}
			fmt.Fprintf(&body, `{"name":%q,"value":%d,"attributes":{"worker":"w-%d",%s}}`+"\n", name, i, worker, attributes)
		}
		query := ""
		if round == 2 {
			query = "?strict=1" // which applies nothing
		}
		got := post(wholeEvents, query, strings.NewReader(body.String()))
		expected := post(linesEvents, query, &lineReader{body.String()})
		if got != expected {
			t.Errorf("round %d: got the response %s, expected %s", round, got, expected)
		}
		if page(whole) != page(lines) {
			t.Errorf("round %d: the pages differ", round)
		}
	}
	for _, name := range []string{"workers_containers", "container_updates_total"} {
		if n := strings.Count(page(whole), "\nconcourse_"+name+"{"); n < 30_000 {
			t.Errorf("got %d series of %s, too few for prefetching", n, name)
		}
	}
}

// prefetchedRule adds a metric for an event whose updates are prefetched.
const prefetchedRule = `
rules:
- event: worker containers
  metric: container_updates_total
  type: counter
  operation: inc
  help: Updates.
  labels: [{name: worker, attribute: worker}]
`

// A lineReader reads a line at a time.
type lineReader struct{ rest string }

func (r *lineReader) Read(p []byte) (int, error) {
	if r.rest == "" {
		return 0, io.EOF
	}
	n := copy(p, r.rest[:strings.IndexByte(r.rest, '\n')+1])
	r.rest = r.rest[n:]
	return n, nil
}
