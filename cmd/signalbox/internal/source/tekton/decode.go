package tekton

import (
	"cmp"
	"net/http"
	"strings"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/cloudevents"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/tracker"
)

// system is the name of the CI system in changes.
const system = "tekton"

// Decode decodes a CloudEvent of Tekton. It returns an error if its data is not JSON.
func Decode(header http.Header, body []byte) (payload.Delivery, error) {
	return cloudevents.Delivery(header, body, decode)
}

// typePrefix is the beginning of the types of Tekton's events, such as
// "dev.tekton.event.taskrun.started.v1".
const typePrefix = "dev.tekton.event."

func decode(d *payload.Delivery, e cloudevents.Event) error {
	rest, ok := strings.CutPrefix(e.Type, typePrefix)
	if !ok {
		d.Describe(e.Type)
		d.Ignore("the type %.60q is not a type of Tekton's events", e.Type)
		return nil
	}
	var p event
	if err := payload.Unmarshal(e.Data, &p); err != nil {
		return err
	}
	kind, rest, _ := strings.Cut(rest, ".")
	state, _, _ := strings.Cut(rest, ".")
	d.Describe(kind, state)
	var o *object
	switch kind {
	case "pipelinerun":
		o = p.PipelineRun
	case "taskrun":
		o = p.TaskRun
	default:
		d.Ignore("the kind %.40q is not about pipeline runs or task runs", kind)
		return nil
	}
	switch {
	case o == nil:
		d.Ignore("the %.40s is missing", kind)
	case state == "unknown":
		d.Ignore("the %.40s continues", kind)
	default:
		o.decode(d, e, kind, state)
	}
	return nil
}

// decode decodes an event about the object. Retries of Tekton's controller have other IDs
// of CloudEvents, so only the UID of the object identifies what it is about.
func (o *object) decode(d *payload.Delivery, e cloudevents.Event, kind, state string) {
	m := &o.Metadata
	c := tracker.Change{System: system, ID: string(m.UID), Time: e.Time}
	c.Queued = c.ParseTime(m.CreationTimestamp)
	c.Started = c.ParseTime(o.Status.StartTime)
	c.Attributes.Owner = m.Namespace
	// The name of a run is different for each run.
	generated := strings.TrimRight(m.GenerateName, "-")
	switch state {
	case "queued":
		c.State = tracker.Queued
	case "started", "running":
		c.State = tracker.Started
	case "successful", "failed":
		o.end(d, &c, state)
	default:
		d.Unmap("state", state)
		return
	}
	if kind == "pipelinerun" {
		c.Kind = tracker.Run
		c.Attributes.Pipeline = cmp.Or(m.Labels.Pipeline, o.Spec.PipelineRef.Name, generated)
		d.Add(c)
		return
	}
	c.Kind = tracker.Job
	task := cmp.Or(m.Labels.Task, m.Labels.ClusterTask, o.Spec.TaskRef.Name, generated)
	c.Attributes.Job = cmp.Or(m.Labels.PipelineTask, task)
	c.Attributes.Pipeline = m.Labels.Pipeline
	if c.RunID = o.runID(); c.RunID == "" && m.Labels.PipelineRun == "" {
		run := c
		run.Kind, run.Attributes.Job, run.Attributes.Pipeline = tracker.Run, "", task
		c.RunID, c.Attributes.Pipeline = c.ID, task
		c.Anomalies = nil // counted with the run
		if d.Add(run); d.Outcome == payload.Ignored {
			return
		}
	}
	d.Add(c)
}

// runID returns the UID of the pipeline run that a task run belongs to, or an empty text
// if it is not known. Old versions of Tekton do not have it as a label.
func (o *object) runID() string {
	if uid := o.Metadata.Labels.PipelineRunUID; uid != "" {
		return uid
	}
	for owner := range payload.Elements[owner](o.Metadata.OwnerReferences) {
		if owner.Kind == "PipelineRun" {
			return string(owner.UID)
		}
	}
	return ""
}

// end makes a change the end of a run. Runs that were canceled or took too long have
// failed, and only the reason says why.
func (o *object) end(d *payload.Delivery, c *tracker.Change, state string) {
	c.State = tracker.Ended
	c.Ended = c.ParseTime(o.Status.CompletionTime)
	reason := ""
	for condition := range payload.Elements[condition](o.Status.Conditions) {
		if condition.Type == "Succeeded" {
			reason = condition.Reason
			break
		}
	}
	c.Attributes.RawResult = cmp.Or(reason, state)
	if state == "successful" {
		c.Result = tracker.ResultSuccess
		return
	}
	c.Result = resultOf(reason)
	if c.Result != tracker.ResultCancellation {
		c.Attributes.ErrorType = reason
	}
	// A run that was canceled in the queue has no start.
	c.NeverStarted = c.Started.IsZero()
}

// resultOf returns the result for the reason of a failure. New versions of Tekton add
// reasons; unknown reasons are failures.
func resultOf(reason string) string {
	switch reason {
	case "TaskRunTimeout", "PipelineRunTimeout":
		return tracker.ResultTimeout
	case "TaskRunCancelled", "PipelineRunCancelled", "Cancelled", "CancelledRunningFinally", "StoppedRunningFinally":
		return tracker.ResultCancellation
	case "TaskRunImagePullFailed", "PodCreationFailed", "PodEvicted", "StepOOM", "CreateContainerConfigError", "CreateRunFailed", "ExceededResourceQuota", "ExceededNodeResources":
		return tracker.ResultError
	}
	if strings.HasPrefix(reason, "Couldnt") || strings.Contains(reason, "Validation") {
		return tracker.ResultError
	}
	return tracker.ResultFailure
}
