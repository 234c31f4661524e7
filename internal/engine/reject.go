package engine

import (
	"cmp"
	"fmt"
	"maps"
	"math/bits"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/internal/excerpt"
	"github.com/signalbox-ci/signalbox/internal/loglimit"
	"github.com/signalbox-ci/signalbox/internal/series"
	"github.com/signalbox-ci/signalbox/internal/spelling"
	"github.com/signalbox-ci/signalbox/internal/traffic"
	"github.com/signalbox-ci/signalbox/metric"
)

// A reason is a reason for rejecting an event.
type reason uint8

const (
	accepted reason = iota
	missingAttribute
	emptyAttribute
	unknownValue
	notFinite
	negative
	invalidUTF8
	valueTooLong
	seriesLimit
	memoryLimit
	malformed // the input was not a valid event; see CountMalformed

	reasons // the number of reasons

	// conditionFalse is not a rejection: the rule does not apply to the event.
	conditionFalse = reasons

	// overflowed is added to a reason if the update changed the overflow series.
	overflowed reason = 1 << 7
)

// reasonLabels are the values of the label "reason".
var reasonLabels = [reasons]string{
	missingAttribute: "missing_attribute",
	emptyAttribute:   "empty_attribute",
	unknownValue:     "unknown_value",
	notFinite:        "not_finite",
	negative:         "negative",
	invalidUTF8:      "invalid_utf8",
	valueTooLong:     "label_value_too_long",
	seriesLimit:      "series_limit",
	memoryLimit:      "memory_limit",
	malformed:        "malformed",
}

func reasonOf(r series.Result) reason {
	switch r {
	case series.OK:
		return accepted
	case series.NoRoom:
		return seriesLimit
	case series.Overflowed:
		return seriesLimit | overflowed
	case series.NoMemory:
		return memoryLimit
	case series.OverflowedNoMemory:
		return memoryLimit | overflowed
	case series.NotFinite:
		return notFinite
	case series.Negative:
		return negative
	case series.InvalidUTF8:
		return invalidUTF8
	default:
		return valueTooLong
	}
}

// rejections records the rejected updates of one event.
type rejections struct {
	any        bool
	count      [reasons]uint8  // number of updates, by reason
	first      [reasons]uint8  // index of the first update, by reason
	exact      [reasons]reason // reason of the first update, by reason; it can include overflowed
	overflowed uint8           // number of updates that changed the overflow series
}

// add adds an update. Its reason can include overflowed.
func (r *rejections) add(exact reason, update int) {
	why := exact &^ overflowed
	if r.count[why] == 0 {
		r.first[why], r.exact[why] = uint8(update), exact
	}
	r.count[why]++
	if exact != why {
		r.overflowed++
	}
	r.any = true
}

// reject counts and logs the rejected updates of an event, and adds them to the
// outcome, which may be nil. If the event is a heartbeat, reject still records the
// heartbeat of the worker, except in a dry run.
func (e *Engine) reject(logger lager.Logger, plan *plan, o *observation, now series.Instant, failed *rejections, outcome *metric.Outcome) {
	// If a limit was reached, the worker may have no room in the store, and trying again
	// would count that twice.
	if plan.heartbeat && o.present&(1<<plan.worker) != 0 && failed.count[seriesLimit]+failed.count[memoryLimit] == 0 && o.reserved == nil {
		e.store.Heartbeat(o.attributes[plan.worker], now)
	}
	e.self.rejectedEvents.Add(1)
	for why := range reasons {
		if failed.count[why] == 0 {
			continue
		}
		e.self.rejected[why].Add(1)
		if ok, unlogged := plan.limiters[why].Allow(time.Duration(now)); ok {
			u := &plan.updates[failed.first[why]]
			description, hint := u.describe(plan, o, failed.exact[why])
			description = withHint(description, hint)
			e.self.examples[why].Keep(traffic.Example{At: now, Event: plan.event, Metric: u.family.Name(), Message: description})
			e.log(logger, "event-rejected", description, lager.Data{
				"event": plan.event, "metric": u.family.Name(), "metrics_not_updated": failed.count[why],
				"reason": reasonLabels[why], loglimit.DataKey: unlogged,
			})
		}
	}
	if outcome != nil {
		failed.report(plan, o, outcome)
	}
}

