package main

import (
	"math/rand/v2"
	"strconv"
)

// A shape is what series look like that one event drives. The first label tells
// them apart, the others are the same for all.
type shape struct {
	event  string
	metric string // the family's name, and that of the family of last-seen times
	labels []label

	// lastSeen, if not empty, is the family of gauges that Signalbox keeps
	// besides: when a worker was last heard of, by the first label.
	lastSeen string
}

// A label is known to the event as an attribute.
type label struct {
	name, attribute string
	value           string // what the first label's values begin with
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

// key is the first label's value of series i.
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

// names are the labels' names.
func names(labels []label) []string {
	names := make([]string, len(labels))
	for i, l := range labels {
		names[i] = l.name
	}
	return names
}

// values are the labels' values, of which the first is for the caller to set.
func values(labels []label) []string {
	values := make([]string, len(labels))
	for i, l := range labels {
		values[i] = l.value
	}
	return values
}

// attributes are the event's, of which that of the first label is for the caller to set.
func (s *shape) attributes() map[string]string {
	attributes := make(map[string]string, len(s.labels))
	for _, l := range s.labels {
		attributes[l.attribute] = l.value
	}
	return attributes
}

// inNoOrder shuffles the keys, always in the same way.
func inNoOrder(keys []string) []string {
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	return keys
}
