//go:build e2e

// Package endtoend tests the built signalbox with the real programs that it works with
// or replaces: Prometheus, the Pushgateway and its clients. scripts/e2e runs it.
package endtoend

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

func TestEndToEnd(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "end to end")
}

// The programs that the suite builds.
var signalboxBinary, pushgatewayBinary string

var _ = BeforeSuite(func() {
	dir, err := os.MkdirTemp("", "signalbox-e2e")
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(os.RemoveAll, dir)

	signalboxBinary = filepath.Join(dir, "signalbox")
	output("go", "build", "-o", signalboxBinary, "../../cmd/signalbox")
	// The go command builds and caches the Pushgateway.
	pushgatewayBinary = output("go", "tool", "-modfile=../peers/go.mod", "-n", "pushgateway")
})

// output runs a command and returns its standard output.
func output(name string, args ...string) string {
	GinkgoHelper()
	command := exec.Command(name, args...)
	var stdout, stderr strings.Builder
	command.Stdout, command.Stderr = &stdout, &stderr
	Expect(command.Run()).To(Succeed(), "%s%s", &stderr, &stdout)
	return strings.TrimSpace(stdout.String())
}