// report adds the rejected updates to the outcome, which counts them as updated so far.
func (r *rejections) report(plan *plan, o *observation, outcome *metric.Outcome) {
	first, firstReason := len(plan.updates), accepted
	for why := range reasons {
		n := int(r.count[why])
		if n == 0 {
			continue
		}
		outcome.Rejected += n
		outcome.Updated -= n
		if int(r.first[why]) < first {
			first, firstReason = int(r.first[why]), r.exact[why]
		}
	}
	outcome.Updated += int(r.overflowed)
	if outcome.Explain && outcome.Explanation == (metric.Explanation{}) {
		u := &plan.updates[first]
		reason, hint := u.describe(plan, o, firstReason)
		outcome.Explanation = metric.Explanation{Metric: u.family.Name(), Reason: reason, Hint: hint}
	}
}

// withHint appends a hint, which may be empty, to an error text.
func withHint(text, hint string) string {
	if hint == "" {
		return text
	}
	return text + ": " + hint
}

// describe returns an error text that explains why the update was rejected, and a hint,
// which may be empty. The reason can include overflowed.
func (u *update) describe(plan *plan, o *observation, why reason) (text, suggestion string) {
	if why&overflowed != 0 {
		text, _ = u.describe(plan, o, why&^overflowed)
		if o.reserved != nil { // a dry run
			return text + ": the event would be counted in the series with label value " + series.Overflow, ""
		}
		return text + ": the event was counted in the series with label value " + series.Overflow, ""
	}
	switch why {
	case missingAttribute:
		missing := func(i int) bool { return u.required&^o.present&(1<<i) != 0 }
		return fmt.Sprintf("the event has no attribute %s", plan.attributesWhere(missing)), o.misspelled(plan, missing)
	case emptyAttribute:
		return fmt.Sprintf("attribute %s is empty", plan.attributesWhere(func(i int) bool {
			return o.attributes[i] == "" && slices.Contains(u.nonEmpty, uint8(i))
		})), ""
	case unknownValue:
		verb, attribute, value, values := "gives the state", plan.attributeOf(u.state), o.attributes[u.state], u.family.States()
		if unlisted := u.closed & o.unlisted; unlisted != 0 {
			c := &plan.closed[bits.TrailingZeros32(unlisted)]
			verb, attribute, value, values = "is", plan.attributes[c.attribute], o.attributes[c.attribute], c.values
		}
		return fmt.Sprintf("attribute %q %s %s, expected %s", attribute, verb, excerpt.Quote(value), expectedValues(values)), hint(value, values)
	case notFinite:
		return fmt.Sprintf("got value %v, expected a finite number", o.value), ""
	case negative:
		return fmt.Sprintf("got value %v, expected a non-negative number for a %v", o.value, u.family.Type()), ""
	case invalidUTF8:
		for _, i := range u.labels {
			if !utf8.ValidString(o.attributes[i]) {
				return fmt.Sprintf("attribute %q is not valid UTF-8: %s", plan.attributeOf(i), excerpt.Quote(o.attributes[i])), ""
			}
		}
	case valueTooLong:
		for _, i := range u.labels {
			if len(o.attributes[i]) > maxLabelValueBytes {
				return fmt.Sprintf("attribute %q has %d bytes, expected at most %d: %s",
					plan.attributeOf(i), len(o.attributes[i]), maxLabelValueBytes, excerpt.Quote(o.attributes[i])), ""
			}
		}
	}
	if why == memoryLimit {
		return "series and groups take up the memory that is available for them (--memory-limit)", ""
	}
	return fmt.Sprintf("the metric has reached its limit of %d series", u.family.Limit()), ""
}

// misspelled suggests one of the missing attributes if the event has another one with a
// similar name that the plan does not use. It returns an empty string if there is none.
func (o *observation) misspelled(plan *plan, missing func(i int) bool) string {
	names := o.names
	if o.given != nil {
		names = slices.Sorted(maps.Keys(o.given))
	}
	for _, name := range names {
		if slices.Contains(plan.attributes, name) {
			continue
		}
		for i, expected := range plan.attributes {
			if missing(i) && (spelling.Nearest(name, []string{expected}) != "" || spelling.Nearest(expected, []string{name}) != "") {
				return fmt.Sprintf("did you mean %q instead of %s?", expected, excerpt.Quote(name))
			}
		}
	}
	return ""
}

// maxExpectedValues is the maximum number of values that an error text lists.
const maxExpectedValues = 10

