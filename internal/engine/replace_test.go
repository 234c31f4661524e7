package engine

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/signalbox-ci/signalbox/emitter/rule"
)

var branches = []rule.Replacement{
	{Match: `release/.*`, With: "release"},
	{Match: `(?P<kind>feature|bugfix)/(.*)`, With: "${kind}"},
	{Match: `main|master`, With: "trunk"},
	{Match: ``, With: "none"},
	{Match: `cost:(\d+)`, With: "$$$1"},
}

func replacerOf(t *testing.T, replacements []rule.Replacement) *replacer {
	t.Helper()
	r, err := newReplacer(replacements)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestTheFirstReplacementThatMatchesTheWholeValueApplies(t *testing.T) {
	r := replacerOf(t, branches)
	long := strings.Repeat("x", maxLabelValueBytes) + "/"
	for range 2 { // the second time from the cache
		for value, want := range map[string]string{
			"release/1.0":         "release",
			"release/1.0\nx":      "release",
			"a release/1":         "a release/1",
			"feature/release/1":   "feature",
			"bugfix/x":            "bugfix",
			"main":                "trunk",
			"mainline":            "mainline",
			"":                    "none",
			"cost:12":             "$12",
			"release/\xff":        "release/\xff",
			"release/" + long:     "release/" + long,
			strings.ToUpper("a"):  "A",
			"feature/" + long[:9]: "feature",
		} {
			if got := r.replace(value); got != want {
				t.Errorf("%.40q was replaced with %.40q, want %.40q", value, got, want)
			}
		}
	}
}

func TestExpressionsCannotEscapeTheAnchors(t *testing.T) {
	r := replacerOf(t, []rule.Replacement{{Match: `\Qa.b`, With: "quoted"}, {Match: `a|b`, With: "either"}, {Match: `(?-s)c.`, With: "line"}})
	for value, want := range map[string]string{
		"a.b": "quoted", "a.b)$": "a.b)$", "axb": "axb", "b": "either", "ab": "ab", "cx": "line", "c\n": "c\n",
	} {
		if got := r.replace(value); got != want {
			t.Errorf("%q was replaced with %q, want %q", value, got, want)
		}
	}
}

func TestTheCacheIsBounded(t *testing.T) {
	r := replacerOf(t, branches)
	for i := range 100_000 {
		r.replace(fmt.Sprint("feature/", i))
	}
	r.replace("release/" + strings.Repeat("x", maxCached))
	entries := 0
	for s := range r.sets {
		for w := range r.sets[s] {
			if cached := r.sets[s][w].Load(); cached != nil {
				if entries++; len(cached.from)+len(cached.to) > maxCached {
					t.Errorf("a value of %d bytes is in the cache", len(cached.from))
				}
			}
		}
	}
	if entries != replacerSets*replacerWays {
		t.Errorf("the cache has %d entries, want %d", entries, replacerSets*replacerWays)
	}
}

func TestReplacingFromTheCacheDoesNotAllocate(t *testing.T) {
	r := replacerOf(t, branches)
	value := "release/1"
	if n := testing.AllocsPerRun(100, func() { r.replace(value) }); n != 0 {
		t.Errorf("got %v allocations, want 0", n)
	}
}

func TestAReplacerIsSafeForConcurrentUse(t *testing.T) {
	r := replacerOf(t, branches)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 5000 {
				if got := r.replace(fmt.Sprint("release/", i%3000)); got != "release" {
					t.Errorf("got %q", got)
				}
			}
		})
	}
	wg.Wait()
}

func TestLongValuesAreCut(t *testing.T) {
	full := strings.Repeat("x", maxLabelValueBytes)
	cut := full[3:] + "…"
	errors := replacerOf(t, []rule.Replacement{{Match: `error: .*`, With: "error"}, {Match: `(a+)`, With: "$1$1"}})
	for _, c := range []struct {
		derived         derivedValue
		value, expected string
	}{
		{derivedValue{truncate: true}, "short", "short"},
		{derivedValue{truncate: true}, full, full},
		{derivedValue{truncate: true}, full + "x", cut},
		{derivedValue{truncate: true}, "\xff" + full, "\xff" + full[4:] + "…"}, // rejected later
		{derivedValue{replacer: errors, truncate: true}, "error: " + full, "error"},
		{derivedValue{replacer: errors, truncate: true}, full + "x", cut},
		{derivedValue{replacer: errors}, "error: " + full, "error: " + full},
		{derivedValue{replacer: errors, truncate: true}, strings.Repeat("a", maxLabelValueBytes), strings.Repeat("a", maxLabelValueBytes-3) + "…"},
	} {
		if got := c.derived.of(c.value); got != c.expected {
			t.Errorf("%.20q (%d bytes): got %.20q (%d bytes), expected %.20q (%d bytes)", c.value, len(c.value), got, len(got), c.expected, len(c.expected))
		}
	}
}
