package main

import (
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/signalbox-ci/signalbox/internal/excerpt"
	"github.com/signalbox-ci/signalbox/internal/status"
)

// inputOverview is the value of the overview's field "input".
type inputOverview struct {
	Format string `json:"format"` // "events", or "lager" for a log

	// RegularFile means that standard input is a regular file, so that its end is
	// expected.
	RegularFile bool `json:"regular_file,omitempty"`

	Accepted  uint64 `json:"accepted"` // events, including unknown ones
	Unknown   uint64 `json:"unknown"`
	Refused   uint64 `json:"refused"`   // events that rules rejected for all metrics
	Duplicate uint64 `json:"duplicate"` // events whose ID was received before
	Rejected  uint64 `json:"rejected"`  // lines that are invalid events
	Skipped   uint64 `json:"skipped"`   // lines of a log that are not events

	EndedAt *time.Time `json:"ended_at"` // null while standard input is read

	// Error is the error that ended reading early, if any.
	Error string `json:"error,omitempty"`
}

// OverviewFields implements status.Section.
func (s *inputStatus) OverviewFields() iter.Seq2[string, func(limit int) any] {
	return func(yield func(string, func(limit int) any) bool) {
		o := s.overview()
		yield("input", func(int) any { return o })
	}
}

func (s *inputStatus) overview() inputOverview {
	unknown := s.unknown.Load()
	o := inputOverview{
		Format:      s.format,
		RegularFile: s.regularFile.Load(),
		Accepted:    s.known.Load() + unknown,
		Unknown:     unknown,
		Refused:     s.refused.Load(),
		Duplicate:   s.duplicate.Load(),
		Rejected:    s.rejected.Load(),
		Skipped:     s.skipped.Load(),
	}
	if end := s.end.Load(); end != nil {
		at := end.at.UTC()
		o.EndedAt = &at
		if end.err != nil {
			o.Error = excerpt.Display(end.err.Error())
		}
	}
	return o
}

// Standard input is probably misconfigured if no line arrives within silentAfter, or if
// suspiciousLogLines lines of a log contain no event.
const (
	silentAfter        = time.Minute
	suspiciousLogLines = 20
)

// OverviewReport implements status.Reporter.
func (s *inputStatus) OverviewReport(now time.Time) status.Report {
	o := s.overview()
	return status.Report{Line: o.line(now), Findings: o.findings(now, s.begun), Help: o.help()}
}

// line returns a summary of the lines read so far.
func (o inputOverview) line(now time.Time) string {
	parts := []string{counted(o.Accepted, "event")}
	if o.Unknown > 0 {
		parts = append(parts, grouped(o.Unknown)+" of them unknown")
	}
	if o.Refused > 0 {
		parts = append(parts, grouped(o.Refused)+" refused")
	}
	if o.Duplicate > 0 {
		parts = append(parts, counted(o.Duplicate, "duplicate"))
	}
	if o.Rejected > 0 {
		parts = append(parts, counted(o.Rejected, "line")+" rejected")
	}
	if o.Format == "lager" {
		parts = append(parts, counted(o.Skipped, "log line")+" skipped")
	}
	ended := ""
	if o.EndedAt != nil {
		ended = "; ended " + ago(now, *o.EndedAt)
	}
	return "Standard input: " + strings.Join(parts, ", ") + ended + "."
}

// findings returns probable problems. The end of a regular file is the expected end of
// a replay. The end of a pipe means that the program that wrote to it has stopped.
func (o inputOverview) findings(now, begun time.Time) (found []status.Finding) {
	add := func(level, kind, text string) {
		found = append(found, status.Finding{Level: level, Kind: kind, Text: text})
	}
	events := o.Accepted + o.Refused + o.Duplicate
	lines := events + o.Rejected + o.Skipped
	switch {
	case o.Error != "":
		add("bad", "reading standard input failed", "reading standard input failed: "+o.Error)
	case o.EndedAt != nil && !o.RegularFile:
		add("warn", "standard input ended", "standard input ended "+ago(now, *o.EndedAt))
	case o.EndedAt == nil && lines == 0 && now.Sub(begun) > silentAfter:
		add("warn", "no lines on standard input", "no lines received on standard input")
	}
	switch noEvents := events == 0; {
	case noEvents && o.Format == "lager" && o.Skipped >= suspiciousLogLines, noEvents && o.EndedAt != nil && o.RegularFile:
		add("warn", "no events on standard input", "no events in "+counted(lines, "line")+" of standard input")
	}
	return found
}

// help explains how to get events into the log that is read from standard input.
func (o inputOverview) help() []status.HelpText {
	if o.Format != "lager" {
		return nil
	}
	return []status.HelpText{
		{Section: "events", Text: "No events received yet. A Concourse web node writes them to its log if it runs with these environment variables:"},
		{Section: "events", Snippet: "CONCOURSE_EMIT_TO_LOGS=true\nCONCOURSE_LOG_LEVEL=debug"},
		{Section: "events", Text: "Pass on whole lines: Signalbox ignores prefixes such as a name or a time, and reads the log formats of Docker, CRI and journald."},
	}
}

// counted returns "1 line" or "2,000 lines".
func counted(n uint64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return grouped(n) + " " + noun + "s"
}

// ago returns how long ago a time was: "5 min ago".
func ago(now, then time.Time) string {
	since := max(now.Sub(then), 0)
	switch minutes := int(since.Minutes()); {
	case minutes == 0:
		return fmt.Sprintf("%d s ago", int(since.Seconds()))
	case minutes < 60:
		return fmt.Sprintf("%d min ago", minutes)
	case minutes < 48*60:
		return fmt.Sprintf("%d h ago", minutes/60)
	default:
		return fmt.Sprintf("%d d ago", minutes/60/24)
	}
}
