package deliveries_test

import (
	"bytes"
	"path"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/signalbox-ci/signalbox/scripts/internal/deliveries"
)

// The secrets of the recordings, and the time at which those of GitLab, Drone and Buildkite
// are signed.
var (
	secrets = []string{"signalbox-fixture-secret", "whsec_c2lnbmFsYm94LWZpeHR1cmUtc2lnbmluZy1rZXktMzI="}
	signed  = time.Unix(1772618400, 0)
)

var systems = []string{"github", "gitlab", "gitea", "circleci", "azuredevops", "drone", "cdevents", "tekton", "buildkite", "jenkins"}

// authorizations are the headers of systems whose recordings do not have them.
var authorizations = map[string]string{
	"cdevents": "Bearer signalbox-fixture-secret",
	"tekton":   "Bearer signalbox-fixture-secret",
	"jenkins":  "Basic OnNpZ25hbGJveC1maXh0dXJlLXNlY3JldA==",
}

// recordings returns the deliveries of a CI system that match a pattern.
func recordings(t *testing.T, system, pattern string) []deliveries.Delivery {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("../../../cmd/signalbox/internal/source", system, "testdata", pattern))
	if err != nil || files == nil {
		t.Fatalf("no recordings of %s match %s: %v", system, pattern, err)
	}
	var all []deliveries.Delivery
	for _, file := range files {
		d, err := deliveries.Read(file)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, d)
	}
	return all
}

func TestSignReproducesTheSignatures(t *testing.T) {
	for _, system := range systems {
		for _, d := range recordings(t, system, "*.json") {
			want := d.Header.Clone()
			want.Del("X-Hub-Signature") // with SHA-1
			if authorization := authorizations[system]; authorization != "" {
				want.Set("Authorization", authorization)
			}
			d.Shift(0)
			if err := d.Sign(system, secrets, signed); err != nil {
				t.Fatal(err)
			}
			if want.Get("X-Buildkite-Token") != "" { // it becomes a signature
				want.Del("X-Buildkite-Token")
				want.Set("X-Buildkite-Signature", d.Header.Get("X-Buildkite-Signature"))
			}
			for name := range want {
				if got := d.Header.Get(name); got != want.Get(name) {
					t.Errorf("%s: %s: got %s, expected %s", d.Name, name, got, want.Get(name))
				}
			}
			if len(d.Header) != len(want) {
				t.Errorf("%s: got headers %v, expected %v", d.Name, d.Header, want)
			}
		}
	}
}

func TestSignUsesOnlyTheSecretsInTheFile(t *testing.T) {
	d := recordings(t, "gitlab", "build-life_a-1*.json")[0]
	for _, c := range []struct {
		secrets          []string
		token, signature bool
	}{{secrets[:1], true, false}, {secrets[1:], false, true}, {secrets, true, true}} {
		if err := d.Sign("gitlab", c.secrets, signed); err != nil {
			t.Fatal(err)
		}
		if token, signature := d.Header.Get("X-Gitlab-Token") != "", d.Header.Get("webhook-signature") != ""; token != c.token || signature != c.signature {
			t.Errorf("%q: got token %t and signature %t", c.secrets, token, signature)
		}
	}
	if d.Sign("gitlab", []string{"whsec_%"}, signed) == nil || d.Sign("teamcity", secrets, signed) == nil {
		t.Error("got no error")
	}
}

func TestShift(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{`"2026-03-04T10:00:00Z"`, `"2026-03-05T11:00:01Z"`},
		{`"2026-03-04T10:00:00.5Z"`, `"2026-03-05T11:00:01.5Z"`},
		{`"2026-03-04T10:00:00.1234560Z"`, `"2026-03-05T11:00:01.1234560Z"`},
		{`"2026-03-04T10:00:00.000+02:00"`, `"2026-03-05T11:00:01.000+02:00"`},
		{`"2026-02-28 10:00:00 UTC"`, `"2026-03-01 11:00:01 UTC"`},
		{`"2026-03-04 10:00:00 +0200"`, `"2026-03-05 11:00:01 +0200"`},
		{`{"created": 1772618400, "queued":0}`, `{"created": 1772708401, "queued":0}`},
		{`{"timestamp":1772618400123}`, `{"timestamp":1772708401123}`},
		{`{"pushed_at": 1772618400}`, `{"pushed_at": 1772708401}`},

		{`"1970-01-01T00:00:00Z"`, ""},
		{`"0001-01-01T00:00:00Z"`, ""},
		{`"2026-13-04T10:00:00Z"`, ""},
		{`"since 2026-03-04T10:00:00Z"`, ""},
		{`{"id": 1772618400}`, ""},
		{`{"duration": 1772618400}`, ""},
	} {
		if c.want == "" {
			c.want = c.text
		}
		d := deliveries.Delivery{Body: []byte(c.text)}
		d.Shift(25*time.Hour + time.Second)
		if string(d.Body) != c.want {
			t.Errorf("%s: got %s, expected %s", c.text, d.Body, c.want)
		}
	}
}

