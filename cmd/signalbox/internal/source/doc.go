// Package source contains what all sources of events and metrics share: the sink,
// limits, request bodies and answers, the log of rejections, and the HTTP server. Each
// package below it receives data from one kind of system.
package source
