// Package emitter has the emitters that a metric.Monitor can hand events to; so
// far that for Prometheus. Importing it registers them with metric.Metrics.
//
// An event's way through the Prometheus emitter:
//
//	config.go           the flags, and how it all is put together
//	prometheus.go       Emit: an event becomes updates of series
//	catalog.go          which event drives which metric: one row each
//	rule.go             what a row says
//	mapping_file.go     what an operator's file makes of the rows
//	mapping_yaml.go     how that file is read, and what is wrong with it told
//	mapping.go          the rows, resolved when the emitter starts or reloads
//	replace.go          attribute values that are mapped before they become labels
//	reload.go           how a mapping takes the place of another
//	prepared.go         an event of a fixed type, by whichever mapping is in force
//	check.go            the same without starting anything
//	reject.go           what becomes of an event that a rule refuses
//	gc.go               the timer that drops the series of workers that are gone
//	self_metrics.go     what it tells about itself, under signalbox_
//	pushed.go           what is on the page beside its own series
//	aggregator          what agents and jobs push
//	internal/series     the store: families, series, and how they go stale
//	internal/exposition the page and its listener
//
// emitterfakes has the fake of the garbage collector's seam.
package emitter
