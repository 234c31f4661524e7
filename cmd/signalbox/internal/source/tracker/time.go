package tracker

import (
	"fmt"
	"time"
)

// An Anomaly is something that cannot be right about the times in a change.
type Anomaly uint8

// The kinds of anomalies.
const (
	NegativeQueue    Anomaly = iota + 1 // the start is before the queueing
	NegativeDuration                    // the end is before the start, or a deployment before its commit
	Future                              // a time more than an hour in the future
	Epoch                               // a time before the year 2000
	Unreadable                          // text that is not a time

	anomalyKinds
)

// String returns the anomaly as a label value.
func (a Anomaly) String() string {
	return [...]string{"", "negative_queue", "negative_duration", "future", "epoch", "unreadable"}[a]
}

// layouts are the layouts of times. Each also accepts a fraction of a second.
var layouts = [...]string{time.RFC3339, "2006-01-02 15:04:05 UTC", "2006-01-02 15:04:05 -0700"}

// ParseTime parses a time in one of the layouts that CI systems use: RFC 3339, and the
// same with a space and with the zone "UTC" or an offset such as "+0200". It returns
// the zero Time for an empty text, for the Unix epoch and for the start of the year 1,
// which CI systems use for unknown times.
func ParseTime(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range layouts {
		if t, err := time.Parse(layout, text); err == nil {
			if t.Unix() == 0 || t.IsZero() {
				return time.Time{}, nil
			}
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("got the time %.40q, expected one such as 2026-03-04T10:00:00Z", text)
}

// ParseTime is like the function ParseTime. If the text is not a time, it adds an
// anomaly to the change and returns the zero Time.
func (c *Change) ParseTime(text string) time.Time {
	t, err := ParseTime(text)
	if err != nil {
		c.Anomalies = append(c.Anomalies, Unreadable)
	}
	return t
}

// Unix returns the time that many seconds after the Unix epoch, or the zero Time for 0. If
// it is before the year 2000, Unix adds an anomaly to the change and returns the zero Time.
func (c *Change) Unix(seconds int64) time.Time { return c.since2000(time.Unix(seconds, 0)) }

// UnixMilli is like Unix, for milliseconds.
func (c *Change) UnixMilli(milliseconds int64) time.Time {
	return c.since2000(time.UnixMilli(milliseconds))
}

func (c *Change) since2000(t time.Time) time.Time {
	t, anomaly := Sanitize(t.UTC(), t)
	if anomaly != 0 {
		c.Anomalies = append(c.Anomalies, anomaly)
	}
	return t
}

// maxAhead is how far the clock of a CI system may be ahead of this one.
const maxAhead = time.Hour

// year2000 is older than everything that CI systems report.
var year2000 = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// Sanitize returns t, or the zero Time and an anomaly if t cannot be right: if it is
// before the year 2000 or more than an hour in the future. The zero Time and the Unix
// epoch mean an unknown time, so they are not anomalies.
func Sanitize(t, now time.Time) (time.Time, Anomaly) {
	switch {
	case t.IsZero(), t.Equal(time.Unix(0, 0)):
		return time.Time{}, 0
	case t.Before(year2000):
		return time.Time{}, Epoch
	case t.Sub(now) > maxAhead:
		return time.Time{}, Future
	}
	return t, 0
}

// sanitize removes times that cannot be right from the change, and counts the
// anomalies. It fills in the time of the change's state.
func (u *update) sanitize() {
	c := u.c
	for _, a := range c.Anomalies {
		if a < anomalyKinds {
			u.anomalies[a]++
		}
	}
	for _, t := range [...]*time.Time{&c.Time, &c.Queued, &c.Started, &c.Ended, &c.CommitTime} {
		var a Anomaly
		*t, a = Sanitize(*t, u.now)
		u.anomalies[a]++ // that of 0 is not used
	}
	if c.Kind == Worker {
		return
	}
	if times := [...]*time.Time{Queued: &c.Queued, Blocked: &c.Time, Started: &c.Started, Ended: &c.Ended}; !c.Reopens && times[c.State].IsZero() {
		*times[c.State] = c.Time
	}
	c.NeverStarted = c.State == Ended && (c.NeverStarted || c.Result == ResultSkip)
}
