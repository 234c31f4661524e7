package status

import (
	"iter"
	"time"
)

// A Section contributes fields to the overview. Parts of the program that this package
// does not know implement it, such as those that receive pushes or read events.
type Section interface {
	// OverviewFields yields the names of fields of the overview, each with a function
	// that returns the value of the field as of the call to OverviewFields, to be
	// encoded as JSON. The function cuts lists to the limit. It is called once for
	// each answer, by several goroutines at once.
	//
	// OverviewFields must be quick and must not ask for the overview. It is called by
	// one goroutine at a time.
	OverviewFields() iter.Seq2[string, func(limit int) any]
}

// A Reporter is a Section that also adds text to the page.
type Reporter interface {
	Section

	// OverviewReport returns the text as of now. The rules of OverviewFields apply.
	OverviewReport(now time.Time) Report
}
