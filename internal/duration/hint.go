// Package duration helps users who write durations in units that Go does not support.
package duration

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Hint returns a suggestion to append to an error about an invalid duration. For 2d, it
// returns ": did you mean 48h?". It returns an empty string if it has no suggestion.
func Hint(text string) string {
	number, ok := strings.CutSuffix(text, "d")
	if !ok {
		return ""
	}
	const day = 24 * time.Hour
	days, err := strconv.ParseUint(number, 10, 32)
	if err != nil || days > math.MaxInt64/uint64(day) {
		return ""
	}
	return fmt.Sprintf(": did you mean %dh?", 24*days)
}
