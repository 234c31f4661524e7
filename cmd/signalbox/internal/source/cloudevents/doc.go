// Package cloudevents decodes CloudEvents 1.0 that are sent over HTTP, in binary,
// structured and batch mode.
//
// Like package payload, it uses what it can read. Attributes can be missing.
package cloudevents
