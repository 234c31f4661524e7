// Package names checks the names of labels and metrics that users choose. They must be
// valid in all exposition formats and in queries, so they are what Prometheus accepted
// before version 3.
package names

import (
	"strings"

	"github.com/prometheus/common/model"
)

// IsLabel reports whether name can be the name of a user's label. Names that begin with
// two underscores are reserved.
func IsLabel(name string) bool {
	return model.LegacyValidation.IsValidLabelName(name) && !strings.HasPrefix(name, model.ReservedLabelPrefix)
}

// IsMetric reports whether name can be the name of a metric.
func IsMetric(name string) bool { return model.LegacyValidation.IsValidMetricName(name) }
