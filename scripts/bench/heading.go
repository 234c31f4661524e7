package main

import (
	"bufio"
	_ "embed"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"time"
)

// peerModules are those whose versions the heading tells.
var peerModules = []string{
	"github.com/prometheus/client_golang",
	"github.com/VictoriaMetrics/metrics",
	"github.com/hashicorp/go-metrics",
	"github.com/uber-go/tally/v4",
	"go.opentelemetry.io/otel/sdk/metric",
	"go.opentelemetry.io/otel/exporters/prometheus",
	"github.com/prometheus/statsd_exporter",
}

// writeHeading says what was measured, with what, where and when.
func writeHeading(w io.Writer, arguments []string, at time.Time, rounds int, comparisons []comparison) error {
	_, err := fmt.Fprintf(w, "### Signalbox and its peers\n\n"+
		"`%s`, %s: %s, %d cores, %s %s/%s.\n\n"+
		"Peers: %s.\n\n"+
		"Each contender has a process of its own. They take turns, in at most %d rounds; "+
		"a ratio is the median of those of the rounds, in parentheses their range. "+
		"Most turns take %v, or one operation if that is longer; those of daemons, latencies and first emits "+
		"are of a fixed number of events, pushes, updates or series.\n\n"+
		"“Straightforward” is what one writes in an afternoon: client_golang's vectors, found with `With(Labels)`, "+
		"behind a channel, a loop and a switch (scripts/bench/straightforward). "+
		"Rows named “bare …” or “a calculation” are no peers but bounds: what the machine allows.\n\n",
		strings.Join(append([]string{"scripts/benchmark"}, arguments...), " "),
		at.UTC().Format(time.DateOnly), processor(), runtime.NumCPU(), runtime.Version(), runtime.GOOS, runtime.GOARCH,
		strings.Join(append(peerVersions(), pushgateways(comparisons)...), ", "), rounds, turnTime)
	return err
}

// processor is the processor's model, as far as the system tells.
func processor() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return "an unknown processor"
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if name, value, _ := strings.Cut(lines.Text(), ":"); strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "an unknown processor"
}

// peerVersions are those that are built in, and those of the programs that are built
// to be run: "github.com/prometheus/client_golang v1.25.0".
func peerVersions() []string {
	versions := programVersions()
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, dep := range info.Deps {
			versions[dep.Path] = dep.Version
		}
	}
	var peers []string
	for _, path := range peerModules {
		if v, ok := versions[path]; ok {
			peers = append(peers, path+" "+v)
		}
	}
	return peers
}

// pushgateways is the Pushgateway that was measured, if any was: only the program
// knows its version.
func pushgateways(comparisons []comparison) []string {
	for _, c := range comparisons {
		for _, r := range c.results {
			if strings.HasPrefix(r.contender, pushgatewayName("")) {
				return []string{r.contender}
			}
		}
	}
	return nil
}

//go:embed go.mod
var goMod string

// programVersions are those of go.mod, by module.
func programVersions() map[string]string {
	versions := map[string]string{}
	for line := range strings.Lines(goMod) {
		if fields := strings.Fields(line); len(fields) >= 2 {
			versions[fields[0]] = fields[1]
		}
	}
	return versions
}
