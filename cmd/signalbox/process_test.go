package main

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gexec"
)

// A process is a running signalbox.
type process struct {
	*gexec.Session
	stdin io.WriteCloser // nil if it is not a pipe
}

// signalbox returns the command that runs signalbox with the variables, such as
// SIGNALBOX_HOST=a, and the arguments.
func signalbox(variables []string, args ...string) *exec.Cmd {
	GinkgoHelper()

	binary, err := os.Executable()
	Expect(err).NotTo(HaveOccurred())
	command := exec.Command(binary, args...)
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "SIGNALBOX_") {
			command.Env = append(command.Env, variable)
		}
	}
	// By default, the race detector makes a process sleep for a second before it exits.
	command.Env = append(command.Env, runAsSignalbox+"=1", "GORACE=atexit_sleep_ms=0")
	command.Env = append(command.Env, variables...)
	return command
}

// start starts signalbox with the variables and the arguments. The process is killed at
// the end of the spec.
func start(variables []string, args ...string) *process {
	GinkgoHelper()

	command := signalbox(variables, args...)
	stdin, err := command.StdinPipe()
	Expect(err).NotTo(HaveOccurred())
	p := startCommand(command)
	p.stdin = stdin
	return p
}

// startCommand starts a command of signalbox. The process is killed at the end of the
// spec.
func startCommand(command *exec.Cmd) *process {
	GinkgoHelper()

	session, err := gexec.Start(command, GinkgoWriter, GinkgoWriter)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() {
		session.Kill()
		Eventually(session).Should(gexec.Exit())
	})
	return &process{Session: session}
}

// daemonArgs returns the arguments of a daemon on free ports of the loopback interface,
// followed by args.
func daemonArgs(args ...string) []string {
	return append([]string{"run", "--prometheus-bind-port=0", "--intake-bind-port=0"}, args...)
}

// startDaemon starts the daemon on free ports of the loopback interface.
func startDaemon(args ...string) *process {
	GinkgoHelper()
	return start(nil, daemonArgs(args...)...)
}

// stderr returns the standard error of the process so far.
func (p *process) stderr() string { return string(p.Err.Contents()) }

// url waits for a log line with the message, and returns its URL.
func (p *process) url(message string) string {
	GinkgoHelper()

	line := regexp.MustCompile(`"message":"signalbox\.` + message + `","data":\{"url":"([^"]+)"\}`)
	var found []string
	Eventually(func() []string {
		found = line.FindStringSubmatch(p.stderr())
		return found
	}).ShouldNot(BeEmpty())
	return found[1]
}

func (p *process) eventsURL() string {
	GinkgoHelper()
	return p.url("listening-for-events")
}

// page returns the current metrics page.
func (p *process) page() string {
	GinkgoHelper()
	return body(client.Get(p.url("serving-metrics")))
}

// post sends a request body of events. Headers are pairs of names and values.
func (p *process) post(text string, headers ...string) (status int, answer string) {
	GinkgoHelper()
	response, answer := postTo(p.eventsURL(), text, headers...)
	return response.StatusCode, answer
}

// postTo sends a request body to a URL. Headers are pairs of names and values.
func postTo(url, text string, headers ...string) (response *http.Response, answer string) {
	GinkgoHelper()
	request, err := http.NewRequest(http.MethodPost, url, strings.NewReader(text))
	Expect(err).NotTo(HaveOccurred())
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err = client.Do(request)
	return response, body(response, err)
}

// client opens a new connection for each request and closes it afterwards. An idle
// connection would not prevent the daemon from stopping, but a connection that was just
// opened may.
var client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

func body(response *http.Response, err error) string {
	GinkgoHelper()

	Expect(err).NotTo(HaveOccurred())
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	Expect(err).NotTo(HaveOccurred())
	return string(text)
}
