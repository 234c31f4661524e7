// Package jenkins decodes what two plugins of Jenkins send, to the same URL: the
// notification plugin and the CloudEvents plugin.
//
// A build becomes changes to a run and to its only job, which waits for an executor and
// occupies it. The CloudEvents plugin also reports what waits in the queue, which becomes
// changes to jobs, and nodes, which become changes to workers.
package jenkins
