// Package cdevents decodes CDEvents (cdevents.dev), which are CloudEvents of many CI
// systems with the same vocabulary.
//
// Pipeline runs and builds become changes to runs, task runs to jobs, deployed services to
// deployments, and incidents and test case runs to what they are called. All other events
// are ignored. The subject and the predicate of an event decide, not its version, so that
// versions 0.4 and 0.5 are decoded alike.
package cdevents
