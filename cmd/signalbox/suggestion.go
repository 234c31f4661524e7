package main

import (
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/jessevdk/go-flags"
)

// nearest returns the candidate that a misspelt name probably stands for, or "".
func nearest(name string, candidates []string) string {
	best, least := "", 0
	for _, candidate := range candidates {
		distance := editDistance(name, candidate)
		if 3*distance <= max(len(name), len(candidate)) && (best == "" || distance < least) {
			best, least = candidate, distance
		}
	}

	return best
}

// editDistance is how many bytes must be changed, put in, left out or swapped with their
// neighbour to make b of a.
func editDistance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before, last, row = last, row, before
		row[0] = i + 1
		for j := range len(b) {
			replaced := last[j]
			if a[i] != b[j] {
				replaced++
			}
			row[j+1] = min(replaced, row[j]+1, last[j+1]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
	}

	return row[len(b)]
}

// A strayVariable is a variable of the environment that looks like one of ours, and
// that no flag knows.
type strayVariable struct {
	name    string
	nearest string // the variable that it may stand for, or ""
}

// strayVariables are those of the environment. A variable of one command's is none to
// another.
func (l *commandLine) strayVariables() (strays []strayVariable) {
	var known []string
	for _, command := range l.parser.Commands() {
		eachOption(command.Group, func(option *flags.Option) {
			if isOurs(option) {
				known = append(known, strings.TrimPrefix(environmentKey(option.LongNameWithNamespace()), environmentPrefix))
			}
		})
	}
	for _, variable := range os.Environ() {
		key, value, _ := strings.Cut(variable, "=")
		name, ours := strings.CutPrefix(key, environmentPrefix)
		if !ours || slices.Contains(known, name) || isServiceVariable(name, value) {
			continue
		}
		stray := strayVariable{name: key}
		if near := nearest(name, known); near != "" {
			stray.nearest = environmentPrefix + near
		}
		strays = append(strays, stray)
	}

	return strays
}

// serviceVariable matches what Kubernetes tells each container about services; one
// that is called signalbox is likely.
var serviceVariable = regexp.MustCompile(`^([A-Z0-9_]+_)?(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT_\d+_(TCP|UDP|SCTP)(_PROTO|_PORT|_ADDR)?)$`)

func isServiceVariable(name, value string) bool {
	isPort := name == "PORT" || strings.HasSuffix(name, "_PORT")

	return serviceVariable.MatchString(name) || isPort && strings.Contains(value, "://")
}
