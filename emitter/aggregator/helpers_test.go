package aggregator_test

import (
	"slices"
	"unsafe"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-ci/signalbox/emitter/aggregator"
)

// unsafeString is a string that changes with the bytes.
func unsafeString(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// groupsOf are the groups of an aggregator.
func groupsOf(a *aggregator.Aggregator) []aggregator.Group { return slices.Collect(a.Groups.List()) }

// groupsSection and agentsSection return the fields of the overview.
func groupsSection(a *aggregator.Aggregator, limit int) aggregator.GroupsSection {
	return overviewField(a, "groups", limit).(aggregator.GroupsSection)
}

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

// selfValue is the value of a metric of the registry that has the label value, or
// none if that is empty.
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
	Fail("there is no " + name + " of " + value)
	return 0
}
