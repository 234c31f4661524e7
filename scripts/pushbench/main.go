// Pushbench measures how long a push takes to a Pushgateway and to signalbox,
// both holding the same groups, and prints a table in Markdown. It is run by
// scripts/push-benchmark.
//
// A push is a POST of 20 gauges in the text format to a group that is there, over
// one connection that stays open, on the loopback interface. The programs take
// turns, so that what else the machine does is shared; so is, to signalbox's
// disadvantage, the garbage that the Pushgateway collects after it has answered.
// The time includes the client's, which is this program.
//
// The Pushgateway gathers all that it holds on every push, so filling it that way
// would take hours: it is filled with its check disabled, and restarted with it
// from its persistence file. It writes that file every five minutes; signalbox is
// measured without a file, which is the comparison, and with its own, which it
// writes before each answer.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const samples = 20

func main() {
	log.SetFlags(0)
	log.SetPrefix("pushbench: ")
	var b bench
	var groups string
	flag.StringVar(&b.dir, "dir", ".", "`directory` for files")
	flag.StringVar(&b.pushgateway, "pushgateway", "prometheus-pushgateway", "the Pushgateway's `program`")
	flag.StringVar(&b.signalbox, "signalbox", "signalbox", "signalbox's `program`")
	flag.StringVar(&groups, "groups", "1000,10000", "`numbers` of groups to hold")
	flag.IntVar(&b.pushes, "pushes", 40, "`number` of pushes to measure, each")
	flag.Parse()

	var table strings.Builder
	table.WriteString("| groups held | push of 20 samples to | median | p10 | p90 | Pushgateway's median is |\n|---:|---|---:|---:|---:|---:|\n")
	for field := range strings.SplitSeq(groups, ",") {
		n, err := strconv.Atoi(field)
		if err != nil {
			log.Fatal(err)
		}
		if err := b.run(n, &table); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Print(table.String())
}

type bench struct {
	dir, pushgateway, signalbox string
	pushes                      int
}

// A peer is a running program, and what pushes to it took.
type peer struct {
	name    string
	command *exec.Cmd
	url     string
	client  http.Client
	took    []time.Duration
}

// run measures with n groups held.
func (b *bench) run(n int, table io.Writer) (err error) {
	file := filepath.Join(b.dir, fmt.Sprintf("pushgateway-%d", n))
	filler, err := b.startPushgateway(file, "--push.disable-consistency-check")
	if err != nil {
		return err
	}
	err = filler.fill(n)
	// Ending writes the file.
	if err = errors.Join(err, filler.stop()); err != nil {
		return err
	}

	var peers []*peer
	defer func() {
		for _, p := range peers {
			err = errors.Join(err, p.stop())
		}
	}()
	add := func(p *peer, err error) error {
		if err == nil {
			peers = append(peers, p)
		}
		return err
	}
	if err := add(b.startPushgateway(file)); err != nil {
		return err
	}
	if err := add(b.startSignalbox("signalbox")); err != nil {
		return err
	}
	storage := filepath.Join(b.dir, fmt.Sprintf("signalbox-%d", n))
	if err := add(b.startSignalbox("signalbox, with --push-storage-path", "--push-storage-path="+storage)); err != nil {
		return err
	}
	for _, p := range peers[1:] {
		if err := p.fill(n); err != nil {
			return err
		}
	}
	for _, p := range peers {
		if err := p.holds(n); err != nil {
			return err
		}
	}

	const warmUp = 3
	for i := range warmUp + b.pushes {
		for _, p := range peers {
			began := time.Now()
			if err := p.push(i*7919%n, i, http.StatusOK); err != nil {
				return err
			}
			if i >= warmUp {
				p.took = append(p.took, time.Since(began))
			}
		}
	}

	theirs := peers[0].percentile(50)
	for i, p := range peers {
		ratio := "1"
		if i > 0 {
			ratio = fmt.Sprintf("%.1f times this", float64(theirs)/float64(p.percentile(50)))
		}
		fmt.Fprintf(table, "| %d | %s | %s | %s | %s | %s |\n", n, p.name,
			show(p.percentile(50)), show(p.percentile(10)), show(p.percentile(90)), ratio)
	}
	return nil
}

func (b *bench) startPushgateway(file string, flags ...string) (*peer, error) {
	version, err := exec.Command(b.pushgateway, "--version").CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("%s --version: %w", b.pushgateway, err)
	}
	name := "the Pushgateway"
	if fields := strings.Fields(string(version)); len(fields) > 2 {
		name = "Pushgateway " + fields[2]
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	return start(name, address, b.pushgateway, append([]string{
		"--web.listen-address=" + address, "--persistence.file=" + file, "--log.level=error"}, flags...)...)
}

func (b *bench) startSignalbox(name string, flags ...string) (*peer, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	return start(name, address, b.signalbox, append([]string{
		"run", "--prometheus-bind-ip=127.0.0.1", "--prometheus-bind-port=0", "--intake-bind-port=" + port, "--log-level=error",
		"--push-max-groups=1000000", "--push-max-series=10000000"}, flags...)...)
}

// start starts a program, and waits until it is ready.
func start(name, address, program string, args ...string) (*peer, error) {
	p := &peer{name: name, url: "http://" + address, command: exec.Command(program, args...)}
	p.command.Stderr = os.Stderr
	if err := p.command.Start(); err != nil {
		return nil, err
	}
	var err error
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		var response *http.Response
		if response, err = p.client.Get(p.url + "/-/ready"); err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return p, nil
			}
			err = errors.New(response.Status)
		}
	}
	return nil, errors.Join(fmt.Errorf("%s does not become ready: %w", name, err), p.stop())
}

func (p *peer) stop() error {
	p.client.CloseIdleConnections()
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return p.command.Wait()
}

// fill pushes all groups. Unchecked, the Pushgateway answers 202.
func (p *peer) fill(n int) error {
	for group := range n {
		if err := p.push(group, 0, http.StatusOK, http.StatusAccepted); err != nil {
			return err
		}
	}
	return nil
}

// holds checks that a page has all samples.
func (p *peer) holds(n int) error {
	response, err := p.client.Get(p.url + "/metrics")
	if err != nil {
		return err
	}
	defer response.Body.Close()
	page, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if got, want := bytes.Count(page, []byte("\nbench_")), samples*n; got != want {
		return fmt.Errorf("%s holds %d samples, want %d", p.name, got, want)
	}
	return nil
}

// push pushes to a group.
func (p *peer) push(group, value int, want ...int) error {
	var body strings.Builder
	for family := range samples / 4 {
		fmt.Fprintf(&body, "# HELP bench_%d_seconds Made up.\n# TYPE bench_%[1]d_seconds gauge\n", family)
		for stage := range 4 {
			fmt.Fprintf(&body, "bench_%d_seconds{stage=\"%d\"} %d\n", family, stage, value)
		}
	}
	response, err := p.client.Post(fmt.Sprintf("%s/metrics/job/bench/group/%d", p.url, group), "text/plain", strings.NewReader(body.String()))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err == nil && !slices.Contains(want, response.StatusCode) {
		err = fmt.Errorf("%s answered a push with %s: %s", p.name, response.Status, answer)
	}
	return err
}

func (p *peer) percentile(n int) time.Duration {
	sorted := slices.Sorted(slices.Values(p.took))
	return sorted[(len(sorted)-1)*n/100]
}

func show(d time.Duration) string {
	if d < 10*time.Millisecond {
		return fmt.Sprintf("%d µs", d.Microseconds())
	}
	return fmt.Sprintf("%d ms", d.Milliseconds())
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
