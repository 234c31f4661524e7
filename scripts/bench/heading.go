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
func writeHeading(w io.Writer, arguments []string, at time.Time, rounds int) error {
	_, err := fmt.Fprintf(w, "### Signalbox and its peers\n\n"+
		"`%s`, %s: %s, %d cores, %s %s/%s.\n\n"+
		"Peers: %s.\n\n"+
		"Each contender has a process of its own. They take turns of %v, in at most %d rounds; "+
		"a ratio is the median of those of the rounds, in parentheses their range.\n\n",
		strings.Join(append([]string{"scripts/benchmark"}, arguments...), " "),
		at.UTC().Format(time.DateOnly), processor(), runtime.NumCPU(), runtime.Version(), runtime.GOOS, runtime.GOARCH,
		strings.Join(peerVersions(), ", "), turnTime, rounds)
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
