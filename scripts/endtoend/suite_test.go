//go:build e2e

// Package endtoend runs the built signalbox beside the real programs that it
// works with or stands in for: Prometheus, the Pushgateway and its clients. It
// is run by scripts/e2e.
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
	// Building it is the go command's own business, and so is caching it.
	pushgatewayBinary = output("go", "tool", "-modfile=../peers/go.mod", "-n", "pushgateway")
})

// output runs a command, and returns what it writes to standard output.
func output(name string, args ...string) string {
	GinkgoHelper()
	command := exec.Command(name, args...)
	var stdout, stderr strings.Builder
	command.Stdout, command.Stderr = &stdout, &stderr
	Expect(command.Run()).To(Succeed(), "%s%s", &stderr, &stdout)
	return strings.TrimSpace(stdout.String())
}
