package duration_test

import (
	"testing"

	"github.com/signalbox-ci/signalbox/internal/duration"
)

func TestHint(t *testing.T) {
	for text, want := range map[string]string{
		"1d": ": did you mean 24h?", "14d": ": did you mean 336h?",
		"d": "", "-1d": "", "1.5d": "", "soon": "", "": "", "200000d": "",
	} {
		if got := duration.Hint(text); got != want {
			t.Errorf("Hint(%q) = %q, want %q", text, got, want)
		}
	}
}
