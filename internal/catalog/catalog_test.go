package catalog

import (
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signalbox-ci/signalbox/emitter/rule"
)

// The recorded list contains everything that dashboards depend on: events, names,
// types, labels, conditions, operations, buckets, and lifetimes.
func TestCatalogIsUnchanged(t *testing.T) {
	for file, rules := range map[string][]rule.Rule{
		"concourse.txt":    Rules(Inherited),
		"ci.txt":           Rules(Inherited, CI),
		"concourse-ci.txt": concourseAsCI,
	} {
		recorded, err := os.ReadFile("testdata/" + file)
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		for _, r := range rules {
			lines = append(lines, strings.TrimRight(fmt.Sprintln(r.Event, "|", r.FullName(""), "|", r.Type, "|", labelsOf(r), "|", conditionsOf(r), "|", r.Operation, r.Divide, "|", r.Buckets, "|", r.Worker, r.IdleTTL), "\n"))
		}
		slices.Sort(lines)
		if got := strings.Join(lines, "\n") + "\n"; got != string(recorded) {
			t.Errorf("got catalog\n%s\nexpected the content of testdata/%s", got, file)
		}
	}
}

func labelsOf(r rule.Rule) (labels []string) {
	for _, l := range r.Labels {
		label := strings.TrimSuffix(l.Name+"="+l.Attribute+":"+string(l.Required), ":")
		if l.Truncate {
			label += ":truncate"
		}
		for _, by := range l.Replace {
			label += fmt.Sprintf(":%s→%s", by.Match, by.With)
		}
		labels = append(labels, label)
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
	for _, r := range Rules(Inherited, All()...) {
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
	for _, catalog := range All() {
		testEventsAreDescribed(t, catalog)
	}
}

func testEventsAreDescribed(t *testing.T, catalog Name) {
	var names []string
	for _, e := range Events(catalog) {
		if slices.Contains(names, e.Name) {
			t.Errorf("%s is listed twice", e.Name)
		}
		names = append(names, e.Name)
		if !strings.HasSuffix(e.Meaning, ".") || e.Unit == "" {
			t.Errorf("%s: got meaning %q and unit %q, expected a sentence and a unit", e.Name, e.Meaning, e.Unit)
		}
	}
	var inRules []string
	for _, r := range Rules(Inherited, catalog) {
		if r.Unit == "" {
			t.Errorf("%s: the rule has no unit", r.Metric)
		}
		if found := r.Validate(); found != nil {
			t.Errorf("%s: %v", r.Metric, found)
		}
		inRules = append(inRules, r.Event)
	}
	if got := slices.Concat(slices.Compact(inRules), SilentEvents(catalog)); !slices.Equal(got, names) {
		t.Errorf("got the events %q in the rules, expected the listed ones %q", got, names)
	}
}

func TestRulesForAnAttributeWithClosedValuesListThem(t *testing.T) {
	for _, r := range slices.Concat(Rules(Modern), Rules(Modern, CI)) {
		var expected map[string][]string
		switch r.Event {
		case "ci run finished", "ci job finished", "ci job run time", "ci run time", "ci deployment finished":
			expected = map[string][]string{"result": {"success", "failure", "error", "timeout", "cancellation", "skip", "other"}}
		case "ci runs active", "ci jobs active":
			expected = map[string][]string{"state": {"pending", "executing", "blocked"}}
		case "ci workers":
			expected = map[string][]string{"state": {"available", "busy", "offline"}}
		case "ci tests finished":
			expected = map[string][]string{"outcome": {"passed", "failed", "skipped", "error"}}
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
		before := clone(Rules(naming, All()...))
		for _, r := range Rules(naming, All()...) {
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
		for i, r := range Rules(naming, All()...) {
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

func TestParse(t *testing.T) {
	for list, expected := range map[string][]Name{
		"concourse": {Concourse}, "ci": {CI}, "concourse,ci": {Concourse, CI}, "ci, concourse": {CI, Concourse}, "ci,ci": {CI, CI},
	} {
		if got, err := Parse(list); err != nil || !slices.Equal(got, expected) {
			t.Errorf("%q: got %q and %v, expected %q", list, got, err, expected)
		}
	}
	for list, expected := range map[string]string{
		"":              `got "", expected concourse, ci or concourse,ci`,
		"concurse":      `got "concurse", expected concourse, ci or concourse,ci: did you mean "concourse"?`,
		"concourse,all": `got "all", expected concourse, ci or concourse,ci`,
	} {
		if _, err := Parse(list); err == nil || err.Error() != expected {
			t.Errorf("%q: got %v, expected %s", list, err, expected)
		}
	}
}

func TestCatalogsAreSelected(t *testing.T) {
	metrics := func(catalogs ...Name) (names []string) {
		for _, r := range Rules(Modern, catalogs...) {
			names = append(names, r.Event+": "+r.FullName("concourse"))
		}
		return names
	}
	if !slices.Equal(metrics(), metrics(Concourse)) || !slices.Equal(metrics(Concourse, CI), metrics(CI, Concourse, CI)) {
		t.Error("the selection depends on more than which catalogs are in the list")
	}
	for _, name := range metrics(Concourse) {
		if strings.Contains(name, ": ci_") {
			t.Errorf("got %q in the catalog concourse", name)
		}
	}
	for _, name := range metrics(CI) {
		if !strings.HasPrefix(name, "ci ") || !strings.Contains(name, ": ci_") {
			t.Errorf("got %q in the catalog ci", name)
		}
	}
	both := metrics(Concourse, CI)
	if got, expected := len(both), len(metrics(Concourse))+len(metrics(CI))+len(concourseAsCI); got != expected {
		t.Errorf("got %d rules, expected %d", got, expected)
	}
	seen := map[string]bool{}
	last := ""
	for _, name := range both {
		event, _, _ := strings.Cut(name, ": ")
		if event != last && seen[event] {
			t.Errorf("the rules for %q do not follow each other", event)
		}
		seen[event], last = true, event
	}
	for _, event := range SilentEvents(CI) {
		if !strings.HasPrefix(event, "ci ") {
			t.Errorf("got the silent event %q in the catalog ci", event)
		}
	}
	if got := len(SilentEvents(All()...)); got != len(SilentEvents())+len(SilentEvents(CI)) {
		t.Errorf("got %d silent events in both catalogs", got)
	}
}

// What an unlimited number of things have must not be a label by default.
func TestLabelsOfCIAreBounded(t *testing.T) {
	allowed := []string{"environment", "error_type", "outcome", "pipeline", "queue", "ref_kind", "repository", "result", "retry", "runner_class", "service", "state", "system", "tier"}
	for _, r := range Rules(Inherited, CI) {
		for _, l := range r.Labels {
			if !slices.Contains(allowed, l.Name) {
				t.Errorf("%s: got label %s", r.Metric, l.Name)
			}
		}
		if r.IdleTTL != 168*time.Hour && (r.Type != rule.Gauge || r.IdleTTL != time.Hour) {
			t.Errorf("%s: got idle TTL %v", r.Metric, r.IdleTTL)
		}
		if r.NativeHistogram != (r.Type == rule.Histogram) {
			t.Errorf("%s: got native_histogram %v", r.Metric, r.NativeHistogram)
		}
	}
}

func TestBothNamingsOfCIAreEqual(t *testing.T) {
	if !reflect.DeepEqual(Rules(Inherited, CI), Rules(Modern, CI)) {
		t.Error("the namings differ")
	}
}

func TestHintsNameTheCatalogThatIsNotSelected(t *testing.T) {
	const use = ": use --catalog concourse,ci"
	for _, c := range []struct {
		got, expected string
	}{
		{EventHint("ci job finished", nil), "the catalog ci has this event" + use},
		{EventHint("ci job queued", []Name{Concourse}), "the catalog ci has this event" + use},
		{EventHint("build finished", []Name{CI}), "the catalog concourse has this event" + use},
		{EventHint("build finished", nil), ""},
		{EventHint("ci job finished", All()), ""},
		{EventHint("ci job finishd", nil), ""},
		{Hint("jobs_finished_total", []string{"a"}, nil), ": the catalog ci has this metric" + use},
		{Hint("job_builds_finished_total", []string{"a"}, []Name{CI}), ": the catalog concourse has this metric" + use},
		{Hint("jobs_finishd_total", []string{"jobs_finished_total"}, []Name{CI}), `: did you mean "jobs_finished_total"?`},
	} {
		if c.got != c.expected {
			t.Errorf("got %q, expected %q", c.got, c.expected)
		}
	}
}
