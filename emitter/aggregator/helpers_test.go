package aggregator_test

import (
	"fmt"
	"slices"
	"unsafe"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/signalbox-ci/signalbox/emitter/aggregator"
)

// unsafeString returns a string that shares the memory of b.
func unsafeString(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// groupsOf returns the groups of an aggregator.
func groupsOf(a *aggregator.Aggregator) []aggregator.Group { return slices.Collect(a.Groups.List()) }

// familyOfGroup returns a family of a group.
func familyOfGroup(f aggregator.GroupFamily) *dto.MetricFamily {
	mf := &dto.MetricFamily{Name: &f.Name, Type: &f.Type, Metric: slices.Collect(f.Metrics)}
	if f.Help != "" {
		mf.Help = &f.Help
	}
	return mf
}

// groupsSection returns the field groups of the overview.
func groupsSection(a *aggregator.Aggregator, limit int) aggregator.GroupsSection {
	return overviewField(a, "groups", limit).(aggregator.GroupsSection)
}

// agentsSection returns the field agents of the overview.
func agentsSection(a *aggregator.Aggregator, limit int) aggregator.AgentsSection {
	return overviewField(a, "agents", limit).(aggregator.AgentsSection)
}

func overviewField(a *aggregator.Aggregator, name string, limit int) any {
	for field, value := range a.OverviewFields() {
		if field == name {
			return value(limit)
		}
	}
	return nil
}

// selfValue returns the value of a counter or gauge in the registry. value is the value
// of its only label, or empty if it has no labels.
func selfValue(from prometheus.Gatherer, name, value string) float64 {
	GinkgoHelper()
	families, err := from.Gather()
	Expect(err).NotTo(HaveOccurred())
	for _, f := range families {
		for _, m := range f.Metric {
			if f.GetName() == name && (value == "" && len(m.Label) == 0 || len(m.Label) == 1 && m.Label[0].GetValue() == value) {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	Fail(fmt.Sprintf("got no metric %s with label value %q", name, value))
	return 0
}
