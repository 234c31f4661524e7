package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"code.cloudfoundry.org/lager/v3"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gexec"

	"github.com/signalbox-ci/signalbox/metric"
)

// A newSink is a constructor of a lager sink.
type newSink func(io.Writer, lager.LogLevel) lager.Sink

// concourseLog returns the log of a Concourse web node that emits the recorded events,
// and the number of lines that are not events.
func concourseLog(sink newSink) (log string, others int) {
	GinkgoHelper()

	var written bytes.Buffer
	logger := lager.NewLogger("atc")
	logger.RegisterSink(sink(&written, lager.DEBUG))
	tracker := logger.Session("tracker", lager.Data{"team": "other", "id": []int{1, 2}, "build-id": 7})
	scanner := bufio.NewScanner(strings.NewReader(recordedEvents()))
	for scanner.Scan() {
		var event metric.Event
		Expect(json.Unmarshal(scanner.Bytes(), &event)).To(Succeed())
		emitToLog(tracker.Session("track").Session("emit"), event)
		if others++; others%3 == 0 {
			tracker.Info("event", lager.Data{"name": event.Name, "message": "a.emit.event"})
		} else {
			fmt.Fprintln(&written, "goroutine", others, "[running]:")
		}
	}
	return written.String(), others
}

// emitToLog logs an event as Concourse does with --emit-to-logs.
func emitToLog(logger lager.Logger, event metric.Event) {
	data := lager.Data{"name": event.Name, "value": event.Value}
	for name, value := range event.Attributes {
		data[strings.ReplaceAll(name, "_", "-")] = value
	}
	logger.Debug("event", data)
}

var _ = Describe("The log of a Concourse node", func() {
	DescribeTable("on standard input has the same effect as its events",
		func(sink newSink) {
			plain := startDaemon("--stdin")
			io.WriteString(plain.stdin, recordedEvents())
			plain.stdin.Close()
			Eventually(plain.stderr).Should(ContainSubstring("stdin.ended"))

			log, others := concourseLog(sink)
			p := startDaemon("--stdin", "--stdin-format=lager")
			io.WriteString(p.stdin, log)
			p.stdin.Close()
			Eventually(p.stderr).Should(MatchRegexp(
				`stdin.ended.*"accepted":10680,"duplicate":0,"refused":40,"rejected":0,.*"skipped":%d,"unknown":0`, others))

			lines := ownLines(p.page())
			Expect(len(lines)).To(BeNumerically(">", 2500))
			Expect(lines).To(Equal(ownLines(plain.page())))
			Expect(p.Out.Contents()).To(BeEmpty())
		},
		Entry("in the current format", newSink(lager.NewPrettySink)),
		Entry("in the format before 2019", newSink(lager.NewWriterSink)),
		Entry("with redacted secrets", newSink(func(w io.Writer, level lager.LogLevel) lager.Sink {
			sink, err := lager.NewRedactingSink(lager.NewPrettySink(w, level), nil, nil)
			Expect(err).NotTo(HaveOccurred())
			return sink
		})),
	)

	DescribeTable("has the same effect if a container runtime keeps it",
		func(wrap func(line string) string) {
			log, others := concourseLog(lager.NewPrettySink)
			plain := startDaemon("--stdin", "--stdin-format=lager")
			io.WriteString(plain.stdin, log)
			plain.stdin.Close()
			Eventually(plain.stderr).Should(ContainSubstring("stdin.ended"))

			p := startDaemon("--stdin", "--stdin-format=lager")
			for line := range strings.Lines(log) {
				io.WriteString(p.stdin, wrap(strings.TrimSuffix(line, "\n")))
			}
			p.stdin.Close()
			Eventually(p.stderr).Should(MatchRegexp(
				`stdin.ended.*"accepted":10680,.*"refused":40,"rejected":0,.*"skipped":%d,"unknown":0`, others))
			Expect(ownLines(p.page())).To(Equal(ownLines(plain.page())))
		},
		Entry("containerd", func(line string) string {
			const prefix = "2026-01-02T15:04:05.123456789Z stderr "
			if half := len(line) / 2; half > 200 && line[half] < utf8.RuneSelf {
				return prefix + "P " + line[:half] + "\n" + prefix + "F " + line[half:] + "\n"
			}
			return prefix + "F " + line + "\n"
		}),
		Entry("Docker", func(line string) string {
			text, err := json.Marshal(map[string]string{"log": line + "\n", "stream": "stdout", "time": "2026-01-02T15:04:05Z"})
			Expect(err).NotTo(HaveOccurred())
			return string(text) + "\n"
		}),
		Entry("docker compose", func(line string) string { return "web-1  | " + line + "\n" }),
		Entry("journalctl", func(line string) string { return "Jan 02 15:04:05 web concourse[7]: " + line + "\n" }),
		Entry("journalctl -o json", func(line string) string {
			text, err := json.Marshal(map[string]string{"MESSAGE": line, "_PID": "7", "__CURSOR": "s=1"})
			Expect(err).NotTo(HaveOccurred())
			return string(text) + "\n"
		}),
	)

	const event = `{"message":"atc.emit.event","data":{"name":"builds started","value":1}}` + "\n"

	It("is copied to standard output immediately, without events, with --stdin-passthrough", func() {
		p := startDaemon("--stdin", "--stdin-format=lager", "--stdin-passthrough", "--exit-on-eof")
		io.WriteString(p.stdin, event+"one\n"+event)
		Eventually(p.Out.Contents).Should(BeEquivalentTo("one\n"))
		io.WriteString(p.stdin, "two\n"+strings.Replace(event, `"value":1`, `"value":null`, 1)+strings.Repeat("x", 3<<20)+"\n")
		p.stdin.Close()
		Eventually(p).Should(gexec.Exit(0))

		Expect(string(p.Out.Contents())).To(Equal("one\ntwo\n" +
			strings.Replace(event, `"value":1`, `"value":null`, 1) + strings.Repeat("x", 3<<20) + "\n"))
		Expect(p.stderr()).To(MatchRegexp(`stdin.line-rejected","data":\{"error":"value: got null, expected a number","line":5,`))
		Expect(p.stderr()).To(MatchRegexp(`stdin.ended.*"accepted":2,"duplicate":0,"refused":0,"rejected":1,.*"skipped":3,`))
	})

	It("is still read when standard output is closed", func() {
		p := startDaemon("--stdin", "--stdin-format=lager", "--stdin-passthrough")
		Expect(p.Out.Close()).To(Succeed()) // closes the buffer, so that gexec stops reading the pipe
		for range 3 {
			io.WriteString(p.stdin, strings.Repeat("x", 1<<20)+"\n"+event)
		}
		Eventually(p.page).Should(ContainSubstring("concourse_builds_started_total 3"))
		Expect(strings.Count(p.stderr(), "output-failed")).To(Equal(1))
	})

	It("without events makes the daemon log advice", func() {
		p := startDaemon("--stdin", "--stdin-format=lager")
		io.WriteString(p.stdin, strings.Repeat("a line\n", 2*manyLines))
		Eventually(p.stderr).Should(ContainSubstring("CONCOURSE_EMIT_TO_LOGS=true"))
		Expect(strings.Count(p.stderr(), "no-events")).To(Equal(1))
	})
})

// ownLines returns the lines of the page about metrics that events update, except for
// the times at which workers were last seen.
func ownLines(page string) []string {
	return slices.DeleteFunc(slices.Collect(strings.Lines(page)), func(line string) bool {
		return !strings.Contains(line, "concourse_") || strings.Contains(line, "concourse_workers_last_seen_")
	})
}
