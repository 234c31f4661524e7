// Package source contains what all sources of events and metrics share: the sink,
// limits, request bodies and responses, the log of rejections, and the HTTP server.
// Each subpackage receives data from one kind of system.
package source
