//go:build e2e

package endtoend

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// A prometheusServer is a running Prometheus.
type prometheusServer struct{ url string }

// A result is a series in the answer to a query.
type result struct {
	Metric map[string]string
	Value  [2]any // time and value
}

// key returns the name and labels of the series as on Signalbox's page. Prometheus 2
// requests the page as OpenMetrics, where the bounds of buckets are floats.
func (r result) key() string {
	var labels []string
	for name, value := range r.Metric {
		if name == "le" {
			if le, err := strconv.ParseFloat(value, 64); err == nil && value != "+Inf" {
				value = strconv.FormatFloat(le, 'g', -1, 64)
			}
		}
		if name != "__name__" && name != "instance" && value != "" && (name != "job" || value != "signalbox") {
			labels = append(labels, fmt.Sprintf("%s=%s", name, value))
		}
	}
	slices.Sort(labels)
	return r.Metric["__name__"] + " " + strings.Join(labels, " ")
}

func (p *prometheusServer) query(q string) (results []result) {
	GinkgoHelper()
	response, err := http.Get(p.url + "/api/v1/query?query=" + url.QueryEscape(q))
	Expect(err).NotTo(HaveOccurred())
	defer response.Body.Close()
	var answer struct {
		Status, Error string
		Data          struct{ Result []result }
	}
	Expect(json.NewDecoder(response.Body).Decode(&answer)).To(Succeed())
	Expect(answer.Status).To(Equal("success"), answer.Error)
	return answer.Data.Result
}

// values returns the values of a query by the key of their series.
func (p *prometheusServer) values(q string) map[string]float64 {
	GinkgoHelper()
	values := map[string]float64{}
	for _, r := range p.query(q) {
		v, err := strconv.ParseFloat(r.Value[1].(string), 64)
		Expect(err).NotTo(HaveOccurred())
		values[r.key()] = v
	}
	return values
}

// sees returns a function that polls the values of a query.
func (p *prometheusServer) sees(q string) func() map[string]float64 {
	return func() map[string]float64 { return p.values(q) }
}
