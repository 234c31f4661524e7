// Package emitter has the emitters that a metric.Monitor can hand events to; so
// far that for Prometheus. Importing it registers them with metric.Metrics.
//
// An event's way through the Prometheus emitter:
//
//	config.go           the flags, and how it all is put together
//	check.go            the same without starting anything
//	web_config.go       what is wrong with the file of TLS and passwords
//	constant_labels.go  the labels that every series has
//	prometheus.go       Emit: an event becomes updates of series
//	names.go            which plan is that of an event's name, quickly
//	prepared.go         an event of a fixed type, by whichever mapping is in force
//	catalog.go          which event drives which metric: one row each
//	naming.go           what the metrics are called, if not as they always were
//	rule.go             what a row says
//	rule_faults.go      what can be wrong with a row
//	faults.go           how it is told what is wrong with what was configured
//	nearest.go          what a misspelt word was probably meant to be
//	mapping_file.go     what an operator's file makes of the rows
//	regular_file.go     how that file is read as a whole, if it is one
//	mapping_yaml.go     how that file is read, and what is wrong with it told
//	yaml_syntax.go      where a file stops being YAML
//	mapping.go          the rows, resolved when the emitter starts or reloads
//	replace.go          attribute values that are mapped before they become labels
//	reload.go           how a mapping takes the place of another
//	reload_handler.go   reloading by HTTP
//	reject.go           what becomes of an event that a rule refuses
//	gc.go               the timer that drops the series of workers that are gone
//	self_metrics.go     what it tells about itself, under signalbox_
//	build.go            how the program was built, of which that tells
//	pushed.go           what is on the page beside its own series
//	overview.go         what the status page shows, of which these know a part:
//	tallies.go          how many events came, by name
//	history.go          how many a second, now and over the last hour
//	unknown.go          the names that no rule knows
//	examples.go         an event of each reason for which there were rejections
//	workers.go          the workers, and what is on them
//	families.go         the families, and which labels make them large
//	scrapes.go          who scraped of late
//	input.go            standard input, if events come from there
//	settings.go         the configuration in force, secrets masked
//	aggregator          what agents and jobs push
//	internal/series     the store: families, series, and how they go stale
//	internal/exposition the page and its listener
//	internal/status     the status page, and the JSON behind it
//
// emitterfakes has the fake of the garbage collector's seam.
package emitter
