package packaging

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

// The compose file must be valid, the files that it mounts and builds from must exist,
// and it must publish all ports on loopback only.
func TestCompose(t *testing.T) {
	for command, env := range map[string][]string{"run": nil, "demo": {"SIGNALBOX_COMMAND=demo"}} {
		options, err := cli.NewProjectOptions([]string{deploy("compose/compose.yaml")}, cli.WithEnv(env))
		if err != nil {
			t.Fatal(err)
		}
		project, err := options.LoadProject(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got := project.Services["signalbox"].Command; len(got) != 1 || got[0] != command {
			t.Errorf("got the command %v with the environment %v, want %s", got, env, command)
		}
		for _, service := range project.Services {
			for _, v := range service.Volumes {
				if v.Type == types.VolumeTypeBind {
					requireFile(t, v.Source)
				}
			}
			if b := service.Build; b != nil {
				requireFile(t, filepath.Join(b.Context, b.Dockerfile))
			}
			for _, p := range service.Ports {
				if p.HostIP != "127.0.0.1" {
					t.Errorf("%s publishes the port %s on %q, want 127.0.0.1", service.Name, p.Published, p.HostIP)
				}
			}
		}
	}
}

func requireFile(t *testing.T, path string) {
	t.Helper()
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}

// promtool must accept the configuration of Prometheus and the rules that are mounted
// for it.
func TestComposePrometheus(t *testing.T) {
	text, err := os.ReadFile(deploy("compose/prometheus.yml"))
	if err != nil {
		t.Fatal(err)
	}
	rules, err := filepath.Abs(deploy("prometheus/inherited"))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "prometheus.yml")
	local := strings.ReplaceAll(string(text), "/etc/prometheus/rules", rules)
	if err := os.WriteFile(file, []byte(local), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("promtool", "check", "config", file).CombinedOutput()
	if err != nil {
		t.Errorf("promtool check config: %v\n%s", err, out)
	}
	if !strings.Contains(string(out), "rules found") {
		t.Errorf("promtool found no rules:\n%s", out)
	}
}
