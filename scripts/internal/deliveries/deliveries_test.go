package deliveries_test

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/signalbox-ci/signalbox/scripts/internal/deliveries"
)

// The secrets of the recordings, and the time at which those of GitLab and Drone are signed.
var (
	secrets = []string{"signalbox-fixture-secret", "whsec_c2lnbmFsYm94LWZpeHR1cmUtc2lnbmluZy1rZXktMzI="}
	signed  = time.Unix(1772618400, 0)
)

var systems = []string{"github", "gitlab", "gitea", "circleci", "azuredevops", "drone"}

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
			d.Shift(0)
			if err := d.Sign(system, secrets, signed); err != nil {
				t.Fatal(err)
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

func TestShiftMovesAllTimesOfTheRecordings(t *testing.T) {
	for _, system := range systems {
		for _, d := range recordings(t, system, "*.json") {
			before := bytes.Clone(d.Body)
			d.Shift(time.Hour)
			if bytes.Equal(before, d.Body) && bytes.Contains(before, []byte(`_at": "2`)) {
				t.Errorf("%s: nothing changed", d.Name)
			}
			d.Shift(-time.Hour)
			if !bytes.Equal(before, d.Body) {
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

func TestRenumber(t *testing.T) {
	d := recordings(t, "github", "workflow_job-life_a-1*.json")[0]
	d.Renumber(1000)
	for _, want := range []string{`"id": 91001,`, `"run_id": 7000001001,`, `"run_attempt": 1,`, `"node_id": "CR_kwDOCR"`} {
		if !strings.Contains(string(d.Body), want) {
			t.Errorf("%s is missing", want)
		}
	}
	d.Body = []byte(`{"id":"ci.yml","build_id":12345678901234567890,"x":{"pipeline_id": 5}}`)
	d.Renumber(1000)
	if want := `{"id":"ci.yml","build_id":12345678901234567890,"x":{"pipeline_id": 1005}}`; string(d.Body) != want {
		t.Errorf("got %s, expected %s", d.Body, want)
	}
	d.Body = []byte(`{"id":"3f0f6c1e-52a5-4c55-9d5e-0000000000ff","url":"https://x/3f0f6c1e-52a5-4c55-9d5e-ffffffffffff/jobs"}`)
	d.Renumber(2)
	if want := `{"id":"3f0f6c1e-52a5-4c55-9d5e-000000000101","url":"https://x/3f0f6c1e-52a5-4c55-9d5e-000000000001/jobs"}`; string(d.Body) != want {
		t.Errorf("got %s, expected %s", d.Body, want)
	}
}

func TestSetID(t *testing.T) {
	for _, system := range systems {
		d := recordings(t, system, map[bool]string{true: "*created*.json", false: "*life_a-1*.json"}[system == "drone"])[0]
		original := d.Clone()
		d.SetID("new")
		changed := 0
		for name := range d.Header {
			if d.Header.Get(name) != original.Header.Get(name) {
				changed++
			}
		}
		if want := map[string]int{"github": 1, "gitlab": 2, "gitea": 3}[system]; changed != want {
			t.Errorf("%s: %d headers changed, expected %d", system, changed, want)
		}
		if inBody := bytes.Contains(d.Body, []byte(`"id": "new",`)); inBody != (changed == 0 && system != "drone") { // which has none
			t.Errorf("%s: the ID in the body changed: %t", system, inBody)
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
