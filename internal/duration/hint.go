// Package duration helps with durations that Go does not read.
package duration

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Hint is what a text that is no duration was probably meant to be, as the end of an
// error message: ": did you mean 48h?" of 2d. It is empty if that is not known.
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
