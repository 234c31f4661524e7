// Package gitea decodes the webhooks of Gitea Actions and Forgejo Actions, and checks
// their signatures.
//
// The events workflow_run and workflow_job of Gitea, and the events of Forgejo whose
// names begin with action_run_ or workflow_job_, become changes to runs and jobs. All
// other events are ignored.
//
// Gitea's payloads look like those of GitHub, but fields with the same name have other
// types and meanings, so that the package shares no payloads with package github.
package gitea
