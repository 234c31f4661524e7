package main

import "context"

// A work is a piece of work to measure. It results in one or more comparisons.
type work struct {
	name string // matched by -only

	// run measures the work in o.rounds rounds, or fewer if the work is slow.
	run func(ctx context.Context, o options) ([]comparison, error)

	quick bool // -check includes it
	plot  bool // only run for a plot
}

// options holds the values of the flags.
type options struct {
	rounds int
	check  bool
	dir    string // a directory for temporary files; removed at the end
}
