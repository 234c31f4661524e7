package main

import (
	"bufio"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"
	"github.com/onsi/gomega/gexec"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/agents"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/events"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/sourcetest"
)

const (
	stateEvent  = `{"name":"worker state","value":3,"attributes":{"state":"running"}}`
	stateSeries = `concourse_workers_registered{state="running"} 3`
	startEvent  = `{"name":"builds started"}`
)

var _ = Describe("signalbox run", func() {
	Describe("daemon", func() {
		It("begins its log with the URLs for metrics and events", func() {
			daemon := startDaemon()
			Expect(daemon.eventsURL()).To(MatchRegexp(`^http://127\.0\.0\.1:\d+/api/v1/events$`))
			lines := strings.Split(daemon.stderr(), "\n")
			Expect(lines[0]).To(MatchRegexp(`"message":"signalbox.serving-metrics","data":\{"url":"http://127\.0\.0\.1:\d+/metrics"\}`))
			Expect(lines[1]).To(ContainSubstring(`"message":"signalbox.listening-for-events"`))
		})

		It("turns posted events into metrics", func() {
			daemon := startDaemon()
			status, answer := daemon.post(stateEvent + "\n" + startEvent + "\n" + startEvent + "\n" + `{"name":"mallocs"}` + "\n" + `{"name":"nonsense"}`)
			Expect(status).To(Equal(http.StatusOK))
			Expect(answer).To(MatchJSON(`{"accepted":5,"unknown":1,"refused":0,"duplicate":0}`))

			page := daemon.page()
			Expect(page).To(ContainSubstring("\n" + stateSeries + "\n"))
			Expect(page).To(ContainSubstring("\nconcourse_builds_started_total 2\n"))
		})

		It("explains why rules reject events, and suggests names and values", func() {
			daemon := startDaemon()
			status, answer := daemon.post(`{"name":"builds started","value":-1}` + "\n" +
				`{"name":"build finished","attributes":{"build_status":"success","team_name":"main"}}` + "\n" + `{"name":"Worker state"}`)
			Expect(status).To(Equal(http.StatusOK))
			Expect(answer).To(MatchJSON(`{"accepted":2,"unknown":1,"refused":1,"duplicate":0,"errors":[
				{"line":1,"event":"builds started","metric":"concourse_builds_started_total","reason":"got value -1, expected a non-negative number for a counter"},
				{"line":2,"event":"build finished","metric":"concourse_builds_finished",
					"reason":"attribute \"build_status\" is \"success\", expected succeeded, failed, errored or aborted","hint":"did you mean \"succeeded\"?"},
				{"line":3,"event":"Worker state","reason":"no rule knows the event","hint":"did you mean \"worker state\"?"}]}`))
			Expect(daemon.page()).To(And(
				ContainSubstring("\n"+`signalbox_events_rejected_total{reason="negative"} 1`+"\n"),
				ContainSubstring("\n"+`signalbox_events_rejected_total{reason="unknown_value"} 1`+"\n"),
				ContainSubstring("\nconcourse_builds_finished_total 1\n"),
			))
			Expect(daemon.stderr()).To(And(ContainSubstring("builds started"),
				MatchRegexp(`unknown-event.*"event":"Worker state","hint":"did you mean \\"worker state\\"\?"`)))
		})

		It("applies a body with strict=1 as a whole or not at all", func() {
			daemon := startDaemon("--prometheus-max-series-per-metric=2")
			url := daemon.eventsURL() + "?strict=1"
			lock := func(typ string) string { return `{"name":"lock held","attributes":{"type":"` + typ + `"}}` + "\n" }
			refused, answer := postTo(url, lock("a")+lock("b")+lock("c"))
			Expect(answer).To(ContainSubstring(`"metric":"concourse_locks_held","reason":"the metric has reached its limit of 2 series"`))
			Expect(refused.StatusCode).To(Equal(http.StatusUnprocessableEntity))
			Expect(daemon.page()).To(And(Not(ContainSubstring("concourse_locks_held{")),
				ContainSubstring(`signalbox_events_rejected_total{reason="series_limit"} 1`), ContainSubstring("\nsignalbox_events_received_total 0\n")))
			for _, replayed := range []string{"", "true"} {
				applied, _ := postTo(url, lock("a")+lock("b")+lock("a"), "Idempotency-Key", "k")
				Expect(applied.StatusCode).To(Equal(http.StatusOK))
				Expect(applied.Header.Get("Idempotency-Replayed")).To(Equal(replayed))
			}
			Expect(daemon.page()).To(ContainSubstring("\n" + `concourse_locks_held{type="a"} 2` + "\n"))
		})

		It("applies nothing of a body with strict=1 if there is no memory for all of it", func() {
			daemon := startDaemon("--memory-limit=32MiB", "--intake-max-line-bytes=20000")
			var body strings.Builder
			for i := range 1000 { // 15.5 MB
				fmt.Fprintf(&body, `{"name":"lock held","attributes":{"type":"%d %s"}}`+"\n", i, strings.Repeat("x", 15_500))
			}
			rejected, answer := postTo(daemon.eventsURL()+"?strict=1", sourcetest.Gzip(body.String()), "Content-Encoding", "gzip")
			Expect(rejected.StatusCode).To(Equal(http.StatusUnprocessableEntity))
			Expect(answer).To(ContainSubstring(`take up the memory that is available for them (--memory-limit)`))
			Expect(daemon.page()).To(And(Not(ContainSubstring("concourse_locks_held{")), ContainSubstring(`signalbox_events_rejected_total{reason="memory_limit"}`)))
		})

		It("applies repeated events, requests and pushes once", func() {
			daemon := startDaemon("--stdin")
			event := `{"id":"1","name":"builds started"}`
			_, answer := daemon.post(event)
			Expect(answer).To(MatchJSON(`{"accepted":1,"unknown":0,"refused":0,"duplicate":0}`))
			_, answer = daemon.post(event + "\n" + startEvent)
			Expect(answer).To(MatchJSON(`{"accepted":1,"unknown":0,"refused":0,"duplicate":1}`))
			fmt.Fprintln(daemon.stdin, event+"\n"+startEvent)
			Eventually(daemon.page).Should(ContainSubstring("\nconcourse_builds_started_total 3\n"))
			Expect(daemon.page()).To(And(ContainSubstring("\nsignalbox_events_duplicate_total 2\n"),
				ContainSubstring("\n"+`signalbox_input_lines_total{outcome="duplicate"} 1`+"\n")))

			for range 2 {
				status, answer := daemon.post(startEvent, "Idempotency-Key", "k")
				Expect(status).To(Equal(http.StatusOK))
				Expect(answer).To(MatchJSON(`{"accepted":1,"unknown":0,"refused":0,"duplicate":0}`))
			}
			status, _ := daemon.post(startEvent+"\n"+startEvent, "Idempotency-Key", "k")
			Expect(status).To(Equal(http.StatusUnprocessableEntity))
			Expect(daemon.page()).To(And(ContainSubstring("\nconcourse_builds_started_total 4\n"),
				ContainSubstring("\n"+`signalbox_idempotent_requests_repeated_total{outcome="replayed"} 1`+"\n")))

			root := strings.TrimSuffix(daemon.eventsURL(), events.Path)
			for _, path := range []string{"/metrics/job/j", agents.Path} {
				body := map[string]string{"/metrics/job/j": "m 1\n", agents.Path: `{"metrics":[{"name":"load","type":"gauge","value":1}],` +
					`"labels":{"username":"u","workspace_name":"w","agent_name":"a","template_name":"t"}}`}[path]
				first, _ := postTo(root+path, body, "Idempotency-Key", "k")
				repeat, _ := postTo(root+path, body, "Idempotency-Key", "k")
				other, _ := postTo(root+path, body+" ", "Idempotency-Key", "k")
				Expect(repeat.StatusCode).To(Equal(first.StatusCode), path)
				Expect(first.StatusCode).To(Equal(http.StatusOK), path)
				Expect(first.Header).NotTo(HaveKey("Idempotency-Replayed"))
				Expect(repeat.Header).To(HaveKeyWithValue("Idempotency-Replayed", []string{"true"}))
				Expect(other.StatusCode).To(Equal(http.StatusUnprocessableEntity))
			}
		})

		It("accepts error logs with messages that are too long for a label, and cuts them", func() {
			daemon := startDaemon()
			status, answer := daemon.post(`{"name":"error log","attributes":{"message":"` + strings.Repeat("x", 100_000) + `"}}`)
			Expect(status).To(Equal(http.StatusOK))
			Expect(answer).To(MatchJSON(`{"accepted":1,"unknown":0,"refused":0,"duplicate":0}`))
			Expect(daemon.page()).To(ContainSubstring("\nconcourse_error_logs{message=\"" + strings.Repeat("x", 16<<10-3) + "…\"} 1\n"))
		})

		It("listens on IPv6", func() {
			if listener, err := net.Listen("tcp", "[::1]:0"); err == nil {
				listener.Close()
			} else {
				return // this machine has no IPv6
			}
			daemon := startDaemon("--intake-bind-ip=::1", "--prometheus-bind-ip=::1")
			Expect(daemon.eventsURL()).To(HavePrefix("http://[::1]:"))
			status, _ := daemon.post(startEvent)
			Expect(status).To(Equal(http.StatusOK))
			Expect(daemon.page()).To(ContainSubstring("concourse_builds_started_total 1"))
		})

		It("listens on a host name", func() {
			daemon := startDaemon("--intake-bind-ip=localhost", "--prometheus-bind-ip=localhost")
			status, _ := daemon.post(startEvent)
			Expect(status).To(Equal(http.StatusOK))
			Expect(daemon.page()).To(ContainSubstring("concourse_builds_started_total 1"))
		})

		It("adds the attributes of the node to every series", func() {
			daemon := startDaemon("--attribute", "region=north", "--attribute=note=a=b,c")
			Expect(daemon.page()).To(ContainSubstring(`concourse_builds_started_total{note="a=b,c",region="north"} 0`))
		})

		It("reads every flag from the environment too", func() {
			daemon := start([]string{
				"SIGNALBOX_INTAKE_BIND_PORT=0", "SIGNALBOX_PROMETHEUS_BIND_PORT=0",
				"SIGNALBOX_ATTRIBUTE=region=north,zone=1", "SIGNALBOX_PROMETHEUS_NAMESPACE=ci",
				"SIGNALBOX_INTAKE_MAX_ATTRIBUTES=1", "SIGNALBOX_STDIN=true", "SIGNALBOX_HOST=",
			}, "run", "--prometheus-namespace=mine")
			fmt.Fprintln(daemon.stdin, startEvent)
			Eventually(daemon.page).Should(ContainSubstring(`mine_builds_started_total{region="north",zone="1"} 1`))
			status, answer := daemon.post(`{"name":"a","attributes":{"a":"","b":""}}`)
			Expect(status).To(Equal(http.StatusBadRequest))
			Expect(answer).To(ContainSubstring("more attributes than the limit of 1"))
		})

		It("logs only messages of the minimum level", func() {
			daemon := startDaemon("--log-level=error", "--stdin", "--exit-on-eof")
			fmt.Fprintln(daemon.stdin, "nonsense")
			daemon.stdin.Close()
			Eventually(daemon).Should(gexec.Exit(0))
			Expect(strings.Count(daemon.stderr(), "\n")).To(Equal(1))
			Expect(daemon.stderr()).To(ContainSubstring(`"line":1`))
		})

		DescribeTable("stops on a signal",
			func(stop func(*process)) {
				daemon := startDaemon()
				daemon.eventsURL()
				stop(daemon)
				Eventually(daemon).Should(gexec.Exit(0))
				Expect(daemon.stderr()).To(ContainSubstring(`"message":"signalbox.stopped"`))
				_, err := client.Get(daemon.url("serving-metrics"))
				Expect(err).To(HaveOccurred())
			},
			Entry("SIGTERM", func(p *process) { p.Terminate() }),
			Entry("SIGINT", func(p *process) { p.Interrupt() }),
		)

		It("answers a request in progress, and then stops", func() {
			daemon := startDaemon()
			reader, writer := io.Pipe()
			answer := make(chan string, 1)
			go func() {
				defer GinkgoRecover()
				answer <- body(client.Post(daemon.eventsURL(), "application/x-ndjson", reader))
			}()
			fmt.Fprintln(writer, startEvent)
			Eventually(daemon.page).Should(ContainSubstring("concourse_builds_started_total 1"))

			daemon.Terminate()
			Eventually(daemon.Err).Should(gbytes.Say("signalbox.stopping"))
			fmt.Fprintln(writer, startEvent)
			Expect(daemon).NotTo(gexec.Exit())
			writer.Close()
			Eventually(answer).Should(Receive(MatchJSON(`{"accepted":2,"unknown":0,"refused":0,"duplicate":0}`)))
			Eventually(daemon).Should(gexec.Exit(0))
		})

		It("does not wait for idle connections or incomplete scrapes", func() {
			daemon := startDaemon("--shutdown-timeout=1s")
			for _, address := range []string{daemon.eventsURL(), daemon.url("serving-metrics")} {
				conn, err := net.Dial("tcp", hostOf(address))
				Expect(err).NotTo(HaveOccurred())
				DeferCleanup(conn.Close)
			}
			scraper, err := net.Dial("tcp", hostOf(daemon.url("serving-metrics")))
			Expect(err).NotTo(HaveOccurred())
			DeferCleanup(scraper.Close)
			_, err = io.WriteString(scraper, "GET /metr")
			Expect(err).NotTo(HaveOccurred())
			daemon.page() // now the daemon has accepted the other connections

			daemon.Terminate()
			Eventually(daemon).Should(gexec.Exit(0))
			Expect(daemon.stderr()).NotTo(ContainSubstring("requests-aborted"))
		})

		It("continues if the reader of the log exits", func() {
			reader, writer, err := os.Pipe()
			Expect(err).NotTo(HaveOccurred())
			command := signalbox(nil, daemonArgs()...)
			command.Stderr = writer
			Expect(command.Start()).To(Succeed())
			DeferCleanup(func() {
				command.Process.Kill()
				command.Wait()
			})
			Expect(writer.Close()).To(Succeed())
			logged := bufio.NewReader(reader)
			var events string
			for range 2 {
				line, err := logged.ReadString('\n')
				Expect(err).NotTo(HaveOccurred())
				_, events, _ = strings.Cut(line, `"url":"`)
			}
			events, _, _ = strings.Cut(events, `"`)
			Expect(reader.Close()).To(Succeed())

			for range 2 { // each request writes a line to the log
				response, err := client.Post(events, "", strings.NewReader("nonsense"))
				Expect(body(response, err)).To(ContainSubstring(`"rejected":1`))
			}
		})

		It("does not wait for a slow client beyond the timeout", func() {
			daemon := startDaemon("--shutdown-timeout=100ms")
			reader, writer := io.Pipe()
			DeferCleanup(writer.Close)
			go client.Post(daemon.eventsURL(), "application/x-ndjson", reader) //nolint:errcheck // it is aborted
			fmt.Fprintln(writer, startEvent)
			Eventually(daemon.page).Should(ContainSubstring("concourse_builds_started_total 1"))

			daemon.Terminate()
			Eventually(daemon).Should(gexec.Exit(0))
			Expect(daemon.stderr()).To(ContainSubstring("requests-aborted"))
		})
	})

	Describe("intake", func() {
		It("answers invalid events with 400, their lines and reasons, and applies the valid ones", func() {
			daemon := startDaemon()
			status, answer := daemon.post(startEvent + "\n{\"name\":1}\n" + startEvent + "\nnonsense")
			Expect(status).To(Equal(http.StatusBadRequest))
			Expect(answer).To(MatchJSON(`{"accepted": 2, "unknown": 0, "refused": 0, "duplicate": 0, "rejected": 2, "errors": [
				{"line": 2, "reason": "name: got a number, expected a string"},
				{"line": 4, "reason": "not JSON: got \"nonsense\", expected a value (column 1)"}
			]}`))
			Expect(daemon.page()).To(And(
				ContainSubstring("concourse_builds_started_total 2"),
				ContainSubstring(`signalbox_events_rejected_total{reason="malformed"} 2`),
			))
		})

		It("accepts gzip and zstd", func() {
			daemon := startDaemon()
			for encoding, compress := range map[string]func(string) string{"gzip": sourcetest.Gzip, "zstd": sourcetest.Zstd} {
				status, answer := daemon.post(compress(startEvent), "Content-Encoding", encoding)
				Expect(status).To(Equal(http.StatusOK), answer)
			}
			Expect(daemon.page()).To(ContainSubstring("concourse_builds_started_total 2"))
		})

		It("answers a body that exceeds the limit with 413", func() {
			daemon := startDaemon("--intake-max-body-bytes=50")
			status, answer := daemon.post(startEvent + "\n" + startEvent + "\n" + startEvent + "\n")
			Expect(status).To(Equal(http.StatusRequestEntityTooLarge))
			Expect(answer).To(ContainSubstring("more than the limit of 50 bytes"))
			Expect(daemon.page()).To(ContainSubstring("concourse_builds_started_total 0"))
		})

		It("counts and logs bodies that it rejects as a whole", func() {
			daemon := startDaemon("--intake-max-body-bytes=50")
			daemon.post(strings.Repeat(startEvent+"\n", 10))
			status, _ := daemon.post(startEvent, "Content-Encoding", "br")
			Expect(status).To(Equal(http.StatusUnsupportedMediaType))
			Expect(daemon.page()).To(ContainSubstring(`signalbox_events_rejected_total{reason="malformed"} 2`))
			Expect(daemon.stderr()).To(MatchRegexp(`(?s)events-rejected.*more than the limit of 50 bytes.*body-rejected.*Content-Encoding`))
		})

		It("enforces the other limits", func() {
			daemon := startDaemon("--intake-max-line-bytes=100", "--intake-max-label-value-bytes=10")
			_, answer := daemon.post(strings.Repeat("x", 101) + "\n" + `{"name":"` + strings.Repeat("x", 11) + `"}`)
			Expect(answer).To(ContainSubstring("longer than the limit of 100 bytes"))
			Expect(answer).To(ContainSubstring("more than the limit of 10"))
		})
	})

	Describe("--stdin", func() {
		It("applies events immediately, and continues serving when the input ends", func() {
			daemon := startDaemon("--stdin")
			fmt.Fprintln(daemon.stdin, startEvent)
			Eventually(daemon.page).Should(ContainSubstring("concourse_builds_started_total 1"))

			fmt.Fprint(daemon.stdin, startEvent+"\n"+`{"name":"nonsense"}`)
			daemon.stdin.Close()
			Eventually(daemon.stderr).Should(MatchRegexp(`"signalbox.stdin.ended","data":\{"accepted":3,"duplicate":0,"refused":0,"rejected":0,.*"unknown":1\}`))
			Expect(daemon.page()).To(ContainSubstring("concourse_builds_started_total 2"))

			status, _ := daemon.post(startEvent)
			Expect(status).To(Equal(http.StatusOK))
			Expect(daemon.page()).To(ContainSubstring("concourse_builds_started_total 3"))
			daemon.Terminate()
			Eventually(daemon).Should(gexec.Exit(0))
		})

		It("logs rejected lines with their numbers and continues", func() {
			daemon := startDaemon("--stdin", "--exit-on-eof")
			fmt.Fprint(daemon.stdin, startEvent+"\n\n{\"name\":null}\n"+startEvent+"\n["+startEvent+"]\n")
			daemon.stdin.Close()
			Eventually(daemon).Should(gexec.Exit(0))
			Expect(daemon.stderr()).To(MatchRegexp(`"signalbox.stdin.line-rejected","data":\{"error":"the event has no name","line":3,`))
			Expect(daemon.stderr()).To(MatchRegexp(`"signalbox.stdin.line-rejected","data":\{"error":"event: got an array, expected an object","line":5,`))
			Expect(daemon.stderr()).To(MatchRegexp(`"signalbox.stdin.ended","data":\{"accepted":2,"duplicate":0,"refused":0,"rejected":2,.*"unknown":0\}`))
			Expect(daemon.stderr()).To(ContainSubstring(`"message":"signalbox.stopped"`))
		})

		It("does not prevent the daemon from stopping", func() {
			daemon := startDaemon("--stdin")
			fmt.Fprintln(daemon.stdin, startEvent)
			Eventually(daemon.page).Should(ContainSubstring("concourse_builds_started_total 1"))
			daemon.Terminate()
			Eventually(daemon).Should(gexec.Exit(0))
			Expect(daemon.stderr()).To(MatchRegexp(`"signalbox.stdin.interrupted","data":\{"accepted":1,"duplicate":0,"refused":0,"rejected":0,`))
		})
	})

	Describe("errors", func() {
		// fails expects that the process prints only one line and exits with the code.
		fails := func(p *process, code int, parts ...string) {
			GinkgoHelper()
			Eventually(p).Should(gexec.Exit(code))
			Expect(p.stderr()).To(HavePrefix("signalbox: "))
			Expect(strings.Count(p.stderr(), "\n")).To(Equal(1), p.stderr())
			Expect(p.Out.Contents()).To(BeEmpty())
			for _, part := range parts {
				Expect(p.stderr()).To(ContainSubstring(part))
			}
		}

		DescribeTable("of usage",
			func(line string, parts ...string) {
				fails(start(nil, strings.Fields(line)...), exitBadUsage, parts...)
			},
			Entry("an unknown command", "bogus", "unknown command 'bogus'", "catalog, check, completion, decode, demo, run or version"),
			Entry("a command that is not similar to any", "foo", "unknown command 'foo', expected catalog, check,"),
			Entry("a misspelled command", "rum", "unknown command 'rum', did you mean 'run'?"),
			Entry("a command with transposed letters", "rnu --stdin", "unknown command 'rnu', did you mean 'run'?"),
			Entry("help of an unknown command", "help chekc", "unknown command 'chekc', did you mean 'check'?"),
			Entry("a misspelled flag", "run --intake-port=1", "unknown flag 'intake-port', did you mean --intake-bind-port?"),
			Entry("a flag with one dash", "run -prometheus-naming modern", "unknown flag '-prometheus-naming', did you mean --prometheus-naming?"),
			Entry("a flag with one dash and a value", "run -prometheus-naming=modern", "unknown flag '-prometheus-naming', did you mean --prometheus-naming?"),
			Entry("a misspelled flag with one dash", "run -prometheus-nameing modern", "did you mean --prometheus-naming?"),
			Entry("a flag with one dash that begins with a known letter", "run -host a", "unknown flag '-host', did you mean --host?"),
			Entry("an unknown letter", "run -p", "unknown flag '-p'", "signalbox run --help"),
			Entry("an unknown flag with one dash", "run -xyzzy", "unknown flag '-xyzzy'", "signalbox run --help"),
			Entry("an unknown flag", "run --bogus", "unknown flag 'bogus'", "signalbox run --help"),
			Entry("an unknown flag without a command", "--bogus", "unknown flag 'bogus'", "signalbox --help"),
			Entry("an argument", "run now", `unexpected argument "now"`),
			Entry("a port out of range", "run --intake-bind-port=70000", "--intake-bind-port", `got "70000", expected a port from 0 to 65535`),
			Entry("an invalid port", "run --intake-bind-port=http", "--intake-bind-port", `got "http", expected a port from 0 to 65535`),
			Entry("an invalid address", "run --intake-bind-ip=localhost:1", "--intake-bind-ip", `got "localhost:1", expected an IP address or a host name, without a port`),
			Entry("a missing value", "run --intake-bind-port", "expected argument for flag '--intake-bind-port'"),
			Entry("an attribute without a value", "run --attribute=a", "--attribute", `got "a", expected key=value`),
			Entry("an attribute without a key", "run --attribute==a", "--attribute", `got "=a", whose key is empty`),
			Entry("a duplicate attribute", "run --attribute=a=1 --attribute=a=2", "--attribute", `"a" is duplicated`),
			Entry("a limit of 0", "run --intake-max-body-bytes=0", "--intake-max-body-bytes", "got 0, expected at least 1"),
			Entry("a limit below 0", "run --intake-max-line-bytes -1", "--intake-max-line-bytes", "got -1, expected at least 1"),
			Entry("a limit that is not a number", "run --intake-max-attributes=few", "--intake-max-attributes", `got "few", expected an integer`),
			Entry("a limit out of range", "run --intake-max-label-value-bytes=9223372036854775808", "out of range"),
			Entry("a timeout without a unit", "run --shutdown-timeout=10", "--shutdown-timeout", `got "10", expected a duration`),
			Entry("a timeout of 0", "run --shutdown-timeout=0s", "--shutdown-timeout", "got 0s, expected more than 0s"),
			Entry("a timeout in days", "run --shutdown-timeout=1d", `got "1d", expected a duration such as 10s or 1m30s: did you mean 24h?`),
			Entry("a TTL in days", "run --push-ttl=7d", `got "7d", expected a duration such as 10m or 24h, or 0s for no limit: did you mean 168h?`),
			Entry("an interval in days", "run --prometheus-gc-interval=1d", `--prometheus-gc-interval: got "1d", expected a duration such as 10s or 1m30s: did you mean 24h?`),
			Entry("an interval without a unit", "run --prometheus-gc-interval=5", "--prometheus-gc-interval", `got "5", expected a duration such as 10s`),
			Entry("an invalid log level", "run --log-level=loud", `--log-level: got "loud", expected debug, info or error`),
			Entry("a switch with a value", "run --stdin=yes", "'--stdin'"),
			Entry("an invalid address of the metrics listener", "run --intake-bind-port=0 --prometheus-bind-ip=localhost:1", `--prometheus-bind-ip: got "localhost:1"`),
			Entry("an invalid port of the metrics listener", "run --intake-bind-port=0 --prometheus-bind-port=abc", `--prometheus-bind-port: got "abc"`),
			Entry("an invalid namespace", "run --intake-bind-port=0 --prometheus-namespace=1bad", `--prometheus-namespace: got "1bad"`),
			Entry("a negative staleness limit", "run --intake-bind-port=0 --prometheus-worker-stale-after=-1s", `--prometheus-worker-stale-after: got "-1s"`),
			Entry("--exit-on-eof without --stdin", "run --exit-on-eof", "--exit-on-eof requires --stdin"),
			Entry("--stdin-format=lager without --stdin", "run --stdin-format=lager", "--stdin-format=lager requires --stdin"),
			Entry("--stdin-passthrough without --stdin", "run --stdin-passthrough", "--stdin-passthrough requires --stdin"),
			Entry("--stdin-passthrough without --stdin-format=lager", "run --stdin --stdin-passthrough", "--stdin-passthrough requires --stdin-format=lager"),
			Entry("completion without a shell", "completion", "bash, zsh, fish"),
			Entry("completion for an unsupported shell", "completion csh", `"csh"`, "bash, zsh, fish"),
			Entry("completion for two shells", "completion bash zsh", `unexpected argument "zsh"`),
			Entry("a speed that is not a number", "demo --speed=fast", "--speed", `got "fast", expected a number`),
			Entry("a speed of 0", "demo --speed=0", "--speed", "got 0, expected more than 0"),
			Entry("a negative rate", "demo --events-per-second=-1", "--events-per-second"),
			Entry("an invalid format", "catalog --format=xml", `--format: got "xml", expected table, markdown, json or yaml`),
		)

		It("in variables of another command are ignored", func() {
			p := start([]string{"SIGNALBOX_INTAKE_BIND_PORT=http"}, "version")
			Eventually(p).Should(gexec.Exit(exitClean))
			p = start([]string{"SIGNALBOX_FORMAT=xml"}, daemonArgs()...)
			p.eventsURL()
		})

		It("include a missing emitter", func() {
			p := startDaemon("--prometheus-bind-port=")
			Eventually(p).Should(gexec.Exit(exitBadUsage))
			Expect(p.stderr()).To(Equal("signalbox: no emitter is configured: neither --prometheus-bind-ip nor --prometheus-bind-port " +
				"may be empty; omit both to serve metrics on 127.0.0.1:9391\n"))
		})

		It("in several flags are printed one per line", func() {
			p := start([]string{"SIGNALBOX_PUSH_TTL=x"}, "run", "--intake-bind-port", "99999", "--attribute=a=1", "--bogus", "--log-level=loud",
				"--prometheus-gc-interval=1d", "--intake-max-line-bytes=0", "--stdin=yes", "--attribute=a=1", "--intake-bind-prt=1")
			Eventually(p).Should(gexec.Exit(exitBadUsage))
			Expect(strings.Split(strings.TrimSpace(p.stderr()), "\n")).To(ConsistOf(
				`signalbox: --intake-bind-port: got "99999", expected a port from 0 to 65535`,
				`signalbox: unknown flag 'bogus'; signalbox run --help lists the flags`,
				`signalbox: --log-level: got "loud", expected debug, info or error`,
				HavePrefix(`signalbox: --prometheus-gc-interval: got "1d"`),
				`signalbox: --intake-max-line-bytes: got 0, expected at least 1`,
				ContainSubstring("--stdin"),
				`signalbox: --attribute: key "a" is duplicated`,
				`signalbox: unknown flag 'intake-bind-prt', did you mean --intake-bind-port?`,
				HavePrefix(`signalbox: --push-ttl: got "x", expected a duration`),
			))
		})

		It("name the environment variable with the invalid value", func() {
			fails(start([]string{"SIGNALBOX_INTAKE_BIND_PORT=http"}, "run"), exitBadUsage,
				"--intake-bind-port", `got "http", expected a port from 0 to 65535 (from SIGNALBOX_INTAKE_BIND_PORT)`)
			fails(start([]string{"SIGNALBOX_STDIN=maybe"}, "run"), exitBadUsage,
				"--stdin", `got "maybe", expected true or false (from SIGNALBOX_STDIN)`)
		})

		It("include a port in use", func() {
			taken, err := net.Listen("tcp", "127.0.0.1:0")
			Expect(err).NotTo(HaveOccurred())
			DeferCleanup(taken.Close)
			_, port, _ := net.SplitHostPort(taken.Addr().String())

			fails(startDaemon("--intake-bind-port="+port), exitFailure,
				"cannot receive events on 127.0.0.1:"+port, "address already in use", "set --intake-bind-port to a different port")
			fails(startDaemon("--prometheus-bind-port="+port), exitFailure,
				"127.0.0.1:"+port, "address already in use", "set --prometheus-bind-port to a different port")
		})

		It("include an address that the machine does not have", func() {
			const documentation = "192.0.2.1" // reserved for documentation, so no machine has it
			fails(startDaemon("--intake-bind-ip="+documentation), exitFailure, documentation, "set --intake-bind-ip to an address of this machine")
			fails(startDaemon("--prometheus-bind-ip="+documentation), exitFailure, documentation, "set --prometheus-bind-ip to an address of this machine")
		})

		It("include a privileged port", func() {
			err := withAdvice(&net.OpError{Err: os.NewSyscallError("bind", syscall.EACCES)}, "--ip", "--port")
			Expect(err).To(MatchError(syscall.EACCES))
			Expect(err).To(MatchError(ContainSubstring("set --port to a higher port")))
		})

		It("of files get no advice about ports", func() {
			err := fmt.Errorf("--mapping-file: %w", &fs.PathError{Op: "open", Path: "ci.yml", Err: syscall.EACCES})
			Expect(withAdvice(err, "--ip", "--port")).To(Equal(err))
		})

		It("do not include unknown variables, which are logged", func() {
			p := start([]string{
				"SIGNALBOX_INTAKE_BIND_PORT=0", "SIGNALBOX_PROMETHEUS_BIND_PORT=0", "SIGNALBOX_FORMAT=xml",
				"SIGNALBOX_INTAKE_PORT=1", "SIGNALBOX_ATRIBUTE=a=b", "SIGNALBOX_COLOUR_OF_THE_BOX=red",
				"SIGNALBOX_SERVICE_HOST=10.0.0.1", "SIGNALBOX_SERVICE_PORT_METRICS=9391", // set by Kubernetes
				"SIGNALBOX_PORT=tcp://10.0.0.1:9391", "SIGNALBOX_PORT_9391_TCP_ADDR=10.0.0.1",
			}, "run")
			p.eventsURL()
			Expect(strings.Count(p.stderr(), "unknown-variable")).To(Equal(3))
			Expect(p.stderr()).To(MatchRegexp(`did you mean SIGNALBOX_INTAKE_BIND_PORT\?","variable":"SIGNALBOX_INTAKE_PORT"`))
			Expect(p.stderr()).To(MatchRegexp(`did you mean SIGNALBOX_ATTRIBUTE\?","variable":"SIGNALBOX_ATRIBUTE"`))
			Expect(p.stderr()).To(MatchRegexp(`lists the flags","variable":"SIGNALBOX_COLOUR_OF_THE_BOX"`))
		})

		It("include a web configuration file that cannot be read", func() {
			fails(startDaemon("--prometheus-web-config-file=/nowhere/web.yml"), exitFailure, "/nowhere/web.yml", "no such file")

			path := filepath.Join(GinkgoT().TempDir(), "web.yml")
			Expect(os.WriteFile(path, []byte("tls: [\n"), 0o600)).To(Succeed())
			fails(startDaemon("--prometheus-web-config-file="+path), exitFailure, path)
		})

		It("include an attribute that cannot be a label", func() {
			fails(startDaemon("--attribute=???=1"), exitBadUsage, "???")
		})
	})
})

// hostOf returns the host and port of a URL.
func hostOf(address string) string {
	GinkgoHelper()

	parsed, err := url.Parse(address)
	Expect(err).NotTo(HaveOccurred())
	return parsed.Host
}
