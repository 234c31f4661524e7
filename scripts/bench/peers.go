package main

import (
	"context"
	"net/http"
	"time"

	"github.com/VictoriaMetrics/metrics"
	gometrics "github.com/hashicorp/go-metrics"
	gometricsprometheus "github.com/hashicorp/go-metrics/prometheus"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	_ "github.com/prometheus/client_golang/prometheus/promhttp/zstd" // enables zstd in promhttp
	"go.opentelemetry.io/otel/attribute"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	otelmetric "go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
)

// The names of the peers in the table.
const (
	vectorName    = "client_golang, `WithLabelValues`"
	lastSeenName  = "client_golang, `WithLabelValues`, with a last-seen vector"
	promhttpName  = "client_golang, promhttp"
	victoriaName  = "VictoriaMetrics/metrics"
	goMetricsName = "hashicorp/go-metrics, Prometheus sink"
	otelName      = "OpenTelemetry SDK, Prometheus exporter"
)

// A library is a peer with families of gauges and a page.
type library struct {
	// family creates a family, and returns a function that sets a gauge in it.
	family func(metric string, labels []label) (set func(key string, value float64))
	page   http.Handler
}

// gaugesOnly returns a store that has only the family of the shape, without last-seen
// times.
func gaugesOnly(start func() (*library, error)) newStore {
	return func(sh *shape) (*store, error) {
		l, err := start()
		if err != nil {
			return nil, err
		}
		return &store{set: l.family(sh.metric, sh.labels), page: l.page}, nil
	}
}

// withLastSeen returns a store that also has last-seen times if the shape has them,
// like Signalbox.
func withLastSeen(start func() (*library, error)) newStore {
	return func(sh *shape) (*store, error) {
		if sh.lastSeen == "" {
			return gaugesOnly(start)(sh)
		}
		l, err := start()
		if err != nil {
			return nil, err
		}
		set, seen := l.family(sh.metric, sh.labels), l.family(sh.lastSeen, sh.labels[:1])
		return &store{page: l.page, set: func(key string, value float64) {
			set(key, value)
			seen(key, float64(time.Now().UnixMilli())/1000)
		}}, nil
	}
}

// clientGolang looks up a gauge with WithLabelValues, which is the faster way according
// to its documentation. With has "a performance overhead (for creating and processing
// the Labels map)".
func clientGolang() (*library, error) { return clientGolangWith() }

// realClientGolang also has the metrics of its process and of the Go runtime, like the
// default registry.
func realClientGolang() (*library, error) { return clientGolangWith(runtimeCollectors()...) }

// runtimeCollectors returns the collectors that the default registry contains.
func runtimeCollectors() []prometheus.Collector {
	return []prometheus.Collector{
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	}
}

func clientGolangWith(others ...prometheus.Collector) (*library, error) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(others...)
	return &library{
		family: func(metric string, labels []label) func(string, float64) {
			vector := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: metric, Help: "A measured value."}, names(labels))
			registry.MustRegister(vector)
			values := labelValues(labels)
			return func(key string, value float64) {
				values[0] = key
				vector.WithLabelValues(values...).Set(value)
			}
		},
		page: promhttp.HandlerFor(registry, promhttp.HandlerOpts{EnableOpenMetrics: true}),
	}, nil
}

// victoriaMetrics puts the labels of a gauge into its name. Its README shows
// GetOrCreateGauge with a formatted name instead of a vector. The "Performance tip:
// prefer NewGauge" in the documentation of that function is for names that are known in
// advance. Concatenation is faster than the Sprintf in the documentation.
func victoriaMetrics() (*library, error) {
	set := metrics.NewSet()
	return &library{
		family: func(metric string, labels []label) func(string, float64) {
			prefix, suffix := metric+"{"+labels[0].name+`="`, `"`
			for _, l := range labels[1:] {
				suffix += "," + l.name + `="` + l.value + `"`
			}
			suffix += "}"
			return func(key string, value float64) {
				set.GetOrCreateGauge(prefix+key+suffix, nil).Set(value)
			}
		},
		page: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { set.WritePrometheus(w) }),
	}, nil
}

// goMetrics sets gauges with labels. With this PrometheusOpts they do not expire (with
// DefaultPrometheusOpts they expire after a minute), so the page need not compare
// times. Names and labels are passed to the sink unchanged, so all calls can share one
// slice.
func goMetrics() (*library, error) {
	registry := prometheus.NewRegistry()
	sink, err := gometricsprometheus.NewPrometheusSinkFrom(gometricsprometheus.PrometheusOpts{Registerer: registry})
	if err != nil {
		return nil, err
	}
	config := gometrics.DefaultConfig("")
	config.EnableHostname, config.EnableRuntimeMetrics = false, false
	m, err := gometrics.New(config, sink)
	if err != nil {
		return nil, err
	}
	return &library{
		family: func(metric string, labels []label) func(string, float64) {
			name, pairs := []string{metric}, make([]gometrics.Label, len(labels))
			for i, l := range labels {
				pairs[i] = gometrics.Label{Name: l.name, Value: l.value}
			}
			return func(key string, value float64) {
				pairs[0].Value = key
				m.SetPrecisionGaugeWithLabels(name, value, pairs)
			}
		},
		page: promhttp.HandlerFor(registry, promhttp.HandlerOpts{}),
	}, nil
}

// openTelemetry records into a synchronous gauge. According to the documentation,
// WithAttributeSet "should be preferred for performance sensitive code" to
// WithAttributes. The set cannot be created in advance, because the value of the first
// label comes with each event. The attributes are filled in for each event, because
// NewSet sorts them in place. WithCardinalityLimit(0) means no limit; with the default,
// all series after the first 2,000 would be combined into one.
func openTelemetry() (*library, error) {
	registry := prometheus.NewRegistry()
	exporter, err := otelprometheus.New(otelprometheus.WithRegisterer(registry),
		otelprometheus.WithoutScopeInfo(), otelprometheus.WithoutTargetInfo())
	if err != nil {
		return nil, err
	}
	meter := sdkmetric.NewMeterProvider(sdkmetric.WithReader(exporter), sdkmetric.WithCardinalityLimit(0)).Meter("bench")
	return &library{
		family: func(metric string, labels []label) func(string, float64) {
			gauge, err := meter.Float64Gauge(metric)
			if err != nil {
				panic(err) // invalid name
			}
			ctx, attributes := context.Background(), make([]attribute.KeyValue, len(labels))
			return func(key string, value float64) {
				for i, l := range labels {
					attributes[i] = attribute.String(l.name, l.value)
				}
				attributes[0] = attribute.String(labels[0].name, key)
				gauge.Record(ctx, value, otelmetric.WithAttributeSet(attribute.NewSet(attributes...)))
			}
		},
		page: promhttp.HandlerFor(registry, promhttp.HandlerOpts{}),
	}, nil
}
