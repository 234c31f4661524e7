package main

import (
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing/iotest"

	"code.cloudfoundry.org/lager/v3/lagertest"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/intake"
	"github.com/signalbox-ci/signalbox/metric"
)

var _ = Describe("standard input", func() {
	var (
		logger *lagertest.TestLogger
		sink   *counter
	)

	BeforeEach(func() {
		logger = lagertest.NewTestLogger("stdin")
		sink = &counter{}
	})

	It("says why it could not be read, and where", func() {
		failure := errors.New("out of order")
		r := io.MultiReader(strings.NewReader(startEvent+"\n"+startEvent), iotest.ErrReader(failure))
		in := readInput(logger, r, inputOptions{}, sink, &status)
		Eventually(in.Done()).Should(BeClosed())

		err := in.Close()
		Expect(err).To(MatchError(failure))
		Expect(err).To(MatchError(ContainSubstring("reading standard input, line 2: ")))
		Expect(logger).To(gbytes.Say(`failed.*"accepted":1`))
		Expect(sink.events.Load()).To(Equal(int32(1)))
	})

	It("gives nothing more once it is closed, though somebody still writes to it", func() {
		reader, writer := io.Pipe()
		DeferCleanup(writer.Close)
		in := readInput(logger, reader, inputOptions{}, sink, &status)
		io.WriteString(writer, startEvent+"\n"+startEvent)
		Eventually(sink.events.Load).Should(Equal(int32(1)))
		Expect(in.Done()).NotTo(BeClosed())

		Expect(in.Close()).To(Succeed())
		Expect(in.Close()).To(Succeed())
		io.WriteString(writer, "\n"+startEvent+"\n")
		Expect(sink.events.Load()).To(Equal(int32(1)))
		Expect(logger).To(gbytes.Say(`interrupted.*"accepted":1`))
	})

	It("that is not taken is at its end", func() {
		Expect(noInput().Done()).To(BeClosed())
		Expect(noInput().Close()).To(Succeed())
	})
})

// A counter is a sink that counts.
type counter struct{ events atomic.Int32 }

func (c *counter) Emit(metric.Event) { c.events.Add(1) }

func (c *counter) Prepare(metric.EventType) func(*intake.Event) {
	return func(event *intake.Event) { c.Emit(event.Event) }
}

func (c *counter) Knows(string) bool { return true }

func (c *counter) Malformed(error) {}
