package metric_test

import (
	"maps"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/metric"
)

var (
	ciRun = metric.Run{
		System: "acme", Instance: "ci.example.com", Owner: "octo-org", Repository: "octo-org/api", Pipeline: "CI", Branch: "main", RefKind: "default",
		Trigger: "push", Retry: true, Commit: "c0ffee", URL: "https://ci.example.com/7", ID: "7", Attempt: "2",
	}
	ciRunAttributes = attributes{
		"system": "acme", "instance": "ci.example.com", "owner": "octo-org", "repository": "octo-org/api", "pipeline": "CI", "branch": "main", "ref_kind": "default",
		"trigger": "push", "retry": "true", "commit": "c0ffee", "url": "https://ci.example.com/7", "run_id": "7", "attempt": "2",
	}
	ciJob = metric.Job{
		Run: ciRun, ID: "70", Name: "test", URL: "https://ci.example.com/7/70", RunnerClass: "linux,x64", RunnerGroup: "default", Worker: "runner-1",
	}
	ciJobAttributes = with(ciRunAttributes, attributes{
		"job_id": "70", "job": "test", "url": "https://ci.example.com/7/70", "runner_class": "linux,x64", "runner_group": "default", "worker": "runner-1",
	})
	ciDeployment = metric.Deployment{
		System: "acme", Instance: "ci.example.com", Owner: "octo-org", Repository: "octo-org/api", Environment: "eu", Tier: "production", Service: "api", Commit: "c0ffee", URL: "https://ci.example.com/d/1",
	}
	ciDeploymentAttributes = attributes{
		"system": "acme", "instance": "ci.example.com", "owner": "octo-org", "repository": "octo-org/api", "environment": "eu", "tier": "production", "service": "api", "commit": "c0ffee", "url": "https://ci.example.com/d/1",
	}
)

// with returns the attributes and others, which take precedence.
func with(of, others attributes) attributes {
	all := maps.Clone(of)
	maps.Copy(all, others)
	return all
}

// after returns the time some seconds after midnight.
func after(seconds int) time.Time { return midnight.Add(time.Duration(seconds) * time.Second) }

