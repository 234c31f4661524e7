// Package tekton decodes the CloudEvents of Tekton Pipelines.
//
// Pipeline runs become changes to runs, and task runs to jobs. A task run that does not
// belong to a pipeline run becomes changes to both. All other events are ignored.
package tekton
