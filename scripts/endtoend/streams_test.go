//go:build e2e

package endtoend

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"
)

const streamedEvent = `{"name": "builds started"}` + "\n"

// A sender is a curl that sends its standard input as a stream.
type sender struct {
	io.WriteCloser // standard input
	output         *gbytes.Buffer
	exited         chan error
}

// startSender starts curl as in docs/events.md.
func startSender(args ...string) *sender {
	GinkgoHelper()
	s := &sender{output: gbytes.NewBuffer(), exited: make(chan error, 1)}
	command := exec.Command("curl", append([]string{"-sSN", "-X", "POST", "-T", ".", "-w", "%{http_version} %{http_code}"}, args...)...)
	command.Stdout = s.output
	command.Stderr = GinkgoWriter
	var err error
	s.WriteCloser, err = command.StdinPipe()
	Expect(err).NotTo(HaveOccurred())
	Expect(command.Start()).To(Succeed())
	go func() { s.exited <- command.Wait() }()
	DeferCleanup(func() {
		command.Process.Kill() // fails if it has exited
		s.Close()
	})
	return s
}

func (s *sender) send(text string) {
	GinkgoHelper()
	_, err := io.WriteString(s, text)
	Expect(err).NotTo(HaveOccurred())
}

// haveSample succeeds if the page of a signalbox has a line.
func haveSample(line string) OmegaMatcher {
	return WithTransform(func(s *signalbox) string { return curl(s.metrics) }, ContainSubstring("\n"+line+"\n"))
}

var _ = Describe("A stream of events", func() {
	DescribeTable("from curl is applied line by line",
		func(option, version string) {
			certificate := certify("IP:127.0.0.1")
			s := startSignalbox("--intake-token-file", writeFile(accessToken),
				"--intake-web-config-file", writeFile(fmt.Sprintf("tls_server_config: {cert_file: %s, key_file: %s}\n", certificate.cert, certificate.key)))
			denied := startSender(option, "--cacert", certificate.cert, s.events+"?ack=1s")
			denied.send(streamedEvent)
			Expect(denied.Close()).To(Succeed())
			Eventually(denied.output, "10s").Should(gbytes.Say(version + " 401"))

			sender := startSender(option, "--cacert", certificate.cert, "-H", "Authorization: Bearer "+accessToken, s.events+"?ack=10ms")
			for i := range 3 {
				sender.send(streamedEvent)
				Eventually(sender.output, "10s").Should(gbytes.Say(`\{"lines":%d,"accepted":%d,"unknown":0,"refused":0,"duplicate":0\}`, i+1, i+1))
				Expect(s).To(haveSample(fmt.Sprint("concourse_builds_started_total ", i+1)))
			}
			sender.send("oops\n")
			Eventually(sender.output, "10s").Should(gbytes.Say(`"rejected":1,"errors":\[\{"line":4,"reason":"not JSON`))
			sender.send(streamedEvent[:len(streamedEvent)-1])
			Expect(sender.Close()).To(Succeed())
			Eventually(sender.exited, "10s").Should(Receive(BeNil()))
			Expect(sender.output).To(gbytes.Say(`\{"lines":5,"accepted":4,.*"rejected":1,"status":400\}\n` + version + " 200"))
			Expect(s).To(haveSample(`signalbox_event_streams_ended_total{reason="complete"} 1`))
			s.stop()
		},
		Entry("HTTP/1.1", "--http1.1", "1.1"),
		Entry("HTTP/2", "--http2", "2"),
	)

	It("that lasts when the daemon stops is answered", func() {
		s := startSignalbox()
		idle, busy := startSender(s.events+"?ack=end"), startSender(s.events+"?ack=10ms")
		idle.send(streamedEvent)
		sent := make(chan int, 1)
		go func() {
			n := 0
			for ; ; n += 100 {
				if _, err := io.WriteString(busy, strings.Repeat(streamedEvent, 100)); err != nil {
					break
				}
			}
			sent <- n
		}()
		Eventually(s, "10s").Should(haveSample("signalbox_event_streams 2"))
		Eventually(busy.output, "10s").Should(gbytes.Say(`"lines":`))
		s.stop()
		Eventually(idle.exited, "10s").Should(Receive())
		Eventually(busy.exited, "10s").Should(Receive())
		Expect(idle.output).To(gbytes.Say(`\{"lines":1,"accepted":1,.*"errors":\[\{"line":2,"reason":"the server is shutting down.*"status":503\}\n1.1 503`))

		var last struct{ Lines, Accepted, Status int }
		lines := bytes.Split(busy.output.Contents(), []byte("\n"))
		Expect(json.Unmarshal(lines[len(lines)-2], &last)).To(Succeed(), "%s", lines)
		Expect(last.Status).To(Equal(503))
		Expect(last.Accepted).To(And(BeNumerically(">", 0), BeNumerically(">=", last.Lines-1)))
		busy.Close()
		var n int
		Eventually(sent, "10s").Should(Receive(&n))
		Expect(last.Lines).To(BeNumerically("<=", n+100))
	})
})
