package demo

import "time"

// A team has pipelines, which have jobs.
type teamPlan struct {
	name      string
	pipelines []pipelinePlan
}

type pipelinePlan struct {
	name string
	jobs []jobPlan
}

// A jobPlan says what a job is like. Of the ways to start, a job has one.
type jobPlan struct {
	name string

	commits float64       // an hour at the busiest time of the day
	every   time.Duration // whatever the time of the day
	after   string        // the job of the same pipeline that succeeds before

	takes         time.Duration // the median
	spread        float64       // of lognormal durations; 0 stands for 0.35
	fails, flakes float64       // of all builds
	platform      string        // "" is linux
	tag           string        // of the workers that can run it; "" are those without

	pushes  pushing
	deploys string // the environment
}

// A pushing is what a job pushes at the end of a build.
type pushing uint8

const (
	pushesNothing pushing = iota
	pushesResults         // of its last build
	pushesRuns            // of each build, apart
)

// organisation is all there is. Rates and times are meant to keep some dozen builds
// running at midday, and a few waiting.
var organisation = []teamPlan{
	{"platform", []pipelinePlan{
		{"infrastructure", []jobPlan{
			{name: "validate", commits: 6, takes: 50 * time.Second, fails: .06},
			{name: "plan", after: "validate", takes: 2 * time.Minute, fails: .03},
			{name: "apply-staging", after: "plan", takes: 6 * time.Minute, fails: .05, deploys: "staging"},
			{name: "smoke-staging", after: "apply-staging", takes: 3 * time.Minute, flakes: .08, pushes: pushesResults},
			{name: "apply-production", after: "smoke-staging", takes: 9 * time.Minute, fails: .02, deploys: "production"},
		}},
		{"base-images", []jobPlan{
			{name: "lint", commits: 4, takes: 20 * time.Second, fails: .04},
			{name: "build-alpine", after: "lint", takes: 3 * time.Minute, fails: .03},
			{name: "build-ubuntu", after: "lint", takes: 5 * time.Minute, fails: .03},
			{name: "scan", after: "build-ubuntu", takes: 4 * time.Minute, fails: .08, pushes: pushesResults},
			{name: "publish", after: "scan", takes: 90 * time.Second},
		}},
		{"toolbox", []jobPlan{
			{name: "unit", commits: 8, takes: 2 * time.Minute, fails: .07, pushes: pushesResults},
			{name: "package", after: "unit", takes: 90 * time.Second},
			{name: "release", after: "package", takes: 40 * time.Second},
		}},
	}},
	{"web", []pipelinePlan{
		{"storefront", []jobPlan{
			{name: "lint", commits: 16, takes: 45 * time.Second, fails: .08},
			{name: "unit", after: "lint", takes: 4 * time.Minute, fails: .07, flakes: .02, pushes: pushesResults},
			{name: "integration", after: "unit", takes: 9 * time.Minute, fails: .06, flakes: .05, pushes: pushesResults},
			{name: "e2e-chrome", after: "integration", takes: 14 * time.Minute, spread: .5, fails: .04, flakes: .12},
			{name: "deploy-staging", after: "e2e-chrome", takes: 3 * time.Minute, fails: .02, deploys: "staging"},
			{name: "deploy-production", after: "deploy-staging", takes: 5 * time.Minute, fails: .01, deploys: "production"},
		}},
		{"checkout", []jobPlan{
			{name: "unit", commits: 12, takes: 3 * time.Minute, fails: .06, pushes: pushesResults},
			{name: "contract", after: "unit", takes: 2 * time.Minute, fails: .04},
			{name: "integration", after: "contract", takes: 11 * time.Minute, fails: .05, flakes: .04},
			{name: "load-test", after: "integration", takes: 20 * time.Minute, spread: .15, fails: .05, pushes: pushesRuns},
			{name: "deploy-staging", after: "integration", takes: 3 * time.Minute, fails: .02, deploys: "staging"},
			{name: "deploy-production", after: "deploy-staging", takes: 6 * time.Minute, fails: .01, deploys: "production"},
		}},
		{"design-system", []jobPlan{
			{name: "unit", commits: 7, takes: 90 * time.Second, fails: .05},
			{name: "visual-diff", after: "unit", takes: 7 * time.Minute, fails: .03, flakes: .1, pushes: pushesResults},
			{name: "publish", after: "visual-diff", takes: time.Minute},
		}},
	}},
	{"mobile", []pipelinePlan{
		{"ios-app", []jobPlan{
			{name: "unit", commits: 9, takes: 6 * time.Minute, fails: .07, platform: "darwin", pushes: pushesResults},
			{name: "ui-tests", after: "unit", takes: 17 * time.Minute, fails: .05, flakes: .15, platform: "darwin"},
			{name: "archive", after: "ui-tests", takes: 9 * time.Minute, fails: .02, platform: "darwin"},
			{name: "testflight", after: "archive", takes: 4 * time.Minute, platform: "darwin", deploys: "testflight"},
		}},
		{"android-app", []jobPlan{
			{name: "unit", commits: 9, takes: 5 * time.Minute, fails: .07, pushes: pushesResults},
			{name: "instrumented", after: "unit", takes: 13 * time.Minute, fails: .05, flakes: .1},
			{name: "bundle", after: "instrumented", takes: 6 * time.Minute, fails: .02},
			{name: "play-internal", after: "bundle", takes: 2 * time.Minute, deploys: "play-internal"},
		}},
		{"windows-client", []jobPlan{
			{name: "build", commits: 5, takes: 8 * time.Minute, fails: .06, platform: "windows"},
			{name: "unit", after: "build", takes: 6 * time.Minute, fails: .05, flakes: .03, platform: "windows"},
			{name: "installer", after: "unit", takes: 5 * time.Minute, fails: .02, platform: "windows"},
			{name: "sign", after: "installer", takes: time.Minute, platform: "windows"},
		}},
	}},
	{"data", []pipelinePlan{
		{"etl", []jobPlan{
			{name: "unit", commits: 6, takes: 3 * time.Minute, fails: .05},
			{name: "backfill-sample", after: "unit", takes: 12 * time.Minute, spread: .6, fails: .06},
			{name: "deploy", after: "backfill-sample", takes: 2 * time.Minute, deploys: "production"},
		}},
		{"warehouse", []jobPlan{
			{name: "compile", commits: 8, takes: time.Minute, fails: .06},
			{name: "test", after: "compile", takes: 10 * time.Minute, fails: .08, pushes: pushesResults},
			{name: "docs", after: "compile", takes: 2 * time.Minute},
			{name: "deploy", after: "test", takes: 4 * time.Minute, fails: .01, deploys: "production"},
		}},
		{"recommender", []jobPlan{
			{name: "prepare", commits: 2, takes: 8 * time.Minute, fails: .03},
			{name: "train", after: "prepare", takes: 48 * time.Minute, spread: .2, fails: .05, tag: "gpu", pushes: pushesRuns},
			{name: "evaluate", after: "train", takes: 11 * time.Minute, fails: .1, tag: "gpu", pushes: pushesResults},
			{name: "serve", after: "evaluate", takes: 3 * time.Minute, deploys: "production"},
		}},
	}},
	{"security", []pipelinePlan{
		{"dependency-scan", []jobPlan{
			{name: "go", every: 30 * time.Minute, takes: 2 * time.Minute, fails: .03},
			{name: "node", every: 30 * time.Minute, takes: 3 * time.Minute, fails: .08},
			{name: "python", every: 30 * time.Minute, takes: 2 * time.Minute, fails: .04},
		}},
		{"image-scan", []jobPlan{
			{name: "collect", every: time.Hour, takes: 90 * time.Second},
			{name: "scan", after: "collect", takes: 16 * time.Minute, fails: .1, pushes: pushesResults},
			{name: "report", after: "scan", takes: 30 * time.Second},
		}},
		{"secrets", []jobPlan{
			{name: "detect", every: 20 * time.Minute, takes: time.Minute, fails: .01},
			{name: "rotate", every: 6 * time.Hour, takes: 7 * time.Minute, fails: .05, tag: "vault"},
			{name: "verify", after: "rotate", takes: 2 * time.Minute, tag: "vault"},
		}},
	}},
}
