// Package circleci decodes the webhooks of CircleCI, and checks their signatures.
//
// CircleCI reports only ends: workflow-completed becomes the end of a run, and
// job-completed the end of a job. There are no reports about what waits or runs.
package circleci
