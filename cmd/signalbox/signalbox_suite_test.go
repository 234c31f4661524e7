package main

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gexec"
)

func TestSignalbox(t *testing.T) {
	RegisterFailHandler(Fail)
	SetDefaultEventuallyTimeout(20 * time.Second)
	RunSpecs(t, "Signalbox")
}

// binary is the path of what the specs run.
var binary string

var _ = SynchronizedBeforeSuite(func() []byte {
	path, err := gexec.Build("github.com/signalbox-ci/signalbox/cmd/signalbox")
	Expect(err).NotTo(HaveOccurred())

	return []byte(path)
}, func(path []byte) {
	binary = string(path)
})

var _ = SynchronizedAfterSuite(func() {}, gexec.CleanupBuildArtifacts)

// A process is a running signalbox.
type process struct {
	*gexec.Session
	stdin io.WriteCloser
}

// start runs signalbox with the variables, the likes of SIGNALBOX_HOST=a, and
// the arguments. Whatever happens, it does not outlive the spec.
func start(variables []string, args ...string) *process {
	GinkgoHelper()

	command := exec.Command(binary, args...)
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "SIGNALBOX_") {
			command.Env = append(command.Env, variable)
		}
	}
	command.Env = append(command.Env, variables...)
	stdin, err := command.StdinPipe()
	Expect(err).NotTo(HaveOccurred())

	session, err := gexec.Start(command, GinkgoWriter, GinkgoWriter)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() {
		session.Kill()
		Eventually(session).Should(gexec.Exit())
	})

	return &process{session, stdin}
}

// startDaemon runs the daemon on free ports of the loopback interface.
func startDaemon(args ...string) *process {
	GinkgoHelper()

	return start(nil, append([]string{"run", "--prometheus-bind-port=0", "--intake-bind-port=0"}, args...)...)
}

// stderr is everything that the process has printed there so far.
func (p *process) stderr() string { return string(p.Err.Contents()) }

// url is what a log line with the message says, once there is one.
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

	return p.url("taking-events")
}

// page is the metrics page as it is now.
func (p *process) page() string {
	GinkgoHelper()

	return body(client.Get(p.url("serving-metrics")))
}

// post sends a body of events. Headers are pairs of names and values.
func (p *process) post(text string, headers ...string) (status int, answer string) {
	GinkgoHelper()

	request, err := http.NewRequest(http.MethodPost, p.eventsURL(), strings.NewReader(text))
	Expect(err).NotTo(HaveOccurred())
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := client.Do(request)
	answer = body(response, err)

	return response.StatusCode, answer
}

// client opens a connection for each request: one that idles would not keep the
// daemon from stopping, but one that was just opened may.
var client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

func body(response *http.Response, err error) string {
	GinkgoHelper()

	Expect(err).NotTo(HaveOccurred())
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	Expect(err).NotTo(HaveOccurred())

	return string(text)
}
