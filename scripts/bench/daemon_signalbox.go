package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
)

// signalboxFeed returns a feed that sends requests over persistent connections. Each
// answer confirms that the events of the request were applied.
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
	want := fmt.Sprintf(`{"accepted":%d,"unknown":0,"refused":0,"duplicate":0}`, each)
	f.answered = func(r *bufio.Reader) error { return readAnswer(r, want) }
	f.applied = "signalbox_events_received_total"
	f.rejected = []string{"signalbox_events_rejected_total", "signalbox_events_unknown_total"}
	f.updated = "concourse_workers_containers"
	return f
}

// eventLine encodes an update as an event without host and time, which a statsd line
// does not have either.
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
		return fmt.Errorf("got the answer %s: %s, expected 200 and %s", response.Status, got, want)
	}
	return nil
}
