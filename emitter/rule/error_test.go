package rule_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/signalbox-ci/signalbox/emitter/rule"
)

func TestMappingErrorsFindsAllErrorsInATree(t *testing.T) {
	a, b, c := &rule.MappingError{Line: 1}, &rule.MappingError{Line: 2}, &rule.MappingError{Line: 3}
	err := fmt.Errorf("initialize: %w", errors.Join(errors.New("other"), fmt.Errorf("file: %w", errors.Join(a, b)), c))
	if got := slices.Collect(rule.MappingErrors(err)); !slices.Equal(got, []*rule.MappingError{a, b, c}) {
		t.Errorf("got %v", got)
	}
	for e := range rule.MappingErrors(err) {
		if e != a {
			t.Errorf("got %v first", e)
		}
		break
	}
	for _, none := range []error{nil, errors.New("other")} {
		if got := slices.Collect(rule.MappingErrors(none)); got != nil {
			t.Errorf("got %v", got)
		}
	}
}

func TestMappingErrorNamesThePosition(t *testing.T) {
	for expected, e := range map[string]*rule.MappingError{
		`m.yml:3: rules[0].metric: wrong`:                             {File: "m.yml", Line: 3, Field: "rules[0].metric", Reason: "wrong"},
		`m.yml:1: wrong`:                                              {File: "m.yml", Line: 1, Reason: "wrong"},
		`rule for event "e", metric "m": wrong`:                       {Event: "e", Metric: "m", Field: "metric", Reason: "wrong"},
		`rule for event "e", metric "m": labels[1].replace[0]: wrong`: {Event: "e", Metric: "m", Field: "labels[1].replace[0]", Reason: "wrong"},
	} {
		if e.Error() != expected {
			t.Errorf("got %s, expected %s", e, expected)
		}
	}
}
