package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/prometheus/procfs"
)

// daemonBenchmarks returns the benchmarks that measure daemons from outside: each
// daemon is the built program in its own process, and receives data over the loopback
// interface.
func daemonBenchmarks() []benchmark {
	return []benchmark{
		{name: "daemon events", run: measureEvents, quick: true},
		{name: "daemon events of a million workers", run: measureManyWorkers},
		{name: "daemon pushes", run: measurePushes},
	}
}

// A daemon is a running program with a metrics page.
type daemon struct {
	name    string
	address string // of its HTTP listener
	command *exec.Cmd

	exited  chan struct{} // closed when the program has exited
	exitErr error         // set before exited is closed
}

// startDaemon starts a program, and waits until it is ready. The program is killed when
// the context is canceled.
func startDaemon(ctx context.Context, name, address, program string, args ...string) (*daemon, error) {
	d := &daemon{
		name:    name,
		address: address,
		command: exec.CommandContext(ctx, program, args...),
		exited:  make(chan struct{}),
	}
	d.command.Stderr = os.Stderr
	if err := d.command.Start(); err != nil {
		return nil, err
	}
	go func() {
		d.exitErr = d.command.Wait()
		close(d.exited)
	}()

	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		err := d.ready(ctx)
		if err == nil {
			return d, nil
		}
		select {
		case <-d.exited:
			return nil, fmt.Errorf("%s did not become ready: it exited: %v", name, d.exitErr)
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("%s did not become ready: %w", name, err), d.stop())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// stop asks the daemon to exit, and waits until it has.
func (d *daemon) stop() error {
	if err := d.command.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-d.exited
	if d.exitErr != nil {
		return fmt.Errorf("%s: %w", d.name, d.exitErr)
	}
	return nil
}

func (d *daemon) ready(ctx context.Context) error {
	response, err := d.get(ctx, "/-/ready")
	if err != nil {
		return err
	}
	return response.Body.Close()
}

// page returns the given families on the metrics page of the daemon, or all if none are
// given.
func (d *daemon) page(ctx context.Context, families ...string) (map[string]*dto.MetricFamily, error) {
	response, err := d.get(ctx, "/metrics?"+url.Values{"name[]": families}.Encode())
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()

	body := io.Reader(response.Body)
	if len(families) > 0 {
		// Signalbox serves all families, which can be hundreds of megabytes.
		if body, err = linesOf(body, families); err != nil {
			return nil, err
		}
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	return parser.TextToMetricFamilies(body)
}

// linesOf returns the lines of a page that have samples of the families or their types.
func linesOf(page io.Reader, families []string) (io.Reader, error) {
	var lines bytes.Buffer
	scanner := bufio.NewScanner(page)
	for scanner.Scan() {
		line := scanner.Bytes()
		name, _, _ := bytes.Cut(bytes.TrimPrefix(line, []byte("# TYPE ")), []byte(" "))
		name, _, _ = bytes.Cut(name, []byte("{"))
		if slices.Contains(families, string(name)) {
			lines.Write(line)
			lines.WriteByte('\n')
		}
	}
	return &lines, scanner.Err()
}

// get returns an answer with status 200. The caller must close its body.
func (d *daemon) get(ctx context.Context, path string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+d.address+path, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, errors.Join(fmt.Errorf("%s answered %s with %s", d.name, path, response.Status), response.Body.Close())
	}
	return response, nil
}

// cpu returns the processor time of the daemon. Linux reports it in steps of 10 ms.
func (d *daemon) cpu() (time.Duration, error) {
	process, err := procfs.NewProc(d.command.Process.Pid)
	if err != nil {
		return 0, err
	}
	stat, err := process.Stat()
	if err != nil {
		return 0, err
	}
	return time.Duration(stat.CPUTime() * float64(time.Second)), nil
}

// waitIdle waits until the daemon uses no processor time during an interval, or until a
// second has passed.
func (d *daemon) waitIdle(interval time.Duration) error {
	before, err := d.cpu()
	for began := time.Now(); err == nil && time.Since(began) < time.Second; {
		time.Sleep(interval)
		var now time.Duration
		if now, err = d.cpu(); now == before {
			break
		}
		before = now
	}
	return err
}

// buildProgram builds a package, named as in the module at root, into dir, and returns
// the path of the program.
func buildProgram(ctx context.Context, dir, root, pkg string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	program := filepath.Join(dir, filepath.Base(pkg))
	build := exec.CommandContext(ctx, "go", "build", "-o", program, pkg)
	build.Dir = root
	if output, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build %s: %w\n%s", pkg, err, output)
	}
	return program, nil
}

// buildSignalbox builds the daemon of this repository.
func buildSignalbox(ctx context.Context, dir string) (string, error) {
	return buildProgram(ctx, dir, "../..", "./cmd/signalbox")
}

func startSignalbox(ctx context.Context, name, program string, flags ...string) (*daemon, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	return startDaemon(ctx, name, address, program, append([]string{
		"run", "--prometheus-bind-ip=127.0.0.1", "--prometheus-bind-port=0",
		"--intake-bind-ip=127.0.0.1", "--intake-bind-port=" + port, "--log-level=error"}, flags...)...)
}

// freeAddress returns an unused address, for programs that do not report the port that
// they listen on.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
