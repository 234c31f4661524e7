package emitter

import (
	"time"

	"github.com/signalbox-ci/signalbox/internal/status"
)

// DriveTime has the rates of events go by now, and sampled by SampleRates alone. The
// status is made anew whenever now has gone on by a second.
func DriveTime(config *PrometheusConfig, now func() time.Time) { config.realTime = now }

// SampleRates is what the emitter does every second.
func SampleRates(p *Prometheus) { p.history.sample(p.status.now()) }

// Overview is what GET /api/v1/overview answers.
func Overview(p *Prometheus, limit int) status.Overview {
	o, _ := p.overview(limit)
	return o
}

// MakeOverview makes an overview even if one was made just now.
func MakeOverview(p *Prometheus) status.Overview { return p.makeOverview(p.status.now()) }

// MappingStatus is what the overview has about the mapping file.
func MappingStatus(p *Prometheus) *status.Mapping { return p.mappingStatus() }
