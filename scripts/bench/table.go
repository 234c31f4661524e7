package main

import (
	"fmt"
	"io"
	"math"
	"strings"
)

// writeTable writes the comparisons as a Markdown table with a line for each contender.
func writeTable(w io.Writer, comparisons []comparison) error {
	var b strings.Builder
	b.WriteString("| work | contender | median (range of the rounds) | ratio to Signalbox | allocations per operation | goal | met |\n")
	b.WriteString("|---|---|---:|---:|---:|---|---|\n")
	for i := range comparisons {
		c := &comparisons[i]
		if c.hidden {
			continue
		}
		for j, r := range c.results {
			work, ratio := "", ""
			if j == 0 {
				work = c.work
			} else if !r.noRatio {
				ratio = times(c.ratios(r))
			}
			goals, met := verdictCells(c.judge(r.contender), c.unit)
			writeRow(&b, work, r.contender, figureCell(r, c.unit), ratio, allocsCell(r), goals, met)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func writeRow(b *strings.Builder, cells ...string) {
	for _, cell := range cells {
		b.WriteString("| ")
		b.WriteString(strings.ReplaceAll(cell, "|", `\|`))
		b.WriteString(" ")
	}
	b.WriteString("|\n")
}

func figureCell(r result, u unit) string {
	cell := withRange(r.rounds, u.name)
	if r.detail != "" {
		cell += "; " + r.detail
	}
	return cell
}

// allocsCell returns the allocations per operation: "3 (240 B)".
func allocsCell(r result) string {
	if r.allocs < 0 || math.IsNaN(r.allocs) {
		return ""
	}
	if r.allocs < allocsTolerance {
		return "0"
	}
	cell := number(r.allocs)
	if r.bytes >= 0 {
		cell += " (" + bytesText(r.bytes) + ")"
	}
	return cell
}

func verdictCells(verdicts []verdict, u unit) (goals, met string) {
	var g, m []string
	for _, v := range verdicts {
		g = append(g, goalText(v.goal, u))
		if v.met {
			m = append(m, "yes")
		} else {
			m = append(m, "**no**")
		}
	}
	return strings.Join(g, "; "), strings.Join(m, "; ")
}

func goalText(g goal, u unit) string {
	switch {
	case g.peer != "":
		return "≥ " + number(g.value) + "×"
	case g.of == ofAllocs:
		return fmt.Sprintf("%v allocations", g.value)
	case g.of == ofBytes:
		return "≤ " + bytesText(g.value) + " allocated"
	}
	value := withRange([]float64{g.value}, u.name)
	if u.moreIsBetter {
		return "≥ " + value
	}
	return "≤ " + value
}
