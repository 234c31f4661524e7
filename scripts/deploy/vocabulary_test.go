package main

import (
	"bufio"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	catalogrule "github.com/signalbox-ci/signalbox/emitter/rule"
	"github.com/signalbox-ci/signalbox/internal/catalog"
)

// A vocabulary contains the labels of all existing series by metric name.
type vocabulary map[string]labelSet

// A labelSet is a set of label names.
type labelSet map[string]bool

func labelsOf(names ...string) labelSet {
	set := labelSet{}
	for _, name := range names {
		set[name] = true
	}
	return set
}

// targetLabels are the labels that Prometheus adds to scraped series.
var targetLabels = []string{"instance", "job"}

// add adds a family with its labels and those of the target.
func (v vocabulary) add(name string, histogram bool, labels ...string) {
	labels = append(labels, targetLabels...)
	if !histogram {
		v[name] = labelsOf(labels...)
		return
	}
	v[name+"_sum"] = labelsOf(labels...)
	v[name+"_count"] = labelsOf(labels...)
	v[name+"_bucket"] = labelsOf(append(labels, "le")...)
}

// vocabularyOf returns the series of the catalog in a naming, the other series on the
// metrics page of a daemon, and the series that Prometheus adds.
func vocabularyOf(naming catalog.Naming, page map[string]*dto.MetricFamily) vocabulary {
	v := vocabulary{}
	for name, family := range page {
		labels := labelSet{}
		for _, m := range family.Metric {
			for _, l := range m.Label {
				labels[l.GetName()] = true
			}
		}
		if !strings.HasPrefix(name, "concourse_") || name == "concourse_"+lastSeen {
			v.add(name, family.GetType() == dto.MetricType_HISTOGRAM, setOf(labels)...)
		}
	}
	for _, c := range []catalog.Name{catalog.Concourse, catalog.CI} {
		for _, r := range catalog.Rules(naming, c) {
			var labels []string
			for _, l := range r.Labels {
				labels = append(labels, l.Name)
			}
			v.add(string(c)+"_"+r.Metric, r.Type == catalogrule.Histogram, labels...)
		}
	}
	v.add("up", false)
	return v
}

func setOf(labels labelSet) (names []string) {
	for name := range maps.Keys(labels) {
		names = append(names, name)
	}
	return names
}

// token is the token that the daemon requires from clients of the intake listener.
const token = "0123456789abcdef"

// servedPage returns the metrics page of a daemon after an event of a worker and a
// push, so that the page has all metrics about Signalbox itself.
func servedPage() map[string]*dto.MetricFamily {
	GinkgoHelper()
	directory := GinkgoT().TempDir()
	binary := filepath.Join(directory, "signalbox")
	build := exec.Command("go", "build", "-o", binary, "./cmd/signalbox")
	build.Dir = "../.."
	output, err := build.CombinedOutput()
	Expect(err).NotTo(HaveOccurred(), string(output))

	webConfig := filepath.Join(directory, "web.yml")
	Expect(os.WriteFile(webConfig, nil, 0o600)).To(Succeed())
	secret := filepath.Join(directory, "secret")
	Expect(os.WriteFile(secret, []byte(token+"\n"), 0o600)).To(Succeed())
	tokens := filepath.Join(directory, "tokens")
	Expect(os.WriteFile(tokens, []byte(token+"\n"), 0o600)).To(Succeed())
	daemon := exec.Command(binary, "run", "--prometheus-bind-port", "0", "--intake-bind-port", "0",
		"--prometheus-web-config-file", webConfig, "--intake-token-file", tokens, "--webhook-bind-port", "0", "--github-secret-file", secret, "--stdin", "--push-storage-path", filepath.Join(directory, "pushes"))
	log, err := daemon.StderrPipe()
	Expect(err).NotTo(HaveOccurred())
	Expect(daemon.Start()).To(Succeed())
	DeferCleanup(func() {
		Expect(daemon.Process.Signal(os.Interrupt)).To(Succeed())
		Expect(daemon.Wait()).To(Succeed())
	})
	urls := announced(log)
	go func() { _, _ = io.Copy(io.Discard, log) }()

	post(urls["events"], `{"name": "worker tasks", "attributes": {"worker": "w", "platform": "linux"}}`)
	post(urls["pushes"]+"unit", "tests_total 1\n")
	response, err := http.Get(urls["metrics"])
	Expect(err).NotTo(HaveOccurred())
	defer response.Body.Close()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	page, err := parser.TextToMetricFamilies(response.Body)
	Expect(err).NotTo(HaveOccurred())
	return page
}

// announcement matches a line of the log that shows the address of an endpoint.
var announcement = regexp.MustCompile(`(?:serving|listening-for)-(metrics|events|pushes).*"(http://[^"]+)"`)

func announced(log io.Reader) map[string]string {
	GinkgoHelper()
	urls := map[string]string{}
	for lines := bufio.NewScanner(log); len(urls) < 3; {
		Expect(lines.Scan()).To(BeTrue(), "the daemon exited")
		if parts := announcement.FindStringSubmatch(lines.Text()); parts != nil {
			urls[parts[1]] = parts[2]
		}
	}
	return urls
}

func post(url, body string) {
	GinkgoHelper()
	request, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
	Expect(err).NotTo(HaveOccurred())
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(request)
	Expect(err).NotTo(HaveOccurred())
	answer, err := io.ReadAll(response.Body)
	Expect(err).NotTo(HaveOccurred())
	Expect(response.Body.Close()).To(Succeed())
	Expect(response).To(HaveHTTPStatus(http.StatusOK), string(answer))
}
