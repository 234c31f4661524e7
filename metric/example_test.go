package metric_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/emitter"
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

// A custom emitter that prints events.
func Example() {
	logger := metric.SlogLogger(slog.Default())
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

// The example in the package documentation.
func Example_prometheus() {
	run := func() error {
		logger := metric.SlogLogger(slog.New(slog.DiscardHandler))
		monitor := metric.NewMonitor()
		monitor.RegisterEmitter(&emitter.PrometheusConfig{BindIP: "127.0.0.1", BindPort: "0"})
		if err := monitor.Initialize(logger, "web-1", nil, 0); err != nil {
			return err
		}

		// Emit the counters and gauges every ten seconds.
		ctx, stop := context.WithCancel(context.Background())
		stopped := make(chan error)
		go func() { stopped <- metric.PeriodicallyEmit(logger, monitor, 10*time.Second).RunContext(ctx) }()

		// Report what happens.
		monitor.ContainersCreated.Inc()
		metric.WorkerUsage{
			Resource: metric.WorkerContainers, WorkerName: "worker-1", Platform: "linux", Count: 12,
		}.EmitTo(logger, monitor)
		monitor.Emit(logger, metric.Event{Name: "deploy finished"}) // requires a rule; see package rule

		// On exit, emit the last counts, then close the emitters.
		stop()
		return errors.Join(<-stopped, monitor.Close(context.Background()))
	}
	fmt.Println(run())
	// Output: <nil>
}

func ExampleGauge() {
	var running metric.Gauge
	running.Inc()
	running.Inc()
	running.Dec()
	fmt.Println(running.TakePeak()) // the highest value since the last call
	fmt.Println(running.TakePeak()) // unchanged since then: the current value
	// Output:
	// 2
	// 1
}

// A program that uses log/slog wraps its logger.
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
	// level=INFO msg=metric.discarding-events emitters=[Printer] reason="no emitter is configured"
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
	logger := metric.SlogLogger(slog.Default())
	deployed := metric.Metrics.Prepare(metric.EventType{
		Name: "deploy finished", Attributes: []string{"stage", "zone"},
	})
	for _, zone := range []string{"a", "b"} {
		deployed.Emit(logger, metric.Event{Value: 12.5}, []string{"live", zone})
	}
}

func ExamplePrepared_Bind() {
	logger := metric.SlogLogger(slog.Default())
	queued := metric.Metrics.Prepare(metric.EventType{
		Name: "deploys queued", Attributes: []string{"zone"},
	}).Bind("a") // once for each zone, when it is set up
	for n := range 3 {
		queued.Emit(logger, float64(n))
	}
}
