// Package spelling suggests corrections for misspelled words.
package spelling

import (
	"fmt"
	"strings"
)

// maxLength is the maximum length in bytes of a word for which Nearest searches,
// because the time for a comparison grows with the length.
const maxLength = 200

// Hint returns a suggestion to append to an error: `: did you mean "candidate"?`. It
// returns an empty string if no candidate is similar to the word.
func Hint(word string, candidates []string) string {
	if best := Nearest(word, candidates); best != "" {
		return fmt.Sprintf(": did you mean %q?", best)
	}
	return ""
}

// Nearest returns the candidate that is most similar to the word. If several candidates
// are equally similar, it returns the first. If no candidate is similar enough, it
// returns an empty string. It ignores case. Words with a long common prefix, such as
// "success" and "succeeded", are similar, but less than others. A word that ends with
// an underscore and a candidate, such as a metric name with a namespace, matches that
// candidate exactly.
func Nearest(word string, candidates []string) string {
	if len(word) > maxLength {
		return ""
	}
	best, least, lower := "", maxLength, strings.ToLower(word)
	for _, c := range candidates {
		// For long candidates, allow the user to omit a whole word.
		near := max(min(len(word)/3+1, 4), len(c)/3)
		d := len(word) + len(c)
		if strings.HasSuffix(word, "_"+c) {
			d = 0
		} else if len(word)-len(c) <= near && len(c)-len(word) <= near { // otherwise the distance is greater
			d = Distance(lower, strings.ToLower(c))
		}
		if d <= near && d < least && d < len(c) {
			best, least = c, d
		}
	}
	if best == "" {
		return longestPrefix(word, candidates)
	}
	return best
}

// longestPrefix returns the candidate that has the longest prefix in common with the
// word. It returns an empty string if that is less than two thirds of the word or half
// of the candidate.
func longestPrefix(word string, candidates []string) string {
	best, longest := "", max(len(word)*2/3, 3)-1
	for _, c := range candidates {
		n := 0
		for n < min(len(word), len(c)) && word[n]|0x20 == c[n]|0x20 { // ignores the case of letters
			n++
		}
		if n > longest && n >= len(c)/2 {
			best, longest = c, n
		}
	}
	return best
}

// Distance returns the optimal string alignment distance of a and b: the minimum number
// of insertions, deletions, replacements, and swaps of adjacent bytes that convert a to
// b.
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
