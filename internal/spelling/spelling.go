// Package spelling suggests what a misspelled word was probably meant to be.
package spelling

import (
	"fmt"
	"strings"
)

// maxLength is the maximum length in bytes of a word that is compared with candidates,
// since the time for that grows with the length.
const maxLength = 200

// Hint returns `: did you mean "candidate"?`, to append to an error, or the empty
// string if no candidate is near the word.
func Hint(word string, candidates []string) string {
	if best := Nearest(word, candidates); best != "" {
		return fmt.Sprintf(": did you mean %q?", best)
	}
	return ""
}

// Nearest returns the candidate nearest to the word, the first if there are several, or
// the empty string if none is near. It ignores case. A word that ends in an underscore
// followed by a candidate, such as a metric with its namespace, is nearest to that
// candidate.
func Nearest(word string, candidates []string) string {
	if len(word) > maxLength {
		return ""
	}
	best, least := "", maxLength
	for _, c := range candidates {
		d := Distance(strings.ToLower(word), strings.ToLower(c))
		if strings.HasSuffix(word, "_"+c) {
			d = 0
		}
		// A long candidate may lack a whole word.
		near := max(min(len(word)/3+1, 4), len(c)/3)
		if d <= near && d < least && d < len(c) {
			best, least = c, d
		}
	}
	return best
}

// Distance returns the number of bytes that must be inserted, deleted, replaced, or
// swapped with the next one to turn a into b: the optimal string alignment distance.
func Distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, last, row = last, row, before
		row[0] = i
		for j := 1; j <= len(b); j++ {
			differs := 1
			if a[i-1] == b[j-1] {
				differs = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+differs)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return row[len(b)]
}
