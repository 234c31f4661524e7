package payloadtest

import (
	"maps"
	"time"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/tracker"
	"github.com/signalbox-ci/signalbox/metric"
)

// A Tracked collects the events that a tracker returns for deliveries.
type Tracked struct {
	*tracker.Tracker
	now time.Time

	// Events are the values of the events that count and observe, by name.
	Events map[string][]float64

	last   map[string]map[string]string // attributes of the last event, by name
	gauges []metric.Event
}

// Track returns a Tracked that receives all deliveries at the time now.
func Track(now time.Time) *Tracked {
	return &Tracked{
		Tracker: tracker.New(tracker.Options{}), now: now,
		Events: map[string][]float64{}, last: map[string]map[string]string{},
	}
}

// Apply applies the changes of a delivery.
func (t *Tracked) Apply(d payload.Delivery) {
	for _, c := range d.Changes {
		events, _ := t.Tracker.Apply(c, t.now)
		for _, e := range events {
			switch e.Name {
			case "ci runs active", "ci jobs active", "ci workers":
				t.gauges = append(t.gauges, e)
			default:
				t.Events[e.Name] = append(t.Events[e.Name], e.Value)
				t.last[e.Name] = maps.Clone(e.Attributes)
			}
		}
	}
}

// Last returns the attributes of the last event with the name.
func (t *Tracked) Last(name string) map[string]string { return t.last[name] }

// Gauge returns the sum of a gauge, of the series whose attribute has the value, or of
// all if attribute is empty.
func (t *Tracked) Gauge(name, attribute, value string) float64 {
	current := map[string]float64{}
	for _, e := range t.gauges {
		if e.Name == name && (attribute == "" || e.Attributes[attribute] == value) {
			current[e.Attributes["runner_class"]+"\x00"+e.Attributes["queue"]+"\x00"+e.Attributes["state"]] = e.Value
		}
	}
	sum := 0.0
	for _, v := range current {
		sum += v
	}
	return sum
}
