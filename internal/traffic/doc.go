// Package traffic observes the events received: their counts and rates by name, the
// names that no rule knows, and examples of rejected events. Its memory is bounded
// whatever is received.
package traffic
