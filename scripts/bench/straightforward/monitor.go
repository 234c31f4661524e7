package straightforward

import (
	"maps"
	"strings"
	"time"

	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/metric"
)

// A Monitor is what typed events are emitted to. It adds the node's host and
// attributes, and the time.
type Monitor struct {
	emitter    *Emitter
	host       string
	attributes map[string]string
}

// NewMonitor makes a Monitor that feeds the emitter.
func NewMonitor(emitter *Emitter, host string, attributes map[string]string) *Monitor {
	return &Monitor{emitter, host, attributes}
}

// Flush returns when all events are applied that were emitted before.
func (m *Monitor) Flush() { m.emitter.Flush() }

func (m *Monitor) emit(logger lager.Logger, event metric.Event) {
	event.Host = m.host
	event.Time = time.Now()
	merged := make(map[string]string, len(m.attributes)+len(event.Attributes))
	maps.Copy(merged, m.attributes)
	maps.Copy(merged, event.Attributes)
	event.Attributes = merged
	m.emitter.Emit(logger, event)
}

// WorkerContainers is a typed event.
type WorkerContainers struct {
	WorkerName string
	Platform   string
	Containers int
	TeamName   string
	Tags       []string
}

// Emit emits it.
func (e WorkerContainers) Emit(logger lager.Logger, m *Monitor) {
	m.emit(logger, metric.Event{
		Name:  "worker containers",
		Value: float64(e.Containers),
		Attributes: map[string]string{
			"worker":    e.WorkerName,
			"platform":  e.Platform,
			"team_name": e.TeamName,
			"tags":      strings.Join(e.Tags, "/"),
		},
	})
}
