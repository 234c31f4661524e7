package main

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func plotComparison(series int, ours, peer float64) comparison {
	return comparison{
		unit: unit{name: "ns"}, plot: plotScrape, series: series,
		results: []result{
			{contender: "Signalbox", rounds: []float64{ours}},
			{contender: "client_golang, promhttp", rounds: []float64{peer}},
			{contender: "not plotted", rounds: []float64{1}},
		},
	}
}

func TestWritePlots(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "plots")
	err := writePlots(dir, []comparison{plotComparison(1_000_000, 2e8, 1e10), plotComparison(1000, 1e5, 1e6)})
	if err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 1 {
		t.Fatalf("got %d files, want only the plot that has points", len(files))
	}
	svg, err := os.ReadFile(filepath.Join(dir, "scrape.svg"))
	if err != nil {
		t.Fatal(err)
	}
	for d := xml.NewDecoder(strings.NewReader(string(svg))); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{">1,000,000<", ">100 µs<", ">10 s<", ">Signalbox<", ">client_golang<"} {
		if !strings.Contains(string(svg), want) {
			t.Errorf("the plot does not contain %s", want)
		}
	}
	if strings.Contains(string(svg), "not plotted") {
		t.Error("the plot contains a contender that is not in plotted")
	}
}

func TestAxis(t *testing.T) {
	a := axis{low: 1, high: 100, from: 200, to: 0}
	for v, want := range map[float64]float64{1: 200, 10: 100, 100: 0} {
		if got := a.at(v); math.Abs(got-want) > 1e-9 {
			t.Errorf("got the position %[2]v of %[1]v, want %[3]v", v, got, want)
		}
	}
	if got, want := a.ticks(), []float64{1, 2, 5, 10, 20, 50, 100}; !slices.Equal(got, want) {
		t.Errorf("got the ticks %v, want %v", got, want)
	}
	if got := (axis{low: 1, high: 1e6}).ticks(); len(got) != 7 {
		t.Errorf("got the ticks %v, want the powers of ten", got)
	}
}

func TestLabelsDoNotOverlap(t *testing.T) {
	p := plot{lines: []line{
		{points: []point{{1, 10}, {10, 10}}}, {points: []point{{1, 10}, {10, 10.1}}}, {points: []point{{1, 1}, {10, 9.9}}},
	}}
	_, y := p.axes()
	heights := slices.Sorted(slices.Values(p.labelHeights(y)))
	for i := 1; i < len(heights); i++ {
		if heights[i]-heights[i-1] < plotLabelHeight {
			t.Errorf("got overlapping labels at %v", heights)
		}
	}
}
