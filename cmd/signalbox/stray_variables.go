package main

import (
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/jessevdk/go-flags"

	"github.com/signalbox-ci/signalbox/internal/spelling"
)

// A strayVariable is an environment variable that begins with environmentPrefix but
// does not belong to a flag.
type strayVariable struct {
	name    string
	nearest string // variable that was probably meant, or the empty string
}

// strayVariables returns the stray variables in the environment. The variables of all
// commands count as known.
func (l *commandLine) strayVariables() (strays []strayVariable) {
	var known []string
	for _, command := range l.parser.Commands() {
		eachOption(command.Group, func(option *flags.Option) {
			if isOwnFlag(option) {
				known = append(known, strings.TrimPrefix(environmentKey(option.LongNameWithNamespace()), environmentPrefix))
			}
		})
	}
	for _, variable := range os.Environ() {
		key, value, _ := strings.Cut(variable, "=")
		name, hasPrefix := strings.CutPrefix(key, environmentPrefix)
		if !hasPrefix || slices.Contains(known, name) || isServiceVariable(name, value) {
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

// serviceVariable matches the variables with which Kubernetes describes a service to
// each container. If the service is called signalbox, they begin with
// environmentPrefix, which is not part of the match.
var serviceVariable = regexp.MustCompile(`^([A-Z0-9_]+_)?(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT_\d+_(TCP|UDP|SCTP)(_PROTO|_PORT|_ADDR)?)$`)

func isServiceVariable(name, value string) bool {
	isPort := name == "PORT" || strings.HasSuffix(name, "_PORT")
	return serviceVariable.MatchString(name) || isPort && strings.Contains(value, "://")
}
