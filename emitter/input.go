package emitter

import (
	"time"

	"github.com/signalbox-ci/signalbox/internal/series"
	"github.com/signalbox-ci/signalbox/internal/status"
)

// An Input is how it stands with standard input, if somebody takes events from there:
// see PrometheusConfig.Input.
type Input struct {
	// Format says what a line is: "events", each an event, or "lager", the log of a
	// Concourse web node that has events among its lines.
	Format string

	// RegularFile reports whether it is a regular file: one that is replayed, whose
	// end is no failure.
	RegularFile bool

	// Each line counts once. Accepted ones are events, of which Unknown have a name
	// that no rule knew; Rejected ones claim to be events and are none; Skipped ones
	// are the other lines of a log. None ever goes down.
	Accepted, Unknown, Rejected, Skipped uint64

	// EndedAt is when it ended; zero while it is read.
	EndedAt time.Time

	// Err is why it could not be read to its end; nil if it could, and while it is
	// read.
	Err error
}

// inputMetrics are what the emitter tells about standard input.
type inputMetrics struct {
	input     func() Input
	lines, up *series.Family
}

// addInput adds the families about an input.
func (m *selfMetrics) addInput(input func() Input) error {
	lines, err := m.store.AddFamily(series.FamilyOptions{Name: "signalbox_input_lines_total", Type: series.Counter, Internal: true,
		Help:   "Lines of standard input, by outcome: events that a rule knows or none does, what was rejected, and lines of a log that were skipped.",
		Labels: []string{"outcome"}})
	if err != nil {
		return err
	}
	up, err := m.store.AddFamily(series.FamilyOptions{Name: "signalbox_input_up", Type: series.Gauge, Internal: true,
		Help: "1 while standard input is read, 0 once it has ended."})
	if err != nil {
		return err
	}
	m.input = &inputMetrics{input, lines, up}
	return nil
}

// refreshInput brings the store up to what was read, if there is an input.
func (m *selfMetrics) refreshInput() {
	if m.input == nil {
		return
	}
	in := m.input.input()
	m.set(m.input.lines, float64(in.Accepted-in.Unknown), "known")
	m.set(m.input.lines, float64(in.Unknown), "unknown")
	m.set(m.input.lines, float64(in.Rejected), "rejected")
	m.set(m.input.lines, float64(in.Skipped), "skipped")
	up := 1.0
	if !in.EndedAt.IsZero() {
		up = 0
	}
	m.set(m.input.up, up)
}

// inputStatus is what the overview has about the input, or nil if there is none.
func (m *selfMetrics) inputStatus() *status.Input {
	if m.input == nil {
		return nil
	}
	in := m.input.input()
	s := &status.Input{
		Format:      presented(in.Format),
		RegularFile: in.RegularFile,
		Accepted:    in.Accepted,
		Unknown:     in.Unknown,
		Rejected:    in.Rejected,
		Skipped:     in.Skipped,
		EndedAt:     unlessZero(in.EndedAt),
	}
	if in.Err != nil {
		s.Error = presented(in.Err.Error())
	}
	return s
}
