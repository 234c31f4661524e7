// Package metric lets a CI scheduler report what happens: events, such as finished
// builds, and counters and gauges, such as the number of running builds. Emitters, such
// as the Prometheus emitter in package emitter of this module, turn them into metrics.
//
//	logger := metric.SlogLogger(slog.Default())
//	monitor := metric.NewMonitor()
//	monitor.RegisterEmitter(&emitter.PrometheusConfig{BindIP: "127.0.0.1", BindPort: "9391"})
//	if err := monitor.Initialize(logger, "web-1", nil, 0); err != nil {
//		return err
//	}
//
//	// Emit the counters and gauges every ten seconds.
//	ctx, stop := context.WithCancel(context.Background())
//	stopped := make(chan error)
//	go func() { stopped <- metric.PeriodicallyEmit(logger, monitor, 10*time.Second).RunContext(ctx) }()
//
//	// Report what happens.
//	monitor.ContainersCreated.Inc()
//	metric.WorkerUsage{
//		Resource: metric.WorkerContainers, WorkerName: "worker-1", Platform: "linux", Count: 12,
//	}.EmitTo(logger, monitor)
//	monitor.Emit(logger, metric.Event{Name: "deploy finished"}) // requires a rule; see package rule
//
//	// On exit, emit the last counts, then close the emitters.
//	stop()
//	return errors.Join(<-stopped, monitor.Close(context.Background()))
//
// A program can use [Metrics], a global Monitor, instead of creating its own. Importing
// package emitter registers its emitter with Metrics, and [Monitor.WireEmitters] adds
// the flags of the registered emitters to those of the program.
//
// There are three ways to report something:
//
//   - Typed calls are structs that describe the events of a CI system, such as
//     [BuildFinished] and [WorkerUsage] of Concourse, or [RunFinished] and [Workers] of
//     any other CI system. Their method Emit emits the event to Metrics, and EmitTo
//     emits it to another Monitor.
//   - Counters and gauges are fields of the Monitor. At regular intervals,
//     [PeriodicallyEmit] emits the growth of each counter and the peak of each gauge;
//     [Monitor.Flush] does so immediately, for tests.
//   - [Monitor.Emit] emits events with names that the program defines. For frequent
//     events, [Monitor.Prepare] is faster, and for frequent events with the same
//     attributes, [Prepared.Bind] is fastest.
//
// Every event goes to every configured emitter. The Monitor calls a [ConcurrentEmitter]
// directly. Every other emitter receives events through its own bounded queue, so that
// a slow emitter delays neither the program nor other emitters. Before Initialize,
// after Close, and if no emitter is configured, events are discarded; this takes a few
// nanoseconds.
//
// All functions and methods are safe for concurrent use unless documented otherwise.
// They accept a nil logger, which discards all messages. Programs that use log/slog
// pass [SlogLogger](slog.Default()).
package metric
