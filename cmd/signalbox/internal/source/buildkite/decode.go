package buildkite

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/tracker"
)

// system is the name of the CI system in changes.
const system = "buildkite"

// Decode decodes a webhook of Buildkite, or an event that Amazon EventBridge delivers. It
// returns an error if the body is not JSON. It does not check the signature.
func Decode(header http.Header, body []byte) (payload.Delivery, error) {
	var p delivery
	err := payload.Unmarshal(body, &p)
	if err != nil {
		return payload.New(""), err
	}
	// Webhooks have no ID. The event is in the body, which is signed, and in a header.
	d, event := payload.New(""), cmp.Or(p.Event, header.Get("X-Buildkite-Event"))
	if p.isBridged() {
		d = payload.New(string(p.ID))
		p.objects = p.Detail
		event = cmp.Or(bridgedEvents[p.DetailType], p.DetailType)
	}
	d.Describe(event)
	switch event {
	case "build.scheduled", "build.running", "build.failing", "build.finished", "build.skipped":
		p.decodeBuild(&d, event)
	case "job.scheduled", "job.started", "job.finished":
		p.decodeJob(&d, event)
	case "agent.connected", "agent.stopping", "agent.stopped", "agent.disconnected", "agent.lost":
		p.decodeAgent(&d, event)
	default:
		d.Ignore("the event %.40q is not about the state of builds, jobs or agents", event)
	}
	return d, nil
}

// bridgedEvents maps the names of events in EventBridge to those in webhooks.
var bridgedEvents = map[string]string{
	"Build Created":      "build.scheduled",
	"Build Started":      "build.running",
	"Build Failing":      "build.failing",
	"Build Finished":     "build.finished",
	"Build Blocked":      "build.finished",
	"Build Skipped":      "build.skipped",
	"Job Scheduled":      "job.scheduled",
	"Job Started":        "job.started",
	"Job Finished":       "job.finished",
	"Agent Connected":    "agent.connected",
	"Agent Disconnected": "agent.disconnected",
	"Agent Lost":         "agent.lost",
	"Agent Stopping":     "agent.stopping",
	"Agent Stopped":      "agent.stopped",
}

// change returns a change with what builds and their jobs have in common.
func (p *delivery) change(kind tracker.Kind, id payload.ID) tracker.Change {
	c := tracker.Change{System: system, Kind: kind, ID: string(id)}
	b := p.Build
	c.Attributes = tracker.Attributes{
		Owner:      p.organization(p.Pipeline.URL, b.URL),
		Repository: payload.RepositoryPath(cmp.Or(p.Pipeline.Repository, p.Pipeline.Repo)),
		Pipeline:   p.Pipeline.Slug,
		Branch:     b.Branch,
		RefKind:    p.refKind(),
		Trigger:    p.trigger(),
		URL:        p.buildURL(),
	}
	if !p.isBridged() {
		c.Attributes.Retry = strconv.FormatBool(b.RebuiltFrom != nil)
	}
	if strings.Trim(b.Commit, "0123456789abcdef") == "" {
		c.Attributes.Commit = b.Commit
	}
	return c
}

// organization returns the slug of the organization. Webhooks contain it only in URLs of
// the API, such as those given.
func (p *delivery) organization(urls ...string) string {
	for _, url := range urls {
		if _, rest, ok := strings.Cut(url, "/organizations/"); ok {
			slug, _, _ := strings.Cut(rest, "/")
			return slug
		}
	}
	return p.Organization.Slug
}

// refKind returns the kind of the branch that is built. Buildkite does not report whether
// it is a tag. EventBridge reports neither pull requests nor the default branch.
func (p *delivery) refKind() string {
	if p.Build.PullRequest.ID != "" {
		return "pull_request"
	}
	return payload.BranchKind(p.Build.Branch, p.Pipeline.DefaultBranch)
}

// trigger returns the vocabulary's word for the source of the build.
func (p *delivery) trigger() string {
	switch p.Build.Source {
	case "webhook":
		switch {
		case p.isBridged():
			return "" // a push or a pull request
		case p.Build.PullRequest.ID != "":
			return "pull_request"
		}
		return "push"
	case "ui":
		return "manual"
	case "trigger_job":
		return "pipeline"
	}
	return p.Build.Source
}

// buildURL returns the URL of the page of the build, or an empty text if it is unknown.
func (p *delivery) buildURL() string {
	organization := p.Organization.Slug
	if p.Build.WebURL != "" || organization == "" || p.Pipeline.Slug == "" || p.Build.Number == "" {
		return p.Build.WebURL
	}
	return "https://buildkite.com/" + organization + "/" + p.Pipeline.Slug + "/builds/" + string(p.Build.Number)
}
