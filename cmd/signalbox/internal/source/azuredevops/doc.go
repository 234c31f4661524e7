// Package azuredevops decodes the service hooks of Azure DevOps, and checks their
// tokens.
//
// The events "Run state changed" and "Build completed" become changes to runs, and "Run
// job state changed" changes to jobs. All other events are ignored, including "Run
// stage state changed": a stage is neither a run nor a job.
package azuredevops
