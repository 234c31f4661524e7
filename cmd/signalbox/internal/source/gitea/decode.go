package gitea

import (
	"cmp"
	"net/http"
	"strings"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/tracker"
)

// system is the name of the CI system in changes. It is the same for Forgejo: a server
// can have webhooks of both kinds, and must not be counted twice.
const system = "gitea"

// Decode decodes a webhook. The body is JSON, or a form with JSON in the field
// "payload". Decode returns an error if it is neither. It does not check the signature.
func Decode(header http.Header, body []byte) (payload.Delivery, error) {
	d := payload.New(cmp.Or(header.Get("X-Gitea-Delivery"), header.Get("X-Forgejo-Delivery")))
	body, err := payload.FormJSON(body)
	if err != nil {
		return d, err
	}
	var p delivery
	if err := payload.Unmarshal(body, &p); err != nil {
		return d, err
	}
	event := cmp.Or(header.Get("X-Gitea-Event"), header.Get("X-Forgejo-Event"))
	switch github := header.Get("X-GitHub-Event"); {
	case event == "" && github != "": // Gitea and Forgejo send it too, with their own
		d.Describe(github, p.Action)
		d.Ignore("the event %.40q is not from Gitea or Forgejo", github)
	case p.WorkflowRun != nil:
		d.Describe(cmp.Or(event, "workflow_run"), p.Action)
		p.decodeRun(&d)
	case p.WorkflowJob != nil:
		d.Describe(cmp.Or(event, "workflow_job"), p.Action)
		p.decodeJob(&d)
	case p.Job != nil:
		d.Describe(cmp.Or(event, "workflow_job"), p.Job.Status)
		p.decodeForgejoJob(&d)
	case p.Run != nil:
		d.Describe(cmp.Or(event, "action_run"), p.Run.Status)
		p.decodeForgejoRun(&d)
	default:
		d.Describe(event, p.Action)
		d.Ignore("the event %.40q has no run and no job", event)
	}
	return d, nil
}

// change returns a change with what runs and jobs have in common.
func change(kind tracker.Kind, r repository, id, attempt payload.ID) tracker.Change {
	retry := "true"
	if attempt == "" || attempt == "1" {
		retry = "false"
	}
	return tracker.Change{
		System:   system,
		Instance: payload.Host(r.HTMLURL, ""),
		Kind:     kind,
		ID:       string(id),
		Attempt:  string(attempt),
		Attributes: tracker.Attributes{
			Owner:      payload.Owner(r.FullName),
			Repository: r.FullName,
			Retry:      retry,
		},
	}
}

// first returns the number of an attempt, which is 0 for some first attempts.
func first(attempt payload.ID) payload.ID {
	if attempt == "" || attempt == "0" {
		return "1"
	}
	return attempt
}

// refKind returns the kind of a branch.
func (r repository) refKind(branch, event string) string {
	if strings.HasPrefix(event, "pull_request") {
		return "pull_request"
	}
	return payload.BranchKind(branch, r.DefaultBranch)
}

// trigger returns the vocabulary's word for the event that triggered a run.
func trigger(event string) string {
	switch event {
	case "workflow_dispatch":
		return "manual"
	case "pull_request_target", "pull_request_sync":
		return "pull_request"
	}
	return event
}

// results are the results for Gitea's conclusions and Forgejo's statuses.
var results = map[string]string{
	"success":   tracker.ResultSuccess,
	"failure":   tracker.ResultFailure,
	"cancelled": tracker.ResultCancellation,
	"skipped":   tracker.ResultSkip,
}
