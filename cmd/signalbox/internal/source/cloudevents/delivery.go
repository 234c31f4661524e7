package cloudevents

import (
	"net/http"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
)

// Delivery decodes a request with one or more events. It calls decode for each event, to
// fill in a delivery, and merges the results. If decode returns an error for every event,
// so does Delivery. It ignores the events with errors if there are others: the sender
// could only drop the whole batch, or send it again.
//
// The delivery of a single event has the identity of the event as its ID. A batch has no
// ID: the next one can repeat some of its events. The tracker recognizes them, because
// each change is about an object that is changed once.
func Delivery(header http.Header, body []byte, decode func(*payload.Delivery, Event) error) (payload.Delivery, error) {
	events, err := Decode(header, body)
	if err != nil {
		return payload.Delivery{}, err
	}
	if len(events) == 1 {
		e := events[0]
		var d payload.Delivery
		if e.ID != "" {
			d = payload.New(payload.ShortID(e.Source + " " + e.ID))
		}
		err := decode(&d, e)
		return d, err
	}
	var all payload.Delivery
	all.Describe("batch")
	all.Ignore("the batch is empty")
	failed := 0
	for _, e := range events {
		var d payload.Delivery
		if err := decode(&d, e); err != nil {
			if failed++; failed == len(events) {
				return payload.Delivery{}, err
			}
			d = payload.Delivery{}
			d.Ignore("%v", err)
		}
		if all.Outcome == payload.Ignored || d.Outcome == payload.Unmapped {
			all.Outcome, all.Reason = d.Outcome, d.Reason
		}
		all.Changes = append(all.Changes, d.Changes...)
	}
	return all, nil
}
