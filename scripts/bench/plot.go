package main

import (
	"cmp"
	"errors"
	"fmt"
	"html"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// The names of the plots and of their files.
const (
	plotEmit   = "emit"
	plotScrape = "scrape"
	plotMemory = "memory"
	plotCreate = "first-emit"
)

// A plot shows how a figure grows with the number of series. Both axes are logarithmic.
type plot struct {
	name, title, x, y string
	lines             []line
}

// A line shows the figures of a contender.
type line struct {
	label  string
	points []point
	unit   string
}

type point struct{ x, y float64 }

// plotted lists the contenders in the plots, as prefixes of their names, in the order
// of their colors.
var plotted = []string{signalboxName, "client_golang", "VictoriaMetrics/metrics"}

func emptyPlots() []plot {
	return []plot{
		{name: plotEmit, title: "Time of one Emit, workers in random order", x: "workers", y: "time, lower is better"},
		{name: plotScrape, title: "Time of one scrape, text", x: "gauges", y: "time, lower is better"},
		{name: plotMemory, title: "Memory of a series with 5 labels", x: "series", y: "heap, lower is better"},
		{name: plotCreate, title: "Time of the first Emit of a series", x: "new series", y: "time, lower is better"},
	}
}

// writePlots writes the plots that have at least one line.
func writePlots(dir string, comparisons []comparison) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var errs []error
	for _, p := range emptyPlots() {
		p.draw(comparisons)
		if len(p.lines) > 0 {
			errs = append(errs, os.WriteFile(filepath.Join(dir, p.name+".svg"), []byte(p.svg()), 0o644))
		}
	}
	return errors.Join(errs...)
}

// draw adds the lines that have at least two points.
func (p *plot) draw(comparisons []comparison) {
	for _, name := range plotted {
		l := line{label: name}
		for _, c := range comparisons {
			if c.plot != p.name {
				continue
			}
			for _, r := range c.results {
				if strings.HasPrefix(r.contender, name) {
					l.points = append(l.points, point{float64(c.series), median(r.rounds)})
					l.unit = c.unit.name
					break
				}
			}
		}
		if len(l.points) > 1 {
			slices.SortFunc(l.points, func(a, b point) int { return cmp.Compare(a.x, b.x) })
			p.lines = append(p.lines, l)
		}
	}
}

// The layout of a plot, in pixels.
const (
	plotWidth, plotHeight = 720, 420
	plotLeft, plotRight   = 80, 540 // of the area of the lines
	plotTop, plotBottom   = 66, 364
	plotLabelHeight       = 18.0
	plotStyle             = `
  .back { fill: #ffffff; stroke: #d0d7de }
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .title { font-size: 16px; font-weight: 600 }
  .dim { fill: #59636e }
  .grid { stroke: #d8dee4; stroke-width: 1 }
  .line { fill: none; stroke-width: 2.5; stroke-linejoin: round }
  .s0 { stroke: #0969da } .f0 { fill: #0969da }
  .s1 { stroke: #bc4c00 } .f1 { fill: #bc4c00 }
  .s2 { stroke: #8250df } .f2 { fill: #8250df }
  @media (prefers-color-scheme: dark) {
    .back { fill: #0d1117; stroke: #3d444d }
    text { fill: #f0f6fc }
    .dim { fill: #9198a1 }
    .grid { stroke: #2a313c }
    .s0 { stroke: #4493f8 } .f0 { fill: #4493f8 }
    .s1 { stroke: #f0883e } .f1 { fill: #f0883e }
    .s2 { stroke: #ab7df8 } .f2 { fill: #ab7df8 }
  }
`
)

