package webhook_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/azuredevops"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/circleci"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/github"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/gitlab"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/sourcetest"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/webhook"
)

type decoder func(http.Header, []byte) (payload.Delivery, error)

// heavyBodies calls test with bodies that take as much memory as possible, one at a
// time.
func heavyBodies(test func(name string, decode decoder, body string)) {
	const n = 300_000
	list := func(element string) string { return "[" + strings.Repeat(element+",", n) + element + "]" }
	nested := strings.Repeat("[", n) + strings.Repeat("]", n)
	ones, long, escaped := strings.Repeat("1", n), strings.Repeat("x", n), strings.Repeat(`\n`, n)
	texts := func(text string) string {
		names := []string{"name", "head_branch", "head_sha", "html_url", "workflow_name", "runner_name", "runner_group_name", "created_at", "started_at", "completed_at"}
		return `"` + strings.Join(names, `":"`+text+`","`) + `":"` + text + `"`
	}

	inGitHub := func(name, body string) { test(name, github.Decode, body) }
	withMembers := func(members string) string {
		return `{"action":"completed","workflow_job":{"id":1,"run_id":2,"conclusion":"failure",` + members + `},"repository":{"full_name":"a/b"}}`
	}
	job := func(name, members string) { inGitHub(name, withMembers(members)) }
	for name, members := range map[string]string{"labels": `"labels":` + list(`""`), "texts": texts(long), "escaped texts": texts(escaped)} {
		inGitHub(name+" in a form", "payload="+url.QueryEscape(withMembers(members)))
		inGitHub(name+" in a form without escapes", "a=%41&payload="+withMembers(members))
	}
	job("labels", `"labels":`+list(`""`))
	job("short labels", `"labels":`+list(`"A"`))
	job("numbers for labels", `"labels":`+list("1"))
	job("nested arrays for labels", `"labels":`+nested)
	job("a long label", `"labels":["`+strings.Repeat("É", n)+`"]`)
	job("long labels", `"labels":["`+strings.Repeat(long[:1000]+`","`, n/1000)+`"]`)
	job("steps", `"steps":`+list("{}"))
	job("numbers for steps", `"steps":`+list("1"))
	job("a long step", `"steps":[{"started_at":"`+escaped+`"}]`)
	job("long texts", texts(long))
	job("escaped texts", texts(escaped))
	job("a long name", `"name":"`+strings.Repeat(" / (", n)+`"`)
	job("a long id", `"id":`+ones)
	job("a number for a text", `"name":`+ones)
	job("unknown members", `"":0`+strings.Repeat(`,"":0`, n))
	inGitHub("a long URL", `{"action":"queued","workflow_job":{"id":1},"repository":{"html_url":"https://`+strings.Repeat("%41", n)+`"}}`)
	inGitHub("a long action", `{"action":"`+escaped+`","workflow_job":{"id":1}}`)
	inGitHub("the same member", `{"action":"queued"`+strings.Repeat(`,"workflow_job":{}`, n)+"}")
	inGitHub("nested objects", strings.Repeat(`{"a":`, n)+"1"+strings.Repeat("}", n))
	inGitHub("nested arrays for a job", `{"workflow_job":`+nested+"}")
	inGitHub("nested arrays that do not end", `{"workflow_job":`+nested[:n])
	inGitHub("a long word", long)
	inGitHub("a text", `"`+escaped+`"`)
	inGitHub("an array", list("{}"))

	inGitLab := func(name, kind, members string) {
		test(name, gitlab.Decode, `{"object_kind":"`+kind+`","build_id":1,"build_status":"running",`+members+"}")
	}
	pipeline := func(name, members string) {
		inGitLab(name, "pipeline", `"object_attributes":{"id":1,"status":"running"},`+members)
	}
	pipeline("builds", `"builds":`+list("{}"))
	pipeline("numbers for builds", `"builds":`+list("1"))
	pipeline("builds with times", `"builds":`+list(`{"status":"running","started_at":"2026-03-04T10:00:00Z"}`))
	pipeline("a long build", `"builds":[{"started_at":"`+escaped+`"}]`)
	inGitLab("tags", "build", `"runner":{"tags":`+list(`""`)+"}")
	inGitLab("parallel jobs", "build", `"build_name":"`+strings.Repeat(" 1/1", n)+`"`)
	inGitLab("a long duration", "build", `"build_duration":`+ones)
	inGitLab("a long commit", "deployment", `"short_sha":"1","commit_url":"`+ones+`"`)

	test("a long branch of CircleCI", circleci.Decode, `{"type":"job-completed","job":{"id":1,"status":"success"},"pipeline":{"vcs":{"branch":"`+escaped+`"}}}`)
	inAzureDevOps := func(name, members string) {
		test(name+" of Azure DevOps", azuredevops.Decode, `{"eventType":"ms.vss-pipelines.run-state-changed-event","resource":{"run":{"id":1,"state":"inProgress"},`+members+"}}")
	}
	inAzureDevOps("repositories", `"repositories":`+list("{}"))
	inAzureDevOps("a repository", `"repositories":[{"url":"https://`+strings.Repeat("/%41", n)+`"}]`)
	inAzureDevOps("a folder", `"pipeline":{"name":"a","folder":"`+strings.Repeat(`\\\\a`, n)+`"}`)
}

// TestParseFactor compares the memory that the receiver acquires for decoding bodies
// with what decoding them takes.
func TestParseFactor(t *testing.T) {
	sourcetest.MeasureMemory(t, func(peak func(func()) int64) {
		heavyBodies(func(name string, decode decoder, body string) {
			content, header := []byte(body), http.Header{"X-Github-Event": {"workflow_job"}}
			var d payload.Delivery
			var err error
			took := float64(peak(func() { d, err = decode(header, content) })) / float64(len(content))
			t.Logf("%-52s %8d bytes: takes %4.1f times (%s, %.60v)", name, len(content), took, d.Outcome, err)
			if took > webhook.ParseFactor {
				t.Errorf("%s: takes %.1f times the size of the body, acquires only %d times", name, took, webhook.ParseFactor)
			}
		})
	})
}
