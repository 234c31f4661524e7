package buildkite

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/tracker"
)

func (p *delivery) decodeJob(d *payload.Delivery, event string) {
	j := p.Job
	switch {
	case j == nil || p.Build == nil:
		d.Ignore("job or build is missing")
		return
	case j.Type != "script":
		d.Ignore("a job of the type %.40q does not run on an agent", j.Type)
		return
	}
	c := p.change(tracker.Job, cmp.Or(j.ID, j.UUID))
	c.RunID = string(cmp.Or(p.Build.ID, p.Build.UUID))
	// A job is created and scheduled when its build is. Then it may have to wait for
	// other jobs, until it can run.
	c.Queued = c.ParseTime(j.RunnableAt)
	if j.RetrySource != nil {
		c.Attributes.Retry = "true"
	}
	if page := c.Attributes.URL; page != "" {
		c.Attributes.URL = page + "#" + c.ID
	}
	c.Attributes.URL = cmp.Or(j.WebURL, c.Attributes.URL)
	c.Attributes.Job = cmp.Or(j.StepKey, withoutEmoji(cmp.Or(j.Name, j.Label)))
	c.Attributes.RunnerClass, c.Attributes.RunnerGroup = queue(j.AgentQueryRules)

	switch event {
	case "job.scheduled":
		c.State = tracker.Queued
		c.Time = c.Queued
	case "job.started":
		c.State = tracker.Started
		c.Started = c.ParseTime(j.StartedAt)
		c.Time = c.Started
		c.Attributes.Worker = j.Agent.Name
	case "job.finished":
		if j.State == "" {
			d.Ignore("the finished job has no state")
			return
		}
		c.State = tracker.Ended
		c.Started, c.Ended = c.ParseTime(j.StartedAt), c.ParseTime(j.FinishedAt)
		c.Time = c.Ended
		c.NeverStarted = c.Started.IsZero()
		c.Attributes.Worker = j.Agent.Name
		j.end(d, &c)
	}
	d.Add(c)
}

// jobResults maps the states of jobs that have ended without a failure to results. A
// job is broken if its configuration prevents it from running, such as a condition.
var jobResults = map[string]string{
	"passed":    tracker.ResultSuccess,
	"canceled":  tracker.ResultCancellation,
	"timed_out": tracker.ResultTimeout,
	"expired":   tracker.ResultError,
	"skipped":   tracker.ResultSkip,
	"broken":    tracker.ResultSkip,
}

// signalReasons are the reasons why a job did not end on its own. If the value is true,
// the agent or Buildkite failed, not the job.
var signalReasons = map[string]bool{
	"agent_incompatible": true,
	"agent_refused":      true,
	"agent_stop":         true,
	"cancel":             false,
	"process_run_error":  true,
	"signature_rejected": true,
	"stack_error":        true,
}

// lostAgent is the exit status of a job whose agent was lost.
const lostAgent = -1

// end sets the result of a job that has ended.
func (j *job) end(d *payload.Delivery, c *tracker.Change) {
	c.Attributes.RawResult = j.State
	isError, isKnown := signalReasons[j.SignalReason]
	if isKnown {
		c.Attributes.ErrorType = j.SignalReason
	}
	exited := j.ExitStatus != nil
	state := j.State
	if state == "finished" { // it passed or failed
		state = "failed"
		if j.Passed || exited && *j.ExitStatus == 0 {
			state = "passed"
		}
	}
	switch result, known := jobResults[state]; {
	case known:
		c.Result = result
		if state == "expired" || state == "timed_out" {
			c.Attributes.ErrorType = state
		}
	case state != "failed":
		c.Result = tracker.ResultOther
		d.Unmap("job state", j.State)
	case j.SoftFailed: // the build does not fail because of it
		c.Result = tracker.ResultSuccess
		c.Attributes.RawResult = "soft_failed"
	case exited && *j.ExitStatus == lostAgent:
		c.Result = tracker.ResultError
		c.Attributes.ErrorType = cmp.Or(c.Attributes.ErrorType, "agent_lost")
	case isError:
		c.Result = tracker.ResultError
	default:
		c.Result = tracker.ResultFailure
	}
}

// defaultQueue is the queue of jobs and agents that do not name one.
const defaultQueue = "default"

// queue returns the queue in the query rules of a job or in the tags of an agent, such
// as "queue=default" and "os=linux". It returns the other rules or tags in the form of
// payload.RunnerClass.
func queue(tags []string) (name, others string) {
	name = defaultQueue
	var rest []string
	for _, tag := range tags {
		value, isQueue := strings.CutPrefix(strings.TrimSpace(tag), "queue=")
		switch value = strings.ToLower(strings.TrimSpace(value)); {
		case !isQueue:
			rest = append(rest, tag)
		case value != "":
			name = value
		}
	}
	return name, payload.RunnerClass(rest)
}

// emoji matches words that consist of names of emoji.
var emoji = regexp.MustCompile(`^(:[\w+-]+:)+$`)

// withoutEmoji removes the names of emoji from a label, unless there is nothing else.
func withoutEmoji(label string) string {
	words := slices.DeleteFunc(strings.Fields(label), emoji.MatchString)
	return cmp.Or(strings.Join(words, " "), label)
}
