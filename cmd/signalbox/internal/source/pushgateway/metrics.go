package pushgateway

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// statuses contains the usual statuses of the responses to each method. The counters
// for all of them start at zero.
var statuses = map[string][]int{
	http.MethodPut: {
		http.StatusOK, http.StatusBadRequest, http.StatusRequestEntityTooLarge,
		http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusServiceUnavailable,
	},
	http.MethodPost: {
		http.StatusOK, http.StatusBadRequest, http.StatusRequestEntityTooLarge,
		http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusServiceUnavailable,
	},
	http.MethodDelete: {
		http.StatusAccepted, http.StatusBadRequest, http.StatusInternalServerError,
	},
}

// metrics contains the metrics about the handler.
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
			Help: "Number of requests to push to or delete a group, by method and status code.",
		}, []string{"method", "code"}),
		duration: factory.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "signalbox_push_duration_seconds",
			Help:    "Duration of requests to push to or delete a group, including the time to receive the body.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 4, 8), // up to 8 s
		}, []string{"method"}),
		size: factory.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "signalbox_push_size_bytes",
			Help:    "Size of pushed bodies before decompression.",
			Buckets: prometheus.ExponentialBuckets(256, 4, 9), // up to 16 MiB
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
