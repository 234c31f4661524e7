//go:build e2e

package endtoend

import (
	"bufio"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/push"
	"github.com/prometheus/common/expfmt"
)

// The clients push to a real Pushgateway, too, which shows that their requests are
// correct.
var _ = Describe("Common clients of the Pushgateway", Ordered, ContinueOnFailure, func() {
	var theirs, ours gateway

	BeforeAll(func() {
		theirs = startPushgateway("--web.enable-admin-api")
		ours = startSignalbox("--enable-admin-api").gateway()
	})

	BeforeEach(func() {
		theirs.wipe()
		ours.wipe()
	})

	both := func(do func(gateway)) {
		do(theirs)
		do(ours)
		compare(theirs, ours, scenario{})
	}

	Describe("push of client_golang", func() {
		collectors := func(value float64) []prometheus.Collector {
			counter := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "builds_total", Help: "Builds."}, []string{"result"})
			counter.WithLabelValues("ö \"\\\n").Add(value)
			gauge := prometheus.NewGauge(prometheus.GaugeOpts{Name: "queue_length"})
			gauge.Set(value)
			classic := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "build_seconds", Buckets: []float64{1, 5}})
			classic.Observe(value)
			native := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "step_seconds", NativeHistogramBucketFactor: 1.1})
			native.(prometheus.ExemplarObserver).ObserveWithExemplar(value, prometheus.Labels{"trace_id": "abc"})
			summary := prometheus.NewSummary(prometheus.SummaryOpts{Name: "task_seconds", Objectives: map[float64]float64{0.5: 0.05}})
			summary.Observe(value)
			return []prometheus.Collector{counter, gauge, classic, native, summary}
		}
		pusher := func(g gateway, job string, of ...prometheus.Collector) *push.Pusher {
			p := push.New(g.url, job)
			for _, c := range of {
				p.Collector(c)
			}
			return p
		}

		It("pushes, adds and deletes", func() {
			both(func(g gateway) { Expect(pusher(g, "ci", collectors(3)...).Push()).To(Succeed()) })
			page := ours.page()
			Expect(page.series(`queue_length{instance="",job="ci"}`)).To(Equal("3"))
			Expect(page.series(`builds_total{instance="",job="ci",result="ö \"\\\n"}`)).To(Equal("3"))
			Expect(page.series(`build_seconds{instance="",job="ci"}`)).To(Equal("count 1 sum 3 le1 0 le5 1"))

			both(func(g gateway) { Expect(pusher(g, "ci", collectors(4)[1]).Add()).To(Succeed()) })
			Expect(ours.page().series(`queue_length{instance="",job="ci"}`)).To(Equal("4"))
			Expect(ours.page().series(`task_seconds{instance="",job="ci"}`)).NotTo(BeEmpty())

			both(func(g gateway) { Expect(pusher(g, "ci", collectors(5)[1]).Push()).To(Succeed()) })
			Expect(ours.page().series(`task_seconds{instance="",job="ci"}`)).To(BeEmpty())

			both(func(g gateway) { Expect(pusher(g, "ci").Delete()).To(Succeed()) })
			Expect(ours.page()).To(BeEmpty())
			both(func(g gateway) { Expect(pusher(g, "ci").Delete()).To(Succeed()) })
		})

		It("pushes to groups with any label values", func() {
			group := func(g gateway) *push.Pusher {
				return pusher(g, "a/b", collectors(3)[1]).
					Grouping("path", "/var/tmp").Grouping("none", "").Grouping("name", "Προμηθεύς").
					Grouping("odd", "50% of?x#y+z").Grouping("instance", "i")
			}
			both(func(g gateway) { Expect(group(g).Push()).To(Succeed()) })
			Expect(ours.page().series(`queue_length{instance="i",job="a/b",name="Προμηθεύς",none="",odd="50%+of?x#y+z",path="/var/tmp"}`)).To(Equal("3"))
			both(func(g gateway) { Expect(group(g).Delete()).To(Succeed()) })
			Expect(ours.page()).To(BeEmpty())
		})

		It("pushes text", func() {
			both(func(g gateway) {
				Expect(pusher(g, "ci", collectors(3)...).Format(expfmt.NewFormat(expfmt.TypeTextPlain)).Add()).To(Succeed())
			})
		})

		It("receives the reason for a rejected push", func() {
			conflict := prometheus.NewCounter(prometheus.CounterOpts{Name: "queue_length"})
			both(func(g gateway) {
				Expect(pusher(g, "ci", collectors(3)[1]).Push()).To(Succeed())
				Expect(pusher(g, "other", conflict).Push()).To(MatchError(And(ContainSubstring("status code 400"), ContainSubstring("queue_length"))))
			})
		})
	})

	Describe("prom-client from npm", func() {
		type command struct {
			Method  string         `json:"method"`
			Params  map[string]any `json:"params"`
			Options map[string]any `json:"options,omitempty"`
			Value   float64        `json:"value,omitempty"`
		}
		run := func(g gateway, commands ...command) []string {
			GinkgoHelper()
			modules := os.Getenv("PROM_CLIENT_MODULES")
			Expect(modules).NotTo(BeEmpty(), "PROM_CLIENT_MODULES is not set: run scripts/e2e")
			var input strings.Builder
			for _, c := range commands {
				Expect(json.NewEncoder(&input).Encode(c)).To(Succeed())
			}
			node := exec.Command("node", "promclient.js", g.url)
			node.Env = append(os.Environ(), "NODE_PATH="+modules)
			node.Stdin = strings.NewReader(input.String())
			node.Stderr = GinkgoWriter
			output, err := node.Output()
			Expect(err).NotTo(HaveOccurred())
			return strings.Split(strings.TrimSpace(string(output)), "\n")
		}
		ci := map[string]any{"jobName": "ci", "groupings": map[string]string{"run": "7", "name": "Προμηθεύς ?#"}}

		It("pushes, adds and deletes", func() {
			both(func(g gateway) {
				Expect(run(g,
					command{Method: "push", Params: ci, Value: 3},
					command{Method: "pushAdd", Params: ci, Value: 4},
					command{Method: "pushAdd", Params: map[string]any{"jobName": "plain"}, Value: 5},
				)).To(HaveEach("ok"))
			})
			page := ours.page()
			Expect(page.series(`queue_length{instance="",job="ci",name="Προμηθεύς ?#",run="7"}`)).To(Equal("4"))
			Expect(page.series(`builds_total{instance="",job="plain",result="a \"quoted\"\n\\ result"}`)).To(Equal("5"))
			Expect(page).To(ContainElement(`# builds_total counter "What it counts.\nWith \"two\" lines \\."`))

			both(func(g gateway) { Expect(run(g, command{Method: "delete", Params: ci})).To(HaveEach("ok")) })
			Expect(ours.page().series(`queue_length{instance="",job="ci",name="Προμηθεύς ?#",run="7"}`)).To(BeEmpty())
		})

		It("pushes with gzip", func() {
			both(func(g gateway) {
				Expect(run(g, command{Method: "push", Params: ci, Value: 3, Options: map[string]any{"headers": map[string]string{"Content-Encoding": "gzip"}}})).To(HaveEach("ok"))
			})
			Expect(ours.page()).NotTo(BeEmpty())
		})

		It("pushes with an empty label value", func() {
			empty := map[string]any{"jobName": "ci", "groupings": map[string]string{"none": ""}}
			both(func(g gateway) { Expect(run(g, command{Method: "push", Params: empty, Value: 3})).To(HaveEach("ok")) })
			Expect(ours.page().series(`queue_length{instance="",job="ci",none=""}`)).To(Equal("3"))
			both(func(g gateway) { Expect(run(g, command{Method: "delete", Params: empty})).To(HaveEach("ok")) })
			Expect(ours.page()).To(BeEmpty())
		})

		It("pushes label values with slashes, which only signalbox accepts", func() {
			job := map[string]any{"jobName": "a/b"}
			path := map[string]any{"jobName": "ci", "groupings": map[string]string{"path": "/var/tmp", "branch": "feat/x"}}
			Expect(run(theirs, command{Method: "push", Params: job, Value: 3})).To(HaveEach(ContainSubstring("status 400")))
			Expect(run(ours,
				command{Method: "push", Params: job, Value: 3},
				command{Method: "pushAdd", Params: path, Value: 4},
			)).To(HaveEach("ok"))
			Expect(ours.page().series(`queue_length{instance="",job="a/b"}`)).To(Equal("3"))
			Expect(ours.page().series(`queue_length{branch="feat/x",instance="",job="ci",path="/var/tmp"}`)).To(Equal("4"))

			Expect(run(ours, command{Method: "delete", Params: job}, command{Method: "delete", Params: path})).To(HaveEach("ok"))
			Expect(ours.page()).To(BeEmpty())
		})

		It("receives the reason for a rejected push", func() {
			both(func(g gateway) {
				g.push(http.MethodPut, "before", "# TYPE queue_length counter\nqueue_length 1\n")
				Expect(run(g, command{Method: "push", Params: ci, Value: 3})).To(HaveEach(ContainSubstring("status 400")))
			})
		})
	})

	// The examples in the Pushgateway's README, sections Command line, URL, Request
	// compression, Admin API, Query API and Management API.
	DescribeTable("curl", func(script string, want ...string) {
		both(func(g gateway) {
			shell := exec.Command("bash", "-euo", "pipefail", "-c", script)
			shell.Env = append(os.Environ(), "url="+g.url, "curl=curl -sS --fail-with-body", "no_proxy=127.0.0.1")
			output, err := shell.CombinedOutput()
			Expect(err).NotTo(HaveOccurred(), "%s: %s", g.name, output)
		})
		Expect(ours.page()).To(ContainElements(want))
		if len(want) == 0 {
			Expect(ours.page()).To(BeEmpty())
		}
	},
		Entry("pushes a sample", `
			echo "some_metric 3.14" | $curl --data-binary @- $url/metrics/job/some_job`,
			`# some_metric untyped ""`,
			`some_metric{instance="",job="some_job"} 3.14`),
		Entry("pushes something more complex", `
			cat <<EOF | $curl --data-binary @- $url/metrics/job/some_job/instance/some_instance
# TYPE some_metric counter
some_metric{label="val1"} 42
# TYPE another_metric gauge
# HELP another_metric Just an example.
another_metric 2398.283
EOF`,
			`# some_metric counter ""`,
			`some_metric{instance="some_instance",job="some_job",label="val1"} 42`,
			`# another_metric gauge "Just an example."`,
			`another_metric{instance="some_instance",job="some_job"} 2398.283`),
		Entry("deletes a group, and no other", `
			echo "some_metric 1" | $curl --data-binary @- $url/metrics/job/some_job/instance/some_instance
			echo "some_metric 2" | $curl --data-binary @- $url/metrics/job/some_job
			$curl -X DELETE $url/metrics/job/some_job`,
			`some_metric{instance="some_instance",job="some_job"} 1`),
		Entry("deletes a group with an instance", `
			echo "some_metric 1" | $curl --data-binary @- $url/metrics/job/some_job/instance/some_instance
			$curl -X DELETE $url/metrics/job/some_job/instance/some_instance`),
		Entry("deletes all groups", `
			echo "some_metric 1" | $curl --data-binary @- $url/metrics/job/some_job
			$curl -X PUT $url/api/v1/admin/wipe`),
		Entry("pushes to a path with a base64 value", `
			echo 'some_metric{foo="bar"} 3.14' | $curl --data-binary @- \
				$url/metrics/job/directory_cleaner/path@base64/$(echo -n '/var/tmp' | base64 | tr '+/' '-_')`,
			`some_metric{foo="bar",instance="",job="directory_cleaner",path="/var/tmp"} 3.14`),
		Entry("pushes with an empty label value", `
			echo "some_metric 1" | $curl --data-binary @- $url/metrics/job/example/first_label@base64/=/second_label/foobar`,
			`some_metric{first_label="",instance="",job="example",second_label="foobar"} 1`),
		Entry("pushes a Greek label value", `
			echo "some_metric 1" | $curl --data-binary @- $url/metrics/job/titan/name/%CE%A0%CF%81%CE%BF%CE%BC%CE%B7%CE%B8%CE%B5%CF%8D%CF%82
			echo "another_metric 1" | $curl --data-binary @- $url/metrics/job/titan/name@base64/zqDPgc6_zrzOt864zrXPjc-C`,
			`some_metric{instance="",job="titan",name="Προμηθεύς"} 1`,
			`another_metric{instance="",job="titan",name="Προμηθεύς"} 1`),
		Entry("pushes with gzip", `
			echo "some_metric 3.14" | gzip | $curl -H 'Content-Encoding: gzip' --data-binary @- $url/metrics/job/some_job`,
			`some_metric{instance="",job="some_job"} 3.14`),
		Entry("puts from a file, in chunks", `
			echo "some_metric 3.14" | $curl -T - $url/metrics/job/some_job`,
			`some_metric{instance="",job="some_job"} 3.14`),
		Entry("requests status, metrics and health", `
			$curl -X GET $url/api/v1/status | grep -q '"status":"success"'
			$curl -X GET $url/api/v1/metrics | grep -q '"status":"success"'
			$curl $url/-/healthy
			$curl $url/-/ready`),
	)

	It("has the same keys in the status API as a Pushgateway", func() {
		keys := func(g gateway) []string {
			var answer struct {
				Status string
				Data   map[string]json.RawMessage
			}
			body := g.send(http.MethodGet, "/api/v1/status", nil, nil).body
			Expect(json.NewDecoder(bufio.NewReader(strings.NewReader(body))).Decode(&answer)).To(Succeed(), body)
			Expect(answer.Status).To(Equal("success"))
			var keys []string
			for key := range answer.Data {
				keys = append(keys, key)
			}
			return keys
		}
		Expect(keys(ours)).To(ContainElements(keys(theirs)))
	})
})
