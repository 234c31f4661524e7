package status_test

import (
	"context"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/signalbox-ci/signalbox/emitter/rule"
	"github.com/signalbox-ci/signalbox/internal/status"
	"github.com/signalbox-ci/signalbox/metric"
)

var _ = Describe("The families", func() {
	It("are the families that events update, most series first", func() {
		clock := func() time.Time { return start }
		histogram := rule.Rule{Event: "duration", Metric: "duration_seconds", Type: rule.Histogram, Operation: rule.Observe,
			Buckets: []float64{1}, Help: "Durations.", Labels: []rule.Label{{Name: "job", Attribute: "job"}}}
		e := newEngine(clock, 3, counter("none", "none_total", "x"), counter("build", "builds_total", "job"), histogram,
			usage("worker tasks", "tasks"))
		s := newStatus(e, clock)
		for i := range 5 {
			e.Emit(nil, metric.Event{Name: "build", Attributes: map[string]string{"job": fmt.Sprint(i)}})
		}
		for i := range 2 {
			e.Emit(nil, metric.Event{Name: "duration", Attributes: map[string]string{"job": fmt.Sprint(i)}})
		}
		f := s.Collect(start).Families
		Expect(f).To(Equal(status.Families{Total: 5, Series: 5, Limit: 3, List: []status.Family{
			{Name: "ci_builds_total", Type: "counter", Series: 3, Refused: 2},
			{Name: "ci_duration_seconds", Type: "histogram", Series: 2},
			f.List[2], f.List[3], f.List[4],
		}}))
		Expect(f.List[2:]).To(ConsistOf(
			status.Family{Name: "ci_none_total", Type: "counter"}, status.Family{Name: "ci_tasks", Type: "gauge"},
			status.Family{Name: "ci_workers_last_seen_timestamp_seconds", Type: "gauge"}))

		o, _ := s.Overview(1)
		Expect(o.Families.List).To(HaveLen(1))
		Expect(o.Families.Total).To(Equal(5))
	})
})

func TestLabelCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var rules []rule.Rule
		for i := range 12 {
			rules = append(rules, counter(fmt.Sprint("event ", i), fmt.Sprintf("family_%d_total", i), "job", "team"))
		}
		clock := func() time.Time { return start }
		e := newEngine(clock, 0, rules...)
		s := newStatus(e, clock)
		emit := func(family, jobs int) {
			for i := range jobs {
				e.Emit(nil, metric.Event{Name: fmt.Sprint("event ", family),
					Attributes: map[string]string{"job": fmt.Sprint(i), "team": fmt.Sprint(i % 2)}})
			}
		}
		for i := range 12 {
			emit(i, i) // family_11_total has the most series
		}
		counts := func(at time.Duration) map[string][]status.LabelCount {
			byFamily := map[string][]status.LabelCount{}
			for _, f := range s.Collect(start.Add(at)).Families.List {
				if f.Labels != nil {
					byFamily[f.Name] = f.Labels
				}
			}
			synctest.Wait() // until the requested counts are done
			return byFamily
		}
		if got := counts(0); len(got) != 0 {
			t.Errorf("got %v, expected no counts without Run", got)
		}

		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { s.Run(ctx) })
		synctest.Wait()
		if got := counts(0); len(got) != 0 {
			t.Errorf("got %v, expected no counts before the first are requested", got)
		}

		first := map[string][]status.LabelCount{}
		for i := 2; i < 12; i++ { // the ten largest
			first[fmt.Sprintf("ci_family_%d_total", i)] = []status.LabelCount{{Name: "job", Values: i}, {Name: "team", Values: 2}}
		}
		// The two labels of family_2_total have equal counts, so they are sorted by
		// name.
		if got := counts(0); !reflect.DeepEqual(got, first) {
			t.Errorf("got %v, expected %v", got, first)
		}

		emit(0, 20)
		if got := counts(4999 * time.Millisecond); !reflect.DeepEqual(got, first) {
			t.Errorf("got %v, expected counts to be reused for five seconds: %v", got, first)
		}
		if got := counts(5 * time.Second); !reflect.DeepEqual(got, first) {
			t.Errorf("got %v, expected the old counts while run makes new ones: %v", got, first)
		}
		got := counts(5 * time.Second)
		expected := []status.LabelCount{{Name: "job", Values: 20}, {Name: "team", Values: 2}}
		if !reflect.DeepEqual(got["ci_family_0_total"], expected) || len(got) != 10 || got["ci_family_2_total"] != nil {
			t.Errorf("got %v, expected the ten largest families, and %v for ci_family_0_total", got, expected)
		}

		cancel()
		running.Wait()
		if again := counts(time.Hour); !reflect.DeepEqual(again, got) {
			t.Errorf("got %v, expected the last counts after Run: %v", again, got)
		}
	})
}

func TestFamiliesWithOneSeriesHaveNoLabelCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := func() time.Time { return start }
		e := newEngine(clock, 0, counter("build", "builds_total", "job"))
		s := newStatus(e, clock)
		e.Emit(nil, metric.Event{Name: "build", Attributes: map[string]string{"job": "unit"}})
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { s.Run(ctx) })
		for range 2 {
			synctest.Wait()
			if f := s.Collect(start).Families.List[0]; f.Series != 1 || f.Labels != nil {
				t.Errorf("got %v, expected one series without label counts", f)
			}
		}
		cancel()
		running.Wait()
	})
}
