// Package packaging tests the installation files in deploy/: the Dockerfile, the
// compose file, the Kubernetes manifests and the systemd unit. It needs no container
// engine and no cluster.
package packaging

import (
	"os"
	"path/filepath"
	"testing"

	"sigs.k8s.io/yaml"
)

// root is the root directory of the repository.
const root = "../.."

// deploy returns the path of a file in the directory deploy.
func deploy(name string) string { return filepath.Join(root, "deploy", name) }

// read decodes a file strictly: fields that the object does not have are an error.
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
