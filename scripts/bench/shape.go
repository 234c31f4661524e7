package main

import (
	"math/rand/v2"
	"strconv"

	"github.com/signalbox-ci/signalbox/metric"
)

// A shape describes the series that one event updates. The value of the first label is
// different for each series; the other labels are the same for all.
type shape struct {
	event  string
	metric string // the name of the family
	labels []label

	// lastSeen, if not empty, names an additional family of gauges that Signalbox
	// updates: the time when a worker was last seen, by the first label.
	lastSeen string
}

// A label is a label of a series and the attribute of the event that it comes from.
type label struct {
	name, attribute string
	value           string // the prefix of the values if this is the first label
}

var workerContainers = shape{
	event:  "worker containers",
	metric: "concourse_workers_containers",
	labels: []label{
		{"worker", "worker", "concourse-worker-"},
		{"platform", "platform", "linux"},
		{"team", "team_name", "main"},
		{"tags", "tags", ""},
	},
	lastSeen: "concourse_workers_last_seen_timestamp_seconds",
}

var stepsWaiting = shape{
	event:  "steps waiting",
	metric: "concourse_steps_waiting",
	labels: []label{
		{"teamId", "teamId", "team-id-"},
		{"platform", "platform", "linux"},
		{"teamName", "teamName", "main"},
		{"type", "type", "task"},
		{"workerTags", "workerTags", "gpu"},
	},
}

// key returns the value of the first label of series i.
func (s *shape) key(i int) string {
	buf := make([]byte, 0, 32)
	return string(strconv.AppendInt(append(buf, s.labels[0].value...), int64(i), 10))
}

func (s *shape) keys(n int) []string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = s.key(i)
	}
	return keys
}

// names returns the names of the labels.
func names(labels []label) []string {
	names := make([]string, len(labels))
	for i, l := range labels {
		names[i] = l.name
	}
	return names
}

// eventType returns the type of the events.
func (s *shape) eventType() metric.EventType {
	t := metric.EventType{Name: s.event}
	for _, l := range s.labels {
		t.Attributes = append(t.Attributes, l.attribute)
	}
	return t
}

// labelValues returns the values of the labels. The caller must set the first one.
func labelValues(labels []label) []string {
	values := make([]string, len(labels))
	for i, l := range labels {
		values[i] = l.value
	}
	return values
}

// attributes returns the attributes of the event. The caller must set the attribute of
// the first label.
func (s *shape) attributes() map[string]string {
	attributes := make(map[string]string, len(s.labels))
	for _, l := range s.labels {
		attributes[l.attribute] = l.value
	}
	return attributes
}

// shuffle shuffles the keys, always into the same order.
func shuffle(keys []string) {
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
}
