package status

import (
	"fmt"
	"time"

	"github.com/signalbox-ci/signalbox/internal/access"
	"github.com/signalbox-ci/signalbox/internal/excerpt"
)

// An Access is a section about access to a listener: problems with the files that
// contain credentials or certificates, and the requests that were denied recently.
type Access struct {
	NoFields
	Options *access.Options
}

// recentDenial is the time for which the status page shows a denied request.
const recentDenial = 15 * time.Minute

// OverviewReport implements Reporter.
func (a Access) OverviewReport(now time.Time) (r Report) {
	for _, f := range a.Options.Files() {
		if err := f.Err(); err != nil {
			problem := "the " + f.Name + " is refused"
			r.Findings = append(r.Findings, Finding{Level: "bad", Kind: problem, Text: problem + ": " + excerpt.Display(err.Error())})
		}
	}
	listener := a.Options.Denials.Listener()
	for _, l := range a.Options.Denials.Latest() {
		if now.Sub(l.At) < recentDenial {
			r.Findings = append(r.Findings, Finding{
				Level: "note",
				Kind:  "denied requests to the " + listener + " listener, reason " + l.Reason,
				Text: excerpt.Display(fmt.Sprintf("The %s listener denied requests, reason %s. The latest, %s, came from %s: %s",
					listener, l.Reason, l.Request, l.Remote, l.Text)),
			})
		}
	}
	return r
}
