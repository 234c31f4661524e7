package main

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/VictoriaMetrics/metrics"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/bench/straightforward"
	"github.com/signalbox-ci/signalbox/metric"
)

// These contests scrape a page through its handler and discard it. All contenders have
// the same families with the same series. The page of Signalbox also has the counters
// of the catalog and the metrics about Signalbox itself. Except in realPageContest, no
// page has the metrics of client_golang about the Go runtime and the process. A quarter
// of the gauges are fractions with many digits: see store.fill.
//
// Tally has no row, because its reporter uses client_golang's vectors and promhttp's
// page.

const (
	inOrderName = "Signalbox, created in the order of the page"
	plainName   = "Signalbox, plain text"
)

func scrapeContests() []contest {
	contests := []contest{
		scrapeContest(1_000), scrapeContest(10_000), scrapeContest(100_000), scrapeContest(1_000_000),
	}
	contests[1].plot = true
	return append(contests, orderContest(), realPageContest())
}

func scrapeContest(series int) contest {
	c := contest{
		name: fmt.Sprintf("scrape of %d gauges", series),
		contenders: []contender{
			{signalboxName, scrapeGauges(signalboxStore, series, text)},
			{promhttpName, scrapeGauges(withLastSeen(clientGolang), series, text)},
			{victoriaName, scrapeGauges(withLastSeen(victoriaMetrics), series, text)},
		},
		scrape: true,
	}
	goals := []goal{{peer: promhttpName, value: 80}, {peer: victoriaName, value: 4}}
	switch series {
	case 1_000:
	case 1_000_000:
		c.rounds, c.operations = 3, 1 // the scrape that counted the samples warmed up the store
		goals = []goal{{peer: promhttpName, value: 100}, {peer: victoriaName, value: 10}, {value: 120e6}, {of: ofBytes, value: 1e6}}
	default:
		c.rounds = 5
	}
	if series <= 100_000 {
		c.contenders = append(c.contenders,
			contender{goMetricsName, scrapeGauges(withLastSeen(goMetrics), series, text)},
			contender{otelName, scrapeGauges(withLastSeen(openTelemetry), series, text)})
	}
	c.compare = func(m *measurement) []comparison {
		return []comparison{{
			work: fmt.Sprintf("scrape, %s gauges, text", thousands(series)), unit: nanoseconds,
			results: m.results(turn.nanoseconds), goals: goals,
			plot: plotScrape, series: series,
		}}
	}
	return c
}

// orderContest shows how much longer a scrape takes because series were not created in
// the order of the page.
func orderContest() contest {
	const series = 1_000_000
	return contest{
		name: "scrape of gauges created in order",
		contenders: []contender{
			{signalboxName, scrapeArranged(signalboxStore, series, shuffle, text)},
			{inOrderName, scrapeArranged(signalboxStore, series, slices.Sort[[]string], text)},
		},
		scrape: true,
		rounds: 9,
		compare: func(m *measurement) []comparison {
			return []comparison{{
				work: fmt.Sprintf("scrape, %s gauges created in no particular order, text", thousands(series)), unit: nanoseconds,
				results: m.results(turn.nanoseconds),
			}}
		},
	}
}

// realPageContest scrapes a small page with all metrics that users get: in addition to
// the gauges, those of client_golang about the Go runtime and the process.
func realPageContest() contest {
	const series = 1_000
	page := func(start newStore) func() (*task, error) {
		return func() (*task, error) {
			s, err := start(&workerContainers)
			if err != nil {
				return nil, err
			}
			update := s.fill(&workerContainers, series, shuffle)
			return scrape(s.page, text, update, "concourse_workers_", "go_", "process_")
		}
	}
	return contest{
		name: "scrape of a real page",
		contenders: []contender{
			{signalboxName, page(realSignalboxStore)},
			{promhttpName, page(withLastSeen(realClientGolang))},
		},
		scrape: true,
		compare: func(m *measurement) []comparison {
			return []comparison{{
				work: fmt.Sprintf("scrape, %s gauges and the metrics of the Go runtime and the process, text", thousands(series)), unit: nanoseconds,
				results: m.results(turn.nanoseconds),
				goals:   []goal{{value: 200e3}, {peer: promhttpName, value: 6}},
			}}
		},
	}
}

// scrapeGauges scrapes gauges that are created in no particular order.
func scrapeGauges(start newStore, series int, e exposition) func() (*task, error) {
	return scrapeArranged(start, series, shuffle, e)
}

func scrapeArranged(start newStore, series int, arrange func([]string), e exposition) func() (*task, error) {
	return func() (*task, error) {
		s, err := start(&workerContainers)
		if err != nil {
			return nil, err
		}
		update := s.fill(&workerContainers, series, arrange)
		return scrape(s.page, e, update, "concourse_workers_")
	}
}

