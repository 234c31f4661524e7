package cdevents

import (
	"cmp"
	"net/http"
	"strings"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/cloudevents"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/tracker"
)

// system is the name of the CI system in changes.
const system = "cdevents"

// Decode decodes a request with one or more CDEvents. It returns an error if their data
// is not JSON.
func Decode(header http.Header, body []byte) (payload.Delivery, error) {
	return cloudevents.Delivery(header, body, decode)
}

func decode(d *payload.Delivery, e cloudevents.Event) error {
	var p event
	if err := payload.Unmarshal(e.Data, &p); err != nil {
		if e.Type == "" || strings.HasPrefix(e.Type, typePrefix) {
			return err
		}
		p = event{} // it is ignored, because its data can have another format
	}
	p.envelope = e
	p.decode(d)
	return nil
}

// typePrefix is the beginning of the types of CDEvents, such as
// "dev.cdevents.pipelinerun.finished.0.3.0".
const typePrefix = "dev.cdevents."

// decode decodes an event by its subject and its predicate.
func (p *event) decode(d *payload.Delivery) {
	name := cmp.Or(p.Context.Type, p.envelope.Type)
	rest, ok := strings.CutPrefix(name, typePrefix)
	if !ok {
		d.Describe(name)
		d.Ignore("the type %.60q is not a type of CDEvents", name)
		return
	}
	subject, rest, _ := strings.Cut(rest, ".")
	predicate, _, _ := strings.Cut(rest, ".")
	d.Describe(subject, predicate)
	switch subject {
	case "pipelinerun", "build":
		p.decodeRun(d, subject, predicate)
	case "taskrun":
		p.decodeTask(d, predicate)
	case "service":
		p.decodeService(d, predicate)
	case "incident":
		p.decodeIncident(d, predicate)
	case "testcaserun":
		p.decodeTestCase(d, predicate)
	case "testsuiterun":
		d.Ignore("only the test cases of a suite are counted")
	default:
		d.Ignore("the subject %.40q is not about runs, deployments, incidents or tests", subject)
	}
}

// change returns a change of the subject. Producers differ in what an ID is: it can be a
// path of any length.
func (p *event) change(kind tracker.Kind) tracker.Change {
	c := tracker.Change{
		System:   system,
		Instance: payload.ShortID(cmp.Or(p.Subject.Source, p.Context.Source, p.envelope.Source)),
		Kind:     kind,
		ID:       payload.ShortID(p.id()),
	}
	if c.Time = c.ParseTime(p.Context.Timestamp); c.Time.IsZero() {
		c.Time = p.envelope.Time
	}
	content := &p.Subject.Content
	c.Attributes.URL = cmp.Or(content.URI, content.URL)
	c.Attributes.Environment = string(content.Environment.ID)
	return c
}

func (p *event) id() string { return cmp.Or(string(p.Subject.ID), p.envelope.Subject) }

func (p *event) decodeRun(d *payload.Delivery, subject, predicate string) {
	c := p.change(tracker.Run)
	c.Attributes.Pipeline = p.Subject.Content.PipelineName
	outcome := p.Subject.Content.Outcome
	if subject == "build" {
		if c.ID != "" {
			c.ID = payload.ShortID("build " + p.id())
		}
		if outcome == "" {
			outcome = "success" // the events of builds have an artifact instead
		}
	}
	p.addRun(d, c, predicate, outcome)
}

func (p *event) decodeTask(d *payload.Delivery, predicate string) {
	c := p.change(tracker.Job)
	c.RunID = payload.ShortID(string(p.Subject.Content.PipelineRun.ID))
	c.Attributes.Job = p.Subject.Content.TaskName
	p.addRun(d, c, predicate, p.Subject.Content.Outcome)
}

// addRun adds a change to a run or job. An event about an end contains neither the
// start nor the duration: the tracker knows the start from previous events.
func (p *event) addRun(d *payload.Delivery, c tracker.Change, predicate, outcome string) {
	switch predicate {
	case "queued":
		c.State, c.Queued = tracker.Queued, c.Time
	case "started":
		c.State = tracker.Started
	case "finished":
		end(d, &c, outcome)
	default:
		d.Unmap("predicate", predicate)
		return
	}
	d.Add(c)
}

// results are the results for outcomes. Version 0.5 knows success, failure, cancel and
// error. In version 0.4, the outcome is any text.
var results = map[string]string{
	"success":   tracker.ResultSuccess,
	"pass":      tracker.ResultSuccess,
	"failure":   tracker.ResultFailure,
	"fail":      tracker.ResultFailure,
	"cancel":    tracker.ResultCancellation,
	"cancelled": tracker.ResultCancellation,
	"canceled":  tracker.ResultCancellation,
	"error":     tracker.ResultError,
	"timeout":   tracker.ResultTimeout,
	"skip":      tracker.ResultSkip,
	"skipped":   tracker.ResultSkip,
}

// end makes a change the end of an object.
func end(d *payload.Delivery, c *tracker.Change, outcome string) {
	d.End(c, results, "outcome", strings.ToLower(outcome))
	c.Attributes.RawResult = outcome
}

// decodeService decodes a deployment. The same service is deployed repeatedly, so the
// event identifies the deployment.
func (p *event) decodeService(d *payload.Delivery, predicate string) {
	c := p.change(tracker.Deployment)
	c.ID = payload.ShortID(cmp.Or(p.Context.ID, p.envelope.ID))
	c.Attributes.Service = p.id()
	if c.Attributes.Environment == production {
		c.Attributes.Tier = production
	}
	c.State, c.Attributes.RawResult = tracker.Ended, predicate
	switch predicate {
	case "deployed", "upgraded":
		c.Result = tracker.ResultSuccess
	case "rolledback":
		c.Result = tracker.ResultFailure // of the deployment before
	case "removed", "published":
		d.Ignore("the event service.%s does not report a deployment", predicate)
		return
	default:
		d.Unmap("predicate", predicate)
		return
	}
	d.Add(c)
}

// production is the tier of the environment with the same name. CDEvents have no tiers.
const production = "production"

func (p *event) decodeIncident(d *payload.Delivery, predicate string) {
	c := p.change(tracker.Incident)
	c.Attributes.Service = string(p.Subject.Content.Service.ID)
	c.Attributes.URL = p.Subject.Content.TicketURI
	switch predicate {
	case "detected", "reported":
		c.State = tracker.Started
	case "resolved":
		c.State, c.Result = tracker.Ended, tracker.ResultSuccess
	default:
		d.Unmap("predicate", predicate)
		return
	}
	d.Add(c)
}

// tests are the outcomes of tests, by result. A canceled test counts as skipped,
// because it says nothing about what it tests.
var tests = map[string]string{
	tracker.ResultSuccess:      "passed",
	tracker.ResultFailure:      "failed",
	tracker.ResultCancellation: "skipped",
	tracker.ResultSkip:         "skipped",
}

func (p *event) decodeTestCase(d *payload.Delivery, predicate string) {
	c := p.change(tracker.TestCase)
	switch predicate {
	case "finished":
		end(d, &c, p.Subject.Content.Outcome)
	case "skipped":
		end(d, &c, predicate)
	case "queued", "started":
		d.Ignore("test cases are counted when they finish")
		return
	default:
		d.Unmap("predicate", predicate)
		return
	}
	c.Tests = []tracker.TestCount{{Outcome: cmp.Or(tests[c.Result], "error"), Count: 1}}
	d.Add(c)
}
