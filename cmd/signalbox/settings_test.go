package main

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

var _ = Describe("The status of signalbox run", func() {
	get := func(url string) map[string]any {
		GinkgoHelper()
		var answer map[string]any
		Expect(json.Unmarshal([]byte(body(client.Get(url))), &answer)).To(Succeed())
		return answer
	}

	It("shows the values of the flags on both listeners, without secrets", func() {
		daemon := startDaemon("--attribute=region=eu", "--attribute=url=https://ci:hunter2@ci:8080/x",
			"--attribute=who=me@example.org", "--host=web-1", "--push-ttl=1h")
		settings := map[string]any{}
		for _, s := range get(strings.TrimSuffix(daemon.url("serving-metrics"), "/metrics") + "/api/v1/overview")["settings"].([]any) {
			s := s.(map[string]any)
			settings[s["name"].(string)] = s["value"]
		}
		flags := get(strings.TrimSuffix(daemon.eventsURL(), "/events") + "/status")["data"].(map[string]any)["flags"]
		for _, shown := range []any{settings, flags} {
			Expect(shown).To(And(
				HaveKeyWithValue("attribute", "region=eu,url=https://<secret>@ci:8080/x,who=me@example.org"),
				HaveKeyWithValue("host", "web-1"),
				HaveKeyWithValue("push-ttl", "1h0m0s"),
				HaveKeyWithValue("prometheus-bind-port", "0"),
				HaveKeyWithValue("prometheus-worker-stale-after", "5m0s"),
			))
		}
	})

	It("counts the lines of standard input", func() {
		daemon := startDaemon("--stdin", "--stdin-format=lager")
		input := func() any {
			return get(strings.TrimSuffix(daemon.url("serving-metrics"), "/metrics") + "/api/v1/overview")["input"]
		}
		Expect(input()).To(Equal(map[string]any{
			"format": "lager", "accepted": 0.0, "unknown": 0.0, "refused": 0.0, "duplicate": 0.0, "rejected": 0.0, "skipped": 0.0, "ended_at": nil}))
		Expect(daemon.page()).To(ContainSubstring("\nsignalbox_input_up 1\n"))

		event := `{"message":"atc.emit.event","data":{"name":"NAME","value":1}}` + "\n"
		io.WriteString(daemon.stdin, strings.Repeat("a line\n", 5)+strings.Repeat(strings.ReplaceAll(event, "NAME", "builds started"), 4)+
			strings.Repeat(strings.ReplaceAll(event, "NAME", "deploy finished"), 3)+strings.Repeat(strings.ReplaceAll(event, "1", "null"), 2))
		daemon.stdin.Close()
		Eventually(input).Should(HaveKeyWithValue("ended_at", Not(BeNil())))
		Expect(input()).To(And(
			HaveKeyWithValue("accepted", 7.0), HaveKeyWithValue("unknown", 3.0), HaveKeyWithValue("rejected", 2.0), HaveKeyWithValue("skipped", 5.0)))
		Expect(daemon.page()).To(And(
			ContainSubstring("\n"+`signalbox_input_lines_total{outcome="known"} 4`+"\n"),
			ContainSubstring("\n"+`signalbox_input_lines_total{outcome="unknown"} 3`+"\n"),
			ContainSubstring("\n"+`signalbox_input_lines_total{outcome="rejected"} 2`+"\n"),
			ContainSubstring("\n"+`signalbox_input_lines_total{outcome="skipped"} 5`+"\n"),
			ContainSubstring("\nsignalbox_input_up 0\n")))
	})

	It("does not contain standard input if it is not read", func() {
		daemon := startDaemon()
		Expect(get(strings.TrimSuffix(daemon.url("serving-metrics"), "/metrics") + "/api/v1/overview")).NotTo(HaveKey("input"))
		Expect(daemon.page()).NotTo(ContainSubstring("signalbox_input_"))
	})

	It("contains an example of a rejected event", func() {
		daemon := startDaemon()
		status, _ := daemon.post("nonsense")
		Expect(status).To(Equal(http.StatusBadRequest))
		events := get(strings.TrimSuffix(daemon.url("serving-metrics"), "/metrics") + "/api/v1/overview")["events"].(map[string]any)
		Expect(events["rejections"]).To(HaveExactElements(And(
			HaveKeyWithValue("reason", "malformed"),
			HaveKeyWithValue("latest", HaveKeyWithValue("message", ContainSubstring(`not JSON: got "nonsense"`))),
		)))
	})
})
