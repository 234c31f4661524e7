package traffic

import (
	"sync/atomic"

	"github.com/signalbox-ci/signalbox/internal/excerpt"
	"github.com/signalbox-ci/signalbox/internal/series"
)

// maxExampleBytes is the maximum length in bytes of each string in an example.
const maxExampleBytes = 512

// An Example is an event that was rejected. Long strings are truncated.
type Example struct {
	At      series.Instant
	Event   string // name of the event; may be empty
	Metric  string // the metric for which it was rejected; may be empty
	Message string // error text with the reason
}

// A LatestExample holds the latest example of one kind. The zero value holds no
// example. It is safe for concurrent use.
type LatestExample struct{ example atomic.Pointer[Example] }

// Keep replaces the example. It copies the strings, which need not be valid UTF-8.
func (l *LatestExample) Keep(e Example) {
	for _, text := range []*string{&e.Event, &e.Metric, &e.Message} {
		*text = excerpt.Keep(*text, maxExampleBytes)
	}
	l.example.Store(&e)
}

// Load returns the example, or nil if there is none.
func (l *LatestExample) Load() *Example { return l.example.Load() }
