package main

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// An inputStatus is the state of standard input. Its atomic fields are safe for
// concurrent use; the others are set before reading begins.
type inputStatus struct {
	format string // value of --stdin-format

	// regularFile means that standard input is a regular file, which has an end, and
	// not a pipe from a program that should run as long as the daemon.
	regularFile atomic.Bool

	// Each line is counted in one of these numbers.
	known, unknown, refused, duplicate, rejected, skipped atomic.Uint64

	begun time.Time                // when reading began
	end   atomic.Pointer[inputEnd] // nil while standard input is being read
}

// An inputEnd is the end of standard input: its time, and the error that caused it, or
// nil.
type inputEnd struct {
	at  time.Time
	err error // error that ended it early, or nil
}

var (
	inputLines = prometheus.NewDesc("signalbox_input_lines_total",
		"Number of lines read from standard input, by outcome: known or unknown events, events refused by all rules, duplicate events, rejected lines, and skipped lines of a log.",
		[]string{"outcome"}, nil)
	inputUp = prometheus.NewDesc("signalbox_input_up", "1 while standard input is being read, 0 after it has ended.", nil, nil)
)

// Describe implements prometheus.Collector.
func (s *inputStatus) Describe(descs chan<- *prometheus.Desc) {
	descs <- inputLines
	descs <- inputUp
}

// Collect implements prometheus.Collector.
func (s *inputStatus) Collect(metrics chan<- prometheus.Metric) {
	for outcome, lines := range map[string]*atomic.Uint64{
		"known": &s.known, "unknown": &s.unknown, "refused": &s.refused, "duplicate": &s.duplicate,
		"rejected": &s.rejected, "skipped": &s.skipped,
	} {
		metrics <- prometheus.MustNewConstMetric(inputLines, prometheus.CounterValue, float64(lines.Load()), outcome)
	}
	up := 1.0
	if s.end.Load() != nil {
		up = 0
	}
	metrics <- prometheus.MustNewConstMetric(inputUp, prometheus.GaugeValue, up)
}
