package emitter_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"code.cloudfoundry.org/lager/v3"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/signalbox-ci/signalbox/emitter"
	"github.com/signalbox-ci/signalbox/emitter/rule"
	"github.com/signalbox-ci/signalbox/internal/catalog"
	"github.com/signalbox-ci/signalbox/metric"
)

// eventFor returns an event that the rule accepts, with all attributes that the rule
// uses.
func eventFor(r rule.Rule, value float64) metric.Event {
	e := event(r.Event, value, attributes{})
	for _, l := range r.Labels {
		e.Attributes[l.Attribute] = "x"
	}
	for _, name := range r.Needs {
		e.Attributes[name] = "x"
	}
	if r.When != nil {
		e.Attributes[r.When.Attribute] = r.When.Value
	}
	return e
}

// families returns the distinct metrics of the rules.
func families(rules []rule.Rule) []string {
	names := map[string]bool{}
	for _, r := range rules {
		names[r.Metric] = true
	}
	return slices.Sorted(maps.Keys(names))
}

// byAttribute returns the requirements of the rule's labels, by attribute.
func byAttribute(r rule.Rule) map[string]rule.Requirement {
	labels := map[string]rule.Requirement{}
	for _, l := range r.Labels {
		labels[l.Attribute] = l.Required
	}
	return labels
}

var _ = Describe("The modern naming", func() {
	inherited, modern := catalog.Rules(catalog.Inherited), catalog.Rules(catalog.Modern)

	It("has the same rules as the inherited naming, except for names and units", func() {
		Expect(modern).To(HaveLen(len(inherited)))
		for i, m := range modern {
			r := inherited[i]
			Expect(byAttribute(m)).To(Equal(byAttribute(r)), r.Metric)
			Expect(m.Labels).To(HaveLen(len(r.Labels)), r.Metric)

			inSeconds := strings.Contains(r.Help, "milliseconds")
			if inSeconds {
				Expect(m.Metric).To(HaveSuffix("_duration_seconds"))
				Expect(m.Divide).To(Equal(1000.0), m.Metric)
				Expect(m.Help).To(Equal(strings.Replace(r.Help, "milliseconds", "seconds", 1)))
				Expect(m.Buckets).NotTo(Equal(r.Buckets), m.Metric)
				m.Divide, m.Help, m.Buckets = r.Divide, r.Help, r.Buckets
			}
			m.Metric, m.Labels = r.Metric, r.Labels
			Expect(m).To(Equal(r))
		}
	})

	It("has as many families as the inherited naming, and no family has a name that another family has in the inherited naming", func() {
		Expect(families(modern)).To(HaveLen(len(families(inherited))))
		for i, m := range modern {
			if slices.Contains(families(inherited), m.Metric) {
				Expect(inherited[i].Metric).To(Equal(m.Metric))
			}
		}
	})

	It("does not repeat words in names, and has units at the end", func() {
		for _, name := range families(modern) {
			seen := map[string]bool{}
			for word := range strings.SplitSeq(name, "_") {
				word = strings.TrimSuffix(word, "s")
				Expect(seen).NotTo(HaveKey(word), name)
				seen[word] = true
			}
			Expect(strings.TrimSuffix(name, "_seconds")).NotTo(ContainSubstring("_seconds"))
		}
		for _, m := range modern {
			Expect(strings.HasSuffix(m.Metric, "_seconds")).To(Equal(m.Type == rule.Histogram), m.Metric)
			Expect(slices.IsSortedFunc(m.Labels, func(a, b rule.Label) int { return strings.Compare(a.Name, b.Name) })).To(BeTrue(), m.Metric)
		}
	})

	It("converts milliseconds into seconds", func() {
		p := start(&emitter.PrometheusConfig{Naming: "modern"}, nil)
		histograms := map[string]string{} // labels by modern name, for events with values in milliseconds
		for i, r := range inherited {
			if strings.Contains(r.Help, "milliseconds") {
				p.Emit(lager.NewLogger("naming"), eventFor(r, 1500))
				var labels []string
				for _, l := range modern[i].Labels {
					labels = append(labels, l.Name+`="x"`)
				}
				histograms["concourse_"+modern[i].Metric] = strings.Join(labels, ",")
			}
		}
		Expect(histograms).To(HaveLen(11))
		samples := samplesOf(p)
		for name, labels := range histograms {
			sum, bucket := name+"_sum", name+"_bucket{le=%q}"
			if labels != "" {
				sum, bucket = name+"_sum{"+labels+"}", name+"_bucket{"+labels+",le=%q}"
			}
			Expect(samples).To(HaveKeyWithValue(sum, "1.5"))
			Expect(samples).To(HaveKeyWithValue(fmt.Sprintf(bucket, "1"), "0"))
			Expect(samples).To(HaveKeyWithValue(fmt.Sprintf(bucket, "2.5"), "1"))
		}
	})

	It("passes promlint on a page with all families", func() {
		p := start(&emitter.PrometheusConfig{Naming: "modern"}, nil)
		logger := lager.NewLogger("naming")
		for _, r := range inherited {
			p.Emit(logger, eventFor(r, 1))
		}
		for _, line := range readRecording() {
			if line.Marker == "" {
				p.Emit(logger, line.Event)
			}
		}

		text := scrape(p)
		for _, name := range families(modern) {
			Expect(text).To(MatchRegexp(`(?m)^concourse_%s(_sum)?[{ ]`, name))
		}
		Expect(text).To(ContainSubstring("\nconcourse_workers_last_seen_timestamp_seconds{"))
		problems, err := promlint.New(strings.NewReader(text)).Lint()
		Expect(err).NotTo(HaveOccurred())
		Expect(problems).To(BeEmpty())
	})

	It("is not the default", func() {
		Expect(catalog.Rules("")).To(Equal(inherited))
		Expect(catalog.Rules(catalog.Inherited)).To(Equal(inherited))
		Expect(catalog.Rules("other")).To(BeNil())
		Expect(samplesOf(start(&emitter.PrometheusConfig{}, nil))).To(HaveKey("concourse_volumes_volumes_streamed"))
	})
})
