//go:build e2e

package endtoend

import (
	"maps"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"go.yaml.in/yaml/v3"
)

// The examples in docs/other-ci.md must report runs. The specs do what the CI system does
// with them: they start the commands in a shell, or send the request of a template.
var _ = Describe("CI systems without webhooks", Ordered, func() {
	const url = "https://ci.example.com:19391/api/v1/events"

	var (
		s        *signalbox
		examples []string
	)
	BeforeAll(func() {
		s = startSignalbox("--catalog=ci", "--intake-token-file", writeFile(accessToken))
		examples = documentedExamples("other-ci.md", "yaml")
		Expect(examples).To(HaveLen(3))
	})

	// decode decodes an example, with the URL of the daemon.
	decode := func(example string, into any) {
		GinkgoHelper()
		Expect(yaml.Unmarshal([]byte(replace(example, url, s.events)), into)).To(Succeed())
	}
	// shell runs commands like a CI system: until one fails, with only these variables.
	shell := func(commands []string, variables map[string]string) {
		GinkgoHelper()
		command := exec.Command("sh", "-euc", strings.Join(commands, "\n"))
		command.Env = []string{"PATH=" + os.Getenv("PATH")}
		for _, name := range slices.Sorted(maps.Keys(variables)) {
			command.Env = append(command.Env, name+"="+variables[name])
		}
		out, err := command.CombinedOutput()
		Expect(err).NotTo(HaveOccurred(), string(out))
	}
	// series returns the series of a system, without buckets and zeros.
	series := func(system string) map[string]string {
		GinkgoHelper()
		found := map[string]string{}
		for line := range strings.Lines(get(s.metrics, "text/plain")) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), "} ")
			if strings.Contains(name, `system="`+system+`"`) && !strings.Contains(name, "_bucket{") {
				found[name+"}"] = value
			}
		}
		return found
	}

	It("report the workflows of Woodpecker", func() {
		var workflow struct {
			Steps []struct {
				Commands    []string
				When        []struct{ Status string }
				Environment map[string]any
			}
		}
		decode(examples[0], &workflow)
		started := time.Now().Add(-time.Minute).Unix()
		for i, status := range []string{"success", "failure", "failure"} {
			pipeline := strconv.Itoa(min(i, 1)) // the failures are workflows of one matrix
			ran := 0
			for _, step := range workflow.Steps {
				if step.When == nil || step.When[0].Status != status {
					continue
				}
				ran++
				variables := map[string]string{
					"CI_REPO": "example/web", "CI_WORKFLOW_NAME": "test", "CI_WORKFLOW_NUMBER": strconv.Itoa(i + 1),
					"CI_PIPELINE_NUMBER": pipeline, "CI_PIPELINE_URL": "https://ci.example.com/repos/7/pipeline/" + pipeline,
					"CI_PIPELINE_CREATED": strconv.FormatInt(started-5, 10), "CI_PIPELINE_STARTED": strconv.FormatInt(started, 10),
				}
				for name, value := range step.Environment {
					switch value := value.(type) {
					case string:
						variables[name] = value
					default:
						Expect(value).To(Equal(map[string]any{"from_secret": "signalbox_token"}))
						variables[name] = accessToken
					}
				}
				shell(step.Commands, variables)
			}
			Expect(ran).To(Equal(1))
		}
		found := series("woodpecker")
		seconds, err := strconv.ParseFloat(found[`ci_run_duration_seconds_sum{pipeline="test",repository="example/web",result="success",system="woodpecker"}`], 64)
		Expect(err).NotTo(HaveOccurred())
		Expect(seconds).To(BeNumerically(">=", 60))
		Expect(found).To(And(
			HaveKeyWithValue(`ci_runs_finished_total{pipeline="test",ref_kind="",repository="example/web",result="success",system="woodpecker"}`, "1"),
			HaveKeyWithValue(`ci_runs_finished_total{pipeline="test",ref_kind="",repository="example/web",result="failure",system="woodpecker"}`, "2"),
			HaveKeyWithValue(`ci_run_duration_seconds_count{pipeline="test",repository="example/web",result="failure",system="woodpecker"}`, "2"),
			HaveKeyWithValue(`ci_run_queue_duration_seconds_sum{pipeline="test",repository="example/web",system="woodpecker"}`, "15"),
		))
	})

	It("report the steps of Bitbucket Pipelines", func() {
		var pipelines struct {
			Pipelines struct {
				Default []struct {
					Step struct {
						Script      []string
						AfterScript []string `yaml:"after-script"`
					}
				}
			}
		}
		decode(examples[1], &pipelines)
		Expect(pipelines.Pipelines.Default).To(HaveLen(1))
		step := pipelines.Pipelines.Default[0].Step
		directory := GinkgoT().TempDir()
		for i, code := range []string{"0", "1", "137"} {
			variables := map[string]string{
				"BITBUCKET_REPO_FULL_NAME": "example/web", "BITBUCKET_BUILD_NUMBER": strconv.Itoa(i), "BITBUCKET_EXIT_CODE": code,
				"BITBUCKET_STEP_UUID": "{" + strconv.Itoa(i) + "}", "BITBUCKET_STEP_RUN_NUMBER": "1", "SIGNALBOX_TOKEN": accessToken,
			}
			for _, commands := range [][]string{step.Script[:1], step.AfterScript} {
				commands = slices.Clone(commands)
				for i := range commands {
					commands[i] = strings.ReplaceAll(commands[i], "/tmp/", directory+"/")
				}
				shell(commands, variables)
			}
		}
		Expect(series("bitbucket")).To(And(
			HaveKeyWithValue(`ci_runs_finished_total{pipeline="test",ref_kind="",repository="example/web",result="success",system="bitbucket"}`, "1"),
			HaveKeyWithValue(`ci_runs_finished_total{pipeline="test",ref_kind="",repository="example/web",result="failure",system="bitbucket"}`, "2"),
			HaveKeyWithValue(`ci_run_duration_seconds_count{pipeline="test",repository="example/web",result="failure",system="bitbucket"}`, "2"),
		))
	})

	It("report the workflows of Argo", func() {
		type parameter struct{ Name, Value string }
		var workflow struct {
			Spec struct {
				OnExit    string `yaml:"onExit"`
				Templates []struct {
					Name  string
					Steps [][]struct {
						Template, When string
						Arguments      struct{ Parameters []parameter }
					}
					HTTP struct {
						URL, Method, Body string
						SuccessCondition  string `yaml:"successCondition"`
						Headers           []struct {
							parameter `yaml:",inline"`
							ValueFrom struct {
								SecretKeyRef struct{ Name, Key string } `yaml:"secretKeyRef"`
							} `yaml:"valueFrom"`
						}
					}
				}
			}
		}
		decode(examples[2], &workflow)
		templates := workflow.Spec.Templates
		find := func(name string) int {
			for i := range templates {
				if templates[i].Name == name {
					return i
				}
			}
			Fail("no template " + name)
			return 0
		}
		for _, status := range []string{"Succeeded", "Failed", "Error", "Error"} {
			ran := 0
			for _, step := range slices.Concat(templates[find(workflow.Spec.OnExit)].Steps...) {
				variables := []string{"{{workflow.status}}", status, "{{workflow.duration}}", "63.250000", "{{workflow.uid}}", status}
				left, right, ok := strings.Cut(strings.NewReplacer(variables...).Replace(step.When), " == ")
				Expect(ok).To(BeTrue())
				if left != right {
					continue
				}
				ran++
				for _, p := range step.Arguments.Parameters {
					variables = append(variables, "{{inputs.parameters."+p.Name+"}}", p.Value)
				}
				substitute := strings.NewReplacer(variables...).Replace
				template := templates[find(step.Template)].HTTP
				Expect(template.SuccessCondition).To(Equal("response.statusCode == 200"))
				body := substitute(template.Body)
				Expect(body).NotTo(ContainSubstring("{{"))
				request, err := http.NewRequest(template.Method, template.URL, strings.NewReader(body))
				Expect(err).NotTo(HaveOccurred())
				for _, header := range template.Headers {
					value := substitute(header.Value)
					if header.ValueFrom.SecretKeyRef.Name == "signalbox" && header.ValueFrom.SecretKeyRef.Key == "authorization" {
						value = "Bearer " + accessToken
					}
					request.Header.Set(header.Name, value)
				}
				response, err := http.DefaultClient.Do(request)
				Expect(err).NotTo(HaveOccurred())
				response.Body.Close()
				Expect(response.StatusCode).To(Equal(http.StatusOK))
			}
			Expect(ran).To(Equal(1))
		}
		Expect(series("argo")).To(And(
			HaveKeyWithValue(`ci_runs_finished_total{pipeline="test",ref_kind="",repository="example/web",result="success",system="argo"}`, "1"),
			HaveKeyWithValue(`ci_runs_finished_total{pipeline="test",ref_kind="",repository="example/web",result="failure",system="argo"}`, "1"),
			HaveKeyWithValue(`ci_runs_finished_total{pipeline="test",ref_kind="",repository="example/web",result="error",system="argo"}`, "1"),
			HaveKeyWithValue(`ci_run_duration_seconds_sum{pipeline="test",repository="example/web",result="failure",system="argo"}`, "63.25"),
			HaveKeyWithValue(`ci_run_errors_total{error_type="",pipeline="test",repository="example/web",system="argo"}`, "2"),
		))
	})

	It("report the builds of Concourse", func() {
		commands := documentedExamples("other-ci.md", "sh")
		lines := documentedExamples("concourse.md", "json")
		Expect(lines).To(HaveLen(1))
		// The shell replaces itself by signalbox, so that no pipe is left to kill.
		command := replace(commands[len(commands)-1], "journalctl -fu concourse-web -o cat | signalbox run",
			"exec "+signalboxBinary+" run "+strings.Join(freePorts, " "))
		s = announce(start("sh", "-c", strings.TrimSpace(command)+" <"+writeFile(lines[0])))
		Eventually(func() map[string]string { return series("concourse") }, "20s", "20ms").Should(And(
			HaveKeyWithValue(`ci_runs_finished_total{pipeline="web",ref_kind="",repository="main",result="success",system="concourse"}`, "1"),
			HaveKeyWithValue(`ci_run_duration_seconds_sum{pipeline="web",repository="main",result="success",system="concourse"}`, "94"),
		))
	})
})
