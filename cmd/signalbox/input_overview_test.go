package main

import (
	"errors"
	"testing"
	"time"

	"github.com/signalbox-ci/signalbox/internal/status"
)

func TestReportOfStandardInput(t *testing.T) {
	begun := time.Unix(1_700_000_000, 0)
	now := begun.Add(time.Hour)
	ended := &inputEnd{at: now.Add(-5 * time.Second)}
	for name, c := range map[string]struct {
		format                            string
		regular                           bool
		known, unknown, rejected, skipped uint64
		end                               *inputEnd
		now                               time.Time
		line                              string
		finding                           status.Finding
	}{
		"a log that is being read": {format: "lager", known: 4, unknown: 3, rejected: 2, skipped: 1234,
			line: "Standard input: 7 events, 3 of them unknown, 2 lines rejected, 1,234 log lines skipped."},
		"events that are being read": {format: "events", known: 1, rejected: 1, line: "Standard input: 1 event, 1 line rejected."},
		"a pipe that ended": {format: "events", known: 2, end: ended, line: "Standard input: 2 events; ended 5 s ago.",
			finding: status.Finding{Level: "warn", Kind: "standard input ended", Text: "standard input ended 5 s ago"}},
		"a file that was replayed": {format: "events", regular: true, known: 2, end: ended, line: "Standard input: 2 events; ended 5 s ago."},
		"a file that cannot be read": {format: "events", regular: true, known: 2,
			end: &inputEnd{now, errors.New("line 3: input/output error")}, line: "Standard input: 2 events; ended 0 s ago.",
			finding: status.Finding{Level: "bad", Kind: "reading standard input failed", Text: "reading standard input failed: line 3: input/output error"}},
		"a file without events": {format: "lager", regular: true, skipped: 3, end: ended,
			line:    "Standard input: 0 events, 3 log lines skipped; ended 5 s ago.",
			finding: status.Finding{Level: "warn", Kind: "no events on standard input", Text: "no events in 3 lines of standard input"}},
		"nothing yet": {format: "events", now: begun.Add(silentAfter), line: "Standard input: 0 events."},
		"nothing for too long": {format: "events", now: begun.Add(silentAfter + 1), line: "Standard input: 0 events.",
			finding: status.Finding{Level: "warn", Kind: "no lines on standard input", Text: "no lines received on standard input"}},
		"a few lines without an event": {format: "lager", skipped: suspiciousLogLines - 1, line: "Standard input: 0 events, 19 log lines skipped."},
		"many lines without an event": {format: "lager", skipped: suspiciousLogLines, line: "Standard input: 0 events, 20 log lines skipped.",
			finding: status.Finding{Level: "warn", Kind: "no events on standard input", Text: "no events in 20 lines of standard input"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := &inputStatus{format: c.format, begun: begun}
			s.regularFile.Store(c.regular)
			s.known.Store(c.known)
			s.unknown.Store(c.unknown)
			s.rejected.Store(c.rejected)
			s.skipped.Store(c.skipped)
			s.end.Store(c.end)
			at := now
			if !c.now.IsZero() {
				at = c.now
			}
			r := s.OverviewReport(at)
			if r.Line != c.line {
				t.Errorf("got %q, expected %q", r.Line, c.line)
			}
			var expected []status.Finding
			if c.finding != (status.Finding{}) {
				expected = append(expected, c.finding)
			}
			if len(r.Findings) != len(expected) || len(expected) > 0 && r.Findings[0] != expected[0] {
				t.Errorf("got %+v, expected %+v", r.Findings, expected)
			}
			if (len(r.Help) > 0) != (c.format == "lager") {
				t.Errorf("got the help %+v", r.Help)
			}
		})
	}
}

func TestAgo(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	for since, expected := range map[time.Duration]string{
		-time.Second:                   "0 s ago",
		59*time.Second + 999_999_999:   "59 s ago",
		time.Minute:                    "1 min ago",
		time.Hour - 1:                  "59 min ago",
		time.Hour:                      "1 h ago",
		48*time.Hour - time.Nanosecond: "47 h ago",
		50 * time.Hour:                 "2 d ago",
	} {
		if got := ago(now, now.Add(-since)); got != expected {
			t.Errorf("%v: got %q, expected %q", since, got, expected)
		}
	}
}
