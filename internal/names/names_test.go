package names_test

import (
	"testing"

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
