package main

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/bench/straightforward"
)

func TestFindContender(t *testing.T) {
	seen := map[string]bool{}
	for _, contest := range contests() {
		if seen[contest.name] {
			t.Errorf("duplicate contest %q", contest.name)
		}
		seen[contest.name] = true
		if len(contest.contenders) < 2 || contest.contenders[0].name != signalboxName {
			t.Errorf("%q: got the contenders %v, want Signalbox and at least one peer", contest.name, contest.contenders)
		}
		for _, c := range contest.contenders {
			if found, ok := findContender(contest.name, c.name); !ok || found.name != c.name {
				t.Errorf("did not find %q in %q", c.name, contest.name)
			}
		}
	}
	if _, ok := findContender("emit worker containers", "unknown"); ok {
		t.Error("found an unknown contender")
	}
}

// The goals of each contest must be about its contenders. The contests of -check must
// have goals that it checks, and must include all contests with a wide margin.
func TestGoals(t *testing.T) {
	for _, contest := range contests() {
		m := &measurement{contest: contest, turns: make([][]turn, len(contest.contenders))}
		for i := range m.turns {
			m.turns[i] = []turn{{Operations: 1, Nanoseconds: 1}}
		}
		checked, wide := false, false
		for _, c := range contest.compare(m) {
			for _, g := range c.goals {
				checked, wide = checked || g.checked(), wide || g.wide
				if _, ok := c.resultOf(g.peer); g.peer != "" && !ok {
					t.Errorf("%q has a goal about %q, which is not a contender", c.work, g.peer)
				}
			}
		}
		if contest.quick && !checked || wide && !contest.quick {
			t.Errorf("%q: got quick %v with checked goals %v and wide goals %v", contest.name, contest.quick, checked, wide)
		}
	}
}

func TestServe(t *testing.T) {
	var did []int
	c := contender{"contender", func() (*task, error) {
		return &task{
			run: func(n int) error {
				if did = append(did, n); n == 13 {
					return errors.New("failed")
				}
				return nil
			},
			facts: func() map[string]float64 { return map[string]float64{"turns": float64(len(did))} },
		}, nil
	}}
	r, w := io.Pipe()
	go func() {
		err := serve(c, strings.NewReader(`{"Operations":7}{"Operations":13}{"Operations":1,"WarmUp":true}`), w)
		w.CloseWithError(err)
	}()
	var turns []turn
	for d := json.NewDecoder(r); ; {
		var t turn
		if d.Decode(&t) != nil {
			break
		}
		turns = append(turns, t)
	}
	if want := []int{7, 13, 1}; !slices.Equal(did, want) {
		t.Errorf("got the operations %v, want %v", did, want)
	}
	if len(turns) != 4 || turns[0].Operations != 0 || turns[1].Operations != 7 || turns[1].Facts["turns"] != 1 || turns[2].Error != "failed" || turns[3].Error != "" {
		t.Errorf("got the answers %+v", turns)
	}
}

// All stores must serve the same number of samples in each exposition.
func TestPagesAgree(t *testing.T) {
	const series = 20
	for _, start := range []newStore{
		signalboxStore, preparedStore, withLastSeen(clientGolang), withLastSeen(victoriaMetrics), withLastSeen(goMetrics), withLastSeen(openTelemetry),
	} {
		expectSamples(t, start, text, series)
	}
	for _, start := range []newStore{signalboxStore, withLastSeen(clientGolang)} {
		for _, e := range expositions {
			expectSamples(t, start, e, series)
		}
	}
}

func expectSamples(t *testing.T, start newStore, e exposition, series int) {
	t.Helper()
	task, err := scrapeGauges(start, series, e)()
	if err != nil {
		t.Fatal(err)
	}
	if got := task.facts()[factSamples]; got != float64(series) {
		t.Errorf("%s: got %v samples on the page, want %d", e.name, got, series)
	}
	if err := task.run(1); err != nil {
		t.Error(err)
	}
}

func TestHistogramsAgree(t *testing.T) {
	for _, start := range []func() (func(string, float64), http.Handler, error){signalboxBuilds, vectorBuilds, victoriaBuilds} {
		finish, page, err := start()
		if err != nil {
			t.Fatal(err)
		}
		finish("a", 94)
		task, err := scrape(page, text, nil, "concourse_builds_duration_seconds")
		if err != nil {
			t.Fatal(err)
		}
		if got := task.facts()[factSamples]; got != float64(len(straightforward.BuildBuckets)+3) {
			t.Errorf("got %v samples of one histogram, want %d", got, len(straightforward.BuildBuckets)+3)
		}
	}
}
