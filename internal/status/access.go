package status

import (
	"iter"
	"time"

	"github.com/signalbox-ci/signalbox/internal/access"
	"github.com/signalbox-ci/signalbox/internal/excerpt"
)

// An AccessFile is a section that reports a problem with a file that contains
// credentials or certificates.
type AccessFile access.File

// OverviewFields implements Section. It returns no fields.
func (AccessFile) OverviewFields() iter.Seq2[string, func(limit int) any] {
	return func(func(string, func(limit int) any) bool) {}
}

// OverviewReport implements Reporter.
func (f AccessFile) OverviewReport(time.Time) (r Report) {
	if err := f.Err(); err != nil {
		problem := "the " + f.Name + " is refused"
		r.Findings = []Finding{{Level: "bad", Kind: problem, Text: problem + ": " + excerpt.Display(err.Error())}}
	}
	return r
}
