// Package traffic keeps statistics about received events: counts and rates by name, the
// names of unknown events, and examples of rejected events. Its memory usage is
// bounded, no matter what senders send.
package traffic
