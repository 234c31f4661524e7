// Package packaging checks what deploy/ has for those who install Signalbox, as far
// as that is possible without the machines that it is for.
package packaging

import (
	"os"
	"path/filepath"
	"testing"

	"sigs.k8s.io/yaml"
)

// root is the project's directory.
const root = "../.."

// deploy is the path of a file there.
func deploy(name string) string { return filepath.Join(root, "deploy", name) }

// read decodes a file, which may have no fields that the object does not.
func read(t *testing.T, name string, object any) {
	t.Helper()
	text, err := os.ReadFile(deploy(name))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalStrict(text, object); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}
