package aggregator_test

import (
	"context"
	"testing"
)

// TestUpdateDoesNotAllocate checks updates of existing series.
func TestUpdateDoesNotAllocate(t *testing.T) {
	for name, aggregateBy := range map[string][]string{"plain": nil, "aggregated": {"template_name"}} {
		a := newAggregator(t, aggregateBy)
		f := newFleet(3)
		reversed := newFleet(3)
		for i := range reversed.metrics {
			for m := range reversed.metrics[i] {
				l := reversed.metrics[i][m].Labels
				l[0], l[1] = l[1], l[0]
			}
		}
		update := func(f *fleet) {
			for i := range f.labels {
				if err := a.Agents.Update(context.Background(), f.labels[i], f.metrics[i]); err != nil {
					t.Fatal(err)
				}
			}
		}
		update(f)
		if n := testing.AllocsPerRun(100, func() { update(f) }); n != 0 {
			t.Errorf("%s: updates of three agents allocate %v times", name, n)
		}
		if n := testing.AllocsPerRun(100, func() { update(reversed) }); n != 0 {
			t.Errorf("%s: updates with labels in another order allocate %v times", name, n)
		}
	}
}