// untimed are recordings without times, or only with times of what exists longer than a
// run, and those about the configuration of jobs.
var untimed = map[string]bool{
	"workflow_job-null-workflow_job":                       true,
	"build-created-old":                                    true,
	"workflow_run-life_a-1-requested":                      true,
	"workflow_run-life_b_rerun-1-requested":                true,
	"workflow_run-life_b_rerun-4-rerun-requested-attempt2": true,
	"cloudevents-job_created":                              true,
	"cloudevents-job_updated":                              true,
	"cloudevents-node_online":                              true,
}

func TestShiftMovesAllTimesOfTheRecordings(t *testing.T) {
	for _, system := range systems {
		for _, d := range recordings(t, system, "*.json") {
			before, newest := d.Clone(), d.Newest()
			d.Shift(time.Hour)
			if got := d.Newest(); !newest.IsZero() && got.Sub(newest) != time.Hour {
				t.Errorf("%s: the newest time is %s, expected an hour after %s", d.Name, got, newest)
			}
			if !untimed[d.Name] && (newest.IsZero() || bytes.Equal(before.Body, d.Body)) {
				t.Errorf("%s: no time in the body changed", d.Name)
			}
			if at := before.Header.Get("Ce-Time"); at != "" && d.Header.Get("Ce-Time") == at {
				t.Errorf("%s: the time in the header did not change", d.Name)
			}
			d.Shift(-time.Hour)
			if !reflect.DeepEqual(before, d) {
				t.Errorf("%s: shifting there and back changed something else", d.Name)
			}
		}
	}
}

func TestShiftToNowKeepsTheTimesOfARunTogether(t *testing.T) {
	now := time.Date(2030, 1, 2, 3, 4, 5, 6, time.UTC)
	life := recordings(t, "github", "workflow_job-life_a-*.json")
	other := recordings(t, "github", "workflow_job-completed-success.json") // five years older
	all := append(life, other...)
	deliveries.ShiftToNow(all, now)
	for i, want := range []string{
		`"created_at": "2030-01-02T03:00:23Z",` + "\n    " + `"started_at": "2030-01-02T03:00:23Z",` + "\n    " + `"completed_at": null,`,
		`"started_at": "2030-01-02T03:00:35Z"`,
		`"completed_at": "2030-01-02T03:04:05Z"`,
		`"completed_at": "2030-01-02T03:04:05Z"`,
	} {
		if !strings.Contains(string(all[i].Body), want) {
			t.Errorf("%s: %s is missing", all[i].Name, want)
		}
	}
}

func TestShiftToNowKnowsTheRunsOfAllSystems(t *testing.T) {
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, c := range []struct {
		system string
		names  []string
		pause  time.Duration // between them
	}{
		{"cdevents", []string{"v0.5.1-pipelinerun-life_a-1-queued", "v0.5.1-pipelinerun-life_a-3-finished-success"}, 255 * time.Second},
		{"tekton", []string{"pipelinerun.queued", "taskrun.successful"}, 187 * time.Second},
		{"buildkite", []string{"build.scheduled", "job.finished-passed"}, 209 * time.Second},
		{"jenkins", []string{"notification-queued", "notification-completed-success"}, 123 * time.Second},
		{"jenkins", []string{"cloudevents-queue_entered_waiting", "cloudevents-job_completed"}, 5606 * time.Millisecond},
		{"drone", []string{"build-created-pending", "build-updated-success"}, 130 * time.Second},
		{"circleci", []string{"life_a-1-job-lint-success", "life_a-3-workflow-failed"}, 141 * time.Second},
	} {
		var all []deliveries.Delivery
		for _, name := range c.names {
			all = append(all, recordings(t, c.system, name+".json")...)
		}
		deliveries.ShiftToNow(all, now)
		first, last := all[0].Newest(), all[1].Newest()
		if now.Sub(last) >= time.Second || last.Sub(first) != c.pause {
			t.Errorf("%s: %q are at %s and %s, expected a difference of %s", c.system, c.names, first, last, c.pause)
		}
	}
}

