// Package buildkite decodes the webhooks of Buildkite, and the same events when Amazon
// EventBridge delivers them, and checks their signatures and tokens.
//
// Events about builds become changes to runs, and events about jobs that run on agents
// become changes to jobs. All other events are ignored.
package buildkite
