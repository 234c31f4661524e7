package agents_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/emitter/aggregator"
)

func TestAgents(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "Agents")
}

// A recorder is a Sink that keeps the updates that it receives, with the base labels
// and each metric as text. It rejects metrics whose names begin with "rejected", and
// all updates of the user "rejected".
type recorder struct {
	mu      sync.Mutex
	updates [][]string // of each, the base labels and then the metrics
}

func (r *recorder) UpdateFrom(_ context.Context, base []aggregator.Label, metrics []aggregator.Metric) error {
	r.mu.Lock()
	defer r.mu.Unlock()

	if slices.Contains(base, aggregator.Label{Name: "username", Value: "rejected"}) {
		return fmt.Errorf("unknown user %q", "rejected")
	}

	var rejections []aggregator.Rejection
	update := []string{show(base)}
	for i, metric := range metrics {
		if strings.HasPrefix(metric.Name, "rejected") {
			rejections = append(rejections, aggregator.Rejection{
				Index: i, Name: metric.Name, Reason: "name",
				Err: fmt.Errorf("metric %q is rejected", metric.Name),
			})
			continue
		}
		update = append(update, fmt.Sprintf("%s%s %s %v",
			metric.Name, show(metric.Labels), []string{"", "counter", "gauge"}[metric.Type], metric.Value))
	}
	r.updates = append(r.updates, update)

	// A Sink must not retain the slices; the caller reuses them.
	clear(base)
	if len(rejections) > 0 {
		return &aggregator.RejectedError{Rejections: rejections}
	}
	return nil
}

// metrics returns the applied metrics of all updates.
func (r *recorder) metrics() []string {
	r.mu.Lock()
	defer r.mu.Unlock()

	all := []string{}
	for _, update := range r.updates {
		all = append(all, update[1:]...)
	}
	return all
}

func show(labels []aggregator.Label) string {
	var texts []string
	for _, label := range labels {
		texts = append(texts, fmt.Sprintf("%s=%q", label.Name, label.Value))
	}
	return "{" + strings.Join(texts, ",") + "}"
}
