package packaging

import (
	"bytes"
	"debug/elf"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// dockerfile returns the stages of the Dockerfile. The test fails if BuildKit's parser
// or linter reports a warning.
func dockerfile(t *testing.T) []instructions.Stage {
	t.Helper()
	text, err := os.ReadFile(deploy("Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := parser.Parse(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range parsed.Warnings {
		t.Errorf("%s", w.Short)
	}
	lint := linter.New(&linter.Config{
		Warn: func(rule, _, _, message string, at []parser.Range) { t.Errorf("%v: %s: %s", at, rule, message) },
	})
	stages, _, err := instructions.Parse(parsed.AST, lint)
	if err != nil {
		t.Fatal(err)
	}
	return stages
}

// The image must be based on scratch and run as an unprivileged user.
func TestDockerfile(t *testing.T) {
	stages := dockerfile(t)
	last := stages[len(stages)-1]
	if last.BaseName != "scratch" {
		t.Errorf("got the base image %s, want scratch", last.BaseName)
	}
	user := ""
	for _, c := range last.Commands {
		if c, ok := c.(*instructions.UserCommand); ok {
			user = c.User
		}
	}
	if user != "65532:65532" {
		t.Errorf("got the user %q, want 65532:65532", user)
	}
}

// The binary that the Dockerfile builds must need nothing from the file system: it runs
// in an empty root directory, as the user of the image.
func TestRunsFromScratch(t *testing.T) {
	dir := t.TempDir()
	binary := filepath.Join(dir, "signalbox")
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s", "-o", binary, "./cmd/signalbox")
	build.Dir = root
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	requireStatic(t, binary)

	data := filepath.Join(dir, "data")
	if err := os.Mkdir(data, 0o777); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, data} {
		if err := os.Chmod(path, 0o777); err != nil { // the user of the image writes there
			t.Fatal(err)
		}
	}
	metrics, intake := freePort(t), freePort(t)
	var stderr bytes.Buffer
	cmd := &exec.Cmd{
		Path:   "/signalbox",
		Args:   []string{"signalbox", "run", "--push-storage-path", "/data/pushed.db"},
		Dir:    "/",
		Stderr: &stderr,
		Env: []string{
			"SIGNALBOX_PROMETHEUS_BIND_IP=127.0.0.1", "SIGNALBOX_INTAKE_BIND_IP=127.0.0.1",
			"SIGNALBOX_PROMETHEUS_BIND_PORT=" + metrics, "SIGNALBOX_INTAKE_BIND_PORT=" + intake,
		},
		SysProcAttr: chroot(dir),
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("cannot change the root directory, which requires root or user namespaces: %v", err)
	}
	defer func() {
		cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v\n%s", err, stderr.String())
		}
	}()

	pushed := "http://127.0.0.1:" + intake + "/metrics/job/unit"
	if err := eventually(func() error { return expect(http.Post(pushed, "", strings.NewReader("tests_total 3\n"))) }); err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	for _, path := range []string{"/-/ready", "/metrics", "/"} {
		if err := expect(http.Get("http://127.0.0.1:" + metrics + path)); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(filepath.Join(data, "pushed.db")); err != nil {
		t.Error(err)
	}
}

// chroot returns the attributes of a process with the directory as its root, and with
// the user of the image.
func chroot(dir string) *syscall.SysProcAttr {
	if os.Getuid() == 0 {
		return &syscall.SysProcAttr{Chroot: dir, Credential: &syscall.Credential{Uid: 65532, Gid: 65532}}
	}
	return &syscall.SysProcAttr{
		Chroot:      dir,
		Cloneflags:  syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 65532, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 65532, HostID: os.Getgid(), Size: 1}},
	}
}

func requireStatic(t *testing.T, binary string) {
	t.Helper()
	file, err := elf.Open(binary)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, p := range file.Progs {
		if p.Type == elf.PT_INTERP {
			t.Error("the binary is not static: it has an interpreter")
		}
	}
	if libraries, _ := file.ImportedLibraries(); len(libraries) > 0 {
		t.Errorf("the binary is not static: it imports %v", libraries)
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

func expect(answer *http.Response, err error) error {
	if err != nil {
		return err
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", answer.Request.URL, answer.Status)
	}
	return nil
}

// eventually calls try until it succeeds or 10 s have passed.
func eventually(try func() error) error {
	deadline := time.Now().Add(10 * time.Second)
	for {
		err := try()
		if err == nil || time.Now().After(deadline) {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
}
