package main

import (
	"encoding/json"
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

	It("shows the flags in force on both listeners, without secrets", func() {
		daemon := startDaemon("--attribute=region=eu", "--attribute=api_key=a,b=c", "--attribute=url=https://ci:8080/x",
			"--attribute=who=me@example.org", "--host=web-1", "--push-ttl=1h")
		settings := map[string]any{}
		for _, s := range get(strings.TrimSuffix(daemon.url("serving-metrics"), "/metrics") + "/api/v1/overview")["settings"].([]any) {
			s := s.(map[string]any)
			settings[s["name"].(string)] = s["value"]
		}
		flags := get(strings.TrimSuffix(daemon.eventsURL(), "/events") + "/status")["data"].(map[string]any)["flags"]
		for _, shown := range []any{settings, flags} {
			Expect(shown).To(And(
				HaveKeyWithValue("attribute", "api_key=<secret>,region=eu,url=https://ci:8080/x,who=me@example.org"),
				HaveKeyWithValue("host", "web-1"),
				HaveKeyWithValue("push-ttl", "1h0m0s"),
				HaveKeyWithValue("prometheus-bind-port", "0"),
				HaveKeyWithValue("prometheus-worker-stale-after", "5m0s"),
			))
		}
	})

	It("has an example of what was no event", func() {
		daemon := startDaemon()
		status, _ := daemon.post("nonsense")
		Expect(status).To(Equal(http.StatusBadRequest))
		events := get(strings.TrimSuffix(daemon.url("serving-metrics"), "/metrics") + "/api/v1/overview")["events"].(map[string]any)
		Expect(events["rejections"]).To(HaveExactElements(And(
			HaveKeyWithValue("reason", "malformed"),
			HaveKeyWithValue("latest", HaveKeyWithValue("message", ContainSubstring(`not JSON: "nonsense"`))),
		)))
	})
})

var _ = DescribeTable("The value of a flag that is shown",
	func(value any, shown string) { Expect(textOf(value)).To(Equal(shown)) },
	Entry("a number", 7, "7"),
	Entry("pairs", map[string]string{"b": "1", "a": "2"}, "a=2,b=1"),
	Entry("a secret among pairs", attributes{"token": "a b,c=d&e"}, "token=<secret>"),
	Entry("no pairs", attributes(nil), ""),
	Entry("a list", []string{"a", "b"}, "a,b"),
	Entry("a secret in a list", []string{"Authorization: Basic a b, c", "x=y"}, "Authorization:<secret>,x=y"),
)
