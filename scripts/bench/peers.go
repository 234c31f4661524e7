package main

import (
	"context"
	"net/http"
	"time"

	"github.com/VictoriaMetrics/metrics"
	gometrics "github.com/hashicorp/go-metrics"
	gometricsprometheus "github.com/hashicorp/go-metrics/prometheus"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	_ "github.com/prometheus/client_golang/prometheus/promhttp/zstd" // promhttp has zstd only with it
	"go.opentelemetry.io/otel/attribute"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	otelmetric "go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
)

// The peers' names in the table.
const (
	vectorName    = "client_golang, `WithLabelValues`"
	twoName       = "client_golang, `WithLabelValues`, last-seen vector too"
	promhttpName  = "client_golang, promhttp"
	victoriaName  = "VictoriaMetrics/metrics"
	goMetricsName = "hashicorp/go-metrics, Prometheus sink"
	otelName      = "OpenTelemetry SDK, Prometheus exporter"
)

// A library is a peer: it has families of gauges, and a page.
type library struct {
	// family makes one, and returns what sets a gauge in it.
	family func(metric string, labels []label) (set func(key string, value float64))
	page   http.Handler
}

// alone is a store of nothing but the shape's own family.
func alone(start func() (*library, error)) newStore {
	return func(sh *shape) (*store, error) {
		l, err := start()
		if err != nil {
			return nil, err
		}
		return &store{set: l.family(sh.metric, sh.labels), page: l.page}, nil
	}
}

// withLastSeen is a store that has the last-seen times besides, if the shape has
// any, as Signalbox has.
func withLastSeen(start func() (*library, error)) newStore {
	return func(sh *shape) (*store, error) {
		if sh.lastSeen == "" {
			return alone(start)(sh)
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

// clientGolang finds a gauge with WithLabelValues. Its documentation has that as
// the faster way; With has "a performance overhead (for creating and processing
// the Labels map)".
func clientGolang() (*library, error) {
	registry := prometheus.NewRegistry()
	return &library{
		family: func(metric string, labels []label) func(string, float64) {
			vector := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: metric, Help: "Something that is measured."}, names(labels))
			registry.MustRegister(vector)
			values := values(labels)
			return func(key string, value float64) {
				values[0] = key
				vector.WithLabelValues(values...).Set(value)
			}
		},
		page: promhttp.HandlerFor(registry, promhttp.HandlerOpts{EnableOpenMetrics: true}),
	}, nil
}

// victoriaMetrics has a gauge's labels in its name. GetOrCreateGauge with a
// formatted name is what its README has instead of a vector. The "Performance tip:
// prefer NewGauge" in that function's godoc is for names that are known beforehand.
// To concatenate is faster than the documentation's Sprintf.
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

// goMetrics sets gauges with labels. They do not expire, as PrometheusOpts has it
// (DefaultPrometheusOpts: after a minute), which spares the page comparing times.
// Names and labels go to the sink as they are, so one slice of them does for all.
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

// openTelemetry records in a synchronous gauge. WithAttributeSet "should be
// preferred for performance sensitive code", says its documentation, to
// WithAttributes. The set cannot be made once and for all, since the first label's
// value comes with each event, and the attributes are filled in anew each time,
// since NewSet sorts them in place. WithCardinalityLimit(0) is no limit; the default
// would put all series after the first 2,000 into one.
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
				panic(err) // the name is wrong
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
