// Package yamlhint explains errors of the YAML package.
package yamlhint

import "strings"

// For returns a hint to append to an error text of the YAML package that has a common
// cause, or the empty string.
func For(text string) string {
	if strings.Contains(text, "mapping values are not allowed in this context") {
		return `: quote values that contain ": ", and indent fields of the same level equally`
	}
	return ""
}
