package emitter

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/internal/series"
	"github.com/signalbox-ci/signalbox/metric"
)

// A reason is why an event was rejected for a metric.
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
	malformed // what came was no event; counted by CountMalformed

	reasons // how many there are
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

// rejections are the updates of one event that were refused: how many for each
// reason, and the first of them.
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

// reject counts and logs what was refused of an event. If the event is a
// heartbeat, it proves all the same that its worker is alive.
func (p *Prometheus) reject(logger lager.Logger, plan *plan, o *observation, now series.Instant, failed *rejections) {
	// Unless there was no room for the worker, which has been counted.
	if plan.heartbeat && o.present&(1<<plan.worker) != 0 && failed.count[seriesLimit] == 0 {
		p.store.Heartbeat(o.attributes[plan.worker], now)
	}
	p.self.refused.Add(1)
	for why := range reasons {
		if failed.count[why] == 0 {
			continue
		}
		p.self.rejected[why].Add(1)
		if ok, unlogged := plan.limiters[why].allow(now); ok {
			u := &plan.updates[failed.first[why]]
			description := u.describe(plan, o, why)
			p.self.examples.keep(why, now, plan.event, u.family.Name(), description)
			p.log(logger, "event-rejected", description, lager.Data{
				"event": plan.event, "metric": u.family.Name(), "metrics": failed.count[why],
				"reason": reasonLabels[why], "unlogged": unlogged,
			})
		}
	}
}

// describe says in a sentence why the update was refused.
func (u *update) describe(plan *plan, o *observation, why reason) string {
	switch why {
	case missingAttribute:
		return fmt.Sprintf("the event has no attribute %s", plan.named(func(i int) bool { return u.required&^o.present&(1<<i) != 0 }))
	case emptyAttribute:
		return fmt.Sprintf("attribute %s is empty", plan.named(func(i int) bool {
			return o.attributes[i] == "" && slices.Contains(u.nonEmpty, uint8(i))
		}))
	case notFinite:
		return fmt.Sprintf("the value is %v, want a finite number", o.value)
	case negative:
		return fmt.Sprintf("the value is %v, want one that is not negative: a %v only grows", o.value, u.family.Type())
	case invalidUTF8:
		for _, i := range u.labels {
			if !utf8.ValidString(o.attributes[i]) {
				return fmt.Sprintf("attribute %q is not UTF-8: %s", plan.attributeOf(i), shortened(o.attributes[i]))
			}
		}
	case valueTooLong:
		for _, i := range u.labels {
			if len(o.attributes[i]) > maxLabelValueBytes {
				return fmt.Sprintf("attribute %q has %d bytes, want at most %d: %s",
					plan.attributeOf(i), len(o.attributes[i]), maxLabelValueBytes, shortened(o.attributes[i]))
			}
		}
	}
	if u.family.Type() == series.Gauge {
		return fmt.Sprintf("the metric has %d series, which is the limit", u.family.Limit())
	}
	return fmt.Sprintf("the metric has %d series, which is the limit: counted under the label value %s", u.family.Limit(), series.Overflow)
}

// named names the attributes that are chosen.
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
func (p *Prometheus) refuseUnknown(logger lager.Logger, event string) {
	p.self.received.unplanned.Inc()
	now := p.clock.Now()
	if !utf8.ValidString(event) {
		p.self.refused.Add(1)
		p.self.rejected[invalidUTF8].Add(1)
		if ok, unlogged := p.self.badNames.allow(now); ok {
			const description = "the event's name is not UTF-8"
			p.self.examples.keep(invalidUTF8, now, event, "", description)
			p.log(logger, "event-rejected", description, lager.Data{
				"event":  shortened(event), // quoted, since JSON cannot show it otherwise
				"reason": reasonLabels[invalidUTF8], "unlogged": unlogged,
			})
		}
		return
	}
	p.self.unknown.Add(1)
	p.self.names.count(event, now)
	if ok, unlogged := p.self.unknownNames.allow(now); ok {
		orDefault(logger, p).Info("unknown-event", lager.Data{"event": cut(event), "unlogged": unlogged})
	}
}

// log logs a refusal in a way that makes no event of it again.
func (p *Prometheus) log(logger lager.Logger, action, why string, data lager.Data) {
	orDefault(logger, p).Error(action, fmt.Errorf("%w: %s", metric.ErrFailedToEmit, why), data)
}

// orDefault is the logger, or the emitter's own if there is none.
func orDefault(logger lager.Logger, p *Prometheus) lager.Logger {
	if logger == nil {
		return *p.logger.Load()
	}
	return logger
}

// maxShown is how many bytes of what somebody sent are shown.
const maxShown = 64

// shortened quotes the beginning of what somebody sent.
func shortened(s string) string {
	if len(s) > maxShown {
		return fmt.Sprintf("%q…", beginning(s, maxShown))
	}
	return fmt.Sprintf("%q", s)
}

// cut is shortened for where quotes are put anyway.
func cut(s string) string {
	if len(s) > maxShown {
		return beginning(s, maxShown) + "…"
	}
	return s
}

// beginning is as much of s as fits into so many bytes, cut between characters.
func beginning(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most]
}

// A limiter lets one log line a second through, and counts the others. Its zero
// value is ready to use. It is safe for concurrent use.
type limiter struct {
	next     atomic.Int64
	unlogged atomic.Uint64
}

// allow tells whether to log now, and how many lines were not since the last.
func (l *limiter) allow(now series.Instant) (ok bool, unlogged uint64) {
	next := l.next.Load()
	if int64(now) < next && next-int64(now) <= int64(time.Second) || !l.next.CompareAndSwap(next, int64(now)+int64(time.Second)) {
		l.unlogged.Add(1)
		return false, 0
	}
	return true, l.unlogged.Swap(0)
}
