package catalog

import (
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/signalbox-ci/signalbox/emitter/rule"
)

// The recorded list contains everything that dashboards depend on: events, names,
// types, labels, conditions, operations, buckets, and lifetimes.
func TestCatalogIsUnchanged(t *testing.T) {
	recorded, err := os.ReadFile("testdata/catalog.txt")
	if err != nil {
		t.Fatal(err)
	}
	var rules []string
	for _, r := range Rules(Inherited) {
		rules = append(rules, strings.TrimRight(fmt.Sprintln(r.Event, "|", r.Metric, "|", r.Type, "|", labelsOf(r), "|", conditionsOf(r), "|", r.Operation, r.Divide, "|", r.Buckets, "|", r.Worker, r.IdleTTL), "\n"))
	}
	slices.Sort(rules)
	if got := strings.Join(rules, "\n") + "\n"; got != string(recorded) {
		t.Errorf("got catalog\n%s\nexpected the content of testdata/catalog.txt", got)
	}
}

func labelsOf(r rule.Rule) (labels []string) {
	for _, l := range r.Labels {
		labels = append(labels, strings.TrimSuffix(l.Name+"="+l.Attribute+":"+string(l.Required), ":"))
	}
	return labels
}

func conditionsOf(r rule.Rule) string {
	if r.When != nil {
		return fmt.Sprint(r.When.Attribute, "=", r.When.Value, " ", r.Needs)
	}
	return fmt.Sprint(r.Needs)
}

func TestHelpTextsAreSentencesAndLabelsAreSorted(t *testing.T) {
	for _, r := range Rules(Inherited) {
		if !strings.HasSuffix(r.Help, ".") || len(r.Help) < 10 {
			t.Errorf("%s: got help %q, expected a sentence", r.Metric, r.Help)
		}
		names := make([]string, len(r.Labels))
		for i, l := range r.Labels {
			names[i] = l.Name
		}
		if !slices.IsSorted(names) {
			t.Errorf("%s: got labels %v, expected them to be sorted", r.Metric, names)
		}
	}
}

func TestEventsAreDescribed(t *testing.T) {
	var names []string
	for _, e := range Events() {
		if slices.Contains(names, e.Name) {
			t.Errorf("%s is listed twice", e.Name)
		}
		names = append(names, e.Name)
		if !strings.HasSuffix(e.Meaning, ".") || e.Unit == "" {
			t.Errorf("%s: got meaning %q and unit %q, expected a sentence and a unit", e.Name, e.Meaning, e.Unit)
		}
	}
	var inRules []string
	for _, r := range Rules(Inherited) {
		if r.Unit == "" {
			t.Errorf("%s: the rule has no unit", r.Metric)
		}
		if found := r.Validate(); found != nil {
			t.Errorf("%s: %v", r.Metric, found)
		}
		inRules = append(inRules, r.Event)
	}
	if got := slices.Concat(slices.Compact(inRules), SilentEvents()); !slices.Equal(got, names) {
		t.Errorf("got the events %q in the rules, expected the listed ones %q", got, names)
	}
}

func TestRulesForAnAttributeWithClosedValuesListThem(t *testing.T) {
	for _, r := range Rules(Modern) {
		var expected map[string][]string
		switch r.Event {
		case "build finished", "check build finished":
			if !strings.HasSuffix(r.Metric, "finished_total") || r.Metric == "job_builds_finished_total" {
				expected = buildStatuses
			}
		case "worker state":
			expected = workerStates
		case "checks finished":
			expected = checkStatuses
		}
		if !reflect.DeepEqual(r.Values, expected) {
			t.Errorf("%s: got values %v, expected %v", r.Metric, r.Values, expected)
		}
	}
}

func TestCallersCannotChangeTheCatalog(t *testing.T) {
	for _, naming := range []Naming{Inherited, Modern} {
		before := clone(Rules(naming))
		for _, r := range Rules(naming) {
			for i := range r.Labels {
				r.Labels[i].Name = "changed"
			}
			for i := range r.Needs {
				r.Needs[i] = "changed"
			}
			for i := range r.Buckets {
				r.Buckets[i] = -1
			}
			for i := range r.Exemplar {
				r.Exemplar[i].Name = "changed"
			}
			if r.When != nil {
				r.When.Value = "changed"
			}
			for _, values := range r.Values {
				values[0] = "changed"
			}
		}
		for i, r := range Rules(naming) {
			if !reflect.DeepEqual(r, before[i]) {
				t.Errorf("%s: rule %d is now %+v, expected %+v", naming, i, r, before[i])
			}
		}
	}
}

func TestModernFormsReferToExistingFamilies(t *testing.T) {
	metrics := map[string]bool{}
	for _, r := range Rules(Inherited) {
		metrics[r.Metric] = true
	}
	for inherited := range modernForms {
		if !metrics[inherited] {
			t.Errorf("got a modern form of %s, which does not exist", inherited)
		}
	}
}
