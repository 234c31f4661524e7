package browser

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"
)

// A daemon is a running signalbox.
type daemon struct {
	command *exec.Cmd
	log     *gbytes.Buffer
	exited  chan struct{}
	page    string // URL of the status page
	intake  string // URL of the intake listener, without a path
}

// startDaemon starts a daemon on free ports. It is stopped after the spec, or after the
// container whose BeforeAll started it.
func startDaemon(args ...string) *daemon {
	GinkgoHelper()
	d := &daemon{log: gbytes.NewBuffer(), exited: make(chan struct{})}
	d.command = exec.Command(signalboxBinary, append([]string{
		"run", "--prometheus-bind-ip=127.0.0.1", "--prometheus-bind-port=0", "--intake-bind-port=0"}, args...)...)
	d.command.Stderr = io.MultiWriter(d.log, GinkgoWriter)
	Expect(d.command.Start()).To(Succeed())
	go func() {
		d.command.Wait() //nolint:errcheck // the daemon is killed
		close(d.exited)
	}()
	DeferCleanup(d.kill)
	Eventually(func() bool {
		select {
		case <-d.exited:
			StopTrying("signalbox has exited").Attach("log", string(d.log.Contents())).Now()
		default:
		}
		d.page, d.intake = d.loggedURL("signalbox.serving-metrics"), d.loggedURL("signalbox.listening-for-events")
		return d.page != "" && d.intake != ""
	}).Should(BeTrue())
	return d
}

// freePort returns a TCP port that is free at the moment.
func freePort() string {
	GinkgoHelper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	Expect(err).NotTo(HaveOccurred())
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

func (d *daemon) kill() {
	d.command.Process.Kill() //nolint:errcheck // it may have exited already
	<-d.exited
}

// loggedURL returns the URL that the daemon logged with a message, without its path, or
// "" if it has not logged the message yet.
func (d *daemon) loggedURL(message string) string {
	for line := range bytes.Lines(d.log.Contents()) {
		var entry struct {
			Message string
			Data    struct{ URL string }
		}
		if json.Unmarshal(line, &entry) != nil || entry.Message != message {
			continue
		}
		if found, err := url.Parse(entry.Data.URL); err == nil {
			return found.Scheme + "://" + found.Host
		}
	}
	return ""
}

// emit sends events as JSON, one per line.
func (d *daemon) emit(lines string) {
	GinkgoHelper()
	d.post("/api/v1/events", "application/x-ndjson", strings.NewReader(lines))
}

// emitEvent sends one event.
func (d *daemon) emitEvent(name string, value float64, attributes map[string]string) {
	GinkgoHelper()
	event, err := json.Marshal(map[string]any{"name": name, "value": value, "attributes": attributes})
	Expect(err).NotTo(HaveOccurred())
	d.emit(string(event))
}

// replay sends the recorded events of a Concourse node.
func (d *daemon) replay() {
	GinkgoHelper()
	file, err := os.Open("../../emitter/testdata/concourse-a/events.ndjson.gz")
	Expect(err).NotTo(HaveOccurred())
	defer file.Close()
	recorded, err := gzip.NewReader(file)
	Expect(err).NotTo(HaveOccurred())
	lines, err := io.ReadAll(recorded)
	Expect(err).NotTo(HaveOccurred())
	var events bytes.Buffer
	for line := range bytes.Lines(lines) {
		if !bytes.Contains(line, []byte(`"marker":`)) {
			events.Write(line)
		}
	}
	d.post("/api/v1/events", "application/x-ndjson", &events)
}

// push pushes metrics as a job does. The path contains the grouping key.
func (d *daemon) push(path, metrics string) {
	GinkgoHelper()
	d.post(path, "text/plain", strings.NewReader(metrics))
}

// scrape requests the metrics page as Prometheus does.
func (d *daemon) scrape() {
	GinkgoHelper()
	request, err := http.NewRequest(http.MethodGet, d.page+"/metrics", nil)
	Expect(err).NotTo(HaveOccurred())
	request.Header.Set("User-Agent", "Prometheus/3.12.0")
	request.Header.Set("Accept", "application/openmetrics-text;version=1.0.0")
	response, err := http.DefaultClient.Do(request)
	Expect(err).NotTo(HaveOccurred())
	defer response.Body.Close()
	Expect(io.Copy(io.Discard, response.Body)).To(BeNumerically(">", 0))
}

func (d *daemon) post(path, contentType string, body io.Reader) {
	GinkgoHelper()
	response, err := http.Post(d.intake+path, contentType, body)
	Expect(err).NotTo(HaveOccurred())
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	Expect(err).NotTo(HaveOccurred())
	Expect(response.StatusCode).To(Equal(http.StatusOK), string(answer))
}

// overview returns the daemon's response to GET /api/v1/overview.
func (d *daemon) overview() object {
	GinkgoHelper()
	response, err := http.Get(d.page + "/api/v1/overview")
	Expect(err).NotTo(HaveOccurred())
	defer response.Body.Close()
	Expect(response.StatusCode).To(Equal(http.StatusOK))
	var o object
	Expect(json.NewDecoder(response.Body).Decode(&o)).To(Succeed(), fmt.Sprint(response.Status))
	return o
}
