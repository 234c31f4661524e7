package interval_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signalbox-ci/signalbox/internal/interval"
)

func TestRunCallsOncePerIntervalUntilTheContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3500*time.Millisecond)
		defer cancel()
		began := time.Now()
		var at []time.Duration
		interval.Run(ctx, time.Second, func() { at = append(at, time.Since(began)) })
		if len(at) != 3 || at[0] != time.Second || at[2] != 3*time.Second {
			t.Errorf("called after %v, expected 1s, 2s, and 3s", at)
		}
		if time.Since(began) != 3500*time.Millisecond {
			t.Errorf("returned after %v, expected 3.5s", time.Since(began))
		}
	})
}
