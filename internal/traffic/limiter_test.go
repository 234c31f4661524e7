package traffic

import (
	"testing"
	"time"

	"github.com/signalbox-ci/signalbox/internal/series"
)

func TestOneLineASecondIsLogged(t *testing.T) {
	var l Limiter
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
		if ok, unlogged := l.Allow(at(step.now)); ok != step.ok || unlogged != step.unlogged {
			t.Errorf("at %v: %v, %d unlogged; want %v, %d", step.now, ok, unlogged, step.ok, step.unlogged)
		}
	}
}
