package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
)

// signalboxFeed sends requests over connections that stay open. The answers say
// that the events were applied.
func signalboxFeed(d *daemon, updates []update, each, connections int) *feed {
	f := newFeed(d, updates, each, func(message []update) []byte {
		var body bytes.Buffer
		for _, u := range message {
			body.Write(eventLine(u))
		}
		return fmt.Appendf(nil, "POST /api/v1/events HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-ndjson\r\nContent-Length: %d\r\n\r\n%s",
			d.address, body.Len(), &body)
	})
	f.network, f.address, f.connections = "tcp", d.address, connections
	want := fmt.Sprintf(`{"accepted":%d,"unknown":0}`, each)
	f.answered = func(r *bufio.Reader) error { return readAnswer(r, want) }
	f.applied = "signalbox_events_received_total"
	f.refused = []string{"signalbox_events_rejected_total", "signalbox_events_unknown_total"}
	f.updated = "concourse_workers_containers"
	return f
}

// eventLine is an update as an event. It has no host and no time, since a statsd line
// carries neither.
func eventLine(u update) []byte {
	return fmt.Appendf(nil, `{"name":"worker containers","value":%d,`+
		`"attributes":{"worker":%q,"platform":"linux","team_name":"main","tags":"gpu/large"}}`+"\n", u.value, u.worker)
}

func readAnswer(r *bufio.Reader, want string) error {
	response, err := http.ReadResponse(r, nil)
	if err != nil {
		return err
	}
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if got := string(bytes.TrimSpace(answer)); response.StatusCode != http.StatusOK || got != want {
		return fmt.Errorf("answered with %s: %s; want %s", response.Status, got, want)
	}
	return nil
}
