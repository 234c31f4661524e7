// Package demo simulates a CI system. It emits events and metrics through package
// metric, as a scheduler that embeds Signalbox does.
//
// The simulation is a discrete-event simulation in one goroutine: an agenda contains
// actions by simulated time, and each action may add others. All random numbers come
// from one seeded source, so that the same seed produces the same events at any speed.
//
//	demo.go          starting and stopping a simulation, and its summary
//	pace.go          the speed: relative to real time, or in events per second
//	simulation.go    the state of the simulation
//	tally.go         emitting events, and counting them by kind
//	organization.go  the teams, their pipelines and jobs
//	job.go           triggering of jobs
//	build.go         the life of a build
//	queue.go         builds that wait for a worker
//	fleet.go         the list of workers
//	worker.go        the life of a worker
//	check.go         resources and their checks for new versions
//	node.go          the web node: requests, databases, garbage collection
//	incident.go      failures and invalid events
//	workspace.go     workspaces, whose agents push
//	push.go          the content of pushes
//	pusher.go        sending pushes over HTTP
//	webhooks.go      sending the webhooks of organizations that package forge simulates
package demo
