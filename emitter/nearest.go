package emitter

import (
	"fmt"
	"strings"
)

// didYouMean suggests the candidate that a misspelt word is nearest to, as the end
// of an error message; it is empty if none is near.
func didYouMean(word string, candidates []string) string {
	if best := nearest(word, candidates); best != "" {
		return fmt.Sprintf(": did you mean %q?", best)
	}
	return ""
}

// nearest is the candidate that a misspelt word is nearest to, or empty.
func nearest(word string, candidates []string) string {
	best, least := "", min(len(word)/3+1, 4)+1
	if len(word) > maxMisspelt {
		return ""
	}
	for _, c := range candidates {
		d := distance(strings.ToLower(word), strings.ToLower(c))
		if strings.HasSuffix(word, "_"+c) { // with the namespace in front
			d = 0
		}
		if d < least && d < len(c) {
			best, least = c, d
		}
	}
	return best
}

// maxMisspelt is how long a word may be to be compared with others, which takes time
// in proportion.
const maxMisspelt = 200

// distance is how many bytes have to be inserted, deleted, replaced or swapped with
// their neighbour to make b of a.
func distance(a, b string) int {
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
