package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/metric"
)

// The examples in the pages about webhooks must work.
var _ = Describe("The documentation of webhooks", func() {
	const secret = "signalbox-fixture-secret"

	// blocks returns the code blocks of a language on a page in docs.
	blocks := func(page, language string) (found []string) {
		GinkgoHelper()
		text, err := os.ReadFile("../../docs/" + page)
		Expect(err).NotTo(HaveOccurred())
		for _, match := range regexp.MustCompile("(?ms)^ *```"+language+"\n(.*?)^ *```$").FindAllStringSubmatch(string(text), -1) {
			found = append(found, match[1])
		}
		return found
	}
	write := func(name, text string) string {
		GinkgoHelper()
		file := filepath.Join(GinkgoT().TempDir(), name)
		Expect(os.WriteFile(file, []byte(text), 0o600)).To(Succeed())
		return file
	}
	startSource := func(name string, args ...string) (daemon *process, url string) {
		GinkgoHelper()
		source, err := findSource(name)
		Expect(err).NotTo(HaveOccurred())
		daemon = startDaemon(append(args, "--catalog=ci", "--webhook-bind-port=0", "--"+name+"-"+source.Credential()+"-file="+write("secret", secret+"\n"))...)
		return daemon, daemon.url("listening-for-webhooks")
	}
	// readDelivery returns a recorded delivery.
	readDelivery := func(name string) (content string, headers []string) {
		GinkgoHelper()
		text, err := os.ReadFile(filepath.Join("internal/source", name+".json"))
		Expect(err).NotTo(HaveOccurred())
		lines, err := os.ReadFile(filepath.Join("internal/source", name+".headers"))
		Expect(err).NotTo(HaveOccurred())
		for line := range strings.Lines(string(lines)) {
			if name, value, ok := strings.Cut(strings.TrimSpace(line), ": "); ok {
				headers = append(headers, name, value)
			}
		}
		return string(text), headers
	}

	DescribeTable("shows the answers of the webhook", func(name, page string) {
		_, url := startSource(name)
		Expect(url).To(MatchRegexp(`^http://127\.0\.0\.1:\d+/webhooks/` + name + `$`))
		shown := blocks(page, "text")
		Expect(shown).To(HaveLen(1))
		Expect(body(client.Get(url))).To(Equal(strings.TrimLeft(shown[0], " ")))
	},
		Entry("of GitHub", "github", "github.md"),
		Entry("of GitLab", "gitlab", "gitlab.md"),
		Entry("of CircleCI", "circleci", "circleci.md"),
		Entry("of Azure DevOps", "azuredevops", "azuredevops.md"),
		Entry("of Gitea", "gitea", "gitea.md"),
		Entry("of Drone", "drone", "drone.md"),
		Entry("of CDEvents", "cdevents", "cdevents.md"),
		Entry("of Buildkite", "buildkite", "buildkite.md"),
		Entry("of Tekton", "tekton", "tekton.md"),
		Entry("of Jenkins", "jenkins", "jenkins.md"),
	)

	It("shows the answer to a ping of GitHub", func() {
		_, url := startSource("github")
		text, headers := readDelivery("github/testdata/ping")
		response, answer := postTo(url, text, headers...)
		Expect(response.StatusCode).To(Equal(http.StatusAccepted))
		page, err := os.ReadFile("../../docs/github.md")
		Expect(err).NotTo(HaveOccurred())
		Expect(string(page)).To(ContainSubstring("`" + strings.TrimSpace(answer) + "`"))
	})

	It("lists all outcomes", func() {
		daemon, _ := startSource("github")
		page, err := os.ReadFile("../../docs/webhooks.md")
		Expect(err).NotTo(HaveOccurred())
		outcome := regexp.MustCompile(`(?m)^signalbox_source_deliveries_total\{outcome="(\w+)",source="github"\} 0$`)
		found := outcome.FindAllStringSubmatch(daemon.page(), -1)
		Expect(found).To(HaveLen(8))
		for _, match := range found {
			Expect(string(page)).To(ContainSubstring("\n| `" + match[1] + "` | "))
		}
	})

	It("shows what decode prints", func() {
		shown := ""
		for _, block := range blocks("webhooks.md", "console") {
			if strings.Contains(block, "signalbox decode") {
				shown = block
			}
		}
		const file = "workflow_job-completed-success.json"
		Expect(shown).To(ContainSubstring("$ cd cmd/signalbox/internal/source/github/testdata\n$ signalbox decode github " + file + " | jq -r "))
		var stdout, stderr bytes.Buffer
		Expect(run(metric.NewMonitor(), []string{"decode", "github", filepath.Join("internal/source/github/testdata", file)}, world{stdout: &stdout, stderr: &stderr})).To(Equal(exitClean))
		printed := ""
		for line := range strings.Lines(stdout.String()) {
			var e struct {
				Name  string
				Value float64
			}
			Expect(json.Unmarshal([]byte(line), &e)).To(Succeed())
			printed += fmt.Sprintf("%s: %g\n", e.Name, e.Value)
		}
		_, output, _ := strings.Cut(shown, "'\n")
		Expect(output).To(Equal(printed + strings.TrimPrefix(stderr.String(), "internal/source/github/testdata/")))
	})

	It("has mapping files that are valid", func() {
		check := func(example string) {
			GinkgoHelper()
			var stdout, stderr bytes.Buffer
			Expect(run(metric.NewMonitor(), []string{"check", "--catalog=ci", write("mapping.yaml", example)}, world{stdout: &stdout, stderr: &stderr})).
				To(Equal(exitClean), stderr.String())
		}
		count := 0
		for _, page := range []string{"webhooks.md", "github.md", "gitlab.md"} {
			together := "metrics:\n"
			for _, example := range blocks(page, "yaml") {
				if !strings.HasPrefix(example, "metrics:") {
					continue
				}
				count++
				check(example)
				together += strings.TrimPrefix(example, "metrics:\n")
			}
			check(together)
		}
		Expect(count).To(Equal(3))
	})

	It("shows how to shorten the names of pipelines", func() {
		daemon, url := startSource("gitlab", "--mapping-file="+write("mapping.yaml", blocks("gitlab.md", "yaml")[0]), "--source-memory=1000000h")
		text, headers := readDelivery("gitlab/testdata/pipeline-life_a-4-failed")
		for i, name := range []string{"Deploy main", "Deploy feature/blue-button", "Lint"} {
			var delivery map[string]any
			Expect(json.Unmarshal([]byte(text), &delivery)).To(Succeed())
			attributes := delivery["object_attributes"].(map[string]any)
			attributes["name"], attributes["id"] = name, i
			encoded, err := json.Marshal(delivery)
			Expect(err).NotTo(HaveOccurred())
			response, answer := postTo(url, string(encoded), append(headers, "Idempotency-Key", name)...)
			Expect(response.StatusCode).To(Equal(http.StatusAccepted))
			Expect(answer).To(ContainSubstring(`"accepted"`))
		}
		const rest = `ref_kind="pull_request",repository="gitlab-org/gitlab-test",result="failure",system="gitlab"} `
		Expect(daemon.page()).To(And(
			ContainSubstring(`ci_runs_finished_total{pipeline="Deploy",`+rest+"2\n"),
			ContainSubstring(`ci_runs_finished_total{pipeline="Lint",`+rest+"1\n"),
			Not(ContainSubstring("blue-button"))))
	})
})
