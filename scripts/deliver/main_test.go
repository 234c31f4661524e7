package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// received is what a webhook has received.
type received struct {
	ids, bodies []string
	status      int
}

// ServeHTTP implements http.Handler.
func (w *received) ServeHTTP(response http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.bodies = append(w.bodies, string(body))
	w.ids = append(w.ids, r.Header.Get("X-GitHub-Delivery"))
	response.WriteHeader(w.status)
}

// deliver sends the first three deliveries of a recorded job.
func deliver(t *testing.T, o options) (*received, string, error) {
	t.Helper()
	webhook := &received{status: http.StatusAccepted}
	if o.url == "fails" {
		webhook.status = http.StatusUnauthorized
	}
	server := httptest.NewServer(webhook)
	defer server.Close()
	o.url = server.URL + "/webhooks/github"
	o.secretFile = filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(o.secretFile, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join("..", "..", recordings("github"), "workflow_job-life_a-*.json"))
	if err != nil || len(files) != 3 {
		t.Fatalf("got %q, expected three files: %v", files, err)
	}
	var out strings.Builder
	err = run(&out, o, files)
	return webhook, out.String(), err
}

func TestDeliverSendsInOrder(t *testing.T) {
	webhook, out, err := deliver(t, options{repeat: 2})
	if err != nil {
		t.Fatal(err)
	}
	if want := "workflow_job-life_a-1-queued: 202 Accepted\n"; !strings.HasPrefix(out, want+want) || !strings.Contains(out, "\n6 deliveries in ") {
		t.Errorf("got the output %s", out)
	}
	for i, action := range []string{"queued", "queued", "in_progress", "in_progress", "completed", "completed"} {
		if !strings.Contains(webhook.bodies[i], `"action": "`+action+`"`) {
			t.Errorf("delivery %d is not %s", i, action)
		}
	}
	if distinct := len(slices.Compact(webhook.ids)); distinct != 3 {
		t.Errorf("got %d different IDs, expected 3", distinct)
	}
}

func TestDeliverSendsCopies(t *testing.T) {
	webhook, out, err := deliver(t, options{copies: 5, shuffle: true, quiet: true})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(out, "15 deliveries in ") {
		t.Errorf("got the output %s", out)
	}
	slices.Sort(webhook.ids)
	slices.Sort(webhook.bodies)
	if ids, bodies := len(slices.Compact(webhook.ids)), len(slices.Compact(webhook.bodies)); ids != 15 || bodies != 15 {
		t.Errorf("got %d different IDs and %d different bodies, expected 15", ids, bodies)
	}
}

func TestDeliverFails(t *testing.T) {
	if _, _, err := deliver(t, options{url: "fails"}); err == nil || err.Error() != "3 of 3 deliveries were not accepted" {
		t.Errorf("got %v", err)
	}
	if err := run(io.Discard, options{url: "http://127.0.0.1/webhooks/github"}, nil); err == nil || !strings.Contains(err.Error(), "--github-secret-file") {
		t.Errorf("got %v", err)
	}
}

func TestStoryIsInOrderAndAboutNewObjects(t *testing.T) {
	t.Chdir(filepath.Join("..", ".."))
	now := time.Now()
	for system := range stories {
		story, err := readStory(system, now)
		if err != nil {
			t.Fatal(err)
		}
		for i, p := range story {
			if i > 0 && p.at.Before(story[i-1].at) || p.at.After(now) {
				t.Errorf("%s: %s is at %s", system, p.Name, p.at)
			}
		}
		if last := story[len(story)-1].at; now.Sub(last) > 3*time.Second {
			t.Errorf("%s: the last delivery is at %s, expected about %s", system, last, now)
		}
		seen := map[string]bool{}
		for range 2 {
			all, err := prepare(options{}, system, nil)
			if err != nil || len(all) != len(story) {
				t.Fatalf("%s: got %d deliveries, expected %d: %v", system, len(all), len(story), err)
			}
			for _, d := range all {
				if seen[string(d.Body)] {
					t.Errorf("%s: %s is sent twice", system, d.Name)
				}
				seen[string(d.Body)] = true
			}
		}
	}
}
