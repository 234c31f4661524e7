// Package gitlab decodes the webhooks of GitLab, from projects, groups and the
// instance, and checks their tokens and signatures.
//
// Pipeline events become changes to runs, job events changes to jobs, and deployment
// events changes to deployments. All other events are ignored. The jobs in a pipeline
// event are not used: they are only the latest attempts.
package gitlab
