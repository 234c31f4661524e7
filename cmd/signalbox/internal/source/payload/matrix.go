package payload

import "strings"

// WithoutMatrix removes the parameters of matrices from the name of a job, as workflows
// of GitHub and Gitea have them: "build / test (1.26, linux)" becomes "build / test".
// The name of a job in a reusable workflow begins with the name of the calling job,
// which can have parameters too.
func WithoutMatrix(name string) string {
	var b strings.Builder
	start, depth := 0, 0
	for i := range len(name) {
		switch name[i] {
		case '(':
			depth++
		case ')':
			depth--
		case ' ':
			if depth == 0 && strings.HasPrefix(name[i:], separator) {
				b.WriteString(withoutParameters(name[start:i]))
				b.WriteString(separator)
				start = i + len(separator)
			}
		}
	}
	b.WriteString(withoutParameters(name[min(start, len(name)):]))
	return b.String()
}

// separator separates the names of the calling job and the called job.
const separator = " / "

// withoutParameters returns name without a space and text in parentheses at its end.
func withoutParameters(name string) string {
	depth := 0
	for i := len(name) - 1; i > 1; i-- {
		switch name[i] {
		case ')':
			depth++
		case '(':
			depth--
		}
		if depth == 0 {
			if name[i] == '(' && name[i-1] == ' ' {
				return name[:i-1]
			}
			break
		}
	}
	return name
}