// svg returns the plot as SVG.
func (p *plot) svg() string {
	x, y := p.axes()
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%[1]d" height="%[2]d" role="img">`+"\n", plotWidth, plotHeight)
	fmt.Fprintf(&b, "<title>%s</title>\n<style>%s</style>\n", html.EscapeString(p.title), plotStyle)
	fmt.Fprintf(&b, `<rect class="back" x="0.5" y="0.5" width="%d" height="%d" rx="8"/>`+"\n", plotWidth-1, plotHeight-1)
	writeText(&b, plotLeft, 28, "start", "title", p.title)
	writeText(&b, plotLeft, 48, "start", "dim", p.y)

	for _, tick := range y.ticks() {
		at := y.at(tick)
		fmt.Fprintf(&b, `<line class="grid" x1="%d" y1="%.1f" x2="%d" y2="%.1f"/>`+"\n", plotLeft, at, plotRight, at)
		writeText(&b, plotLeft-8, at+4, "end", "dim", withRange([]float64{tick}, p.lines[0].unit))
	}
	for decade := x.low; decade <= x.high*1.01; decade *= 10 {
		at := x.at(decade)
		fmt.Fprintf(&b, `<line class="grid" x1="%.1f" y1="%d" x2="%.1f" y2="%d"/>`+"\n", at, plotTop, at, plotBottom)
		writeText(&b, at, plotBottom+20, "middle", "dim", number(decade))
	}
	writeText(&b, (plotLeft+plotRight)/2, plotHeight-14, "middle", "dim", p.x)

	labels := p.labelHeights(y)
	for i, l := range p.lines {
		color := slices.Index(plotted, l.label)
		var path []string
		for _, pt := range l.points {
			path = append(path, fmt.Sprintf("%.1f,%.1f", x.at(pt.x), y.at(pt.y)))
		}
		fmt.Fprintf(&b, `<polyline class="line s%d" points="%s"/>`+"\n", color, strings.Join(path, " "))
		for _, pt := range l.points {
			fmt.Fprintf(&b, `<circle class="f%d" cx="%.1f" cy="%.1f" r="4"/>`+"\n", color, x.at(pt.x), y.at(pt.y))
		}
		last := l.points[len(l.points)-1]
		fmt.Fprintf(&b, `<text class="f%d" x="%.1f" y="%.1f">%s</text>`+"\n", color, x.at(last.x)+10, labels[i]+4, html.EscapeString(l.label))
	}
	b.WriteString("</svg>\n")
	return b.String()
}

func writeText(b *strings.Builder, x, y float64, anchor, class, text string) {
	fmt.Fprintf(b, `<text class="%s" x="%.1f" y="%.1f" text-anchor="%s">%s</text>`+"\n", class, x, y, anchor, html.EscapeString(text))
}

// An axis is a logarithmic axis. The value low is at the position from, and high at to.
type axis struct {
	low, high, from, to float64
}

// manyDecades is the ratio of the ends of an axis above which only powers of ten are
// ticks.
const manyDecades = 500

func (a axis) at(v float64) float64 {
	return a.from + (a.to-a.from)*math.Log(v/a.low)/math.Log(a.high/a.low)
}

// ticks returns the values of 1, 2 and 5 times a power of ten on the axis, or only the
// powers of ten if the axis is long.
func (a axis) ticks() []float64 {
	steps := []float64{1, 2, 5}
	if a.high/a.low > manyDecades {
		steps = steps[:1]
	}
	var ticks []float64
	for decade := math.Pow(10, math.Floor(math.Log10(a.low))); decade <= a.high; decade *= 10 {
		for _, step := range steps {
			if tick := decade * step; tick >= a.low*0.999 && tick <= a.high*1.001 {
				ticks = append(ticks, tick)
			}
		}
	}
	return ticks
}

// axes returns axes that cover all lines. x begins at a power of ten. y begins and ends
// at 1, 2 or 5 times a power of ten, or at a power of ten if it is long.
func (p *plot) axes() (x, y axis) {
	var xs, ys []float64
	for _, l := range p.lines {
		for _, pt := range l.points {
			xs, ys = append(xs, pt.x), append(ys, pt.y)
		}
	}
	x = axis{powerBelow(slices.Min(xs)), slices.Max(xs), plotLeft, plotRight}
	below := stepBelow
	if slices.Max(ys)/slices.Min(ys) > manyDecades {
		below = powerBelow
	}
	y = axis{below(slices.Min(ys)), 1 / below(1/slices.Max(ys)), plotBottom, plotTop}
	return x, y
}

func powerBelow(v float64) float64 {
	return math.Pow(10, math.Floor(math.Log10(v)+1e-9))
}

// stepBelow returns the greatest of 1, 2 and 5 times a power of ten that is at most v.
func stepBelow(v float64) float64 {
	power := powerBelow(v)
	for _, step := range []float64{5, 2} {
		if v >= step*power {
			return step * power
		}
	}
	return power
}

// labelHeights returns the vertical positions of the labels of the lines: at the ends
// of the lines, moved apart so that they do not overlap.
func (p *plot) labelHeights(y axis) []float64 {
	heights, order := make([]float64, len(p.lines)), make([]int, len(p.lines))
	for i, l := range p.lines {
		heights[i], order[i] = y.at(l.points[len(l.points)-1].y), i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(heights[a], heights[b]) })
	for i := 1; i < len(order); i++ {
		above := heights[order[i-1]]
		heights[order[i]] = max(heights[order[i]], above+plotLabelHeight)
	}
	return heights
}
