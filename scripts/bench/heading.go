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

// peerModules lists the modules whose versions the heading shows.
var peerModules = []string{
	"github.com/prometheus/client_golang",
	"github.com/VictoriaMetrics/metrics",
	"github.com/hashicorp/go-metrics",
	"github.com/uber-go/tally/v4",
	"go.opentelemetry.io/otel/sdk/metric",
	"go.opentelemetry.io/otel/exporters/prometheus",
	"github.com/prometheus/statsd_exporter",
	"github.com/google/go-github/v88",
}

// writeHeading writes when, where and how the comparisons were measured.
func writeHeading(w io.Writer, arguments []string, at time.Time, rounds int, comparisons []comparison) error {
	_, err := fmt.Fprintf(w, "### Signalbox and its peers\n\n"+
		"`%s`, %s: %s, %d cores, %s %s/%s.\n\n"+
		"Peers: %s.\n\n"+
		"Each contender runs in its own process. The contenders take turns, in at most %d rounds. "+
		"A ratio of 3× means that Signalbox is three times as good as the peer. The table shows the median and the range of the ratios of all rounds. "+
		"Most turns take %v, or one operation if that takes longer; turns of daemons, webhooks, latencies and first emits "+
		"have a fixed number of events, deliveries, pushes, updates or series.\n\n"+
		"“Straightforward” is a simple implementation with client_golang's vectors, `With(Labels)`, "+
		"a channel, a loop and a switch (scripts/bench/straightforward). "+
		"Rows named “bare …” or “a calculation” are not peers. They show what the machine allows.\n\n",
		strings.Join(append([]string{"scripts/benchmark"}, arguments...), " "),
		at.UTC().Format(time.DateOnly), processor(), runtime.NumCPU(), runtime.Version(), runtime.GOOS, runtime.GOARCH,
		strings.Join(append(peerVersions(), pushgateways(comparisons)...), ", "), rounds, turnTime)
	return err
}

// processor returns the model of the processor if the system provides it.
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

// peerVersions returns the versions of the linked modules, and of the programs that the
// benchmark builds: "github.com/prometheus/client_golang v1.25.0".
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

// pushgateways returns the name of the measured Pushgateway, if any, which includes the
// version that the program reports.
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

// programVersions returns the versions in go.mod by module.
func programVersions() map[string]string {
	versions := map[string]string{}
	for line := range strings.Lines(goMod) {
		if fields := strings.Fields(line); len(fields) >= 2 {
			versions[fields[0]] = fields[1]
		}
	}
	return versions
}
