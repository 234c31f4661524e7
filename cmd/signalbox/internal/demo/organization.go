package demo

import "time"

// A teamPlan describes a team and its pipelines.
type teamPlan struct {
	name      string
	pipelines []pipelinePlan
}

// A pipelinePlan describes a pipeline and its jobs.
type pipelinePlan struct {
	name string
	jobs []jobPlan
}

// A jobPlan describes a job. Exactly one of commits, every and after is set: it decides
// when the job is triggered.
type jobPlan struct {
	name string

	commits float64       // average number per hour at the busiest time of day
	every   time.Duration // average interval, independent of the time of day
	after   string        // job of the same pipeline whose success triggers this one

	duration time.Duration // median duration of a task
	spread   float64       // parameter of the lognormal distribution of durations; 0 means 0.35
	fails    float64       // probability that a build fails and is not retried
	flakes   float64       // probability that a build fails and is retried
	platform string        // "" means linux
	tag      string        // tag of the workers that can run it; "" means workers without a tag

	pushes  pushPolicy
	deploys string // environment to which it deploys; "" means none
}

// A pushPolicy specifies what a job pushes at the end of a build.
type pushPolicy uint8

const (
	pushesNothing pushPolicy = iota
	pushesResults            // results of the latest build, in one group per job
	pushesRuns               // results of each build in its own group
)

