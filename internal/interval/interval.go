// Package interval runs a function at a fixed interval.
package interval

import (
	"context"
	"time"
)

// Run calls do each time the interval has passed, until the context ends; calls that
// a slow one overlaps are left out. The first call comes after one interval, which
// must be positive.
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
