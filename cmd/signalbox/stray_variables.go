package main

import (
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/jessevdk/go-flags"

	"github.com/signalbox-ci/signalbox/internal/spelling"
)

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
		if near := spelling.Nearest(name, known); near != "" {
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
