package status

import (
	"iter"
	"time"

	"github.com/signalbox-ci/signalbox/internal/excerpt"
	"github.com/signalbox-ci/signalbox/internal/webconfig"
)

// A WebConfig is a section that reports a problem with the web configuration file of a
// listener.
type WebConfig struct {
	Listener string
	File     *webconfig.File
}

// OverviewFields implements Section. It returns no fields.
func (WebConfig) OverviewFields() iter.Seq2[string, func(limit int) any] {
	return func(func(string, func(limit int) any) bool) {}
}

// OverviewReport implements Reporter.
func (c WebConfig) OverviewReport(time.Time) (r Report) {
	if err := c.File.Err(); err != nil {
		problem := "the web configuration file of the " + c.Listener + " listener is refused"
		r.Findings = []Finding{{Level: "bad", Kind: problem, Text: problem + ": " + excerpt.Display(err.Error())}}
	}
	return r
}
