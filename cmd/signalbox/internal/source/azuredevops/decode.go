package azuredevops

import (
	"cmp"
	"net/http"
	"net/url"
	"strings"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/tracker"
)

// system is the name of the CI system in changes.
const system = "azuredevops"

// Decode decodes the delivery of a service hook. It returns an error if the body is not
// JSON. It does not check the token.
func Decode(_ http.Header, body []byte) (payload.Delivery, error) {
	var p delivery
	if err := payload.Unmarshal(body, &p); err != nil {
		return payload.Delivery{}, err
	}
	d := payload.New(string(p.ID))
	switch p.EventType {
	case "ms.vss-pipelines.run-state-changed-event":
		p.decodeRun(&d)
	case "ms.vss-pipelines.job-state-changed-event":
		p.decodeJob(&d)
	case "build.complete":
		p.decodeBuild(&d)
	case "ms.vss-pipelines.stage-state-changed-event":
		d.Describe("stage")
		d.Ignore("stages are not counted, only their runs and jobs")
	default:
		d.Describe(p.EventType)
		d.Ignore("the event %.60q is not about runs, jobs or builds", p.EventType)
	}
	return d, nil
}

// change returns a change with what all kinds of objects have in common.
func (p *delivery) change(kind tracker.Kind, id string) tracker.Change {
	c := tracker.Change{
		System: system,
		// Runs of different organizations can have the same ID. Not all events contain
		// the name of the organization.
		Instance:   string(p.ResourceContainers.Collection.ID),
		Kind:       kind,
		ID:         id,
		Attributes: tracker.Attributes{Repository: p.Resource.repository(), Retry: "false"},
	}
	c.Time = c.ParseTime(p.CreatedDate)
	c.Attributes.Owner = payload.Owner(c.Attributes.Repository)
	return c
}

// describeRun adds the attributes that events about runs and jobs contain.
func (r *resource) describeRun(a *tracker.Attributes) {
	self := &r.Run.Resources.Repositories.Self
	a.Pipeline = pipelineName(r.Pipeline.Folder, r.Pipeline.Name)
	a.Branch, a.RefKind = parseRef(self.RefName)
	a.Commit = self.Version
}

// repository returns the name of the repository that contains the pipeline. If it is
// unknown, repository returns the ID of the project.
func (r *resource) repository() string {
	for _, address := range []string{r.selfURL(), r.Repository.URL, r.Run.Links.Web.Href, r.Pipeline.URL, r.URL} {
		// Some of them are only the URL of the organization.
		if name := repositoryName(address); strings.Contains(name, "/") {
			return name
		}
	}
	return ""
}

// selfURL returns the URL of the repository that contains the pipeline, or else of the
// first one.
func (r *resource) selfURL() string {
	first := ""
	for repository := range payload.Elements[repository](r.Repositories) {
		if repository.Alias == "self" {
			return repository.URL
		}
		first = cmp.Or(first, repository.URL)
	}
	return first
}

// repositoryName returns the name of a repository in Azure Repos, such as
// "organization/project/repository", or on GitHub. For the URL of any other object, it
// returns the organization and the project.
func repositoryName(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	path := u.Path
	if u.Host == "api.github.com" {
		path = strings.TrimPrefix(path, "/repos")
	}
	path = strings.Replace(path, "/_git/", "/", 1)
	if i := strings.Index(path, "/_"); i >= 0 { // such as /_build
		path = path[:i]
	}
	return strings.TrimSuffix(strings.Trim(path, "/"), ".git")
}

// pipelineName returns the name of a pipeline with its folders, which Azure DevOps
// separates by backslashes.
func pipelineName(folder, name string) string {
	folder = strings.ReplaceAll(strings.Trim(folder, `\`), `\`, "/")
	if folder == "" {
		return name
	}
	return folder + "/" + name
}

// parseRef returns the name and the kind of a ref. The kind of a branch is empty: it can
// be the default one.
func parseRef(ref string) (name, kind string) {
	if branch, ok := strings.CutPrefix(ref, "refs/heads/"); ok {
		return branch, ""
	}
	if tag, ok := strings.CutPrefix(ref, "refs/tags/"); ok {
		return tag, "tag"
	}
	if name, ok := strings.CutPrefix(ref, "refs/"); ok && strings.HasPrefix(name, "pull/") {
		return name, "pull_request"
	}
	return ref, ""
}

// results maps the results of Azure DevOps to those of the tracker.
var results = map[string]string{
	"succeeded":          tracker.ResultSuccess,
	"partiallySucceeded": tracker.ResultFailure,
	"failed":             tracker.ResultFailure,
	"rejected":           tracker.ResultFailure,
	"canceled":           tracker.ResultCancellation,
	"stopped":            tracker.ResultCancellation,
	"skipped":            tracker.ResultSkip,
}

// end makes a change the end of an object. It reports whether there is a result.
func end(d *payload.Delivery, c *tracker.Change, result string) bool {
	if result == "" {
		d.Ignore("the result is missing")
		return false
	}
	d.End(c, results, "result", result)
	return true
}
