//go:build e2e

package endtoend

import (
	"bytes"
	"encoding/json"
	"maps"
	"os/exec"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/internal/catalog"
)

// promtoolFindings returns the findings of promtool check metrics on a page, one per
// line.
func promtoolFindings(page string) []string {
	GinkgoHelper()
	check := exec.Command("promtool", "check", "metrics")
	check.Stdin = strings.NewReader(page)
	output, err := check.CombinedOutput()
	GinkgoWriter.Println(string(output))
	if len(output) == 0 {
		Expect(err).NotTo(HaveOccurred())
		return nil
	}
	Expect(check.ProcessState.ExitCode()).To(Equal(3), string(output)) // findings
	return strings.Split(strings.TrimSpace(string(output)), "\n")
}

// catalogEvents returns an event for each rule of the catalog, one per line. Each event
// has the attributes of all rules for its name, so that none is rejected.
func catalogEvents() []byte {
	GinkgoHelper()
	attributes := map[string]map[string]string{} // by event
	for _, rule := range catalog.Rules(catalog.Inherited) {
		if attributes[rule.Event] == nil {
			attributes[rule.Event] = map[string]string{}
		}
		for _, label := range rule.Labels {
			attributes[rule.Event][label.Attribute] = "x"
		}
		for _, attribute := range rule.Needs {
			attributes[rule.Event][attribute] = "x"
		}
		for attribute, values := range rule.Values {
			attributes[rule.Event][attribute] = values[0]
		}
	}

	var body bytes.Buffer
	for _, rule := range catalog.Rules(catalog.Inherited) {
		event := struct {
			Name       string            `json:"name"`
			Value      float64           `json:"value"`
			Attributes map[string]string `json:"attributes"`
		}{rule.Event, 1500, maps.Clone(attributes[rule.Event])}
		if rule.When != nil {
			event.Attributes[rule.When.Attribute] = rule.When.Value
		}
		Expect(json.NewEncoder(&body).Encode(event)).To(Succeed())
	}
	return body.Bytes()
}

var _ = Describe("Signalbox with --prometheus-naming=modern", Ordered, func() {
	var page string

	BeforeAll(func() {
		signalbox := startSignalbox("--prometheus-naming=modern")
		Expect(postEvents(signalbox.events, catalogEvents())).To(ContainSubstring(`"unknown":0`))
		signalbox.gateway().push("PUT", "unit", "# HELP tests_total Tests.\n# TYPE tests_total counter\ntests_total 3\n")
		page = get(signalbox.metrics, "text/plain")
	})

	It("serves every family that events update", func() {
		for _, rule := range catalog.Rules(catalog.Modern) {
			Expect(page).To(MatchRegexp(`(?m)^concourse_%s(_count)?[{ ]`, rule.Metric))
		}
		Expect(page).To(ContainSubstring("\nconcourse_workers_last_seen_timestamp_seconds{"))
		Expect(page).To(ContainSubstring("\nsignalbox_events_rejected_total{reason=\"missing_attribute\"} 0\n"))
		Expect(page).To(ContainSubstring("\nconcourse_gc_volume_collector_duration_seconds_sum 1.5\n"))
	})

	It("serves a page without findings of promtool", func() {
		Expect(promtoolFindings(page)).To(BeEmpty())
	})
})
