package gitlab

import (
	"cmp"
	"net/http"
	"net/url"
	"strings"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/tracker"
)

// system is the name of the CI system in changes.
const system = "gitlab"

// Decode decodes a webhook. It returns an error if the body is not JSON. It does not
// check the signature.
func Decode(header http.Header, body []byte) (payload.Delivery, error) {
	// Other headers with an ID differ between repetitions, or are the same for
	// different webhooks.
	d := payload.New(cmp.Or(header.Get("Idempotency-Key"), header.Get("webhook-id")))
	var p delivery
	if err := payload.Unmarshal(body, &p); err != nil {
		return d, err
	}
	// Webhooks of the instance have the event "System Hook" for all kinds of objects.
	kind := cmp.Or(p.ObjectKind, kinds[header.Get("X-Gitlab-Event")])
	p.server = header.Get("X-Gitlab-Instance")
	switch kind {
	case "pipeline":
		p.decodePipeline(&d)
	case "build":
		p.decodeJob(&d)
	case "deployment":
		p.decodeDeployment(&d)
	default:
		d.Describe(kind)
		d.Ignore("the event %.40q is not about pipelines, jobs or deployments", cmp.Or(kind, header.Get("X-Gitlab-Event")))
	}
	return d, nil
}

// kinds are the kinds of objects by X-Gitlab-Event.
var kinds = map[string]string{
	"Pipeline Hook":   "pipeline",
	"Job Hook":        "build",
	"Deployment Hook": "deployment",
}

// change returns a change with what all kinds of objects have in common.
func (p *delivery) change(kind tracker.Kind, id payload.ID) tracker.Change {
	home := p.home()
	repository := p.Project.PathWithNamespace
	if u, err := url.Parse(home); repository == "" && err == nil {
		repository = strings.Trim(u.Path, "/")
	}
	return tracker.Change{
		System:   system,
		Instance: payload.Host(cmp.Or(p.server, home), "gitlab.com"),
		Kind:     kind,
		ID:       string(id),
		Attributes: tracker.Attributes{
			Owner:      payload.Owner(repository),
			Repository: repository,
		},
	}
}

// home returns the URL of the project.
func (p *delivery) home() string { return cmp.Or(p.Project.WebURL, p.Repository.Homepage) }

// page returns the URL of a page of the project, or an empty text if it is unknown.
func (p *delivery) page(path string, id payload.ID) string {
	home := p.home()
	if home == "" {
		return ""
	}
	return home + path + string(id)
}

// refKind returns the kind of a ref.
func (p *delivery) refKind(ref string, isTag, isMergeRequest bool) string {
	switch {
	case isTag:
		return "tag"
	case isMergeRequest, strings.HasPrefix(ref, "refs/merge-requests/"):
		return "pull_request"
	}
	return payload.BranchKind(ref, p.Project.DefaultBranch)
}

// results are the results for the statuses in which an object has ended.
var results = map[string]string{
	"success":  tracker.ResultSuccess,
	"failed":   tracker.ResultFailure,
	"canceled": tracker.ResultCancellation,
	"skipped":  tracker.ResultSkip,
}
