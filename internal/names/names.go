// Package names validates the names of labels and metrics that users choose. Valid
// names are those that Prometheus accepted before version 3, which work in all
// exposition formats and in queries without quotes.
package names

import (
	"strings"

	"github.com/prometheus/common/model"
)

// IsLabel reports whether name is a valid label name. Names that start with two
// underscores are reserved, and therefore not valid.
func IsLabel(name string) bool { return IsLabelIn(model.LegacyValidation, name) }

// IsMetric reports whether name is a valid metric name.
func IsMetric(name string) bool { return model.LegacyValidation.IsValidMetricName(name) }

// IsLabelIn is like IsLabel, for the names that are valid in the scheme: with
// model.UTF8Validation, a name can contain any characters.
func IsLabelIn(scheme model.ValidationScheme, name string) bool {
	return scheme.IsValidLabelName(name) && !strings.HasPrefix(name, model.ReservedLabelPrefix)
}
