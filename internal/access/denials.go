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
	latest   [reasons]atomic.Pointer[Denial]
	limits   [reasons]loglimit.Limiter
}

// A Denial describes the latest request that was denied for a reason.
type Denial struct {
	Reason  string
	At      time.Time
	Remote  string // address of the sender
	Request string // excerpts of the method and the path
	Text    string // response
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
	d.latest[why].Store(&Denial{
		Reason: reasonLabels[why], At: time.Now(), Remote: r.RemoteAddr, Text: text,
		Request: excerpt.Short(r.Method) + " " + excerpt.Short(r.URL.Path),
	})
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

// Listener returns the name of the listener.
func (d *Denials) Listener() string { return d.listener }

// Latest returns the latest denial for each reason for which there was one.
func (d *Denials) Latest() (latest []Denial) {
	for i := range d.latest {
		if l := d.latest[i].Load(); l != nil {
			latest = append(latest, *l)
		}
	}
	return latest
}

// Describe implements prometheus.Collector.
func (d *Denials) Describe(descs chan<- *prometheus.Desc) { descs <- d.desc }

// Collect implements prometheus.Collector.
func (d *Denials) Collect(metrics chan<- prometheus.Metric) {
	for i := range d.counts {
		metrics <- prometheus.MustNewConstMetric(d.desc, prometheus.CounterValue, float64(d.counts[i].Load()), reasonLabels[i])
	}
}
