//go:build e2e

package endtoend

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"
)

// A daemon is a process that the test started.
type daemon struct {
	command *exec.Cmd
	log     *gbytes.Buffer // all of standard error
	exited  chan struct{}  // closed once err is set
	err     error
}

// start starts a program. It is killed at the end of the spec, or of the container
// whose BeforeAll starts it.
func start(name string, args ...string) *daemon {
	GinkgoHelper()
	d := &daemon{command: exec.Command(name, args...), log: gbytes.NewBuffer(), exited: make(chan struct{})}
	d.command.Stderr = io.MultiWriter(d.log, GinkgoWriter)
	Expect(d.command.Start()).To(Succeed())
	go func() {
		d.err = d.command.Wait()
		close(d.exited)
	}()
	DeferCleanup(d.kill)
	return d
}

// kill sends SIGKILL and waits until the daemon has exited.
func (d *daemon) kill() {
	d.command.Process.Kill() // fails if the daemon has exited already
	<-d.exited
}

// stop sends SIGTERM. The daemon must exit with code 0.
func (d *daemon) stop() {
	GinkgoHelper()
	Expect(d.command.Process.Signal(syscall.SIGTERM)).To(Succeed())
	Eventually(d.exited, "15s").Should(BeClosed())
	Expect(d.err).NotTo(HaveOccurred())
}

// A signalbox is a running signalbox.
type signalbox struct {
	*daemon
	metrics string // the URL of the metrics page
	events  string // the URL that accepts events
}

// startSignalbox starts the daemon on free ports.
func startSignalbox(args ...string) *signalbox {
	GinkgoHelper()
	return startCommand("run", args...)
}

// startCommand starts a command of signalbox that serves metrics, on free ports.
func startCommand(command string, args ...string) *signalbox {
	GinkgoHelper()
	return announce(start(signalboxBinary, append(append([]string{command}, freePorts...), args...)...))
}

// freePorts are the flags with which signalbox listens on free ports.
var freePorts = []string{"--prometheus-bind-ip=127.0.0.1", "--prometheus-bind-port=0", "--intake-bind-port=0"}

// announce waits until a signalbox listens.
func announce(d *daemon) *signalbox {
	GinkgoHelper()
	s := &signalbox{daemon: d}
	Eventually(func() bool {
		select {
		case <-s.exited:
			StopTrying("signalbox exited").Attach("log", string(s.log.Contents())).Now()
		default:
		}
		s.metrics, s.events = s.announced("signalbox.serving-metrics"), s.announced("signalbox.listening-for-events")
		return s.metrics != "" && s.events != ""
	}, "20s", "5ms").Should(BeTrue())
	return s
}

// announced returns the URL in the line of the log with the message.
func (s *signalbox) announced(message string) string {
	for line := range bytes.Lines(s.log.Contents()) {
		var entry struct {
			Message string
			Data    struct{ URL string }
		}
		if json.Unmarshal(line, &entry) == nil && entry.Message == message {
			return entry.Data.URL
		}
	}
	return ""
}

// gateway returns the intake listener as a gateway.
func (s *signalbox) gateway() gateway {
	GinkgoHelper()
	events, err := url.Parse(s.events)
	Expect(err).NotTo(HaveOccurred())
	return gateway{"signalbox", "http://" + events.Host}
}

// startPushgateway starts a real Pushgateway.
func startPushgateway(args ...string) gateway {
	GinkgoHelper()
	d := start(pushgatewayBinary, append([]string{"--web.listen-address=127.0.0.1:0"}, args...)...)
	listening := regexp.MustCompile(`msg="Listening on" address=(\S+)`)
	var address string
	Eventually(func() bool {
		if found := listening.FindSubmatch(d.log.Contents()); found != nil {
			address = string(found[1])
		}
		return address != ""
	}, "20s", "5ms").Should(BeTrue())
	return gateway{"the Pushgateway", "http://" + address}
}

// startPrometheus starts a Prometheus that scrapes the page at a URL, and waits for the
// first scrape.
func startPrometheus(page string, args ...string) *prometheusServer {
	GinkgoHelper()
	return startPrometheusWithRules(page, "", args...)
}

// startPrometheusWithRules is like startPrometheus, but the Prometheus also evaluates
// the rules in the files that match a pattern.
func startPrometheusWithRules(page, rules string, args ...string) *prometheusServer {
	GinkgoHelper()
	target, err := url.Parse(page)
	Expect(err).NotTo(HaveOccurred())
	return startPrometheusWithConfig(fmt.Sprintf(`
global:
  scrape_interval: 500ms
  scrape_timeout: 500ms
  evaluation_interval: 1s
rule_files: [%q]
scrape_configs:
- job_name: signalbox
  honor_labels: true
  static_configs: [{targets: [%q]}]
`, cmp.Or(rules, "no-rules.yml"), target.Host), args...)
}

// startPrometheusWithConfig starts a Prometheus with a configuration that scrapes one
// target, and waits for the first scrape.
func startPrometheusWithConfig(text string, args ...string) *prometheusServer {
	GinkgoHelper()
	dir := GinkgoT().TempDir()
	config := filepath.Join(dir, "prometheus.yml")
	Expect(os.WriteFile(config, []byte(text), 0o600)).To(Succeed())
	address := freeAddress()
	start("prometheus", append([]string{"--config.file=" + config, "--storage.tsdb.path=" + filepath.Join(dir, "data"),
		"--web.listen-address=" + address}, args...)...)
	p := &prometheusServer{"http://" + address}
	Eventually(func() error {
		response, err := http.Get(p.url + "/-/ready")
		if err == nil {
			response.Body.Close()
			if response.StatusCode != http.StatusOK {
				err = fmt.Errorf("not ready: %s", response.Status)
			}
		}
		return err
	}, "30s", "100ms").Should(Succeed())
	Eventually(func() map[string]float64 { return p.values("up") }, "10s", "100ms").Should(HaveKeyWithValue("up ", 1.0))
	return p
}

// freeAddress returns an unused address for a program that does not report the port
// that it listens on.
func freeAddress() string {
	GinkgoHelper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	Expect(err).NotTo(HaveOccurred())
	defer l.Close()
	return l.Addr().String()
}
