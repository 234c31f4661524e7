// Package github decodes the webhooks of GitHub Actions, on github.com and on GitHub
// Enterprise Server, and checks their signatures.
//
// The events workflow_run, workflow_job and deployment_status become changes to runs,
// jobs and deployments. All other events are ignored. Not even check_run is used: it
// repeats each job, together with the checks of other applications.
package github
