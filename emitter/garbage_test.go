package emitter_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"code.cloudfoundry.org/lager/v3"
	"code.cloudfoundry.org/lager/v3/lagertest"

	"github.com/signalbox-ci/signalbox/emitter"
	"github.com/signalbox-ci/signalbox/emitterfakes"
)

func TestGarbageIsCollectedAtEveryInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var from emitterfakes.FakePrometheusGarbageCollectable
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			logger := lagertest.NewTestLogger("gc")
			emitter.CollectPeriodically(ctx, func() lager.Logger { return logger }, time.Minute, &from)
		}()
		for _, step := range []struct {
			after time.Duration
			want  int
		}{{time.Minute - 1, 0}, {1, 1}, {time.Minute - 1, 1}, {1, 2}, {10 * time.Minute, 12}} {
			time.Sleep(step.after) // in the bubble's fake time
			synctest.Wait()
			if got := from.CollectGarbageCallCount(); got != step.want {
				t.Errorf("%d collections, want %d", got, step.want)
			}
		}
		cancel()
		<-done
	})
}

func TestGarbageCollectionIsLoggedOnlyIfThereWasGarbage(t *testing.T) {
	var from emitterfakes.FakePrometheusGarbageCollectable
	logger := lagertest.NewTestLogger("gc")
	emitter.DoGarbageCollection(logger, &from)
	if logs := logger.Logs(); len(logs) != 0 {
		t.Errorf("got log %v, want none without garbage", logs)
	}
	from.CollectGarbageReturns(emitter.Garbage{Workers: 1, Series: 5})
	emitter.DoGarbageCollection(logger, &from)
	logs := logger.Logs()
	if len(logs) != 1 || logs[0].Data["workers"] != 1.0 || logs[0].Data["series"] != 5.0 {
		t.Errorf("got log %v, want one line with workers 1 and series 5", logs)
	}
}
