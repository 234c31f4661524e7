package main

import (
	"iter"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-ci/signalbox/internal/excerpt"
	"github.com/signalbox-ci/signalbox/internal/status"
)

// An inputStatus is how it stands with standard input. One goroutine reads that and
// counts; any may look.
type inputStatus struct {
	format string // as the flag has it

	known, unknown, rejected, skipped atomic.Uint64 // lines, each of which counts once

	end atomic.Pointer[inputEnd] // nil while it is read
}

// An inputEnd is when it ended, and why before its end, or nil.
type inputEnd struct {
	at  time.Time
	err error
}

// inputOverview is the field "input" of the overview.
type inputOverview struct {
	Format   string `json:"format"`   // "events", or "lager" for a log
	Accepted uint64 `json:"accepted"` // events, unknown ones included
	Unknown  uint64 `json:"unknown"`
	Rejected uint64 `json:"rejected"` // lines that claim to be events and are not
	Skipped  uint64 `json:"skipped"`  // other lines of a log

	EndedAt *time.Time `json:"ended_at"` // null while it is read

	// Error says why it could not be read to its end. It is missing if it could.
	Error string `json:"error,omitempty"`
}

// OverviewFields implements status.Section.
func (s *inputStatus) OverviewFields() iter.Seq2[string, func(limit int) any] {
	return func(yield func(string, func(limit int) any) bool) {
		o := s.overview()
		yield("input", func(int) any { return o })
	}
}

func (s *inputStatus) overview() inputOverview {
	unknown := s.unknown.Load()
	o := inputOverview{
		Format:   s.format,
		Accepted: s.known.Load() + unknown,
		Unknown:  unknown,
		Rejected: s.rejected.Load(),
		Skipped:  s.skipped.Load(),
	}
	if end := s.end.Load(); end != nil {
		at := end.at.UTC()
		o.EndedAt = &at
		if end.err != nil {
			o.Error = excerpt.Cut(end.err.Error(), 1<<10)
		}
	}
	return o
}

// registerInputMetrics registers metrics about standard input, if that is among the
// sections.
func registerInputMetrics(registry *prometheus.Registry, sections []status.Section) {
	for _, section := range sections {
		if s, ok := section.(*inputStatus); ok {
			registry.MustRegister(s)
		}
	}
}

var (
	inputLines = prometheus.NewDesc("signalbox_input_lines_total",
		"Lines of standard input, by outcome: events that a rule knows or none does, what was rejected, and lines of a log that were skipped.",
		[]string{"outcome"}, nil)
	inputUp = prometheus.NewDesc("signalbox_input_up", "1 while standard input is read, 0 once it has ended.", nil, nil)
)

// Describe implements prometheus.Collector.
func (s *inputStatus) Describe(descs chan<- *prometheus.Desc) {
	descs <- inputLines
	descs <- inputUp
}

// Collect implements prometheus.Collector.
func (s *inputStatus) Collect(metrics chan<- prometheus.Metric) {
	for outcome, lines := range map[string]*atomic.Uint64{
		"known": &s.known, "unknown": &s.unknown, "rejected": &s.rejected, "skipped": &s.skipped,
	} {
		metrics <- prometheus.MustNewConstMetric(inputLines, prometheus.CounterValue, float64(lines.Load()), outcome)
	}
	up := 1.0
	if s.end.Load() != nil {
		up = 0
	}
	metrics <- prometheus.MustNewConstMetric(inputUp, prometheus.GaugeValue, up)
}
