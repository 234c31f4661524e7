package drone

import (
	"cmp"
	"net/http"
	"time"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/payload"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/tracker"
)

// system is the name of the CI system in changes.
const system = "drone"

// Decode decodes a webhook. It returns an error if the body is not JSON. It does not
// check the signature.
func Decode(header http.Header, body []byte) (payload.Delivery, error) {
	d := payload.New("") // Drone's deliveries have no ID
	var p delivery
	if err := payload.Unmarshal(body, &p); err != nil {
		return d, err
	}
	event := cmp.Or(p.Event, header.Get("X-Drone-Event"))
	if p.Build == nil {
		d.Describe(event, p.Action)
		d.Ignore("the event %.40q has no build", event)
		return d, nil
	}
	d.Describe(event, p.Action, p.Build.Status)
	run := p.run()
	add(&d, run, p.Build.Status, p.Build.Finished)
	if d.Outcome == payload.Ignored {
		return d, nil
	}
	stages := 0
	for s := range payload.Elements[stage](p.Build.Stages) {
		if stages++; stages > maxStages {
			break
		}
		if s.ID != "" && len(s.ID) <= maxIDBytes {
			add(&d, s.job(&run), s.Status, s.Stopped)
		}
	}
	return d, nil
}

const (
	maxStages  = 1000 // more than builds have
	maxIDBytes = 20   // of a number; payload.Delivery checks the ID of the build
)

// states are the states for the statuses in which builds and stages have not ended.
var states = map[string]tracker.State{
	"pending":                 tracker.Queued,
	"blocked":                 tracker.Blocked, // until it is approved
	"waiting_on_dependencies": tracker.Blocked,
	"running":                 tracker.Started,
}

// results are the results for the statuses in which builds and stages have ended.
var results = map[string]string{
	"success":  tracker.ResultSuccess,
	"failure":  tracker.ResultFailure,
	"error":    tracker.ResultError,
	"killed":   tracker.ResultCancellation,
	"skipped":  tracker.ResultSkip,
	"declined": tracker.ResultSkip,
}

// add adds a change to a build or stage with the status. stopped is when it ended.
func add(d *payload.Delivery, c tracker.Change, status string, stopped int64) {
	c.State = states[status]
	if c.Result = results[status]; c.Result != "" {
		c.State = tracker.Ended
		c.Ended = c.Unix(stopped)
		c.Attributes.RawResult = status
		// If Drone has no start, it uses the time of the end.
		c.NeverStarted = c.Started.IsZero() ||
			(c.Result == tracker.ResultError || c.Result == tracker.ResultCancellation) && !c.Started.Before(c.Ended)
	}
	switch c.State {
	case 0:
		d.Unmap("status", status)
		return
	case tracker.Started, tracker.Ended:
		c.Time = time.Time{} // it can be the time of any later change
	}
	d.Add(c)
}

// run returns a change to the build, without its state.
func (p *delivery) run() tracker.Change {
	b := p.Build
	c := tracker.Change{
		System:   system,
		Instance: payload.Host(p.System.Link, ""),
		Kind:     tracker.Run,
		ID:       string(b.ID),
		Attributes: tracker.Attributes{
			Owner:      payload.Owner(p.Repo.Slug),
			Repository: p.Repo.Slug,
			Branch:     cmp.Or(b.Source, b.Target),
			RefKind:    p.refKind(),
			Trigger:    trigger(b.Event),
			Commit:     b.After,
			URL:        p.page(),
		},
	}
	c.Time, c.Queued, c.Started = c.Unix(b.Updated), c.Unix(b.Created), c.Unix(b.Started)
	return c
}

// job returns a change to the stage of a build, without its state.
func (s *stage) job(run *tracker.Change) tracker.Change {
	c := tracker.Change{
		System: system, Instance: run.Instance, Kind: tracker.Job, ID: string(s.ID), RunID: run.ID, Attributes: run.Attributes,
	}
	c.Time, c.Started = c.Unix(s.Updated), c.Unix(s.Started)
	if len(s.DependsOn) == 0 {
		c.Queued = c.Unix(s.Created) // else created before the stages that it depends on have ended
	}
	c.Attributes.Job = s.Name
	c.Attributes.RunnerClass = s.runnerClass()
	c.Attributes.Worker = s.Machine
	return c
}

// runnerClass returns a name for the runners that can execute the stage, such as
// "docker,linux/amd64".
func (s *stage) runnerClass() string {
	platform := s.OS
	if s.Arch != "" {
		platform += "/" + s.Arch
	}
	return payload.RunnerClass([]string{s.Type, platform})
}

// refKind returns the kind of the ref of the build.
func (p *delivery) refKind() string {
	b := p.Build
	if b.Event == "pull_request" || b.Event == "tag" {
		return b.Event
	}
	return payload.BranchKind(b.Target, p.Repo.DefaultBranch)
}

// trigger returns the vocabulary's word for the event that triggered a build.
func trigger(event string) string {
	switch event {
	case "cron":
		return "schedule"
	case "custom":
		return "manual"
	}
	return event
}

// page returns the URL of the page of the build, or an empty text if it is unknown.
func (p *delivery) page() string {
	if p.System.Link == "" || p.Repo.Slug == "" || p.Build.Number == "" {
		return ""
	}
	return p.System.Link + "/" + p.Repo.Slug + "/" + string(p.Build.Number)
}