// formatContests scrapes the same gauges in other formats and encodings. promhttp is
// the only peer that supports them. Signalbox also competes with its own page as plain
// text.
func formatContests() []contest {
	const series = 100_000
	goals := map[exposition][]goal{
		openMetrics: {{peer: promhttpName, value: 3, wide: true}},
		protobuf:    {{peer: promhttpName, value: 25, wide: true}, {peer: plainName, value: 1 / 2.}},
		textGzip:    {{peer: promhttpName, value: 3, wide: true}, {peer: plainName, value: 1 / 2.5}},
		textZstd:    {{peer: promhttpName, value: 3, wide: true}},
	}
	var contests []contest
	for _, e := range expositions {
		contests = append(contests, contest{
			name: "scrape in " + e.name,
			contenders: []contender{
				{signalboxName, scrapeGauges(signalboxStore, series, e)},
				{promhttpName, scrapeGauges(withLastSeen(clientGolang), series, e)},
				{plainName, scrapeGauges(signalboxStore, series, text)},
			},
			scrape: true,
			rounds: 5,
			compare: func(m *measurement) []comparison {
				return []comparison{{
					work: fmt.Sprintf("scrape, %s gauges, %s", thousands(series), e.name), unit: nanoseconds,
					results: m.results(turn.nanoseconds),
					goals:   goals[e],
				}}
			},
			quick: true,
		})
	}
	return contests
}

// histogramContests scrapes the metrics of finished builds: a histogram and a counter
// for each job.
func histogramContests() []contest {
	const jobs = 10_000
	filled := func(start func() (finish func(job string, seconds float64), page http.Handler, err error)) func() (*task, error) {
		return func() (*task, error) {
			finish, page, err := start()
			if err != nil {
				return nil, err
			}
			update := func() error {
				for i := range jobs {
					finish(fmt.Sprintf("job-%d", i), float64(i%4000))
				}
				return nil
			}
			update()
			return scrape(page, text, update, "concourse_builds_duration_seconds")
		}
	}
	return []contest{{
		name: "scrape of histograms",
		contenders: []contender{
			{signalboxName, filled(signalboxBuilds)},
			{promhttpName, filled(vectorBuilds)},
			{victoriaName, filled(victoriaBuilds)},
		},
		scrape: true,
		rounds: 5,
		compare: func(m *measurement) []comparison {
			return []comparison{{
				work: fmt.Sprintf("scrape, %s histograms of %d buckets and %[1]s counters, text", thousands(jobs), len(straightforward.BuildBuckets)), unit: nanoseconds,
				results: m.results(turn.nanoseconds),
				goals:   []goal{{peer: promhttpName, value: 20, wide: true}},
			}}
		},
		quick: true,
	}}
}

func signalboxBuilds() (func(string, float64), http.Handler, error) {
	p, err := newSignalbox()
	if err != nil {
		return nil, nil, err
	}
	attributes := map[string]string{"build_status": "succeeded", "pipeline": "main", "team_name": "main"}
	return func(job string, seconds float64) {
		attributes["job"] = job
		p.Emit(logger, metric.Event{Name: "build finished", Value: seconds * 1000, Attributes: attributes})
	}, p.Handler(), nil
}

func vectorBuilds() (func(string, float64), http.Handler, error) {
	finished := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "concourse_builds_finished"}, buildLabels[:])
	duration := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "concourse_builds_duration_seconds", Buckets: straightforward.BuildBuckets,
	}, buildLabels[:3])
	registry := prometheus.NewRegistry()
	registry.MustRegister(finished, duration)
	return func(job string, seconds float64) {
		finished.WithLabelValues(job, "main", "main", "succeeded").Inc()
		duration.WithLabelValues(job, "main", "main").Observe(seconds)
	}, promhttp.HandlerFor(registry, promhttp.HandlerOpts{}), nil
}

// victoriaBuilds uses buckets like those of Prometheus instead of the library's default
// ranges.
func victoriaBuilds() (func(string, float64), http.Handler, error) {
	set := metrics.NewSet()
	return func(job string, seconds float64) {
		labels := `{job="` + job + `",pipeline="main",team="main"`
		set.GetOrCreateCounter("concourse_builds_finished" + labels + `,status="succeeded"}`).Inc()
		set.GetOrCreatePrometheusHistogramExt("concourse_builds_duration_seconds"+labels+"}", straightforward.BuildBuckets).Update(seconds)
	}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { set.WritePrometheus(w) }), nil
}
