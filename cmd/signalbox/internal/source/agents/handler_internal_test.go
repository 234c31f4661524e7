package agents

import (
	"fmt"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/emitter/aggregator"
)

// A handler must keep its parsers for the next request, unless a large body has made
// their buffers larger than most requests need.
func TestLargeParsersAreNotKept(t *testing.T) {
	h := NewHandler(Options{Logger: lager.NewLogger("test")}).(*handler)
	created := 0
	newParser := h.parsers.New
	h.parsers.New = func() any { created++; return newParser() }
	post := func(size int) {
		body := strings.NewReader(strings.Repeat(" ", size))
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", Path, body))
	}

	// With the race detector, a sync.Pool drops some of its elements.
	const requests = 10
	for range requests {
		post(1000)
	}
	if created == requests {
		t.Errorf("none of %d requests reused a parser", requests)
	}
	post(1<<20 + 1) // may use a parser that was kept, but must not keep it
	before := created
	for range requests {
		post(1<<20 + 1)
	}
	if created < before+requests-1 {
		t.Errorf("%d of %d requests with large bodies reused a parser", before+requests-created, requests)
	}
}

// TestFactor measures how much memory handling a body takes in relation to its size,
// for bodies that take as much as possible. Everything that is allocated counts, even
// if it could be freed before the end.
func TestFactor(t *testing.T) {
	repeat := func(n int, f string) string {
		var b strings.Builder
		for i := range n {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(strings.ReplaceAll(f, "#", fmt.Sprintf("%05x", i)))
		}
		return b.String()
	}
	update := func(metrics string) string { return `{"metrics":[` + metrics + `]}` }
	const n = 30_000
	for name, body := range map[string]string{
		"gauges":          update(repeat(n, `{"name":"a#","type":"gauge","value":1}`)),
		"invalid metrics": update(repeat(n, `{"name":"-","type":"gauge","value":1}`)),
		"other types":     update(repeat(n/2, `{"name":"a#","type":"gauge","value":1},{"name":"a#","type":"counter","value":1}`)),
		"empty objects":   update(repeat(n, `{}`)),
		"labels":          update(repeat(n/20, `{"name":"a","type":"gauge","value":1,"labels":{"k":"#",`+repeat(20, `"l#":"v"`)+`}}`)),
		"short labels":    update(repeat(n, `{"name":"a","type":"gauge","value":1,"labels":{"k":"#"}}`)),
		"empty labels":    update(`{"name":"a","type":"gauge","value":1,"labels":{` + repeat(n, `"#":""`) + `}}`),
		"updates":         strings.Repeat(update(`{"name":"a","type":"gauge","value":1}`)+"\n", n/2),
		"empty updates":   strings.Repeat("{}\n", n),
		"many agents":     strings.ReplaceAll(repeat(n/2, `{"labels":{"username":"#"},"metrics":[{"name":"a","type":"gauge","value":1}]}`), "},{\"labels", "}\n{\"labels"),
		"white space":     strings.Repeat(" ", 1<<20),
		"typical":         repeat(100, update(repeat(20, `{"name":"coderd_agentstats_tx_bytes","type":"counter","value":123456,"labels":{"interface":"eth#","direction":"out"}}`))),
	} {
		pushed, err := aggregator.New(aggregator.Options{})
		if err != nil {
			t.Fatal(err)
		}
		h := NewHandler(Options{Logger: lager.NewLogger("test"), Sink: pushed.Agents, Malformed: pushed.Agents.CountMalformed})
		if name == "typical" {
			body = "[" + body + "]"
		}
		request := httptest.NewRequest("POST", Path, strings.NewReader(body))
		w := httptest.NewRecorder()
		var before, after runtime.MemStats
		runtime.GC()
		runtime.GC() // empties the pools
		runtime.ReadMemStats(&before)
		h.ServeHTTP(w, request)
		runtime.ReadMemStats(&after)
		ratio := float64(after.TotalAlloc-before.TotalAlloc) / float64(len(body))
		t.Logf("%-16s %9d bytes: %.1f times (%d %.100s)", name, len(body), ratio, w.Code, w.Body)
		if ratio > factor {
			t.Errorf("%s: handling a body takes %.1f times its size, expected at most %d", name, ratio, factor)
		}
	}
}
