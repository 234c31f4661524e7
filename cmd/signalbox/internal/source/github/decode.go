package github

import (
	"cmp"
	"net/http"
	"strings"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/tracker"
)

// system is the name of the CI system in changes.
const system = "github"

// Decode decodes a webhook. The body is JSON, or a form with JSON in the field
// "payload". Decode returns an error if it is neither. It does not check the signature.
func Decode(header http.Header, body []byte) (payload.Delivery, error) {
	d := payload.New(header.Get("X-GitHub-Delivery"))
	body, err := payload.FormJSON(body)
	if err != nil {
		return d, err
	}
	var p delivery
	if err := payload.Unmarshal(body, &p); err != nil {
		return d, err
	}
	event := cmp.Or(header.Get("X-GitHub-Event"), p.guessEvent())
	d.Describe(event, p.Action)
	switch event {
	case "workflow_run":
		p.decodeRun(&d)
	case "workflow_job":
		p.decodeJob(&d)
	case "deployment_status":
		p.decodeDeployment(&d)
	default:
		d.Ignore("the event %.40q is not about runs, jobs or deployments", event)
	}
	return d, nil
}

// guessEvent returns the event of a payload without headers, such as one in a file.
func (p *delivery) guessEvent() string {
	switch {
	case p.DeploymentStatus != nil: // can have a workflow_run too
		return "deployment_status"
	case p.WorkflowJob != nil:
		return "workflow_job"
	case p.WorkflowRun != nil:
		return "workflow_run"
	}
	return ""
}

// change returns a change with what all kinds of objects have in common.
func (p *delivery) change(kind tracker.Kind, id, attempt payload.ID) tracker.Change {
	return tracker.Change{
		System:   system,
		Instance: payload.Host(p.Repository.HTMLURL, "github.com"),
		Kind:     kind,
		ID:       string(id),
		Attempt:  string(attempt),
		Attributes: tracker.Attributes{
			Owner:      payload.Owner(p.Repository.FullName),
			Repository: p.Repository.FullName,
		},
	}
}

// refKind returns the kind of a branch. The event that triggered the run is empty if it
// is unknown. GitHub does not report whether a ref is a branch or a tag, except for
// releases.
func (p *delivery) refKind(branch, event string) string {
	switch {
	case strings.HasPrefix(event, "pull_request"):
		return "pull_request"
	case event == "release":
		return "tag"
	}
	return payload.BranchKind(branch, p.Repository.DefaultBranch)
}

// trigger returns the vocabulary's word for the event that triggered a run.
func trigger(event string) string {
	switch event {
	case "workflow_dispatch":
		return "manual"
	case "repository_dispatch":
		return "api"
	case "pull_request_target":
		return "pull_request"
	}
	return event
}

// attempt returns the number of an attempt. Old payloads have none; they are from the
// time before runs could have several attempts.
func attempt(number payload.ID) payload.ID { return cmp.Or(number, "1") }

// results are the results for GitHub's conclusions.
var results = map[string]string{
	"success":         tracker.ResultSuccess,
	"neutral":         tracker.ResultSuccess,
	"failure":         tracker.ResultFailure,
	"startup_failure": tracker.ResultError,
	"stale":           tracker.ResultError,
	"timed_out":       tracker.ResultTimeout,
	"cancelled":       tracker.ResultCancellation,
	"skipped":         tracker.ResultSkip,
}

// actionRequired is the conclusion of a run that waits for an approval. It has not
// ended.
const actionRequired = "action_required"

// end makes a change the end of an object.
func end(d *payload.Delivery, c *tracker.Change, conclusion string) {
	d.End(c, results, "conclusion", conclusion)
	if conclusion == "startup_failure" || conclusion == "timed_out" {
		c.Attributes.ErrorType = conclusion
	}
}
