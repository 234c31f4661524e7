package status

import (
	"iter"
	"time"
)

// A Section contributes fields to the overview. It is implemented by parts of the
// program that this package does not import, such as those that receive pushes or read
// events.
type Section interface {
	// OverviewFields yields the names of fields of the overview, each with a function
	// that returns the field's value, as of the call to OverviewFields. The value is
	// encoded as JSON. The function cuts lists to the limit. It is called each time the
	// overview is encoded, in several goroutines at once.
	//
	// OverviewFields must be quick and must not call Status.Overview. It is called in
	// one goroutine at a time.
	OverviewFields() iter.Seq2[string, func(limit int) any]
}

// A NoFields is a Section without fields. It is for Reporters that only add text.
type NoFields struct{}

// OverviewFields implements Section.
func (NoFields) OverviewFields() iter.Seq2[string, func(limit int) any] {
	return func(func(string, func(limit int) any) bool) {}
}

// A Reporter is a Section that also adds text to the page.
type Reporter interface {
	Section

	// OverviewReport returns the text as of now. Like OverviewFields, it must be quick
	// and must not call Status.Overview, and is called in one goroutine at a time.
	OverviewReport(now time.Time) Report
}
