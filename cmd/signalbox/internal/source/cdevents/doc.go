// Package cdevents decodes CDEvents (cdevents.dev), which are CloudEvents of many CI
// systems with the same vocabulary.
//
// Pipeline runs and builds become changes to runs, task runs changes to jobs, and
// deployed services, incidents and test case runs changes to deployments, incidents and
// test cases. All other events are ignored. The subject and the predicate of an event
// determine how it is decoded, not its version, so that versions 0.4 and 0.5 are
// decoded alike.
package cdevents