// ciCalls are the typed calls about any CI system.
var ciCalls = []emitted{
	{metric.RunQueued{Run: ciRun}, []metric.Event{{Name: "ci run queued", Value: 1, Attributes: ciRunAttributes}}},
	{metric.RunStarted{Run: ciRun, Queued: after(0), Started: after(5)}, []metric.Event{
		{Name: "ci run started", Value: 1, Attributes: ciRunAttributes}, {Name: "ci run queue time", Value: 5, Attributes: ciRunAttributes}}},
	{metric.RunStarted{Run: ciRun, Started: after(5)}, []metric.Event{{Name: "ci run started", Value: 1, Attributes: ciRunAttributes}}},
	{metric.RunFinished{Run: ciRun, Result: metric.ResultFailure, ErrorType: "script", Started: after(5), Ended: after(65)}, []metric.Event{
		{Name: "ci run finished", Value: 1, Attributes: with(ciRunAttributes, attributes{"result": "failure", "error_type": "script"})},
		{Name: "ci run time", Value: 60, Attributes: with(ciRunAttributes, attributes{"result": "failure", "error_type": "script"})}}},
	{metric.RunFinished{Run: ciRun, Result: metric.ResultSkip, Ended: after(65)}, []metric.Event{
		{Name: "ci run finished", Value: 1, Attributes: with(ciRunAttributes, attributes{"result": "skip", "error_type": ""})}}},
	{metric.RunFinished{Run: ciRun, Result: metric.ResultSuccess, Started: after(5), Ended: after(4)}, []metric.Event{
		{Name: "ci run finished", Value: 1, Attributes: with(ciRunAttributes, attributes{"result": "success", "error_type": ""})}}},
	{metric.RunsActive{System: "acme", Pending: 3, Executing: 1}, []metric.Event{
		{Name: "ci runs active", Value: 3, Attributes: attributes{"system": "acme", "instance": "", "state": "pending"}},
		{Name: "ci runs active", Value: 0, Attributes: attributes{"system": "acme", "instance": "", "state": "blocked"}},
		{Name: "ci runs active", Value: 1, Attributes: attributes{"system": "acme", "instance": "", "state": "executing"}}}},

	{metric.JobQueued{Job: ciJob}, []metric.Event{{Name: "ci job queued", Value: 1, Attributes: ciJobAttributes}}},
	{metric.JobStarted{Job: ciJob, Queued: after(0), Started: after(5)}, []metric.Event{
		{Name: "ci job started", Value: 1, Attributes: ciJobAttributes}, {Name: "ci job queue time", Value: 5, Attributes: ciJobAttributes}}},
	{metric.JobFinished{Job: ciJob, Result: metric.ResultTimeout, Started: after(5), Ended: after(65)}, []metric.Event{
		{Name: "ci job finished", Value: 1, Attributes: with(ciJobAttributes, attributes{"result": "timeout", "error_type": "_OTHER"})},
		{Name: "ci job run time", Value: 60, Attributes: with(ciJobAttributes, attributes{"result": "timeout", "error_type": "_OTHER"})}}},
	{metric.JobsActive{System: "acme", RunnerClass: "linux", Pending: 3, Blocked: 2, Executing: 1}, []metric.Event{
		{Name: "ci jobs active", Value: 3, Attributes: attributes{"system": "acme", "instance": "", "runner_class": "linux", "state": "pending"}},
		{Name: "ci jobs active", Value: 2, Attributes: attributes{"system": "acme", "instance": "", "runner_class": "linux", "state": "blocked"}},
		{Name: "ci jobs active", Value: 1, Attributes: attributes{"system": "acme", "instance": "", "runner_class": "linux", "state": "executing"}}}},
	{metric.OldestJobWaiting{Job: ciJob, Duration: 90 * time.Second}, []metric.Event{{Name: "ci oldest job waiting", Value: 90, Attributes: ciJobAttributes}}},

	{metric.Workers{System: "acme", Queue: "linux", Available: 3, Busy: 2, Offline: 1}, []metric.Event{
		{Name: "ci workers", Value: 3, Attributes: attributes{"system": "acme", "instance": "", "queue": "linux", "state": "available"}},
		{Name: "ci workers", Value: 2, Attributes: attributes{"system": "acme", "instance": "", "queue": "linux", "state": "busy"}},
		{Name: "ci workers", Value: 1, Attributes: attributes{"system": "acme", "instance": "", "queue": "linux", "state": "offline"}}}},
	{metric.WorkerLost{System: "acme", Queue: "linux", Worker: "runner-1"}, []metric.Event{
		{Name: "ci worker lost", Value: 1, Attributes: attributes{"system": "acme", "instance": "", "queue": "linux", "worker": "runner-1"}}}},

	{metric.DeploymentFinished{Deployment: ciDeployment, Result: metric.ResultSuccess, Committed: after(0), Started: after(100), Ended: after(160)}, []metric.Event{
		{Name: "ci deployment finished", Value: 1, Attributes: with(ciDeploymentAttributes, attributes{"result": "success"})},
		{Name: "ci deployment run time", Value: 60, Attributes: with(ciDeploymentAttributes, attributes{"result": "success"})},
		{Name: "ci last deployment", Value: float64(after(160).Unix()), Attributes: with(ciDeploymentAttributes, attributes{"result": "success"})},
		{Name: "ci change lead time", Value: 160, Attributes: with(ciDeploymentAttributes, attributes{"result": "success"})}}},
	{metric.DeploymentFinished{Deployment: ciDeployment, Result: metric.ResultFailure, Committed: after(0), Ended: after(160)}, []metric.Event{
		{Name: "ci deployment finished", Value: 1, Attributes: with(ciDeploymentAttributes, attributes{"result": "failure"})}}},
}

var _ = Describe("The typed calls about any CI system", func() {
	It("have no URL of the run if that of the job is unknown", func() {
		logger, _ := newLogger()
		emitter := &concurrentRecorder{}
		job := ciJob
		job.URL = ""
		metric.JobQueued{Job: job}.EmitTo(logger, started(logger, nil, emitter))
		Expect(emitter.Events()[0].Attributes).To(HaveKeyWithValue("url", ""))
	})
})
