//go:build e2e

package endtoend

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// A panel is a panel of a dashboard, or a row with panels.
type panel struct {
	Title   string
	Targets []struct{ Expr string }
	Panels  []panel
}

// expressions yields the expressions of the panel and those in it.
func (p panel) expressions(yield func(title, expression string) bool) bool {
	for _, target := range p.Targets {
		if !yield(p.Title, target.Expr) {
			return false
		}
	}
	for _, inner := range p.Panels {
		if !inner.expressions(yield) {
			return false
		}
	}
	return true
}

var _ = Describe("The dashboards about CI systems", func() {
	// What the demo's organizations send rarely or never.
	const events = `{"name": "ci workers", "value": 3, "attributes": {"system": "github", "queue": "default", "state": "busy"}}
{"name": "ci workers", "value": 2, "attributes": {"system": "github", "queue": "default", "state": "available"}}
{"name": "ci worker lost", "value": 1, "attributes": {"system": "github", "queue": "default"}}
{"name": "ci incident opened", "value": 1, "attributes": {"system": "github", "service": "shop", "environment": "production"}}
{"name": "ci incident time to restore", "value": 1800, "attributes": {"system": "github", "service": "shop", "environment": "production"}}
{"name": "ci deployment finished", "value": 1, "attributes": {"system": "github", "repository": "REPOSITORY", "environment": "production", "tier": "production", "result": "failure"}}
{"name": "ci run finished", "value": 1, "attributes": {"system": "github", "repository": "REPOSITORY", "pipeline": "ci", "ref_kind": "default", "result": "error", "error_type": "startup_failure"}}
{"name": "ci tests finished", "value": 5, "attributes": {"system": "github", "repository": "REPOSITORY", "outcome": "failed"}}
`

	It("show data in every panel", func() {
		daemon := startCommand("demo", "--log-level=info", "--webhook-bind-port=0", "--prometheus-naming=modern")
		prometheus := startPrometheusWithRules(daemon.metrics, frequentRules("modern"))
		// A repository with deployments has everything else, too.
		var repository string
		Eventually(func() []result {
			found := prometheus.query(`topk(1, sum by (repository) (ci_deployments_total{system="github"}))`)
			for _, r := range found {
				repository = r.Metric["repository"]
			}
			return found
		}, "30s", "200ms").ShouldNot(BeEmpty())
		response, err := http.Post(daemon.events, "application/x-ndjson", strings.NewReader(strings.ReplaceAll(events, "REPOSITORY", repository)))
		Expect(err).NotTo(HaveOccurred())
		defer response.Body.Close()
		Expect(io.ReadAll(response.Body)).To(ContainSubstring(`"accepted":8`))

		variables := strings.NewReplacer("$__range_s", "3600", "$__range", "1h", "$__rate_interval", "10s", "$__interval", "5s",
			"$system", ".*", "$runner_class", ".*", "$environment", ".*", "$pipeline", ".*", `"$repository"`, fmt.Sprintf("%q", repository), "$repository", ".*")
		files, err := filepath.Glob("../../deploy/grafana/modern/ci-*.json")
		Expect(err).NotTo(HaveOccurred())
		Expect(files).To(HaveLen(4))
		count := 0
		for _, file := range files {
			content, err := os.ReadFile(file)
			Expect(err).NotTo(HaveOccurred())
			var dashboard panel
			Expect(json.Unmarshal(content, &dashboard)).To(Succeed())
			dashboard.expressions(func(title, expression string) bool {
				count++
				Eventually(prometheus.sees(variables.Replace(expression)), "20s", "500ms").ShouldNot(BeEmpty(), "%s: %s: %s", filepath.Base(file), title, expression)
				return true
			})
		}
		Expect(count).To(BeNumerically(">", 80))
		daemon.stop()
	})
})
