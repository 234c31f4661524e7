package metric_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/metric"
)

// printer is an emitter that prints events.
type printer struct{ only string }

func (p printer) Emit(_ lager.Logger, event metric.Event) {
	if p.only == "" || p.only == event.Name {
		fmt.Println(event.Name, event.Value, event.Attributes)
	}
}

// PrinterConfig is the factory of printer.
type PrinterConfig struct {
	Print bool   `long:"print-events" description:"Print each event."`
	Only  string `long:"print-only" description:"Print only events of this name."`
}

func (c *PrinterConfig) Description() string { return "Printer" }
func (c *PrinterConfig) IsConfigured() bool  { return c.Print }
func (c *PrinterConfig) NewEmitter(map[string]string) (metric.Emitter, error) {
	return printer{c.Only}, nil
}

func Example() {
	logger := lager.NewLogger("ci")
	monitor := metric.NewMonitor()
	monitor.RegisterEmitter(&PrinterConfig{Print: true}) // usually set by a flag
	if err := monitor.Initialize(logger, "web-1", map[string]string{"zone": "b"}, 0); err != nil {
		fmt.Println(err)
		return
	}

	metric.LockAcquired{LockType: "Batch"}.EmitTo(logger, monitor)
	metric.WorkerUsage{
		Resource:   metric.WorkerContainers,
		WorkerName: "worker-1",
		Platform:   "linux",
		Tags:       []string{"gpu", "x64"},
		Count:      12,
	}.EmitTo(logger, monitor)
	monitor.Emit(logger, metric.Event{Name: "deploy finished", Value: 3})

	if err := monitor.Close(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// lock held 1 map[type:Batch zone:b]
	// worker containers 12 map[platform:linux tags:gpu/x64 team_name: worker:worker-1 zone:b]
	// deploy finished 3 map[zone:b]
}

func ExampleGauge() {
	var running metric.Gauge
	running.Inc()
	running.Inc()
	running.Dec()
	fmt.Println(running.TakePeak()) // the highest value since the last call
	fmt.Println(running.TakePeak()) // nothing changed, so the current value
	// Output:
	// 2
	// 1
}

// A program that uses log/slog wraps its logger once.
func ExampleSlogLogger() {
	withoutTime := func(_ []string, attr slog.Attr) slog.Attr {
		if attr.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return attr
	}
	handler := slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: withoutTime})

	logger := metric.SlogLogger(slog.New(handler))
	monitor := metric.NewMonitor()
	monitor.RegisterEmitter(&PrinterConfig{}) // not configured
	if err := monitor.Initialize(logger, "web-1", nil, 0); err != nil {
		fmt.Println(err)
	}
	// Output:
	// level=INFO msg=metric.no-emitter emitters=[Printer] reason="no emitter is configured; events are discarded"
}

// Flush emits counters and gauges without waiting for a tick of PeriodicallyEmit.
func ExampleMonitor_Flush() {
	monitor := metric.NewMonitor()
	monitor.RegisterEmitter(&PrinterConfig{Print: true, Only: "builds started"})
	if err := monitor.Initialize(nil, "web-1", nil, 0); err != nil {
		fmt.Println(err)
		return
	}

	monitor.BuildsStarted.IncDelta(2)
	monitor.Flush(context.Background(), nil)

	monitor.Close(context.Background())
	// Output:
	// builds started 2 map[]
}

func ExampleMonitor_Prepare() {
	logger := lager.NewLogger("scheduler")
	deployed := metric.Metrics.Prepare(metric.EventType{
		Name: "deploy finished", Attributes: []string{"stage", "zone"},
	})
	for _, zone := range []string{"a", "b"} {
		deployed.Emit(logger, metric.Event{Value: 12.5}, []string{"live", zone})
	}
}
