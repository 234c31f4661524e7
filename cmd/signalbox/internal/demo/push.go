package demo

import (
	"time"

	"github.com/signalbox-ci/signalbox/metric"
)

// A jobPush is a push from a build that has finished.
type jobPush struct {
	team, pipeline, job string
	run                 string        // name of the build if each build has its own group; or ""
	ttl                 time.Duration // in real time

	succeeded     bool
	took          time.Duration
	tests, broken int
	coverage      float64
	artifacts     float64 // bytes
}

// An agentPush is a push from the agent of a workspace.
type agentPush struct {
	user, name, template string

	builds   [2]int // numbers of successful and failed builds
	cpu      float64
	memory   float64 // bytes
	sessions int
}

// pushResults pushes the results of a build if its job pushes results. An aborted build
// pushes nothing.
func (s *simulation) pushResults(b *build) {
	j := b.job
	if j.pushes == pushesNothing || b.status == metric.BuildAborted {
		return
	}
	p := jobPush{
		team:      j.team,
		pipeline:  j.pipeline,
		job:       j.name,
		ttl:       10 * time.Minute,
		succeeded: b.status == metric.BuildSucceeded,
		took:      b.end - b.begin,
		tests:     40*j.id + j.builds,
		coverage:  .6 + .3*s.Float64(),
		artifacts: float64(j.id+s.IntN(10)) * 1e6,
	}
	if !p.succeeded {
		p.broken = 1 + s.IntN(8)
	}
	if j.pushes == pushesRuns {
		p.run, p.ttl = b.attributes["build_name"], time.Minute
	}
	if s.pusher != nil {
		s.pusher.offerJob(p)
	}
}

func (s *simulation) pushAgent(p agentPush) {
	if s.pusher != nil {
		s.pusher.offerAgent(p)
	}
}