// organization contains all teams, pipelines and jobs. With its rates and durations, a
// few dozen builds are running at midday, and a few are waiting.
var organization = []teamPlan{
	{"platform", []pipelinePlan{
		{"infrastructure", []jobPlan{
			{name: "validate", commits: 6, duration: 50 * time.Second, fails: .06},
			{name: "plan", after: "validate", duration: 2 * time.Minute, fails: .03},
			{name: "apply-staging", after: "plan", duration: 6 * time.Minute, fails: .05, deploys: "staging"},
			{name: "smoke-staging", after: "apply-staging", duration: 3 * time.Minute, flakes: .08, pushes: pushesResults},
			{name: "apply-production", after: "smoke-staging", duration: 9 * time.Minute, fails: .02, deploys: "production"},
		}},
		{"base-images", []jobPlan{
			{name: "lint", commits: 4, duration: 20 * time.Second, fails: .04},
			{name: "build-alpine", after: "lint", duration: 3 * time.Minute, fails: .03},
			{name: "build-ubuntu", after: "lint", duration: 5 * time.Minute, fails: .03},
			{name: "scan", after: "build-ubuntu", duration: 4 * time.Minute, fails: .08, pushes: pushesResults},
			{name: "publish", after: "scan", duration: 90 * time.Second},
		}},
		{"toolbox", []jobPlan{
			{name: "unit", commits: 8, duration: 2 * time.Minute, fails: .07, pushes: pushesResults},
			{name: "package", after: "unit", duration: 90 * time.Second},
			{name: "release", after: "package", duration: 40 * time.Second},
		}},
	}},
	{"web", []pipelinePlan{
		{"storefront", []jobPlan{
			{name: "lint", commits: 16, duration: 45 * time.Second, fails: .08},
			{name: "unit", after: "lint", duration: 4 * time.Minute, fails: .07, flakes: .02, pushes: pushesResults},
			{name: "integration", after: "unit", duration: 9 * time.Minute, fails: .06, flakes: .05, pushes: pushesResults},
			{name: "e2e-chrome", after: "integration", duration: 14 * time.Minute, spread: .5, fails: .04, flakes: .12},
			{name: "deploy-staging", after: "e2e-chrome", duration: 3 * time.Minute, fails: .02, deploys: "staging"},
			{name: "deploy-production", after: "deploy-staging", duration: 5 * time.Minute, fails: .01, deploys: "production"},
		}},
		{"checkout", []jobPlan{
			{name: "unit", commits: 12, duration: 3 * time.Minute, fails: .06, pushes: pushesResults},
			{name: "contract", after: "unit", duration: 2 * time.Minute, fails: .04},
			{name: "integration", after: "contract", duration: 11 * time.Minute, fails: .05, flakes: .04},
			{name: "load-test", after: "integration", duration: 20 * time.Minute, spread: .15, fails: .05, pushes: pushesRuns},
			{name: "deploy-staging", after: "integration", duration: 3 * time.Minute, fails: .02, deploys: "staging"},
			{name: "deploy-production", after: "deploy-staging", duration: 6 * time.Minute, fails: .01, deploys: "production"},
		}},
		{"design-system", []jobPlan{
			{name: "unit", commits: 7, duration: 90 * time.Second, fails: .05},
			{name: "visual-diff", after: "unit", duration: 7 * time.Minute, fails: .03, flakes: .1, pushes: pushesResults},
			{name: "publish", after: "visual-diff", duration: time.Minute},
		}},
	}},
	{"mobile", []pipelinePlan{
		{"ios-app", []jobPlan{
			{name: "unit", commits: 9, duration: 6 * time.Minute, fails: .07, platform: "darwin", pushes: pushesResults},
			{name: "ui-tests", after: "unit", duration: 17 * time.Minute, fails: .05, flakes: .15, platform: "darwin"},
			{name: "archive", after: "ui-tests", duration: 9 * time.Minute, fails: .02, platform: "darwin"},
			{name: "testflight", after: "archive", duration: 4 * time.Minute, platform: "darwin", deploys: "testflight"},
		}},
		{"android-app", []jobPlan{
			{name: "unit", commits: 9, duration: 5 * time.Minute, fails: .07, pushes: pushesResults},
			{name: "instrumented", after: "unit", duration: 13 * time.Minute, fails: .05, flakes: .1},
			{name: "bundle", after: "instrumented", duration: 6 * time.Minute, fails: .02},
			{name: "play-internal", after: "bundle", duration: 2 * time.Minute, deploys: "play-internal"},
		}},
		{"windows-client", []jobPlan{
			{name: "build", commits: 5, duration: 8 * time.Minute, fails: .06, platform: "windows"},
			{name: "unit", after: "build", duration: 6 * time.Minute, fails: .05, flakes: .03, platform: "windows"},
			{name: "installer", after: "unit", duration: 5 * time.Minute, fails: .02, platform: "windows"},
			{name: "sign", after: "installer", duration: time.Minute, platform: "windows"},
		}},
	}},
	{"data", []pipelinePlan{
		{"etl", []jobPlan{
			{name: "unit", commits: 6, duration: 3 * time.Minute, fails: .05},
			{name: "backfill-sample", after: "unit", duration: 12 * time.Minute, spread: .6, fails: .06},
			{name: "deploy", after: "backfill-sample", duration: 2 * time.Minute, deploys: "production"},
		}},
		{"warehouse", []jobPlan{
			{name: "compile", commits: 8, duration: time.Minute, fails: .06},
			{name: "test", after: "compile", duration: 10 * time.Minute, fails: .08, pushes: pushesResults},
			{name: "docs", after: "compile", duration: 2 * time.Minute},
			{name: "deploy", after: "test", duration: 4 * time.Minute, fails: .01, deploys: "production"},
		}},
		{"recommender", []jobPlan{
			{name: "prepare", commits: 2, duration: 8 * time.Minute, fails: .03},
			{name: "train", after: "prepare", duration: 48 * time.Minute, spread: .2, fails: .05, tag: "gpu", pushes: pushesRuns},
			{name: "evaluate", after: "train", duration: 11 * time.Minute, fails: .1, tag: "gpu", pushes: pushesResults},
			{name: "serve", after: "evaluate", duration: 3 * time.Minute, deploys: "production"},
		}},
	}},
	{"security", []pipelinePlan{
		{"dependency-scan", []jobPlan{
			{name: "go", every: 30 * time.Minute, duration: 2 * time.Minute, fails: .03},
			{name: "node", every: 30 * time.Minute, duration: 3 * time.Minute, fails: .08},
			{name: "python", every: 30 * time.Minute, duration: 2 * time.Minute, fails: .04},
		}},
		{"image-scan", []jobPlan{
			{name: "collect", every: time.Hour, duration: 90 * time.Second},
			{name: "scan", after: "collect", duration: 16 * time.Minute, fails: .1, pushes: pushesResults},
			{name: "report", after: "scan", duration: 30 * time.Second},
		}},
		{"secrets", []jobPlan{
			{name: "detect", every: 20 * time.Minute, duration: time.Minute, fails: .01},
			{name: "rotate", every: 6 * time.Hour, duration: 7 * time.Minute, fails: .05, tag: "vault"},
			{name: "verify", after: "rotate", duration: 2 * time.Minute, tag: "vault"},
		}},
	}},
}
