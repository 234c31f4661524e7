// Package metric lets a CI scheduler emit events, such as finished builds and used
// workers, and keep counters and gauges. Emitters turn them into metrics: package
// emitter of this module serves them to Prometheus, for example.
//
// A program initializes a [Monitor], usually [Metrics], and then reports what happens:
//
//	// At start. Importing package emitter has registered the Prometheus emitter.
//	err := metric.Metrics.WireEmitters(parser.Group) // adds the emitters' flags
//	_, err = parser.Parse()
//	err = metric.Metrics.Initialize(logger, "web-1", nil, 0)
//	defer metric.Metrics.Close(ctx)
//	go metric.PeriodicallyEmit(logger, metric.Metrics, 10*time.Second).RunContext(ctx)
//
//	// When something happens.
//	metric.BuildFinished{Build: build}.Emit(logger)
//	metric.Metrics.ContainersCreated.Inc()
//	metric.Metrics.StepsWaiting.With(labels).Inc()
//	metric.Metrics.Emit(logger, metric.Event{Name: "deploy finished", Value: 12.5})
//
// There are three ways to report something:
//
//   - Typed calls, such as [BuildFinished] and [WorkerUsage], emit one event each. The
//     method Emit emits it to Metrics, and EmitTo to another Monitor.
//   - Counters and gauges are fields of the Monitor. [PeriodicallyEmit] emits the growth
//     of each counter and the peak of each gauge at regular intervals; [Monitor.Flush]
//     does so immediately, for tests.
//   - [Monitor.Emit] emits events with names of the program's own; [Monitor.Prepare] is
//     for frequent ones.
//
// Every event goes to every configured emitter. An emitter receives events through a
// bounded queue, so that a slow one delays neither the program nor other emitters, or
// is called directly if it is a [ConcurrentEmitter]. Before Initialize, after Close and
// with no emitter configured, events are discarded; this costs a few nanoseconds.
//
// All functions and methods are safe for concurrent use unless documented otherwise.
// They accept a nil logger, which discards what would be logged. Programs that use
// log/slog pass [SlogLogger](slog.Default()).
package metric
