package pushgateway

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// statuses are the statuses of the answers to each method, so that the counters start
// at zero.
var statuses = map[string][]int{
	http.MethodPut: {
		http.StatusOK, http.StatusBadRequest, http.StatusRequestEntityTooLarge,
		http.StatusTooManyRequests, http.StatusInternalServerError,
	},
	http.MethodPost: {
		http.StatusOK, http.StatusBadRequest, http.StatusRequestEntityTooLarge,
		http.StatusTooManyRequests, http.StatusInternalServerError,
	},
	http.MethodDelete: {
		http.StatusAccepted, http.StatusBadRequest, http.StatusInternalServerError,
	},
}

// metrics are the metrics about the handler.
type metrics struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	size     *prometheus.HistogramVec
}

func newMetrics(registerer prometheus.Registerer) metrics {
	factory := promauto.With(registerer)
	m := metrics{
		requests: factory.NewCounterVec(prometheus.CounterOpts{
			Name: "signalbox_push_requests_total",
			Help: "Requests to push or delete a group of metrics, by method and status.",
		}, []string{"method", "code"}),
		duration: factory.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "signalbox_push_duration_seconds",
			Help:    "Time from a request's header to its answer; the client's time to send the body is in it.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 4, 8), // to 8 s
		}, []string{"method"}),
		size: factory.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "signalbox_push_size_bytes",
			Help:    "Size of pushed bodies as they came, before decompression.",
			Buckets: prometheus.ExponentialBuckets(256, 4, 9), // to 16 MiB
		}, []string{"method"}),
	}
	for method, codes := range statuses {
		for _, code := range codes {
			m.requests.WithLabelValues(strings.ToLower(method), strconv.Itoa(code))
		}
		m.duration.WithLabelValues(strings.ToLower(method))
		if method != http.MethodDelete {
			m.size.WithLabelValues(strings.ToLower(method))
		}
	}
	return m
}

// observe records a request with one of the methods in statuses.
func (m metrics) observe(method string, status int, took time.Duration, size int64) {
	method = strings.ToLower(method)
	m.requests.WithLabelValues(method, strconv.Itoa(status)).Inc()
	m.duration.WithLabelValues(method).Observe(took.Seconds())
	if method != "delete" {
		m.size.WithLabelValues(method).Observe(float64(size))
	}
}
