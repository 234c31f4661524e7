package yamlhint_test

import (
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/signalbox-ci/signalbox/internal/yamlhint"
)

func TestHintsForErrorsOfTheYAMLPackage(t *testing.T) {
	for content, hint := range map[string]string{
		"help: Builds: all of them": `quote values that contain ": "`,
		"help: [":                   "",
	} {
		var v any
		err := yaml.Unmarshal([]byte(content), &v)
		if err == nil {
			t.Fatalf("%s: got no error", content)
		}
		if got := yamlhint.For(err.Error()); !strings.Contains(got, hint) || (got == "") != (hint == "") {
			t.Errorf("%s: got %q for the error %q, expected %q", content, got, err, hint)
		}
	}
}
