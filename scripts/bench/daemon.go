package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/prometheus/procfs"
)

// daemonWorks measure daemons from outside: the programs as they are built, each
// in a process of its own, spoken to over the loopback interface.
func daemonWorks() []work {
	return []work{
		{name: "daemon events", run: measureEvents, quick: true},
		{name: "daemon pushes", run: measurePushes},
	}
}

// A daemon is a running program with a page of metrics.
type daemon struct {
	name    string
	address string // where it speaks HTTP
	command *exec.Cmd

	// ended is closed when the program has ended, with endErr.
	ended  chan struct{}
	endErr error
}

// startDaemon starts a program, and waits until it is ready. It ends with the
// context at the latest.
func startDaemon(ctx context.Context, name, address, program string, args ...string) (*daemon, error) {
	d := &daemon{
		name:    name,
		address: address,
		command: exec.CommandContext(ctx, program, args...),
		ended:   make(chan struct{}),
	}
	d.command.Stderr = os.Stderr
	if err := d.command.Start(); err != nil {
		return nil, err
	}
	go func() {
		d.endErr = d.command.Wait()
		close(d.ended)
	}()

	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		err := d.ready(ctx)
		if err == nil {
			return d, nil
		}
		select {
		case <-d.ended:
			return nil, fmt.Errorf("%s does not become ready: it ended: %v", name, d.endErr)
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("%s does not become ready: %w", name, err), d.stop())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// stop asks the daemon to end, and waits until it has.
func (d *daemon) stop() error {
	if err := d.command.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-d.ended
	if d.endErr != nil {
		return fmt.Errorf("%s: %w", d.name, d.endErr)
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

// page is the metrics that the daemon serves, of which statsd_exporter knows how to
// serve just the families asked for.
func (d *daemon) page(ctx context.Context, families ...string) (map[string]*dto.MetricFamily, error) {
	response, err := d.get(ctx, "/metrics?"+url.Values{"name[]": families}.Encode())
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()

	parser := expfmt.NewTextParser(model.UTF8Validation)
	return parser.TextToMetricFamilies(response.Body)
}

// get returns an answer with status 200, to be closed.
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
		return nil, errors.Join(fmt.Errorf("%s answers %s with %s", d.name, path, response.Status), response.Body.Close())
	}
	return response, nil
}

// cpu is the time that the daemon has spent on processors, which Linux tells in
// steps of 10 ms.
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

// rest waits until the daemon takes no processor time for an interval, or for a second
// at most.
func (d *daemon) rest(interval time.Duration) error {
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

// buildProgram builds a package that can be named in the module at root, and
// returns the program.
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

// buildSignalbox builds the daemon of this tree.
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

// freeAddress is for programs that do not tell which port they got.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
