package emitter

import (
	"testing"
	"time"

	"github.com/signalbox-ci/signalbox/internal/series"
)

func TestOneLineASecondIsLogged(t *testing.T) {
	var l limiter
	at := func(d time.Duration) series.Instant { return series.Instant(time.Hour + d) }
	for _, step := range []struct {
		now      time.Duration
		ok       bool
		unlogged uint64
	}{
		{0, true, 0},
		{0, false, 0},
		{time.Second - 1, false, 0},
		{time.Second, true, 2},
		{10 * time.Second, true, 0},
		{10 * time.Second, false, 0},
		{time.Second, true, 1}, // the clock was set back
		{time.Second + 1, false, 0},
	} {
		if ok, unlogged := l.allow(at(step.now)); ok != step.ok || unlogged != step.unlogged {
			t.Errorf("at %v: %v, %d unlogged; want %v, %d", step.now, ok, unlogged, step.ok, step.unlogged)
		}
	}
}

func TestSanitize(t *testing.T) {
	for key, want := range map[string]string{
		"invalid-label":       "invalid_label",
		"__prefix__test__":    "prefix_test",
		"plain":               "plain",
		"a.b/c d":             "a_b_c_d",
		"a-_-b":               "a_b",
		"ü":                   "",
		"___":                 "",
		"1st":                 "1st",
		"region.eu-west-1":    "region_eu_west_1",
		"UPPER_and_lower":     "UPPER_and_lower",
		"trailing-separator-": "trailing_separator",
	} {
		if got := sanitize(key); got != want {
			t.Errorf("sanitize(%q) is %q, want %q", key, got, want)
		}
	}
}
