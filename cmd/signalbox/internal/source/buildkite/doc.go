// Package buildkite decodes the webhooks of Buildkite, and the same events when Amazon
// EventBridge delivers them, and checks their signatures and tokens.
//
// Events about builds become changes to runs, events about jobs that run on agents changes
// to jobs, and events about agents changes to workers. All other events are ignored.
package buildkite
