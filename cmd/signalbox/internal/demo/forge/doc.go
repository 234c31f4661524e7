// Package forge simulates two organizations, one on GitHub and one on a GitLab server,
// and the webhooks that they send about workflows, pipelines and deployments.
//
// Unlike the rest of the demo, it runs in real time: the payloads contain times, which
// must be those of a real clock. Many short runs make up for that. The simulation takes
// its time as an argument, and the same seed and beginning lead to the same deliveries.
//
// Deliveries are late, out of order, repeated and lost on purpose, as those of real
// systems are.
//
//	forge.go       the simulation and its time
//	plan.go        the organizations, their repositories, workflows and runners
//	run.go         the life of runs: stages, ends, cancellations, further attempts
//	job.go         the life of jobs and of their deployments
//	pool.go        runners, and the jobs that wait for them
//	delivery.go    what is reported, and the requests with signatures
//	network.go     what happens to deliveries on their way
//	github.go      payloads of GitHub
//	gitlab.go      payloads of GitLab
package forge
