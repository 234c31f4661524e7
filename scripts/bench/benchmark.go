package main

import "context"

// A benchmark measures a contest or daemons. It results in one or more comparisons.
type benchmark struct {
	name string // matched by -only

	// run measures o.rounds rounds, or fewer if the benchmark is slow.
	run func(ctx context.Context, o options) ([]comparison, error)

	quick bool // -check includes it
	plot  bool // run only if -plots is set
}

// options holds the values of the flags.
type options struct {
	rounds int
	check  bool
	dir    string // a directory for temporary files; removed at the end
}
