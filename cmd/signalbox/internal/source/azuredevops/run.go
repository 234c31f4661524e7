package azuredevops

import (
	"cmp"
	"strings"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/tracker"
)

func (p *delivery) decodeRun(d *payload.Delivery) {
	run := &p.Resource.Run
	d.Describe("run", run.State)
	c := p.change(tracker.Run, string(run.ID))
	p.Resource.describeRun(&c.Attributes)
	c.Attributes.URL = run.Links.Web.Href
	// Events do not contain the start. The run time begins with the creation of the
	// run.
	c.Started = c.ParseTime(run.CreatedDate)
	switch run.State {
	case "inProgress", "canceling":
		c.State = tracker.Started
	case "completed":
		// If a stage is run again, the run ends again. Only its later end shows this: an
		// event about its start can be created after the end of a short run.
		c.Reopens = true
		c.Ended = c.ParseTime(run.FinishedDate)
		if !end(d, &c, run.Result) {
			return
		}
	default:
		d.Unmap("run state", run.State)
		return
	}
	d.Add(c)
}

// decodeBuild decodes the end of a build. A build is a run with the same ID, so two
// events can report the same end. The change has no Ended, so that the run ends when
// this event was created. The end in the other event is never later than that, even if
// the precisions differ; a later one is another end.
func (p *delivery) decodeBuild(d *payload.Delivery) {
	build := &p.Resource
	result := cmp.Or(build.Result, build.Status)
	d.Describe("build", result)
	c := p.change(tracker.Run, string(build.ID))
	c.Attributes.Pipeline = pipelineName(build.Definition.Path, build.Definition.Name)
	c.Attributes.Branch, c.Attributes.RefKind = parseRef(build.SourceBranch)
	c.Attributes.Commit = build.SourceVersion
	if ref, commit, ok := build.parseVersion(); ok {
		c.Attributes.Branch, c.Attributes.RefKind = parseRef(ref)
		c.Attributes.Commit = commit
	}
	c.Attributes.Trigger = trigger(build.Reason)
	c.Attributes.URL = build.Links.Web.Href
	c.Started = c.ParseTime(cmp.Or(build.QueueTime, build.StartTime))
	c.RunTime = payload.Between(c.Started, c.ParseTime(build.FinishTime))
	c.NeverStarted = build.StartTime == ""
	if end(d, &c, result) {
		d.Add(c)
	}
}

// parseVersion returns the ref and the commit of version 1.0 of the resource, such as
// "LG:refs/heads/main:600c52d2".
func (r *resource) parseVersion() (ref, commit string, ok bool) {
	version, isGit := strings.CutPrefix(r.SourceGetVersion, "LG:")
	ref, commit, ok = strings.Cut(version, ":")
	return ref, commit, ok && isGit
}

// trigger returns the vocabulary's word for the reason of a build.
func trigger(reason string) string {
	switch reason {
	case "individualCI", "batchedCI":
		return "push"
	case "scheduleForced":
		return "schedule"
	case "userCreated":
		return "manual"
	case "pullRequest":
		return "pull_request"
	}
	return reason
}
