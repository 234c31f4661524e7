package engine

import (
	"testing"
)

func TestSanitize(t *testing.T) {
	for key, want := range map[string]string{
		"invalid-label":       "invalid_label",
		"__prefix__test__":    "prefix_test",
		"plain":               "plain",
		"a.b/c d":             "a_b_c_d",
		"a-_-b":               "a_b",
		"ü":                   "",
		"___":                 "",
		"1st":                 "1st",
		"region.eu-west-1":    "region_eu_west_1",
		"UPPER_and_lower":     "UPPER_and_lower",
		"trailing-separator-": "trailing_separator",
	} {
		if got := sanitize(key); got != want {
			t.Errorf("sanitize(%q) = %q, want %q", key, got, want)
		}
	}
}
