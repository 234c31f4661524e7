package source_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"code.cloudfoundry.org/lager/v3"
	"code.cloudfoundry.org/lager/v3/lagertest"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source"
)

// Rejections must log the first hundred rejections, then one per second with the number
// of those that were not logged.
func TestRejections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := lagertest.NewTestSink()
		logger := lager.NewLogger("test")
		logger.RegisterSink(sink)
		rejections := source.NewRejections(logger, source.PrivateBurst)
		reject := func(times int) {
			for range times {
				rejections.Log("rejected", errors.New("reason"), lager.Data{})
			}
		}
		expect := func(logs int, unlogged any) {
			t.Helper()
			all := sink.Logs()
			if len(all) != logs {
				t.Fatalf("got %d log lines, expected %d", len(all), logs)
			}
			if got := all[logs-1].Data["similar_not_logged"]; got != unlogged {
				t.Errorf("got unlogged %v, expected %v", got, unlogged)
			}
		}

		reject(100)
		expect(100, nil)
		reject(7)
		expect(100, nil)

		time.Sleep(time.Second - time.Nanosecond)
		reject(1)
		expect(100, nil)

		time.Sleep(time.Nanosecond)
		reject(2)
		expect(101, float64(8))

		time.Sleep(time.Hour)
		reject(200)
		expect(201, nil)
	})
}
