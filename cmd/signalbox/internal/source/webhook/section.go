package webhook

import (
	"fmt"
	"iter"
	"time"

	"github.com/signalbox-ci/signalbox/internal/excerpt"
	"github.com/signalbox-ci/signalbox/internal/status"
)

// A sourceEntry is a CI system that sends webhooks, in the overview's field "sources".
type sourceEntry struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	Path        string `json:"path"` // of the webhook

	Deliveries map[string]uint64 `json:"deliveries"` // by outcome; without those that did not occur

	LastDelivery *time.Time `json:"last_delivery"` // null if there was none

	// DelaySeconds is the time from the end of the run, job or deployment that ended
	// last to its delivery; null if there was none.
	DelaySeconds *float64 `json:"delay_seconds"`

	// LastError is the latest delivery that could not be used completely, or null.
	LastError *deliveryEntry `json:"last_error"`
}

// A deliveryEntry is a delivery that could not be used completely.
type deliveryEntry struct {
	Time    time.Time `json:"time"`
	Outcome string    `json:"outcome"`
	Remote  string    `json:"remote"` // address of the sender
	Message string    `json:"message"`
}

// OverviewFields implements status.Section.
func (r *Receiver) OverviewFields() iter.Seq2[string, func(limit int) any] {
	return func(yield func(string, func(limit int) any) bool) {
		list := make([]sourceEntry, len(r.inputs))
		for i, in := range r.inputs {
			list[i] = in.overview()
		}
		yield("sources", func(int) any { return list })
	}
}

func (in *input) overview() sourceEntry {
	o := sourceEntry{Name: in.Name(), Description: in.Description(), Path: Path(in.Name()), Deliveries: map[string]uint64{}}
	for outcome := Outcome(1); outcome < outcomes; outcome++ {
		if n := in.tally.counts[outcome].Load(); n > 0 {
			o.Deliveries[outcome.String()] = n
		}
	}
	if last := in.tally.last.Load(); last != 0 {
		at := time.Unix(0, last).UTC()
		o.LastDelivery = &at
	}
	if delay := in.tally.lastDelay.Load(); delay >= 0 {
		seconds := time.Duration(delay).Seconds()
		o.DelaySeconds = &seconds
	}
	if p := in.tally.problem.Load(); p != nil {
		o.LastError = &deliveryEntry{Time: p.at.UTC(), Outcome: p.outcome.String(), Remote: excerpt.Display(p.remote), Message: excerpt.Display(p.text)}
	}
	return o
}

// recentProblem is the time for which a problem is shown as a finding.
const recentProblem = 15 * time.Minute

// OverviewReport implements status.Reporter.
func (r *Receiver) OverviewReport(time.Time) status.Report {
	var report status.Report
	now := r.options.Now()
	for _, in := range r.inputs {
		p := in.tally.problem.Load()
		if p == nil || now.Sub(p.at) >= recentProblem {
			continue
		}
		level := "warn"
		if p.outcome == Unauthorized && in.tally.last.Load() != 0 {
			level = "note" // the secret works, so this is someone else
		}
		kind := p.outcome.String() + " deliveries from " + in.Description()
		report.Findings = append(report.Findings, status.Finding{Level: level, Kind: kind, Section: "sources",
			Text: excerpt.Display(fmt.Sprintf("%s: the latest one, from %s: %s", kind, p.remote, p.text))})
	}
	return report
}
