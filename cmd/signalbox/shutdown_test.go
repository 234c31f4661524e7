package main

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"syscall"

	"code.cloudfoundry.org/lager/v3"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/metric"
)

var _ = Describe("the end of signalbox run", func() {
	// end runs the daemon with an emitter that closes in its own way, and asks it to
	// end at once.
	end := func(closing func() error, args ...string) (code int, lastLine string) {
		GinkgoHelper()

		monitor := metric.NewMonitor()
		monitor.RegisterEmitter(&closerFactory{closing: closing})
		signals := make(chan os.Signal, 1)
		signals <- syscall.SIGTERM

		var stderr bytes.Buffer
		code = run(monitor, append([]string{"run", "--intake-bind-port=0"}, args...),
			world{stdin: strings.NewReader(""), stdout: &bytes.Buffer{}, stderr: &stderr, signals: signals})
		lines := strings.Split(strings.TrimSpace(stderr.String()), "\n")
		return code, lines[len(lines)-1]
	}

	It("is clean when every emitter closes", func() {
		closed := false
		code, line := end(func() error { closed = true; return nil })
		Expect(code).To(Equal(exitClean))
		Expect(line).To(ContainSubstring("signalbox.stopped"))
		Expect(closed).To(BeTrue())
	})

	It("is a failure when an emitter cannot close", func() {
		code, line := end(func() error { return errors.New("out of\norder") })
		Expect(code).To(Equal(exitFailure))
		Expect(line).To(HavePrefix("signalbox: "))
		Expect(line).To(HaveSuffix("out of; order"))
	})

	It("does not wait longer than the deadline for an emitter that hangs", func() {
		release := make(chan struct{})
		DeferCleanup(func() { close(release) })
		code, line := end(func() error { <-release; return nil }, "--shutdown-timeout=10ms")
		Expect(code).To(Equal(exitFailure))
		Expect(line).To(Equal("signalbox: not everything was closed within 10ms (--shutdown-timeout)"))
	})
})

// A closerFactory makes an emitter of which only Close matters.
type closerFactory struct {
	closing func() error
}

func (f *closerFactory) Description() string { return "closer" }

func (f *closerFactory) IsConfigured() bool { return true }

func (f *closerFactory) NewEmitter(map[string]string) (metric.Emitter, error) {
	return closer(f.closing), nil
}

type closer func() error

func (closer) Emit(lager.Logger, metric.Event) {}

func (c closer) Close() error { return c() }
