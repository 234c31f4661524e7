// Package traffic observes the events that come in: their counts and rates by name,
// the names that no rule knows, and examples of rejected events. Its memory is bounded
// whatever comes.
package traffic
