// Package interval runs a function at a fixed interval.
package interval

import (
	"context"
	"time"
)

// Run calls do once per interval until the context ends. The interval must be positive.
// The first call happens after one interval. If several calls become due while a slow
// call is running, Run makes only one of them, immediately afterwards.
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
