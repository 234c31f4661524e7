package cloudevents

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/tracker"
)

// An Event is a CloudEvent. Missing attributes are empty. ID and Source together
// identify it.
type Event struct {
	ID, Source, Type, Subject string

	Time time.Time // zero if it is missing or not a time

	// Data is the payload of the event, and valid as long as the body. It may be something
	// other than JSON in binary mode, or if it was encoded in base64. It is null if an
	// event in structured or batch mode has none.
	Data json.RawMessage
}

// maxBatch is the maximum number of events in a batch. It limits the memory for decoding
// one: an event can be as short as two bytes.
const maxBatch = 1000

// Decode returns the events in a request. The content type determines whether it is in
// structured or batch mode. If there is no content type and no attribute in a header,
// as for a body from a file, the body determines it. Decode returns an error if the
// body is not JSON in these modes, or if a batch has more than 1000 events.
func Decode(header http.Header, body []byte) ([]Event, error) {
	switch contentType := strings.ToLower(header.Get("Content-Type")); {
	case strings.HasPrefix(contentType, "application/cloudevents-batch"):
		return decodeBatch(body)
	case strings.HasPrefix(contentType, "application/cloudevents"):
		return decodeStructured(body)
	case header.Get("ce-type") != "":
		return []Event{decodeBinary(header, body)}, nil
	case strings.HasPrefix(strings.TrimLeft(string(body[:min(len(body), 100)]), " \t\r\n"), "["):
		return decodeBatch(body)
	}
	if events, err := decodeStructured(body); err != nil || events[0].Type != "" {
		return events, err
	}
	return []Event{decodeBinary(header, body)}, nil
}

func decodeBinary(header http.Header, body []byte) Event {
	get := func(name string) string {
		value := header.Get("ce-" + name)
		if decoded, err := url.PathUnescape(value); err == nil {
			return decoded
		}
		return value // of a sender that does not encode percent signs
	}
	return Event{ID: get("id"), Source: get("source"), Type: get("type"), Subject: get("subject"), Time: parseTime(get("time")), Data: body}
}

// An envelope is an event in structured mode.
type envelope struct {
	ID         payload.ID      `json:"id"`
	Source     string          `json:"source"`
	Type       string          `json:"type"`
	Subject    string          `json:"subject"`
	Time       string          `json:"time"`
	Data       json.RawMessage `json:"data"`
	DataBase64 string          `json:"data_base64"`
}

func (e *envelope) event() Event {
	event := Event{ID: string(e.ID), Source: e.Source, Type: e.Type, Subject: e.Subject, Time: parseTime(e.Time), Data: e.Data}
	switch {
	case e.DataBase64 != "":
		event.Data, _ = base64.StdEncoding.DecodeString(e.DataBase64) // what precedes an error
	case e.Data == nil:
		event.Data = json.RawMessage("null")
	}
	return event
}

func decodeStructured(body []byte) ([]Event, error) {
	var e envelope
	if err := payload.Unmarshal(body, &e); err != nil {
		return nil, err
	}
	return []Event{e.event()}, nil
}

func decodeBatch(body []byte) ([]Event, error) {
	var batch json.RawMessage
	if err := payload.Unmarshal(body, &batch); err != nil {
		return nil, err
	}
	var events []Event
	for e := range payload.Elements[envelope](batch) {
		if len(events) == maxBatch {
			return nil, fmt.Errorf("got a batch of more than %d events, expected fewer", maxBatch)
		}
		events = append(events, e.event())
	}
	return events, nil
}

// parseTime returns a time, or the zero Time if the text is not one.
func parseTime(text string) time.Time {
	t, _ := tracker.ParseTime(text)
	return t
}
