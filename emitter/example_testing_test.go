package emitter_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/signalbox-ci/signalbox/emitter"
	"github.com/signalbox-ci/signalbox/metric"
)

// startBuild stands for the scheduler's code under test.
func startBuild(monitor *metric.Monitor) {
	monitor.BuildsStarted.Inc()
	metric.LockAcquired{LockType: "Batch"}.EmitTo(nil, monitor)
}

// A scheduler's test of the metrics that its events update.
func Example_testing() {
	ctx := context.Background()
	monitor := metric.NewMonitor() // one for each test, so that tests can run in parallel
	monitor.RegisterEmitter(&emitter.PrometheusConfig{BindIP: "127.0.0.1", BindPort: "0"})
	if err := monitor.Initialize(nil, "web-1", nil, 0); err != nil {
		panic(err) // in a test, t.Fatal(err)
	}
	defer monitor.Close(ctx)

	startBuild(monitor) // the code under test

	// Typed calls and Emit take effect immediately. Counters and gauges require Flush.
	if err := monitor.Flush(ctx, nil); err != nil {
		panic(err)
	}
	err := testutil.GatherAndCompare(monitor.Emitters()[0].(prometheus.Gatherer), strings.NewReader(`
# HELP concourse_builds_started_total Number of builds started.
# TYPE concourse_builds_started_total counter
concourse_builds_started_total 1
# HELP concourse_locks_held Number of database locks currently held, by lock type.
# TYPE concourse_locks_held gauge
concourse_locks_held{type="Batch"} 1
`), "concourse_builds_started_total", "concourse_locks_held")
	fmt.Println(err) // in a test, if err != nil { t.Error(err) }
	// Output: <nil>
}
