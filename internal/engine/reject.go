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
	"github.com/signalbox-ci/signalbox/internal/series"
	"github.com/signalbox-ci/signalbox/internal/traffic"
	"github.com/signalbox-ci/signalbox/metric"
)

// A reason is the reason why an event was rejected for a metric.
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
	malformed // the input was not an event; counted by CountMalformed

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

// rejections are the rejected updates of one event: their number by reason, and the
// index of the first one.
type rejections struct {
	any   bool
	count [reasons]uint8
	first [reasons]uint8
}

func (r *rejections) add(why reason, update int) {
	if r.count[why] == 0 {
		r.first[why] = uint8(update)
	}
	r.count[why]++
	r.any = true
}

// reject counts and logs the rejected updates of an event. If the event is a heartbeat,
// it still shows that its worker is alive.
func (e *Engine) reject(logger lager.Logger, plan *plan, o *observation, now series.Instant, failed *rejections) {
	// If there was no room for the worker, that has been counted.
	if plan.heartbeat && o.present&(1<<plan.worker) != 0 && failed.count[seriesLimit] == 0 {
		e.store.Heartbeat(o.attributes[plan.worker], now)
	}
	e.self.refused.Add(1)
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
				"event": plan.event, "metric": u.family.Name(), "metrics": failed.count[why],
				"reason": reasonLabels[why], "unlogged": unlogged,
			})
		}
	}
}

// describe returns the reason why the update was rejected, in words.
func (u *update) describe(plan *plan, o *observation, why reason) string {
	switch why {
	case missingAttribute:
		return fmt.Sprintf("the event has no attribute %s", plan.named(func(i int) bool { return u.required&^o.present&(1<<i) != 0 }))
	case emptyAttribute:
		return fmt.Sprintf("attribute %s is empty", plan.named(func(i int) bool {
			return o.attributes[i] == "" && slices.Contains(u.nonEmpty, uint8(i))
		}))
	case notFinite:
		return fmt.Sprintf("got value %v, expected a finite number", o.value)
	case negative:
		return fmt.Sprintf("got value %v, expected a number that is not negative: a %v only grows", o.value, u.family.Type())
	case invalidUTF8:
		for _, i := range u.labels {
			if !utf8.ValidString(o.attributes[i]) {
				return fmt.Sprintf("attribute %q is not UTF-8: %s", plan.attributeOf(i), excerpt.Quote(o.attributes[i]))
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
	return fmt.Sprintf("the metric has reached its limit of %d series: counted under the label value %s", u.family.Limit(), series.Overflow)
}

// named returns the names of the chosen attributes.
func (p *plan) named(chosen func(int) bool) string {
	var names []string
	for i, name := range p.attributes {
		if chosen(i) {
			names = append(names, fmt.Sprintf("%q", name))
		}
	}
	return strings.Join(names, " or ")
}

// refuseUnknown counts an event that no rule knows, and logs it.
func (e *Engine) refuseUnknown(logger lager.Logger, event string) {
	e.received.Unknown.Inc()
	now := e.clock.Now()
	if !utf8.ValidString(event) {
		e.self.refused.Add(1)
		e.self.rejected[invalidUTF8].Add(1)
		if ok, unlogged := e.self.badNames.Allow(time.Duration(now)); ok {
			const description = "the event's name is not UTF-8"
			e.self.examples[invalidUTF8].Keep(traffic.Example{At: now, Event: event, Message: description})
			e.log(logger, "event-rejected", description, lager.Data{
				"event":  excerpt.Quote(event), // quoted because JSON cannot represent invalid UTF-8
				"reason": reasonLabels[invalidUTF8], "unlogged": unlogged,
			})
		}
		return
	}
	e.self.unknown.Add(1)
	e.self.names.Count(event, now)
	if ok, unlogged := e.self.unknownNames.Allow(time.Duration(now)); ok {
		orDefault(logger, e).Info("unknown-event", lager.Data{"event": excerpt.Short(event), "unlogged": unlogged})
	}
}

// log logs an error that wraps ErrFailedToEmit, so that it causes no "error log" event.
func (e *Engine) log(logger lager.Logger, action, why string, data lager.Data) {
	orDefault(logger, e).Error(action, fmt.Errorf("%w: %s", metric.ErrFailedToEmit, why), data)
}

// orDefault returns the logger, or the engine's own if it is nil.
func orDefault(logger lager.Logger, e *Engine) lager.Logger {
	if logger == nil {
		return *e.logger.Load()
	}
	return logger
}

// A Rejection counts the events that were rejected for one reason.
type Rejection struct {
	Reason  string // a value of the label "reason"
	Count   uint64
	Example *traffic.Example // the latest; nil if none was kept
}

// Rejections returns the reasons for which events were rejected so far, the most
// frequent first.
func (e *Engine) Rejections() (list []Rejection) {
	for why := accepted + 1; why < reasons; why++ {
		if count := e.self.rejected[why].Load(); count > 0 {
			list = append(list, Rejection{reasonLabels[why], count, e.self.examples[why].Load()})
		}
	}
	slices.SortStableFunc(list, func(a, b Rejection) int { return cmp.Compare(b.Count, a.Count) })
	return list
}
