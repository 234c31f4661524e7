package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"
	"golang.org/x/sys/unix"
)

// A terminalSession is a signalbox process on a terminal, and the output of the
// terminal.
type terminalSession struct {
	*gbytes.Buffer
	ended chan struct{} // closed at the end of the output
}

// startOnTerminal runs signalbox with stdout and stderr on a terminal.
func startOnTerminal(stdin io.Reader, variables []string, args ...string) *terminalSession {
	GinkgoHelper()

	controller, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	Expect(err).NotTo(HaveOccurred())
	Expect(unix.IoctlSetPointerInt(int(controller.Fd()), unix.TIOCSPTLCK, 0)).To(Succeed())
	number, err := unix.IoctlGetInt(int(controller.Fd()), unix.TIOCGPTN)
	Expect(err).NotTo(HaveOccurred())
	Expect(unix.IoctlSetWinsize(int(controller.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 25, Col: 100})).To(Succeed())
	terminal, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	Expect(err).NotTo(HaveOccurred())

	command := signalbox(append([]string{"TERM=xterm", "NO_COLOR="}, variables...), args...)
	command.Stdin, command.Stdout, command.Stderr = stdin, terminal, terminal
	Expect(command.Start()).To(Succeed())
	terminal.Close()

	w := &terminalSession{gbytes.NewBuffer(), make(chan struct{})}
	go func() {
		defer close(w.ended)
		io.Copy(io.MultiWriter(w, GinkgoWriter), controller) // ends with EIO when the other end is closed
		command.Wait()
		controller.Close()
	}()
	DeferCleanup(func() {
		command.Process.Kill()
		Eventually(w.ended).Should(BeClosed())
	})
	return w
}

// text waits for the end of the output, and returns all of it.
func (w *terminalSession) text() string {
	GinkgoHelper()

	Eventually(w.ended).Should(BeClosed())
	return strings.ReplaceAll(string(w.Contents()), "\r\n", "\n")
}

// onTerminal runs signalbox on a terminal and returns its output.
func onTerminal(variable string, args ...string) string {
	GinkgoHelper()
	return startOnTerminal(nil, []string{variable}, args...).text()
}

var _ = Describe("On a terminal", func() {
	It("signalbox highlights errors and headings", func() {
		Expect(onTerminal("TERM=xterm", "bogus")).To(HavePrefix("\x1b[31msignalbox:\x1b[0m unknown command"))
		Expect(onTerminal("TERM=xterm", "run", "--help")).To(And(
			HavePrefix("\x1b[1mUsage:\x1b[0m signalbox run"), ContainSubstring("\n\x1b[1mIntake:\x1b[0m\n")))
		Expect(onTerminal("TERM=xterm", "catalog")).To(ContainSubstring("\n\x1b[1merror log\x1b[0m\n"))
	})

	DescribeTable("signalbox uses no colors",
		func(variable string) {
			Expect(onTerminal(variable, "bogus")).To(HavePrefix("signalbox: unknown command"))
			Expect(onTerminal(variable, "catalog")).NotTo(ContainSubstring("\x1b"))
		},
		Entry("with NO_COLOR", "NO_COLOR=1"),
		Entry("if the terminal does not support them", "TERM=dumb"),
	)

	It("a replay shows its progress below the log, and clears it", func() {
		stdin, events := io.Pipe()
		DeferCleanup(events.Close)
		w := startOnTerminal(stdin, nil, "run", "--prometheus-bind-port=0", "--intake-bind-port=0",
			"--stdin", "--stdin-format=lager", "--stdin-passthrough", "--exit-on-eof")
		io.WriteString(events, `{"message":"a.emit.event","data":{"name":"builds started","value":1}}`+"\n")
		Eventually(w.Buffer).Should(gbytes.Say("1 event, "))
		io.WriteString(events, `{"message":"a.emit.event"}`+"\n")
		Eventually(w.Buffer).Should(gbytes.Say("1 event, .* 1 rejected"))
		io.WriteString(events, "a line\n")
		Eventually(w.Buffer).Should(gbytes.Say("a line"))
		events.Close()

		var above []string
		for line := range strings.Lines(w.text()) {
			parts := strings.Split(line, "\r\x1b[K")
			for _, part := range parts[:len(parts)-1] {
				Expect(part).To(MatchRegexp(`^(0 events|1 event)(, \d/s)?(, 1 rejected)?$`))
			}
			above = append(above, parts[len(parts)-1])
		}
		Expect(above).To(ContainElement(ContainSubstring("signalbox.stdin.line-rejected")))
		Expect(above).To(ContainElement("{\"message\":\"a.emit.event\"}\n"))
		Expect(above).To(ContainElement("a line\n"))
		Expect(above[len(above)-1]).To(ContainSubstring("signalbox.stopped"))
		for _, line := range above {
			Expect(line).To(MatchRegexp(`^((\d{4}-\d\d-\d\dT[\d:.]+Z (INFO|ERROR) +signalbox\..*)|\{.*\}|a line)\n$`))
		}
	})
})
