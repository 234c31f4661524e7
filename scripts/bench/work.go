package main

import "context"

// A work is a piece of work that is measured: one or more comparisons of those
// who do it.
type work struct {
	name string // what -only is matched with

	// run measures it, in o.rounds rounds or fewer if they are slow.
	run func(ctx context.Context, o options) ([]comparison, error)

	quick bool // -check runs it
	plot  bool // run for a plot only
}

// options are what the command line says.
type options struct {
	rounds int
	check  bool
	dir    string // for temporary files; removed at the end
}
