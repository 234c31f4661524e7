package main

import (
	"bufio"
	"bytes"
	"encoding/json"
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

// signalboxStream returns a feed that sends each update as a line of one request. The
// daemon reports the progress every 100 ms.
func signalboxStream(d *daemon, updates []update) *feed {
	f := signalboxFeed(d, updates, 1, 1)
	f.hello = fmt.Appendf(nil, "POST /api/v1/events?ack=100ms HTTP/1.1\r\nHost: %s\r\nTransfer-Encoding: chunked\r\n\r\n", d.address)
	for i, u := range updates {
		line := eventLine(u)
		f.messages[i] = fmt.Appendf(nil, "%x\r\n%s\r\n", len(line), line)
	}
	f.goodbye = []byte("0\r\n\r\n")
	f.answered, f.ended = nil, readProgress
	return f
}

// readProgress reads the answer to a stream until its end.
func readProgress(r *bufio.Reader) error {
	response, err := http.ReadResponse(r, nil)
	if err != nil {
		return err
	}
	var last struct {
		Refused, Duplicate, Rejected, Unknown, Status int
	}
	decoder := json.NewDecoder(response.Body)
	for err == nil {
		err = decoder.Decode(&last)
	}
	if err != io.EOF || last.Status != http.StatusOK || last.Refused+last.Duplicate+last.Rejected+last.Unknown > 0 {
		return fmt.Errorf("got the answer %s that ends with %+v and %w, expected a status of 200 and only accepted events", response.Status, last, err)
	}
	return nil
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
