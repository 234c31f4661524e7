// Package names validates the names of labels and metrics that users choose. Valid
// names are those that Prometheus accepted before version 3, which work in all
// exposition formats and in queries without quotes.
package names

import (
	"strings"

	"github.com/prometheus/common/model"
)

// What an error about an invalid name says.
const (
	ExpectedLabel  = "expected letters, digits and _, not starting with a digit or __"
	ExpectedMetric = "expected letters, digits, _ and :, not starting with a digit"
)

// IsLabel reports whether name is a valid label name. Names that start with two
// underscores are reserved, and therefore not valid.
func IsLabel(name string) bool { return IsLabelIn(model.LegacyValidation, name) }

// IsMetric reports whether name is a valid metric name.
func IsMetric(name string) bool { return model.LegacyValidation.IsValidMetricName(name) }

// IsLabelIn is like IsLabel, for the names that are valid in the scheme: with
// model.UTF8Validation, a name can contain any characters except NUL.
func IsLabelIn(scheme model.ValidationScheme, name string) bool {
	return IsSampleLabelIn(scheme, name) && !strings.HasPrefix(name, model.ReservedLabelPrefix)
}

// IsSampleLabelIn is like IsLabelIn, but permits reserved names.
func IsSampleLabelIn(scheme model.ValidationScheme, name string) bool {
	return scheme.IsValidLabelName(name) && !hasNUL(name)
}

// IsMetricIn is like IsMetric, for the names that are valid in the scheme: with
// model.UTF8Validation, a name can contain any characters except NUL.
func IsMetricIn(scheme model.ValidationScheme, name string) bool {
	return scheme.IsValidMetricName(name) && !hasNUL(name)
}

// hasNUL reports whether the name contains NUL, which is valid UTF-8. Prometheus takes
// it for the end of the page when it reads a quoted name, and drops the whole page.
func hasNUL(name string) bool { return strings.Contains(name, "\x00") }
