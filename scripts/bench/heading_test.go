package main

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestHeading(t *testing.T) {
	var b strings.Builder
	if err := writeHeading(&b, []string{"-rounds", "3"}, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), 3,
		[]comparison{{results: []result{{contender: "Signalbox"}, {contender: "Pushgateway 1.5.1"}}}}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"`scripts/benchmark -rounds 3`, 2026-01-02: ", "at most 3 rounds", "github.com/prometheus/client_golang v", ", Pushgateway 1.5.1."} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("got the heading\n%s\nwant it to contain %q", b.String(), want)
		}
	}
	if peers := peerVersions(); len(peers) != len(peerModules) || !slices.IsSortedFunc(peers, func(a, b string) int {
		return slices.Index(peerModules, strings.Fields(a)[0]) - slices.Index(peerModules, strings.Fields(b)[0])
	}) {
		t.Errorf("got the peers %q, want the order of %q", peers, peerModules)
	}
}
