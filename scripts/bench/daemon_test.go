package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

func TestUpdatesEndWithNewValues(t *testing.T) {
	all := updates(3 * updatedWorkers)
	before := make(map[string]int)
	for _, u := range all[:2*updatedWorkers] {
		before[u.worker] = u.value
	}
	for _, u := range all[2*updatedWorkers:] {
		if value, ok := before[u.worker]; !ok || value == u.value {
			t.Fatalf("%s: got the last value %d, which is not different from %d", u.worker, u.value, value)
		}
	}
}

func TestLines(t *testing.T) {
	u := update{worker: "worker-7", value: 12}

	var event struct {
		Name       string
		Value      int
		Attributes map[string]string
	}
	if err := json.Unmarshal(eventLine(u), &event); err != nil {
		t.Fatal(err)
	}
	if event.Name != "worker containers" || event.Value != 12 || event.Attributes["worker"] != "worker-7" || len(event.Attributes) != 4 {
		t.Errorf("got the event %+v", event)
	}

	want := "concourse_workers_containers,worker=worker-7,platform=linux,team=main,tags=gpu/large:12|g"
	if got := string(statsdLine(u)); got != want {
		t.Errorf("got the line %s, want %s", got, want)
	}
}

func TestReadAnswer(t *testing.T) {
	const want = `{"accepted":1,"unknown":0,"refused":0,"duplicate":0}`
	for _, test := range []struct {
		status string
		body   string
		ok     bool
	}{
		{"200 OK", want + "\n", true},
		{"200 OK", `{"accepted":0,"unknown":1,"refused":0,"duplicate":0}`, false},
		{"400 Bad Request", want, false},
	} {
		answer := fmt.Sprintf("HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s", test.status, len(test.body), test.body)
		err := readAnswer(bufio.NewReader(strings.NewReader(answer)), want)
		if ok := err == nil; ok != test.ok {
			t.Errorf("%q: %v", answer, err)
		}
	}
}

// A fakeSignalbox accepts events, but loses those of one worker.
type fakeSignalbox struct {
	loses string // the name of the worker

	mu      sync.Mutex
	applied int
	values  map[string]int
}

func (s *fakeSignalbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()

	if r.Method == http.MethodGet {
		fmt.Fprintf(w, "# TYPE signalbox_events_received_total counter\nsignalbox_events_received_total %d\n", s.applied)
		fmt.Fprintf(w, "# TYPE concourse_workers_containers gauge\n")
		for worker, value := range s.values {
			fmt.Fprintf(w, "concourse_workers_containers{worker=%q} %d\n", worker, value)
		}
		return
	}
	n := 0
	for lines := bufio.NewScanner(r.Body); lines.Scan(); n++ {
		var event struct {
			Value      int
			Attributes struct{ Worker string }
		}
		if err := json.Unmarshal(lines.Bytes(), &event); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if event.Attributes.Worker != s.loses {
			s.values[event.Attributes.Worker] = event.Value
		}
	}
	s.applied += n
	fmt.Fprintf(w, `{"accepted":%d,"unknown":0,"refused":0,"duplicate":0`, n)
	if r.URL.Query().Has("ack") {
		fmt.Fprint(w, `,"status":200`)
	}
	fmt.Fprint(w, "}")
}

func TestStream(t *testing.T) {
	fake := &fakeSignalbox{values: make(map[string]int)}
	server := httptest.NewServer(fake)
	defer server.Close()

	ctx := t.Context()
	f := signalboxStream(&daemon{address: server.Listener.Addr().String()}, updates(2*updatedWorkers))
	if err := f.open(ctx); err != nil {
		t.Fatal(err)
	}
	if err := f.send(ctx, 3000); err != nil {
		t.Error(err)
	}
	if err := f.close(); err != nil {
		t.Error(err)
	}
	if err := f.wait(ctx, 3000); err != nil {
		t.Error(err)
	}
}

func TestReadProgress(t *testing.T) {
	for _, test := range []struct {
		body string
		ok   bool
	}{
		{`{"accepted":1}` + "\n" + `{"accepted":2,"status":200}`, true},
		{`{"accepted":2}`, false},
		{`{"accepted":2,"rejected":1,"status":400}`, false},
		{`{"accepted":1,"refused":1,"status":200}`, false},
		{`{"accepted":1}` + "\noops", false},
	} {
		answer := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(test.body), test.body)
		if err := readProgress(bufio.NewReader(strings.NewReader(answer))); (err == nil) != test.ok {
			t.Errorf("%q: %v", answer, err)
		}
	}
}

func TestFeed(t *testing.T) {
	for _, loses := range []string{"", "worker-7"} {
		fake := &fakeSignalbox{loses: loses, values: make(map[string]int)}
		server := httptest.NewServer(fake)
		defer server.Close()

		ctx := t.Context()
		f := signalboxFeed(&daemon{address: server.Listener.Addr().String()}, updates(2*updatedWorkers), 100, 2)
		if err := f.open(ctx); err != nil {
			t.Fatal(err)
		}
		defer f.close()
		if err := f.send(ctx, 40); err != nil {
			t.Fatal(err)
		}
		if err := f.wait(ctx, 4000); err != nil {
			t.Error(err)
		}
		if err := f.verify(ctx); (err == nil) != (loses == "") {
			t.Errorf("verify with lost events of %q: %v", loses, err)
		}
		if err := f.wait(ctx, 3999); err == nil {
			t.Error("got no error for more updates than wanted")
		}
	}
}

func TestStartDaemonThatExits(t *testing.T) {
	_, err := startDaemon(t.Context(), "false", "127.0.0.1:1", "false")
	if err == nil || !strings.Contains(err.Error(), "it exited: exit status 1") {
		t.Error(err)
	}
}

func TestPushBody(t *testing.T) {
	body := pushBody(3)
	if got := strings.Count(body, "} 3\n"); got != pushedSamples {
		t.Errorf("got %d samples, want %d:\n%s", got, pushedSamples, body)
	}
	if got := strings.Count(body, "# TYPE "); got != 5 {
		t.Errorf("got %d families, want 5:\n%s", got, body)
	}
}

func TestPushgatewayName(t *testing.T) {
	if got, want := pushgatewayName("pushgateway, version 1.5.1 (branch: debian/sid)"), "Pushgateway 1.5.1"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := pushgatewayName("?"), "Pushgateway"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
