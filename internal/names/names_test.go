package names_test

import (
	"testing"

	"github.com/prometheus/common/model"

	"github.com/signalbox-ci/signalbox/internal/names"
)

func TestNames(t *testing.T) {
	for name, valid := range map[string]struct{ label, metric bool }{
		"a": {true, true}, "_a1": {true, true}, "a:b": {false, true}, "__a": {false, true},
		"": {}, "1a": {}, "a-b": {}, "ä": {}, "a b": {},
	} {
		if names.IsLabel(name) != valid.label || names.IsMetric(name) != valid.metric {
			t.Errorf("%q: got %v and %v, expected %+v", name, names.IsLabel(name), names.IsMetric(name), valid)
		}
	}
}

// TestNamesWithNUL checks that names with NUL, of which Prometheus cannot read a page,
// are not valid even if all other characters are.
func TestNamesWithNUL(t *testing.T) {
	for name, valid := range map[string]bool{"a b": true, "\x01": true, "\x00": false, "a\x00b": false} {
		label, sample, metric := names.IsLabelIn(model.UTF8Validation, name), names.IsSampleLabelIn(model.UTF8Validation, name), names.IsMetricIn(model.UTF8Validation, name)
		if label != valid || sample != valid || metric != valid {
			t.Errorf("%q: got %v, %v and %v, expected %v", name, label, sample, metric, valid)
		}
	}
}
