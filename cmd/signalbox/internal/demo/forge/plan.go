package forge

import "time"

// The names of the CI systems, which are also the last parts of the paths of their
// webhooks.
const (
	GitHub = "github"
	GitLab = "gitlab"
)

// An organizationPlan describes an organization on a CI system.
type organizationPlan struct {
	system       string
	pools        []poolPlan
	repositories []repositoryPlan
}

// A poolPlan describes identical runners.
type poolPlan struct {
	name    string
	labels  []string
	runners int
	boot    time.Duration // median time from the assignment of a job to its start
}

// A repositoryPlan describes a repository. Its name contains the organization.
type repositoryPlan struct {
	name      string
	workflows []workflowPlan
}

// A workflowPlan describes a workflow of GitHub, or a kind of pipeline of GitLab. Its
// stages run one after the other.
type workflowPlan struct {
	name    string
	trigger string        // push, pull_request, schedule, or after for workflows that follow a push
	every   time.Duration // average time between runs; 0 for workflows that follow a push
	stages  [][]jobPlan
}

// The triggers of workflows.
const (
	push        = "push"
	pullRequest = "pull_request"
	schedule    = "schedule"
	after       = "after" // the first workflow of the repository has succeeded after a push
)

// A jobPlan describes a job.
type jobPlan struct {
	name     string
	pool     string
	duration time.Duration // median
	fails    float64       // probability of a failure
	matrix   []string      // one job for each; nil means one job without parameters
	deploys  string        // environment to which it deploys; "" means none
}

// plans are the organizations. Their runners are busy enough that jobs wait for minutes
// when most people push, and hardly at all in between.
var plans = []organizationPlan{
	{
		system: GitHub,
		pools: []poolPlan{
			{name: "linux", labels: []string{"ubuntu-latest"}, runners: 18, boot: 4 * time.Second},
			{name: "windows", labels: []string{"windows-latest"}, runners: 2, boot: 15 * time.Second},
			{name: "macos", labels: []string{"macos-15"}, runners: 3, boot: 12 * time.Second},
			{name: "gpu", labels: []string{"self-hosted", "linux", "gpu"}, runners: 1, boot: 2 * time.Second},
		},
		repositories: []repositoryPlan{
			{"acme/storefront", []workflowPlan{
				{"CI", push, 60 * time.Second, [][]jobPlan{
					{{name: "lint", pool: "linux", duration: 22 * time.Second, fails: .03}},
					{{name: "test", pool: "linux", duration: 75 * time.Second, fails: .04, matrix: []string{"node 22", "node 24"}},
						{name: "build", pool: "linux", duration: 50 * time.Second, fails: .01}},
				}},
				{"CI", pullRequest, 50 * time.Second, [][]jobPlan{
					{{name: "lint", pool: "linux", duration: 22 * time.Second, fails: .08}},
					{{name: "test", pool: "linux", duration: 75 * time.Second, fails: .1, matrix: []string{"node 22", "node 24"}}},
				}},
				{"Deploy", after, 0, [][]jobPlan{
					{{name: "deploy-staging", pool: "linux", duration: 45 * time.Second, fails: .03, deploys: "staging"}},
					{{name: "smoke-test", pool: "linux", duration: 40 * time.Second, fails: .06}},
					{{name: "deploy-production", pool: "linux", duration: 60 * time.Second, fails: .04, deploys: "production"}},
				}},
			}},
			{"acme/checkout", []workflowPlan{
				{"CI", push, 100 * time.Second, [][]jobPlan{
					{{name: "test", pool: "linux", duration: 95 * time.Second, fails: .05},
						{name: "test-windows", pool: "windows", duration: 110 * time.Second, fails: .04}},
				}},
				{"CI", pullRequest, 80 * time.Second, [][]jobPlan{
					{{name: "test", pool: "linux", duration: 95 * time.Second, fails: .12}},
				}},
				{"Deploy", after, 0, [][]jobPlan{
					{{name: "deploy-staging", pool: "linux", duration: 50 * time.Second, fails: .02, deploys: "staging"}},
					{{name: "deploy-production", pool: "linux", duration: 70 * time.Second, fails: .05, deploys: "production"}},
				}},
			}},
			{"acme/mobile-app", []workflowPlan{
				{"Mobile", push, 130 * time.Second, [][]jobPlan{
					{{name: "ios", pool: "macos", duration: 3 * time.Minute, fails: .06},
						{name: "android", pool: "linux", duration: 2 * time.Minute, fails: .05}},
				}},
			}},
			{"acme/design-system", []workflowPlan{
				{"CI", pullRequest, 2 * time.Minute, [][]jobPlan{
					{{name: "unit", pool: "linux", duration: 35 * time.Second, fails: .05}},
					{{name: "screenshots", pool: "linux", duration: 80 * time.Second, fails: .1}},
				}},
			}},
			{"acme/recommender", []workflowPlan{
				{"Train", schedule, 6 * time.Minute, [][]jobPlan{
					{{name: "prepare", pool: "linux", duration: 40 * time.Second, fails: .01}},
					{{name: "train", pool: "gpu", duration: 4 * time.Minute, fails: .05}},
				}},
			}},
		},
	},
	{
		system: GitLab,
		pools: []poolPlan{
			{name: "docker", labels: []string{"docker", "linux"}, runners: 10, boot: 3 * time.Second},
			{name: "large", labels: []string{"docker", "large"}, runners: 2, boot: 6 * time.Second},
			{name: "shell", labels: []string{"shell", "arm64"}, runners: 1, boot: time.Second},
		},
		repositories: []repositoryPlan{
			{"globex/ledger", []workflowPlan{
				{"", push, 75 * time.Second, [][]jobPlan{
					{{name: "compile", pool: "docker", duration: 40 * time.Second, fails: .02}},
					{{name: "rspec", pool: "docker", duration: 70 * time.Second, fails: .04, matrix: []string{"1/2", "2/2"}},
						{name: "lint", pool: "docker", duration: 25 * time.Second, fails: .02}},
					{{name: "deploy-staging", pool: "docker", duration: 40 * time.Second, fails: .03, deploys: "staging"}},
					{{name: "deploy-production", pool: "docker", duration: 55 * time.Second, fails: .04, deploys: "production"}},
				}},
				{"", pullRequest, 90 * time.Second, [][]jobPlan{
					{{name: "compile", pool: "docker", duration: 40 * time.Second, fails: .05}},
					{{name: "rspec", pool: "docker", duration: 70 * time.Second, fails: .09, matrix: []string{"1/2", "2/2"}}},
				}},
			}},
			{"globex/payments/gateway", []workflowPlan{
				{"", push, 100 * time.Second, [][]jobPlan{
					{{name: "test", pool: "docker", duration: 80 * time.Second, fails: .06}},
					{{name: "integration", pool: "large", duration: 2 * time.Minute, fails: .06}},
					{{name: "deploy-staging", pool: "docker", duration: 45 * time.Second, fails: .03, deploys: "staging"}},
				}},
			}},
			{"globex/firmware", []workflowPlan{
				{"", pullRequest, 4 * time.Minute, [][]jobPlan{
					{{name: "cross-compile", pool: "large", duration: 100 * time.Second, fails: .05}},
					{{name: "on-device", pool: "shell", duration: 150 * time.Second, fails: .1}},
				}},
			}},
		},
	},
}
