// Package metric is what a CI scheduler imports to be observed.
//
// A scheduler tells what happens in it in three ways. A typed call tells of one
// thing that happened:
//
//	metric.BuildFinished{Build: build}.Emit(logger)
//
// A Counter or a Gauge of a Monitor is kept up to date for next to nothing, and
// PeriodicallyEmit tells its value now and then:
//
//	metric.Metrics.ContainersCreated.Inc()
//	metric.Metrics.StepsWaiting.With(labels).Inc()
//
// And Monitor.Emit takes events of the scheduler's own; Monitor.Prepare is for many
// of one type. Whichever way, the Monitor hands the event to every emitter that was
// configured: an Emitter that does not promise more stands behind a bounded queue
// of its own, so that a slow one can hold up nobody; a ConcurrentEmitter is called
// directly.
//
// Most programs use the Monitor called Metrics. They register the factories
// of the emitters that they offer (that of Prometheus registers itself when its
// package is imported), let the flags choose and configure some, initialise, and
// close in the end:
//
//	metric.Metrics.RegisterEmitter(&MyEmitterConfig{})
//	err := metric.Metrics.WireEmitters(parser.Group)
//	// parse the flags
//	err = metric.Metrics.Initialize(logger, host, attributes, 0)
//	defer metric.Metrics.Close(ctx)
//
// An event before Initialize, after Close or with no emitter configured goes
// nowhere, at the cost of one atomic load.
package metric
