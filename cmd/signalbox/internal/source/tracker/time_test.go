package tracker_test

import (
	"slices"
	"testing"
	"time"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/tracker"
)

func TestParseTime(t *testing.T) {
	want := time.Date(2026, 3, 4, 10, 0, 5, 0, time.UTC)
	for text, fraction := range map[string]time.Duration{
		"2026-03-04T10:00:05Z":           0,
		"2026-03-04T12:00:05+02:00":      0,
		"2026-03-04T10:00:05.5Z":         500 * time.Millisecond,
		"2026-03-04T10:00:05.1234567Z":   123456700,
		"2026-03-04T10:00:05.123456789Z": 123456789,
		"2026-03-04 10:00:05 UTC":        0,
		"2026-03-04 10:00:05.25 UTC":     250 * time.Millisecond,
		"2026-03-04 12:00:05 +0200":      0,
	} {
		got, err := tracker.ParseTime(text)
		if err != nil || got != want.Add(fraction) {
			t.Errorf("%s: got %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "1970-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "1970-01-01 00:00:00 UTC", "1970-01-01T02:00:00+02:00"} {
		if got, err := tracker.ParseTime(text); err != nil || !got.IsZero() {
			t.Errorf("%s: got %v, %v, expected the zero time", text, got, err)
		}
	}
	for _, text := range []string{"2026-03-04", "1772618405", "yesterday", "2026-02-30T00:00:00Z"} {
		if got, err := tracker.ParseTime(text); err == nil || !got.IsZero() {
			t.Errorf("%s: got %v, expected an error", text, got)
		}
	}
	var c tracker.Change
	if got := c.ParseTime("2026-03-04T10:00:05Z"); got != want || len(c.Anomalies) != 0 {
		t.Errorf("got %v and anomalies %v", got, c.Anomalies)
	}
	if got := c.ParseTime("x"); !got.IsZero() || len(c.Anomalies) != 1 || c.Anomalies[0] != tracker.Unreadable {
		t.Errorf("got %v and anomalies %v", got, c.Anomalies)
	}
}

func TestUnix(t *testing.T) {
	var c tracker.Change
	want := time.Date(2026, 3, 4, 10, 0, 5, 0, time.UTC)
	if got := c.Unix(want.Unix()); got != want {
		t.Errorf("got %v", got)
	}
	if got := c.UnixMilli(want.UnixMilli() + 7); got != want.Add(7*time.Millisecond) {
		t.Errorf("got %v", got)
	}
	if !c.Unix(0).IsZero() || !c.UnixMilli(0).IsZero() || c.Anomalies != nil {
		t.Errorf("expected the zero time for 0, without anomalies, got %v", c.Anomalies)
	}
	if !c.Unix(-1).IsZero() || !c.UnixMilli(1).IsZero() || !slices.Equal(c.Anomalies, []tracker.Anomaly{tracker.Epoch, tracker.Epoch}) {
		t.Errorf("expected the zero time and an anomaly for each time before 2000, got %v", c.Anomalies)
	}
}

func TestSanitize(t *testing.T) {
	now := time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC)
	year2000 := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		time time.Time
		want tracker.Anomaly
		none bool
	}{
		{time: now},
		{time: year2000},
		{time: now.Add(time.Hour)},
		{time.Time{}, 0, true},
		{time.Unix(0, 0), 0, true},
		{year2000.Add(-1), tracker.Epoch, true},
		{time.Unix(1, 0), tracker.Epoch, true},
		{now.Add(time.Hour + 1), tracker.Future, true},
	} {
		want := c.time
		if c.none {
			want = time.Time{}
		}
		if got, anomaly := tracker.Sanitize(c.time, now); got != want || anomaly != c.want {
			t.Errorf("%v: got %v, %v, expected %v, %v", c.time, got, anomaly, want, c.want)
		}
	}
}

func TestLatest(t *testing.T) {
	if c := (tracker.Change{}); !c.Latest().IsZero() {
		t.Error("expected the zero time")
	}
	for i := range 4 {
		c := tracker.Change{Time: at(1), Queued: at(1), Started: at(1), Ended: at(1)}
		*[]*time.Time{&c.Time, &c.Queued, &c.Started, &c.Ended}[i] = at(2)
		if got := c.Latest(); got != at(2) {
			t.Errorf("got %v", got)
		}
	}
}
