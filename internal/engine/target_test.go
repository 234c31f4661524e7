package engine

import (
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/signalbox-ci/signalbox/emitter/rule"
)

// Two rules have the same target exactly if all of its parts are equal, whatever
// characters they contain. The order of labels does not matter.
func TestTargets(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	texts := []string{"", "a", "b", `a" "b`, "a b", "{", "%", "\n"}
	text := func() string { return texts[r.IntN(len(texts))] }
	random := func() (v rule.Rule) {
		v.Event, v.Metric = texts[r.IntN(2)], texts[r.IntN(2)]
		v.Namespace = texts[max(0, r.IntN(8)-6)]
		if r.IntN(2) == 0 {
			v.When = &rule.Condition{Attribute: text(), Value: text()}
		}
		for _, name := range []string{"x", "y"}[:r.IntN(3)] {
			l := rule.Label{Name: name, Attribute: text()}
			if r.IntN(4) == 0 {
				l.Replace = []rule.Replacement{{Match: text(), With: text()}}
			}
			v.Labels = append(v.Labels, l)
		}
		if len(v.Labels) == 2 && r.IntN(2) == 0 {
			v.Labels[0], v.Labels[1] = v.Labels[1], v.Labels[0]
		}
		return v
	}
	same := 0
	for range 200_000 {
		a, b := random(), random()
		expected := a.Event == b.Event && a.Metric == b.Metric && a.Namespace == b.Namespace &&
			reflect.DeepEqual(a.When, b.When) && reflect.DeepEqual(sortedLabels(a), sortedLabels(b))
		if got := targetOf(a) == targetOf(b); got != expected {
			t.Fatalf("got %t, expected %t for %+v and %+v", got, expected, a, b)
		}
		if expected {
			same++
		}
	}
	if same < 1000 {
		t.Errorf("only %d pairs had the same target", same)
	}
}
