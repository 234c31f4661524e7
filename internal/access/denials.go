package access

import (
	"errors"
	"net/http"
	"sync/atomic"
	"time"

	"code.cloudfoundry.org/lager/v3"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-ci/signalbox/internal/excerpt"
	"github.com/signalbox-ci/signalbox/internal/loglimit"
)

// A reason is the reason why a request was denied.
type reason uint8

const (
	foreignHost reason = iota
	crossOrigin
	noCredentials
	badCredentials
	rateLimit
	reasons // number of reasons
)

var reasonLabels = [reasons]string{"host", "cross_origin", "no_credentials", "bad_credentials", "rate_limit"}

// Denials counts and logs the requests that the Guards of a listener denied. As a
// prometheus.Collector, it provides the counts. It is safe for concurrent use.
type Denials struct {
	listener string
	desc     *prometheus.Desc
	began    time.Time
	counts   [reasons]atomic.Uint64
	limits   [reasons]loglimit.Limiter
}

// NewDenials returns the Denials of a listener with the name.
func NewDenials(listener string) *Denials {
	d := &Denials{listener: listener, began: time.Now(), desc: prometheus.NewDesc("signalbox_requests_denied_total",
		"Number of requests that were denied before they were handled, by listener and reason.",
		[]string{"reason"}, prometheus.Labels{"listener": listener})}
	for i := range d.limits {
		d.limits[i].Burst = 10
	}
	return d
}

// add counts and logs a denial.
func (d *Denials) add(why reason, logger func() lager.Logger, r *http.Request, text string) {
	d.counts[why].Add(1)
	ok, unlogged := d.limits[why].Allow(time.Since(d.began))
	if !ok {
		return
	}
	data := lager.Data{
		"listener": d.listener,
		"remote":   r.RemoteAddr,
		"method":   excerpt.Short(r.Method),
		"path":     excerpt.Short(r.URL.Path),
		"reason":   reasonLabels[why],
	}
	if unlogged > 0 {
		data["unlogged"] = unlogged
	}
	logger().Error("request-denied", errors.New(text), data)
}

// Describe implements prometheus.Collector.
func (d *Denials) Describe(descs chan<- *prometheus.Desc) { descs <- d.desc }

// Collect implements prometheus.Collector.
func (d *Denials) Collect(metrics chan<- prometheus.Metric) {
	for i := range d.counts {
		metrics <- prometheus.MustNewConstMetric(d.desc, prometheus.CounterValue, float64(d.counts[i].Load()), reasonLabels[i])
	}
}
