package status

import (
	"iter"
	"time"
)

// A Section contributes fields to the overview. Parts of the program that this package
// does not know implement it: what is pushed, or where events come from.
type Section interface {
	// OverviewFields yields the names of fields of the overview, each with a function
	// that returns its value as of now, to be encoded as JSON with lists cut to the
	// limit. It must be quick, must not ask for the overview, and is called by one
	// goroutine at a time.
	OverviewFields() iter.Seq2[string, func(limit int) any]
}

// A Reporter is a Section that adds text to the page.
type Reporter interface {
	Section

	// OverviewReport returns the text as of now.
	OverviewReport(now time.Time) Report
}

// A Report is text that a Reporter adds to the page.
type Report struct {
	// Line is shown below the heading of the events; empty for none.
	Line string `json:"line,omitempty"`

	// Findings are what an operator should know.
	Findings []Finding `json:"findings,omitempty"`

	// Help says how events get here, as long as none has come: paragraphs, and
	// commands to copy. Empty leaves the page's own help.
	Help []HelpText `json:"help,omitempty"`
}

// A Finding is what an operator should know.
type Finding struct {
	Level string `json:"level"` // "bad", "warn" or "note"
	Kind  string `json:"kind"`  // stays the same while numbers in the text change
	Text  string `json:"text"`
}

// A HelpText is a paragraph, or commands to copy.
type HelpText struct {
	Text    string `json:"text,omitempty"`
	Snippet string `json:"snippet,omitempty"`
}