func TestRenumber(t *testing.T) {
	d := recordings(t, "github", "workflow_job-life_a-1*.json")[0]
	d.Renumber(1000)
	for _, want := range []string{`"id": 91001,`, `"run_id": 7000001001,`, `"run_attempt": 1,`, `"node_id": "CR_kwDOCR"`} {
		if !strings.Contains(string(d.Body), want) {
			t.Errorf("%s is missing", want)
		}
	}
	for _, c := range []struct{ text, want string }{
		{`{"id":"ci.yml","build_id":12345678901234567890,"x":{"pipeline_id": 5}}`, `{"id":"ci.yml","build_id":12345678901234567890,"x":{"pipeline_id": 1005}}`},
		{`{"id":"3f0f6c1e-52a5-4c55-9d5e-0000000000ff","url":"https://x/3f0f6c1e-52a5-4c55-9d5e-fffffffffffe/jobs"}`,
			`{"id":"3f0f6c1e-52a5-4c55-9d5e-0000000004e7","url":"https://x/3f0f6c1e-52a5-4c55-9d5e-0000000003e6/jobs"}`},
		{`{"number":18,"queue_id":1,"queueId":25,"jenkinsQueueId":26,"queue_size":3}`, `{"number":18,"queue_id":1001,"queueId":1025,"jenkinsQueueId":1026,"queue_size":3}`},
		{`{"nodeName":"linux-1","cachedHostName":"host"}`, `{"nodeName":"linux-1-1000","cachedHostName":"host"}`},
		{`{"nodeName":""}`, `{"nodeName":""}`}, // the built-in node
		{`{"context":{"id":"1"},"subject": {"id": "/ns/task","content":{"pipelineRun":{"id":"/ns/run"},"environment":{"id":"production"}}}}`,
			`{"context":{"id":"1"},"subject": {"id": "/ns/task-1000","content":{"pipelineRun":{"id":"/ns/run-1000"},"environment":{"id":"production"}}}}`},
		{`{"context":{"type":"dev.cdevents.service.deployed.0.3.0"},"subject":{"id":"shop"}}`, `{"context":{"type":"dev.cdevents.service.deployed.0.3.0"},"subject":{"id":"shop"}}`},
	} {
		d := deliveries.Delivery{Body: []byte(c.text)}
		d.Renumber(1000)
		if string(d.Body) != c.want {
			t.Errorf("got %s, expected %s", d.Body, c.want)
		}
	}
}

func TestSetID(t *testing.T) {
	for _, c := range []struct {
		recording string
		inHeaders int // number of headers with the ID
		inBody    bool
	}{
		{"github/workflow_job-life_a-1-*", 1, false},
		{"gitlab/build-life_a-1-*", 2, false},
		{"gitea/workflow_job-life_a-1-*", 3, false},
		{"circleci/life_a-1-*", 0, true},
		{"azuredevops/life_a-1-*", 0, true},
		{"drone/build-created-pending", 0, false},
		{"cdevents/v0.5.1-pipelinerun_finished", 1, false},
		{"cdevents/v0.5.1-pipelinerun_finished-structured", 0, true},
		{"tekton/pipelinerun.queued", 1, false},
		{"buildkite/build.running", 0, false},
		{"buildkite/eventbridge-build_started", 0, true},
		{"jenkins/cloudevents-job_started", 1, false},
		{"jenkins/notification-started", 0, false},
	} {
		system, pattern := path.Split(c.recording)
		d := recordings(t, system, pattern+".json")[0]
		original := d.Clone()
		d.SetID("new")
		changed := 0
		for name := range d.Header {
			if d.Header.Get(name) != original.Header.Get(name) {
				changed++
			}
		}
		if changed != c.inHeaders {
			t.Errorf("%s: %d headers changed, expected %d", c.recording, changed, c.inHeaders)
		}
		if inBody := bytes.Contains(d.Body, []byte(`"id": "new",`)); inBody != c.inBody || !inBody && !bytes.Equal(d.Body, original.Body) {
			t.Errorf("%s: the ID in the body changed: %t", c.recording, inBody)
		}
	}
}

func TestReadReturnsErrors(t *testing.T) {
	for _, file := range []string{"missing.json", "deliveries.go"} {
		if _, err := deliveries.Read(file); err == nil {
			t.Errorf("%s: got no error", file)
		}
	}
}
