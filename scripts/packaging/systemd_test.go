package packaging

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// systemd-analyze must accept the unit, and rate its exposure as low.
func TestSystemdUnit(t *testing.T) {
	text, err := os.ReadFile(deploy("systemd/signalbox.service"))
	if err != nil {
		t.Fatal(err)
	}
	// The program that the unit runs need not be installed on this machine.
	const installed = "/usr/local/bin/signalbox"
	if !strings.Contains(string(text), installed) {
		t.Fatalf("the unit does not mention %s", installed)
	}
	unit := filepath.Join(t.TempDir(), "signalbox.service")
	dropIn, err := os.ReadFile(deploy("systemd/concourse-log.conf"))
	if err != nil {
		t.Fatal(err)
	}
	local := strings.ReplaceAll(string(text), installed, "/bin/true")
	if err := os.WriteFile(unit, []byte(local), 0o600); err != nil {
		t.Fatal(err)
	}
	verify := []string{"verify", "--man=no", unit}
	analyze(t, verify...)
	analyze(t, "security", "--offline=true", "--no-pager", "--threshold=15", unit) // of 100

	if err := os.Mkdir(unit+".d", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(unit+".d", "concourse-log.conf"), dropIn, 0o600); err != nil {
		t.Fatal(err)
	}
	analyze(t, verify...)
}

// analyze fails if systemd-analyze fails or reports a problem of the unit.
func analyze(t *testing.T, args ...string) {
	t.Helper()
	out, err := exec.Command("systemd-analyze", args...).CombinedOutput()
	if err != nil || args[0] == "verify" && (strings.Contains(string(out), "signalbox.service:") || strings.Contains(string(out), ".conf:")) {
		t.Errorf("systemd-analyze %s: %v\n%s", args[0], err, out)
	}
}

// signalbox check must accept the environment file.
func TestEnvironmentFile(t *testing.T) {
	check := exec.Command("go", "run", "./cmd/signalbox", "check", "deploy/systemd/signalbox.env")
	check.Dir = root
	if out, err := check.CombinedOutput(); err != nil {
		t.Errorf("signalbox check: %v\n%s", err, out)
	}
}
