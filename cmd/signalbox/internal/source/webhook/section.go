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

	// LastError is the latest authentic delivery that could not be used completely, or
	// null. LastUnauthenticatedError is the latest delivery that was rejected before it was
	// known to be authentic, or null. LastError is the same if no authentic delivery had
	// problems.
	LastError                *deliveryEntry `json:"last_error"`
	LastUnauthenticatedError *deliveryEntry `json:"last_unauthenticated_error"`
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
	o.LastUnauthenticatedError = in.others.entry()
	if o.LastError = in.authentic.entry(); o.LastError == nil {
		o.LastError = o.LastUnauthenticatedError
	}
	return o
}

// entry returns the latest problem, or nil if there was none.
func (p *problems) entry() *deliveryEntry {
	latest := p.latest.Load()
	if latest == nil {
		return nil
	}
	return &deliveryEntry{Time: latest.at.UTC(), Outcome: latest.outcome.String(), Remote: excerpt.Display(latest.remote), Message: excerpt.Display(latest.text)}
}

// recentProblem is the time for which a problem is shown as a finding.
const recentProblem = 15 * time.Minute

// OverviewReport implements status.Reporter.
func (r *Receiver) OverviewReport(time.Time) status.Report {
	var report status.Report
	now := r.options.Now()
	for _, in := range r.inputs {
		level := "warn"
		report.Findings = append(report.Findings, in.findings(&in.authentic, level, now)...)
		if in.tally.last.Load() != 0 {
			level = "note" // the secret works, so this is someone else
		}
		report.Findings = append(report.Findings, in.findings(&in.others, level, now)...)
	}
	return report
}

// findings returns the latest problem, if it is recent.
func (in *input) findings(p *problems, level string, now time.Time) []status.Finding {
	latest := p.latest.Load()
	if latest == nil || now.Sub(latest.at) >= recentProblem {
		return nil
	}
	kind := latest.outcome.String() + " deliveries from " + in.Description()
	return []status.Finding{{Level: level, Kind: kind, Section: "sources",
		Text: excerpt.Display(fmt.Sprintf("%s: the latest one, from %s: %s", kind, latest.remote, latest.text))}}
}
