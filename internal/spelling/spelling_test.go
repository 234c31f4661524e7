package spelling_test

import (
	"strings"
	"testing"

	"github.com/signalbox-ci/signalbox/internal/spelling"
)

func TestNearest(t *testing.T) {
	events := []string{"build started", "build finished", "worker tasks"}
	statuses := []string{"succeeded", "failed", "errored", "aborted"}
	for _, c := range []struct {
		word       string
		candidates []string
		want       string
	}{
		{"build finsihed", events, "build finished"}, // swapped letters
		{"Build Started", events, "build started"},   // different case
		{"worker task", events, "worker tasks"},
		{"deploy", events, ""},
		{"", events, ""},
		{"lbels", []string{"metric", "labels"}, "labels"},
		{"x", []string{"y"}, ""}, // nothing in common
		{"concourse_builds_started_total", []string{"builds_started_total"}, "builds_started_total"},
		{"prometheus-gc-intervall", []string{"prometheus-gc-interval", "prometheus-bind-ip"}, "prometheus-gc-interval"},
		{"intake-port", []string{"intake-bind-ip", "intake-bind-port"}, "intake-bind-port"}, // omitted word
		{"success", statuses, "succeeded"}, // common prefix
		{"Failure", statuses, "failed"},
		{"err", statuses, "errored"},
		{"waiting", statuses, ""},
		{"buildstarted", events, "build started"},
		{strings.Repeat("a", 201), []string{strings.Repeat("a", 200)}, ""}, // too long to compare
	} {
		if got := spelling.Nearest(c.word, c.candidates); got != c.want {
			t.Errorf("Nearest(%q): got %q, expected %q", c.word, got, c.want)
		}
	}
}

func TestHint(t *testing.T) {
	if got := spelling.Hint("lbels", []string{"labels"}); got != `: did you mean "labels"?` {
		t.Errorf("got %q", got)
	}
	if got := spelling.Hint("pipeline", []string{"labels"}); got != "" {
		t.Errorf("got %q", got)
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "abc", 0}, {"abc", "acb", 1}, {"abc", "abd", 1}, {"abc", "bc", 1}, {"ca", "abc", 3}} {
		if got := spelling.Distance(c.a, c.b); got != c.want {
			t.Errorf("Distance(%q, %q): got %d, expected %d", c.a, c.b, got, c.want)
		}
	}
}
