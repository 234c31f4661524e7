// Package demo simulates a CI system that is observed through package metric, as a
// scheduler is that embeds it.
//
// One goroutine runs the simulation: what is to happen stands in an agenda, by
// simulated time, and whatever happens may add to it. All chance comes from one seeded
// source, so that the same seed makes the same events, however fast they come.
//
//	demo.go          the simulation under way: start, stop, summary
//	pace.go          how fast it goes: by the clock, or by a number of events a second
//	simulation.go    the simulated time and all that there is
//	agenda.go        what is to happen when
//	random.go        chance
//	tally.go         the events on their way to the Monitor, counted by kind
//	organisation.go  the teams, their pipelines and jobs
//	job.go           when jobs run
//	build.go         what becomes of a build
//	queue.go         builds that wait for a worker
//	fleet.go         the workers that there are
//	worker.go        what becomes of a worker
//	check.go         resources, and the checks for new versions of them
//	node.go          the scheduler's own web node: requests, database, collectors
//	incident.go      what goes wrong
//	workspace.go     workspaces, whose agents push
//	push.go          what builds and agents push
//	pusher.go        sends it over HTTP
package demo
