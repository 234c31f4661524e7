package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"code.cloudfoundry.org/lager/v3/lagertest"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/sourcetest"
	"github.com/signalbox-ci/signalbox/metric"
)

var _ = Describe("standard input", func() {
	var (
		logger *lagertest.TestLogger
		sink   *counter
		status *inputStatus
	)

	BeforeEach(func() {
		logger = lagertest.NewTestLogger("stdin")
		sink = &counter{}
		status = &inputStatus{}
	})

	It("returns the error and line at which reading failed", func() {
		failure := errors.New("out of order")
		r := sourcetest.Broken(startEvent+"\n"+startEvent, failure)
		in := readInput(logger, r, inputOptions{}, sink, nil, status)
		Eventually(in.Done()).Should(BeClosed())

		err := in.Close(context.Background())
		Expect(err).To(MatchError(failure))
		Expect(err).To(MatchError(ContainSubstring("reading standard input: line 2: ")))
		Expect(logger).To(gbytes.Say(`failed.*"accepted":1`))
		Expect(sink.events.Load()).To(Equal(int32(1)))
		Expect(status.overview().EndedAt).NotTo(BeNil())
		Expect(status.overview().Error).To(HavePrefix("line 2: "))
	})

	It("emits no more events after it is closed, even if the writer continues", func() {
		reader, writer := io.Pipe()
		DeferCleanup(writer.Close)
		in := readInput(logger, reader, inputOptions{}, sink, nil, status)
		io.WriteString(writer, startEvent+"\n"+startEvent)
		Eventually(sink.events.Load).Should(Equal(int32(1)))
		Expect(in.Done()).NotTo(BeClosed())

		Expect(in.Close(context.Background())).To(Succeed())
		Expect(in.Close(context.Background())).To(Succeed())
		io.WriteString(writer, "\n"+startEvent+"\n")
		Expect(sink.events.Load()).To(Equal(int32(1)))
		Expect(logger).To(gbytes.Say(`interrupted.*"accepted":1`))
	})

	DescribeTable("that ends without an event",
		func(text string, o inputOptions, expected string) {
			in := readInput(logger, strings.NewReader(text), o, sink, nil, status)
			Eventually(in.Done()).Should(BeClosed())
			Expect(in.Close(context.Background())).To(Succeed())
			Expect(logger).To(gbytes.Say(expected))
		},
		Entry("is an error", "nonsense\n", inputOptions{keepsRunning: true}, `stdin.ended.*"log_level":2.*"error":"no line is an event"`),
		Entry("is an error if it is a log", "a line\n", inputOptions{keepsRunning: true, lager: true}, `stdin.ended.*"log_level":2.*CONCOURSE_EMIT_TO_LOGS=true`),
		Entry("is an error if it is empty", "", inputOptions{keepsRunning: true}, `stdin.ended.*"log_level":2.*"error":"standard input had no lines: `),
		Entry("is not an error if the daemon exits with it", "nonsense\n", inputOptions{}, `stdin.ended.*"log_level":1`),
	)

	It("reports in its status whether it is a regular file", func() {
		file, err := os.Create(filepath.Join(GinkgoT().TempDir(), "events.ndjson"))
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(file.Close)
		reader, writer, err := os.Pipe()
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(reader.Close)
		Expect(writer.Close()).To(Succeed())
		null, err := os.Open(os.DevNull)
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(null.Close)

		for r, expected := range map[io.Reader]bool{file: true, reader: false, null: false, strings.NewReader(""): false} {
			status := &inputStatus{}
			Expect(status.overview().RegularFile).To(BeFalse())
			Expect(readInput(logger, r, inputOptions{}, sink, nil, status).Close(context.Background())).To(Succeed())
			Expect(status.overview().RegularFile).To(Equal(expected), "%T", r)
		}
	})

	It("has ended if it is not read", func() {
		Expect(noInput().Done()).To(BeClosed())
		Expect(noInput().Close(context.Background())).To(Succeed())
	})
})

func TestLogWithoutEventsIsLogged(t *testing.T) {
	const event = `{"message":"atc.emit.event","data":{"name":"builds started","value":1}}` + "\n"
	for name, c := range map[string]struct {
		second string // line just before a minute has passed
		logged int    // how often
	}{
		"once":                          {second: "two\n", logged: 1},
		"but not if there was an event": {second: event, logged: 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				logger := lagertest.NewTestLogger("stdin")
				reader, writer := io.Pipe()
				in := readInput(logger, reader, inputOptions{lager: true}, &counter{}, nil, &inputStatus{})
				defer in.Close(context.Background())
				defer writer.Close()
				expect := func(line string, logged int) {
					t.Helper()
					io.WriteString(writer, line)
					synctest.Wait()
					log := string(logger.Buffer().Contents())
					if got := strings.Count(log, "no-events"); got != logged {
						t.Errorf("after %.10q: logged %d times, want %d:\n%s", line, got, logged, log)
					}
				}

				expect("one\n", 0)
				time.Sleep(longTime - 1)
				expect(c.second, 0)
				time.Sleep(time.Nanosecond)
				expect("three\n", c.logged)
				time.Sleep(longTime)
				expect(strings.Repeat("a line\n", 2*manyLines), c.logged)
			})
		})
	}
}

// A counter is a sink that counts events.
type counter struct{ events atomic.Int32 }

func (c *counter) Emit(metric.Event, *metric.Outcome) { c.events.Add(1) }

func (c *counter) Prepare(metric.EventType) (func(*metric.Event, []string, *metric.Outcome), func([][]string)) {
	return func(event *metric.Event, _ []string, outcome *metric.Outcome) { c.Emit(*event, outcome) }, nil
}

func (c *counter) Malformed(error) {}
