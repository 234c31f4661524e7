package events

import (
	"cmp"
	"fmt"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-ci/signalbox/internal/membudget"
)

// streams limits and counts the streams of a handler. It is safe for concurrent use.
type streams struct {
	max    int64
	buffer *membudget.Budget // for the bodies of streams
	open   atomic.Int64
	ended  *prometheus.CounterVec
}

// An endReason is the reason why a stream ended, as the value of a label.
type endReason string

const (
	endComplete endReason = "complete"
	endBroken   endReason = "broken"
	endIdle     endReason = "idle"
	endUnread   endReason = "unread"
	endMemory   endReason = "memory"
	endShutdown endReason = "shutdown"
	endRefused  endReason = "refused"
)

func newStreams(o Options) *streams {
	s := &streams{
		max:    cmp.Or(int64(o.MaxStreams), 500),
		buffer: o.Buffer.Half(),
		ended: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "signalbox_event_streams_ended_total",
			Help: "Number of streams of events over HTTP that have ended, by reason: complete (by the client), broken (the connection or the encoding), idle (the client sent nothing for five minutes), unread (the client did not read the response), memory (none left for a line), shutdown, or refused (too many streams).",
		}, []string{"reason"}),
	}
	for _, reason := range []endReason{endComplete, endBroken, endIdle, endUnread, endMemory, endShutdown, endRefused} {
		s.ended.WithLabelValues(string(reason))
	}
	if o.Registerer != nil {
		o.Registerer.MustRegister(s.ended, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "signalbox_event_streams",
			Help: "Number of open streams of events over HTTP.",
		}, func() float64 { return float64(s.open.Load()) }))
	}
	return s
}

// begin takes one of the places for streams. It returns an error if there is none.
// Otherwise, the caller must call end.
func (s *streams) begin() error {
	if s.open.Add(1) > s.max {
		s.end(endRefused)
		return fmt.Errorf("%d streams are open, the maximum: try again later, or send ordinary requests", s.max)
	}
	return nil
}

// end counts a stream that has ended and gives up its place.
func (s *streams) end(reason endReason) {
	s.ended.WithLabelValues(string(reason)).Inc()
	s.open.Add(-1)
}
