package events_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/events"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/sourcetest"
	"github.com/signalbox-ci/signalbox/metric"
)

// logLine returns the line that a web node logs for a message with data.
func logLine(message, data string) string {
	return `{"timestamp":"2026-01-02T15:04:05.123456789Z","level":"debug","source":"atc","message":"` + message + `","data":` + data + "}\n"
}

var _ = Describe("The log of a Concourse web node", func() {
	var (
		sink     *recorder
		rest     *strings.Builder
		rejected []string
		limits   source.Limits
		at       = time.Date(2026, 1, 2, 15, 4, 5, 123456789, time.UTC)
	)

	BeforeEach(func() {
		sink, rest, rejected, limits = &recorder{}, &strings.Builder{}, nil, source.Limits{}
	})

	decode := func(r io.Reader) (skipped int, err error) {
		err = events.NewDecoder(limits).DecodeLager(r, rest, sink.record, func(line int, err error) {
			rejected = append(rejected, fmt.Sprintf("%d: %v", line, err))
		}, func() { skipped++ })
		return skipped, err
	}

	DescribeTable("contains events",
		func(text string, want metric.Event) {
			Expect(decode(strings.NewReader(text))).To(Equal(0))
			Expect(rejected).To(BeEmpty())
			Expect(sink.events).To(Equal([]metric.Event{want}))
			Expect(rest.String()).To(BeEmpty())
		},
		Entry("of recent versions",
			logLine("atc.tracker.build-finished.emit.event", `{"build-status":"failed","name":"build finished","session":"4.7","team-name":"main","value":94000.5}`),
			metric.Event{Name: "build finished", Value: 94000.5, Time: at, Attributes: map[string]string{"build_status": "failed", "team_name": "main"}}),
		Entry("of older versions",
			`{"timestamp":"1546300800.123456717","source":"atc","message":"atc.emit.event","log_level":0,"data":{"name":"builds started","session":"1","value":3}}`,
			metric.Event{Name: "builds started", Value: 3, Time: time.Date(2019, 1, 1, 0, 0, 0, 123456717, time.UTC)}),
		Entry("with sorted fields, as when secrets are redacted",
			`{"data":{"name":"builds started","value":3},"level":"debug","message":"atc.emit.event","source":"atc","timestamp":"2026-01-02T15:04:05.123456789Z"}`,
			metric.Event{Name: "builds started", Value: 3, Time: at}),
		Entry("with names in camel case, and a host",
			logLine("atc.emit.event", `{"ConnectionName":"api","host":"web-1","name":"database connections","value":7}`),
			metric.Event{Name: "database connections", Value: 7, Host: "web-1", Time: at, Attributes: map[string]string{"ConnectionName": "api"}}),
		Entry("along with the logger's own data",
			logLine("atc.emit.event", `{"build-id":7,"id":[1,2],"name":"lock held","plan":{"name":"x","a":[{"b":"]}"}]},"pipeline":null,"rerun":true,"session":"1.2","team-name":"b","team_name":"a","type":"Batch","value":1}`),
			metric.Event{Name: "lock held", Value: 1, Time: at, Attributes: map[string]string{"build_id": "7", "rerun": "true", "team_name": "b", "type": "Batch"}}),
		Entry("with escaped text",
			logLine("atc.emit.event", `{"message":"a \u003cb\u003e \"c\".emit.event","name":"error log","value":1}`),
			metric.Event{Name: "error log", Value: 1, Time: at, Attributes: map[string]string{"message": `a <b> "c".emit.event`}}),
	)

	It("contains other lines, which are skipped and copied", func() {
		event := logLine("atc.emit.event", `{"name":"builds started","value":1}`)
		others := []string{
			logLine("atc.db.acquired", `{"id":[1]}`),
			logLine("atc.dex.event", `{"fields":{},"message":"keys expired","name":"x","value":1}`),
			logLine("atc.note", `{"message":"see atc.emit.event","data":"x.emit.event"}`),
			"goroutine 1 [running]:\n",
			"\n",
			"[1,\"x.emit.event\"]\n",
			`{"message":7,"data":"x.emit.event"}` + "\n",
			`{"level":"debug","data":{"message":"x.emit.event"` + "\n",
			"\xff\xfe .emit.event\"\n",
		}
		skipped, err := decode(strings.NewReader(event + strings.Join(others, event) + event))
		Expect(err).NotTo(HaveOccurred())
		Expect(rejected).To(BeEmpty())
		Expect(skipped).To(Equal(len(others)))
		Expect(sink.events).To(HaveLen(len(others) + 1))
		Expect(rest.String()).To(Equal(strings.Join(others, "")))
	})

	DescribeTable("contains lines that claim to be events but are invalid, which are rejected and copied",
		func(text, reason string) {
			skipped, err := decode(strings.NewReader("a line\n" + text + "\n"))
			Expect(err).NotTo(HaveOccurred())
			Expect(skipped).To(Equal(1))
			Expect(rejected).To(ConsistOf(ContainSubstring("2: " + reason)))
			Expect(sink.events).To(BeEmpty())
			Expect(rest.String()).To(Equal("a line\n" + text + "\n"))
		},
		Entry("without a name", `{"message":"atc.emit.event","data":{"value":1}}`, "the data of the event has no name"),
		Entry("without a value", `{"message":"atc.emit.event","data":{"name":"a"}}`, "the data of the event has no value"),
		Entry("with a value that is a string", `{"message":"atc.emit.event","data":{"name":"a","value":"1"}}`, "value: got a string, expected a number"),
		Entry("without data", `{"message":"atc.emit.event"}`, "the event has no data"),
		Entry("with data that is a string", `{"message":"atc.emit.event","data":"a"}`, "data: got a string, expected an object"),
		Entry("with an invalid timestamp", `{"timestamp":"noon","message":"atc.emit.event","data":{"name":"a","value":1}}`, `got timestamp "noon", expected`),
		Entry("cut off", `{"message":"atc.emit.event","data":{"name":"a","va`, "not JSON: unterminated value (column 51)"),
		Entry("with text after it", `{"message":"atc.emit.event","data":{"name":"a","value":1}} x`, `not JSON: got "x", expected the end of the input`),
		Entry("with invalid UTF-8", `{"message":"atc.emit.event","data":{"name":"a`+"\xff"+`","value":1}}`, "not UTF-8"),
	)

	DescribeTable("may contain lines of any length; those that exceed the limit are not events, and are copied completely",
		func(limit, length int) {
			limits.LineBytes = limit
			long := strings.Repeat("x", length) + "\n"
			claiming := strings.TrimSuffix(logLine("atc.emit.event", `{"name":"a","value":1,"x":"`+strings.Repeat("x", length)+`"}`), "\n")
			skipped, err := decode(strings.NewReader(long + logLine("a.emit.event", `{"name":"a","value":1}`) + long + claiming))
			Expect(err).NotTo(HaveOccurred())
			Expect(skipped).To(Equal(2))
			Expect(sink.names()).To(Equal([]string{"a"}))
			Expect(rejected).To(Equal([]string{fmt.Sprintf("4: the event is longer than the limit of %d bytes", limit)}))
			Expect(strings.TrimSuffix(rest.String(), "\n")).To(Equal(long + long + claiming))
		},
		Entry("shorter than the buffer", 500, 501),
		Entry("just above the limit", 70_000, 70_001),
		Entry("far above it", 70_000, 1_000_000),
	)

	It("may be wrapped by a container runtime, which may split lines; those that are not events are copied as they are", func() {
		const (
			out = "2026-01-02T15:04:05.1Z stdout "
			err = "2026-01-02T15:04:05.1Z stderr "
		)
		event := strings.TrimSuffix(logLine("atc.emit.event", `{"name":"builds started","value":1}`), "\n")
		dockerLine := func(text string) string {
			return `{"log":"` + strings.ReplaceAll(text, `"`, `\"`) + `","stream":"stdout","time":"2026-01-02T15:04:05Z"}` + "\n"
		}
		others := []string{
			out + "F a line\n",
			out + "P a line that \n" + out + "F is split\n",
			err + "F \n",
			dockerLine("a line that ") + dockerLine(`is split\n`),
			dockerLine(`a line\n`),
			"web-1  | a line\n",
		}
		events := []string{
			out + "F " + event + "\n",
			out + "P " + event[:90] + "\n" + err + "F a line\n" + out + "P " + event[90:100] + "\n" + out + "F " + event[100:] + "\n",
			dockerLine(event + `\n`),
			dockerLine(event[:100]) + dockerLine(event[100:]+`\n`),
			"web-1  | " + event + "\n",
			`{"_PID":"7","MESSAGE":"` + strings.ReplaceAll(event, `"`, `\"`) + `"}` + "\n",
		}
		var log, copied strings.Builder
		for i, e := range events {
			log.WriteString(e + others[i])
			if strings.Contains(e, err) {
				copied.WriteString(err + "F a line\n")
			}
			copied.WriteString(others[i])
		}
		open := out + "P " + event[:60] + "\n"
		cut := out + "P " + event[:len(event)-5] + "\n"
		for _, end := range []string{open, cut} {
			sink, rest, rejected = &recorder{}, &strings.Builder{}, nil
			skipped, err := decode(strings.NewReader(log.String() + end))
			Expect(err).NotTo(HaveOccurred())
			Expect(sink.events).To(HaveLen(len(events)))
			for _, e := range sink.events {
				Expect(e).To(Equal(metric.Event{Name: "builds started", Value: 1, Time: at}))
			}
			Expect(rest.String()).To(Equal(copied.String() + end))
			Expect(skipped + len(rejected)).To(Equal(len(others) + 2))
		}
		Expect(rejected).To(ConsistOf(ContainSubstring("not JSON: unterminated value")))
	})

	It("may end with an error of the reader", func() {
		failure := errors.New("connection reset")
		skipped, err := decode(sourcetest.Broken("a\nb\nc", failure))
		Expect(err).To(Equal(failure))
		Expect(skipped).To(Equal(2))
	})
})
