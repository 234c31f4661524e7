package circleci

import (
	"cmp"
	"net/http"
	"strings"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/tracker"
)

// system is the name of the CI system in changes.
const system = "circleci"

// Decode decodes a webhook. It returns an error if the body is not JSON. It does not
// check the signature.
func Decode(header http.Header, body []byte) (payload.Delivery, error) {
	var p delivery
	if err := payload.Unmarshal(body, &p); err != nil {
		return payload.Delivery{}, err
	}
	d := payload.New(string(p.ID))
	switch event := cmp.Or(p.Type, header.Get("Circleci-Event-Type")); event {
	case "workflow-completed":
		d.Describe(event, p.Workflow.Status)
		p.decodeWorkflow(&d)
	case "job-completed":
		d.Describe(event, p.Job.Status)
		p.decodeJob(&d)
	default:
		d.Describe(event)
		d.Ignore("the event %.40q is not about workflows or jobs", event)
	}
	return d, nil
}

func (p *delivery) decodeWorkflow(d *payload.Delivery) {
	w := &p.Workflow
	c := p.change(tracker.Run, w.ID)
	// Deliveries do not contain the start. The run time begins with the creation of the
	// workflow.
	c.Started = c.ParseTime(w.CreatedAt)
	c.Ended = c.ParseTime(w.StoppedAt)
	c.Attributes.URL = w.URL
	end(d, &c, w.Status)
}

func (p *delivery) decodeJob(d *payload.Delivery) {
	job := &p.Job
	c := p.change(tracker.Job, job.ID)
	c.RunID = string(p.Workflow.ID)
	c.Started = c.ParseTime(job.StartedAt)
	c.Ended = c.ParseTime(job.StoppedAt)
	c.NeverStarted = job.StartedAt == "" || job.Status == unauthorized
	c.Attributes.Job = job.Name
	if p.Workflow.URL != "" && job.Number != "" {
		c.Attributes.URL = p.Workflow.URL + "/jobs/" + string(job.Number)
	}
	end(d, &c, job.Status)
}

// change returns a change with what workflows and jobs have in common. Jobs and
// workflows that are run again have other IDs.
func (p *delivery) change(kind tracker.Kind, id payload.ID) tracker.Change {
	c := tracker.Change{
		System:   system,
		Instance: payload.Host(p.Workflow.URL, "app.circleci.com"),
		Kind:     kind,
		ID:       string(id),
		Attributes: tracker.Attributes{
			Owner: p.Organization.Name,
			// The slug has IDs instead of names for most integrations.
			Repository: strings.Trim(p.Organization.Name+"/"+p.Project.Name, "/"),
			Pipeline:   p.Workflow.Name,
			Trigger:    p.Pipeline.trigger(),
		},
	}
	c.Time = c.ParseTime(p.HappenedAt)
	vcs, git := &p.Pipeline.VCS, &p.Pipeline.TriggerParameters.Git
	c.Attributes.Commit = cmp.Or(vcs.Revision, git.CheckoutSHA)
	c.Attributes.Branch = cmp.Or(vcs.Branch, git.Branch)
	switch tag := cmp.Or(vcs.Tag, git.Tag); {
	case tag != "":
		c.Attributes.Branch, c.Attributes.RefKind = tag, "tag"
	case strings.HasPrefix(c.Attributes.Branch, "pull/"): // of a fork
		c.Attributes.RefKind = "pull_request"
	} // else a branch, which can be the default one
	return c
}

// trigger returns the vocabulary's word for what triggered a pipeline.
func (p *pipeline) trigger() string {
	switch trigger := cmp.Or(p.TriggerParameters.CircleCI.EventType, p.Trigger.Type); trigger {
	case "webhook":
		return "push"
	case "scheduled_pipeline":
		return "schedule"
	default:
		return trigger
	}
}

// unauthorized is the status of a job whose user is not allowed to use its context, and
// of the workflow of the job.
const unauthorized = "unauthorized"

// results are the results for the statuses of workflows and jobs that have ended.
var results = map[string]string{
	"success":             tracker.ResultSuccess,
	"failed":              tracker.ResultFailure,
	"error":               tracker.ResultError,
	unauthorized:          tracker.ResultError,
	"infrastructure_fail": tracker.ResultError,
	"timedout":            tracker.ResultTimeout,
	"canceled":            tracker.ResultCancellation,
	"not_run":             tracker.ResultSkip,
}

// end adds the end of a workflow or job.
func end(d *payload.Delivery, c *tracker.Change, status string) {
	if status == "" {
		d.Ignore("the status is missing")
		return
	}
	d.End(c, results, "status", status)
	switch c.Result {
	case tracker.ResultError, tracker.ResultTimeout:
		c.Attributes.ErrorType = status
	}
	d.Add(*c)
}
