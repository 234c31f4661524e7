package engine

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/internal/excerpt"
	"github.com/signalbox-ci/signalbox/internal/loglimit"
	"github.com/signalbox-ci/signalbox/internal/series"
	"github.com/signalbox-ci/signalbox/internal/traffic"
	"github.com/signalbox-ci/signalbox/metric"
)

// A reason is a reason for rejecting an event.
type reason uint8

const (
	accepted reason = iota
	missingAttribute
	emptyAttribute
	notFinite
	negative
	invalidUTF8
	valueTooLong
	seriesLimit
	malformed // the input was not a valid event; see CountMalformed

	reasons // the number of reasons
)

// reasonLabels are the values of the label "reason".
var reasonLabels = [reasons]string{
	missingAttribute: "missing_attribute",
	emptyAttribute:   "empty_attribute",
	notFinite:        "not_finite",
	negative:         "negative",
	invalidUTF8:      "invalid_utf8",
	valueTooLong:     "label_value_too_long",
	seriesLimit:      "series_limit",
	malformed:        "malformed",
}

func reasonOf(r series.Result) reason {
	switch r {
	case series.OK:
		return accepted
	case series.NoRoom, series.Overflowed:
		return seriesLimit
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
	any   bool
	count [reasons]uint8 // number of updates, by reason
	first [reasons]uint8 // index of the first update, by reason
}

func (r *rejections) add(why reason, update int) {
	if r.count[why] == 0 {
		r.first[why] = uint8(update)
	}
	r.count[why]++
	r.any = true
}

// reject counts and logs the rejected updates of an event. If the event is a heartbeat,
// reject still records the heartbeat of the worker.
func (e *Engine) reject(logger lager.Logger, plan *plan, o *observation, now series.Instant, failed *rejections) {
	// If the series limit was reached, the worker may have no room in the store, and
	// trying again would count that twice.
	if plan.heartbeat && o.present&(1<<plan.worker) != 0 && failed.count[seriesLimit] == 0 {
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
			description := u.describe(plan, o, why)
			e.self.examples[why].Keep(traffic.Example{At: now, Event: plan.event, Metric: u.family.Name(), Message: description})
			e.log(logger, "event-rejected", description, lager.Data{
				"event": plan.event, "metric": u.family.Name(), "metrics_not_updated": failed.count[why],
				"reason": reasonLabels[why], loglimit.DataKey: unlogged,
			})
		}
	}
}

// describe returns an error text that explains why the update was rejected.
func (u *update) describe(plan *plan, o *observation, why reason) string {
	switch why {
	case missingAttribute:
		return fmt.Sprintf("the event has no attribute %s", plan.attributesWhere(func(i int) bool { return u.required&^o.present&(1<<i) != 0 }))
	case emptyAttribute:
		return fmt.Sprintf("attribute %s is empty", plan.attributesWhere(func(i int) bool {
			return o.attributes[i] == "" && slices.Contains(u.nonEmpty, uint8(i))
		}))
	case notFinite:
		return fmt.Sprintf("got value %v, expected a finite number", o.value)
	case negative:
		return fmt.Sprintf("got value %v, expected a non-negative number for a %v", o.value, u.family.Type())
	case invalidUTF8:
		for _, i := range u.labels {
			if !utf8.ValidString(o.attributes[i]) {
				return fmt.Sprintf("attribute %q is not valid UTF-8: %s", plan.attributeOf(i), excerpt.Quote(o.attributes[i]))
			}
		}
	case valueTooLong:
		for _, i := range u.labels {
			if len(o.attributes[i]) > maxLabelValueBytes {
				return fmt.Sprintf("attribute %q has %d bytes, expected at most %d: %s",
					plan.attributeOf(i), len(o.attributes[i]), maxLabelValueBytes, excerpt.Quote(o.attributes[i]))
			}
		}
	}
	if u.family.Type() == series.Gauge {
		return fmt.Sprintf("the metric has reached its limit of %d series", u.family.Limit())
	}
	return fmt.Sprintf("the metric has reached its limit of %d series: the event was counted in the series with label value %s", u.family.Limit(), series.Overflow)
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

// recordUnknown counts and logs an unknown event.
func (e *Engine) recordUnknown(logger lager.Logger, event string) {
	e.received.Unknown.Inc()
	now := e.clock.Now()
	if !utf8.ValidString(event) {
		e.self.rejectedEvents.Add(1)
		e.self.rejected[invalidUTF8].Add(1)
		if ok, unlogged := e.self.invalidNames.Allow(time.Duration(now)); ok {
			const description = "the name of the event is not valid UTF-8"
			e.self.examples[invalidUTF8].Keep(traffic.Example{At: now, Event: event, Message: description})
			e.log(logger, "event-rejected", description, lager.Data{
				"event":  excerpt.Quote(event), // quoted because JSON cannot represent invalid UTF-8
				"reason": reasonLabels[invalidUTF8], loglimit.DataKey: unlogged,
			})
		}
		return
	}
	e.self.unknown.Add(1)
	e.self.names.Count(event, now)
	if ok, unlogged := e.self.unknownNames.Allow(time.Duration(now)); ok {
		orDefault(logger, e).Info("unknown-event", lager.Data{"event": excerpt.Short(event), loglimit.DataKey: unlogged})
	}
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
