package main

// nearest returns the candidate that a misspelt name probably stands for, or "".
func nearest(name string, candidates []string) string {
	best, least := "", 0
	for _, candidate := range candidates {
		distance := editDistance(name, candidate)
		if 3*distance <= max(len(name), len(candidate)) && (best == "" || distance < least) {
			best, least = candidate, distance
		}
	}

	return best
}

// editDistance is how many bytes must be changed, put in or left out to make b of a.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, diagonal+1)
		}
	}

	return row[len(b)]
}
