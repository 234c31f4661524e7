package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// durations lists the units of time, the smallest first.
var durations = []struct {
	name        string
	nanoseconds float64
}{{"ns", 1}, {"µs", 1e3}, {"ms", 1e6}, {"s", 1e9}}

// withRange returns the median of the values in a suitable unit, and their range: "11.9
// s (11.7–12.4)".
func withRange(values []float64, unitName string) string {
	m := median(values)
	scale := 1.0
	if i := durationNamed(unitName); i >= 0 {
		ns := math.Abs(m) * durations[i].nanoseconds
		best := 0
		for j, d := range durations {
			if ns >= d.nanoseconds {
				best = j
			}
		}
		scale, unitName = durations[i].nanoseconds/durations[best].nanoseconds, durations[best].name
	}
	text := number(m*scale) + " " + unitName
	if low, high := number(slices.Min(values)*scale), number(slices.Max(values)*scale); low != high {
		text += " (" + low + "–" + high + ")"
	}
	return text
}

func durationNamed(name string) int {
	for i, d := range durations {
		if d.name == name {
			return i
		}
	}
	return -1
}

// times returns the median of the ratios and their range: "16× (14–19)".
func times(ratios []float64) string {
	text := number(median(ratios)) + "×"
	if low, high := number(slices.Min(ratios)), number(slices.Max(ratios)); low != high {
		text += " (" + low + "–" + high + ")"
	}
	return text
}

// number formats a number with three significant digits, or with all digits before the
// decimal point: "0.42", "1.5", "16.3", "1,234".
func number(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return fmt.Sprint(v)
	}
	abs := math.Abs(v)
	switch {
	case abs >= 99.95:
		return thousands(int64(math.Round(v)))
	case abs == 0:
		return "0"
	}
	decimals := max(0, 2-int(math.Floor(math.Log10(abs))))
	text := strconv.FormatFloat(v, 'f', min(decimals, 6), 64)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text
}

// thousands formats an integer with commas: "1,000,000".
func thousands[T int | int64](n T) string {
	text := strconv.FormatInt(int64(n), 10)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// bytesText formats a number of bytes in a suitable unit: "1.2 MB".
func bytesText(n float64) string {
	for _, u := range []struct {
		name  string
		bytes float64
	}{{"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}} {
		if n >= u.bytes {
			return number(n/u.bytes) + " " + u.name
		}
	}
	return number(n) + " B"
}