// expectedValues lists the values of an attribute for an error text: "a, b or c".
func expectedValues(values []string) string {
	quoted := make([]string, min(len(values), maxExpectedValues))
	for i := range quoted {
		quoted[i] = values[i]
		if values[i] == "" {
			quoted[i] = `""`
		}
	}
	last := len(quoted) - 1
	switch {
	case len(values) > maxExpectedValues:
		return fmt.Sprintf("one of %s and %d more", strings.Join(quoted, ", "), len(values)-maxExpectedValues)
	case last == 0:
		return quoted[0]
	}
	return strings.Join(quoted[:last], ", ") + " or " + quoted[last]
}

// attributesWhere returns the names of the attributes whose index satisfies the
// condition.
func (p *plan) attributesWhere(condition func(int) bool) string {
	var names []string
	for i, name := range p.attributes {
		if condition(i) {
			names = append(names, fmt.Sprintf("%q", name))
		}
	}
	return strings.Join(names, " or ")
}

// recordUnknown counts and logs an unknown event, and adds it to the outcome, which may
// be nil. In a dry run, it does not count an event unless it rejects it.
func (e *Engine) recordUnknown(logger lager.Logger, event string, outcome *metric.Outcome) {
	dryRun := outcome != nil && outcome.DryRun != nil
	if !dryRun {
		e.received.Unknown.Inc()
	}
	now := e.clock.Now()
	if !utf8.ValidString(event) {
		e.rejectName(logger, event, now, outcome)
		return
	}
	if outcome != nil {
		outcome.Unknown = true
		if outcome.ExplainUnknown && outcome.Explanation == (metric.Explanation{}) {
			outcome.Explanation = metric.Explanation{Reason: "no rule knows the event", Hint: e.HintFor(event)}
		}
	}
	if dryRun {
		return
	}
	e.self.unknown.Add(1)
	e.self.names.Count(event, now)
	if ok, unlogged := e.self.unknownNames.Allow(time.Duration(now)); ok {
		data := lager.Data{"event": excerpt.Short(event), loglimit.DataKey: unlogged}
		if hint := e.HintFor(event); hint != "" {
			data["hint"] = hint
		}
		orDefault(logger, e).Info("unknown-event", data)
	}
}

// rejectName rejects an event whose name is not valid UTF-8.
func (e *Engine) rejectName(logger lager.Logger, event string, now series.Instant, outcome *metric.Outcome) {
	const description = "the name of the event is not valid UTF-8"
	e.self.rejectedEvents.Add(1)
	e.self.rejected[invalidUTF8].Add(1)
	if ok, unlogged := e.self.invalidNames.Allow(time.Duration(now)); ok {
		e.self.examples[invalidUTF8].Keep(traffic.Example{At: now, Event: event, Message: description})
		e.log(logger, "event-rejected", description, lager.Data{
			"event":  excerpt.Quote(event), // quoted because JSON cannot represent invalid UTF-8
			"reason": reasonLabels[invalidUTF8], loglimit.DataKey: unlogged,
		})
	}
	if outcome != nil {
		outcome.Rejected++
		outcome.Explanation = metric.Explanation{Reason: description}
	}
}

// HintFor suggests the known event whose name is most similar to that of an unknown
// one, as in `did you mean "build finished"?`. It returns an empty string if none is
// similar.
func (e *Engine) HintFor(unknown string) string { return hint(unknown, e.plans.Load().names) }

func hint(word string, known []string) string {
	if near := spelling.Nearest(word, known); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return ""
}

// log logs an error. The error wraps ErrFailedToEmit, so that logging it does not emit
// an "error log" event.
func (e *Engine) log(logger lager.Logger, action, text string, data lager.Data) {
	orDefault(logger, e).Error(action, fmt.Errorf("%w: %s", metric.ErrFailedToEmit, text), data)
}

// orDefault returns the logger, or the engine's logger if it is nil.
func orDefault(logger lager.Logger, e *Engine) lager.Logger {
	if logger == nil {
		return *e.logger.Load()
	}
	return logger
}

// A Rejection describes the events that were rejected for one reason.
type Rejection struct {
	Reason  string // a value of the label "reason"
	Count   uint64
	Example *traffic.Example // the latest example; nil if none was kept
}

// Rejections returns the reasons for which events have been rejected, the most frequent
// first.
func (e *Engine) Rejections() (list []Rejection) {
	for why := accepted + 1; why < reasons; why++ {
		if count := e.self.rejected[why].Load(); count > 0 {
			list = append(list, Rejection{reasonLabels[why], count, e.self.examples[why].Load()})
		}
	}
	slices.SortStableFunc(list, func(a, b Rejection) int { return cmp.Compare(b.Count, a.Count) })
	return list
}
