package main

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

const recording = "../../emitter/testdata/concourse-a/"

// recordedEvents returns the events of the recording up to its first marker.
func recordedEvents() string {
	GinkgoHelper()

	compressed, err := os.ReadFile(recording + "events.ndjson.gz")
	Expect(err).NotTo(HaveOccurred())
	reader, err := gzip.NewReader(bytes.NewReader(compressed))
	Expect(err).NotTo(HaveOccurred())
	lines, err := io.ReadAll(reader)
	Expect(err).NotTo(HaveOccurred())

	marker := bytes.Index(lines, []byte(`"marker":"scrape-1"`))
	Expect(marker).To(BeNumerically(">", 0))
	return string(lines[:bytes.LastIndexByte(lines[:marker], '\n')+1])
}

// notCompared matches the lines of families that are not compared: those of other
// collectors, new ones, and one that newer nodes no longer serve.
var notCompared = regexp.MustCompile(`^(# TYPE )?(go_|process_|signalbox_|concourse_(containers_|volumes_(created|deleted|failed)_total|workers_last_seen_|lidar_check_queue_size))`)

// comparedLines returns the lines of the page that are compared with a recorded page.
// It omits help texts.
func comparedLines(page string) (lines []string) {
	for line := range strings.Lines(page) {
		if !strings.HasPrefix(line, "# HELP ") && !notCompared.MatchString(line) {
			lines = append(lines, line)
		}
	}
	return lines
}

var _ = Describe("Replaying the recording of a Concourse node", func() {
	var recordedLines []string

	BeforeEach(func() {
		page, err := os.ReadFile(recording + "metrics-1.txt")
		Expect(err).NotTo(HaveOccurred())
		recordedLines = comparedLines(string(page))
		Expect(len(recordedLines)).To(BeNumerically(">", 2000))
	})

	It("on standard input serves the node's page, line for line", func() {
		p := startDaemon("--stdin")
		_, err := io.WriteString(p.stdin, recordedEvents())
		Expect(err).NotTo(HaveOccurred())
		Expect(p.stdin.Close()).To(Succeed())
		Eventually(p.stderr).Should(MatchRegexp(`stdin.ended.*"accepted":10680,"duplicate":0,"refused":40,"rejected":0,.*"unknown":0`))

		Expect(comparedLines(p.page())).To(Equal(recordedLines))
	})

	It("distinguishes a file that was read to its end from a pipe that ended", func() {
		file := filepath.Join(GinkgoT().TempDir(), "events.ndjson")
		Expect(os.WriteFile(file, []byte(startEvent+"\n"), 0o600)).To(Succeed())
		events, err := os.Open(file)
		Expect(err).NotTo(HaveOccurred())
		defer events.Close()
		command := signalbox(nil, daemonArgs("--stdin")...)
		command.Stdin = events
		p := startCommand(command)

		overview := strings.TrimSuffix(p.url("serving-metrics"), "/metrics") + "/api/v1/overview"
		Eventually(func() string { return body(client.Get(overview)) }).Should(
			MatchRegexp(`"input":\{"format":"events","regular_file":true,"accepted":1,.*"ended_at":"`))
	})

	It("over HTTP serves the node's page, line for line", func() {
		p := startDaemon()
		status, answer := p.post(recordedEvents(), "Content-Type", "application/x-ndjson")
		Expect(answer).To(HavePrefix(`{"accepted":10680,"unknown":0,"refused":40,"duplicate":0,` +
			`"errors":[{"line":318,"event":"worker containers","metric":"concourse_workers_containers","reason":"attribute \"platform\" is empty"},`))
		Expect(status).To(Equal(200))

		Expect(comparedLines(p.page())).To(Equal(recordedLines))
	})
})
