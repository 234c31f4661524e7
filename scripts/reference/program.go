package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// Timeouts.
const (
	buildTimeout   = 5 * time.Minute // enough for an empty build cache
	commandTimeout = time.Minute
	answerTimeout  = 20 * time.Second
)

// A program is the built signalbox in a temporary directory.
type program struct{ dir string }

func build() (*program, error) {
	dir, err := os.MkdirTemp("", "reference")
	if err != nil {
		return nil, err
	}
	p := &program{dir}
	ctx, cancel := context.WithTimeout(context.Background(), buildTimeout)
	defer cancel()
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", p.path(), "./cmd/signalbox").CombinedOutput(); err != nil {
		p.remove()
		return nil, fmt.Errorf("go build: %w\n%s", err, out)
	}
	return p, nil
}

func (p *program) path() string { return filepath.Join(p.dir, "signalbox") }

func (p *program) remove() { os.RemoveAll(p.dir) }

// output returns the output of a command of signalbox, such as signalbox catalog.
func (p *program) output(args []string) (string, error) {
	if len(args) == 0 || args[0] != "signalbox" {
		return "", fmt.Errorf("got %q, expected a command of signalbox", args)
	}
	ctx, cancel := context.WithTimeout(context.Background(), commandTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, p.path(), args[1:]...)
	cmd.Env = []string{}
	out, err := cmd.Output()
	return string(out), err
}

var pageURL = regexp.MustCompile(`"url":"(http://[^"]*/metrics)"`)

// page starts a daemon with all optional parts enabled, and returns its metrics page.
func (p *program) page() (page string, err error) {
	stderr, err := os.Create(filepath.Join(p.dir, "stderr"))
	if err != nil {
		return "", err
	}
	defer stderr.Close()
	ctx, cancel := context.WithTimeout(context.Background(), commandTimeout)
	defer cancel()
	webConfig := filepath.Join(p.dir, "web.yml")
	if err := os.WriteFile(webConfig, nil, 0o600); err != nil { // valid, without a password
		return "", err
	}
	secret := filepath.Join(p.dir, "secret")
	if err := os.WriteFile(secret, []byte("0123456789abcdef\n"), 0o600); err != nil {
		return "", err
	}
	tokens := filepath.Join(p.dir, "tokens")
	if err := os.WriteFile(tokens, []byte("0123456789abcdef\n"), 0o600); err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, p.path(), "run", "--prometheus-bind-port", "0", "--intake-bind-port", "0",
		"--prometheus-web-config-file", webConfig, "--intake-token-file", tokens, "--webhook-bind-port", "0", "--github-secret-file", secret, "--stdin", "--push-storage-path", filepath.Join(p.dir, "pushed.db"))
	cmd.Stderr = stderr
	cmd.Env = []string{}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	defer func() {
		err = errors.Join(err, cmd.Process.Signal(syscall.SIGTERM), cmd.Wait())
	}()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		text, err := os.ReadFile(stderr.Name())
		if err != nil {
			return "", err
		}
		if found := pageURL.FindSubmatch(text); found != nil {
			return get(string(found[1]))
		}
	}
	return "", errors.New("signalbox run did not log the address of its metrics page within 10 s")
}

func get(url string) (string, error) {
	client := http.Client{Timeout: answerTimeout}
	answer, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	return string(body), err
}

// selfMetrics returns a table of the metrics about Signalbox itself.
func (p *program) selfMetrics([]string) (string, error) {
	page, err := p.page()
	if err != nil {
		return "", err
	}
	var table strings.Builder
	table.WriteString("| metric | type | description |\n|---|---|---|\n")
	help := map[string]string{}
	for line := range strings.Lines(page) {
		words := strings.SplitN(strings.TrimSpace(line), " ", 4)
		if len(words) < 4 || !strings.HasPrefix(words[2], "signalbox_") {
			continue
		}
		switch words[1] {
		case "HELP":
			help[words[2]] = words[3]
		case "TYPE":
			fmt.Fprintf(&table, "| `%s` | %s | %s |\n", words[2], words[3], help[words[2]])
		}
	}
	return table.String(), nil
}
