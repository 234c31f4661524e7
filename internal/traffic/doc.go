// Package traffic observes the events that come in: their counts and rates by name,
// the names that no rule knows, examples of rejected events, and the rate limiter of
// log lines about them. Its memory is bounded whatever comes.
package traffic
