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

var _ = Describe("the shutdown of signalbox run", func() {
	// shutDown starts the daemon with an emitter that is closed by the function, and
	// stops it immediately.
	shutDown := func(closing func() error, args ...string) (code int, lastLine string) {
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

	It("succeeds if every emitter can be closed", func() {
		closed := false
		code, line := shutDown(func() error { closed = true; return nil })
		Expect(code).To(Equal(exitClean))
		Expect(line).To(ContainSubstring("signalbox.stopped"))
		Expect(closed).To(BeTrue())
	})

	It("fails if an emitter cannot be closed", func() {
		code, line := shutDown(func() error { return errors.New("out of\norder") })
		Expect(code).To(Equal(exitFailure))
		Expect(line).To(HavePrefix("signalbox: "))
		Expect(line).To(HaveSuffix("out of; order"))
	})

	It("does not wait for a blocked emitter beyond the timeout", func() {
		release := make(chan struct{})
		DeferCleanup(func() { close(release) })
		code, line := shutDown(func() error { <-release; return nil }, "--shutdown-timeout=10ms")
		Expect(code).To(Equal(exitFailure))
		Expect(line).To(And(HavePrefix("signalbox: "), HaveSuffix("after 10ms (--shutdown-timeout)")))
	})
})

// A closerFactory creates an emitter that ignores events and has a Close method.
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
