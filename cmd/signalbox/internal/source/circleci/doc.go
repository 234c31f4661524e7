// Package circleci decodes the webhooks of CircleCI, and checks their signatures.
//
// CircleCI reports only ends: workflow-completed becomes the end of a run, and
// job-completed the end of a job. It does not report what is waiting or running.
package circleci
