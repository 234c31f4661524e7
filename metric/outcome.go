package metric

import "code.cloudfoundry.org/lager/v3"

// An Outcome tells the caller of EmitReporting what became of an event. Emitters that
// apply rules to events, such as the Prometheus emitter, fill it in before
// EmitReporting returns. Other emitters do not change it. It can be used for another
// event after Reset. It is not safe for concurrent use.
type Outcome struct {
	// DryRun, if not nil, requests the outcome that the event would have. No emitter
	// then takes the event, but rejections are counted and logged as usual. Explain
	// requests an Explanation of a rejection, and ExplainUnknown one of an unknown
	// name. The latter takes about a hundred times as long as emitting an event. The
	// caller sets these fields.
	DryRun                  *DryRun
	Explain, ExplainUnknown bool

	// Known means that an emitter knows the event's name, and Unknown means that an
	// emitter does not.
	Known, Unknown bool

	// Updated is the number of metrics that the event updated, and Rejected is the
	// number of metrics for which it was rejected. A metric whose rule does not apply
	// to the event, because of its condition, is not counted. A metric that has reached
	// its limit of series, and therefore counted the event in its overflow series, is
	// counted in both.
	Updated, Rejected int

	// Explanation is about the first metric for which the event was rejected, or about
	// the unknown name. It is empty if the event was neither rejected nor unknown.
	Explanation Explanation
}

// An Explanation is the reason why an event was rejected for a metric or is unknown.
type Explanation struct {
	Metric string // the metric's full name; empty for an unknown name
	Reason string
	Hint   string // a suggestion, such as `did you mean "failed"?`; may be empty
}

// Reset clears the Outcome except for the fields that the caller sets.
func (o *Outcome) Reset() {
	o.Known, o.Unknown, o.Updated, o.Rejected = false, false, 0, 0
	if o.Explanation.Reason != "" { // assigning pointers costs more than this check
		o.Explanation = Explanation{}
	}
}

// Refused reports whether the event was rejected for all metrics that it could have
// updated.
func (o *Outcome) Refused() bool { return o.Rejected > 0 && o.Updated == 0 }

// isDryRun reports whether emitters must not take the event. o may be nil.
func (o *Outcome) isDryRun() bool { return o != nil && o.DryRun != nil }

// A DryRun is a sequence of events that are only checked, each as if emitters had taken
// the previous ones. The zero value is ready to use. It is not safe for concurrent use.
type DryRun struct {
	// Reserve, if not nil, reserves memory for what emitters keep between the events,
	// and reports whether there is room for it. After it has returned false, emitters
	// keep nothing more, and the caller must not rely on the outcomes.
	Reserve func(bytes int64) bool

	states map[ReportingEmitter]any
}

// State returns the state that the emitter keeps between the events. For the first
// event, it calls create.
func (d *DryRun) State(emitter ReportingEmitter, create func() any) any {
	state, ok := d.states[emitter]
	if !ok {
		if d.states == nil {
			d.states = make(map[ReportingEmitter]any)
		}
		state = create()
		d.states[emitter] = state
	}
	return state
}

// A ReportingEmitter is a TypedEmitter that fills in Outcomes.
type ReportingEmitter interface {
	TypedEmitter

	// EmitReporting is like Emit, and adds what the emitter did with the event to the
	// Outcome, which is not nil.
	EmitReporting(lager.Logger, Event, *Outcome)
}

// A ReportingEvent is a TypedEvent of a ReportingEmitter.
type ReportingEvent interface {
	TypedEvent

	// EmitValuesReporting is like EmitValues, and adds what the emitter did with the
	// event to the Outcome, which is not nil.
	EmitValuesReporting(logger lager.Logger, value float64, values []string, outcome *Outcome)
}

// EmitReporting is like Emit, and reports the outcome.
func (m *Monitor) EmitReporting(logger lager.Logger, event Event, outcome *Outcome) {
	m.emitEvent(logger, event, outcome)
}

// EmitReporting is like Emit, and reports the outcome.
func (p *Prepared) EmitReporting(logger lager.Logger, event Event, values []string, outcome *Outcome) {
	p.emitEvent(logger, event, values, outcome)
}
