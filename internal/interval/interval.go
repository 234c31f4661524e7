// Package interval runs a function at a fixed interval.
package interval

import (
	"context"
	"time"
)

// Run calls do at every interval until the context ends. It skips calls that are due
// while a slow call is running. The first call is after one interval, which must be
// positive.
func Run(ctx context.Context, interval time.Duration, do func()) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			do()
		}
	}
}
