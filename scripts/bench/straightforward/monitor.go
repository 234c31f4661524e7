package straightforward

import (
	"maps"
	"strings"
	"time"

	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/metric"
)

// A Monitor adds the host and the attributes of the node, and the time, to typed
// events.
type Monitor struct {
	emitter    *Emitter
	host       string
	attributes map[string]string
}

// NewMonitor returns a Monitor that sends events to the emitter.
func NewMonitor(emitter *Emitter, host string, attributes map[string]string) *Monitor {
	return &Monitor{emitter, host, attributes}
}

// Flush returns when all events that were emitted before are applied.
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

// WorkerContainers is a typed event: the number of containers on a worker.
type WorkerContainers struct {
	WorkerName string
	Platform   string
	Containers int
	TeamName   string
	Tags       []string
}

// Emit sends the event to a Monitor.
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
