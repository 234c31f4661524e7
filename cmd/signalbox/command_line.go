package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/jessevdk/go-flags"

	"github.com/signalbox-ci/signalbox/internal/duration"
	"github.com/signalbox-ci/signalbox/internal/spelling"
	"github.com/signalbox-ci/signalbox/internal/status"
	"github.com/signalbox-ci/signalbox/metric"
)

// usualDefaults are where metrics are served unless a flag says otherwise. The emitter
// itself has no defaults: inside a scheduler it stays off until it is configured.
var usualDefaults = map[string]string{
	"prometheus-bind-ip":   "127.0.0.1",
	"prometheus-bind-port": "9391",
}

var (
	// errHelp says that help was asked for.
	errHelp = errors.New("help was asked for")

	// errNoCommand says that nothing at all was asked for.
	errNoCommand = errors.New("no command was given")
)

// A commandLine is the commands and their flags.
type commandLine struct {
	parser   *flags.Parser
	commands map[string]command
}

// newCommandLine returns the command line of signalbox: its own commands, with the
// flags of the Monitor's emitters among those of run. The demo has a Monitor of its
// own: what it makes up goes to its own page and nowhere else.
func newCommandLine(monitor *metric.Monitor) (*commandLine, error) {
	line := &commandLine{
		parser:   flags.NewNamedParser("signalbox", flags.HelpFlag|flags.PassDoubleDash),
		commands: make(map[string]command),
	}
	line.parser.LongDescription = "The metrics layer for CI systems: events in, a Prometheus page out."

	run := &runCommand{daemon: daemon{monitor: monitor}}
	err := line.addDaemon("run", "Take events and serve metrics",
		"Takes events over HTTP, and from standard input if asked to, and serves the metrics that they drive, "+
			"and those that agents and jobs push, "+
			"until SIGTERM or SIGINT. Without any flags it does so on 127.0.0.1.",
		run, &run.daemon, nil)
	if err != nil {
		return nil, err
	}

	demo := newDemoCommand()
	err = line.addDaemon("demo", "Simulate a CI system, and serve its metrics",
		"Simulates a CI system with its builds, workers, agents and jobs that push, sped up, and serves its metrics as run does, "+
			"until SIGTERM or SIGINT. It takes events and pushes beside its own. "+
			"What goes wrong in it on purpose is logged with --log-level=info only.",
		demo, &demo.daemon, demoDefaults)
	if err != nil {
		return nil, err
	}

	_, err = line.add("catalog", "Print the events that drive metrics, and the metrics",
		"Prints the built-in catalog: which event drives which metric, and how. "+
			"Where a metric or its labels have other names with --prometheus-naming=modern, those are on the line below. "+
			"A label is followed by the attribute that gives it its value, where the names differ. "+
			"An event without the attribute gives an empty value, except where the attribute must be present (!), "+
			"or present and not empty (!!).",
		&catalogCommand{})
	if err != nil {
		return nil, err
	}

	_, err = line.add("check", "Check mapping files, web configuration and environment files",
		"Checks files without starting anything: mapping files (--mapping-file), web configuration files "+
			"(--prometheus-web-config-file), and files of lines SIGNALBOX_FLAG=value as systemd's EnvironmentFile takes them, "+
			"with the files that those name. What a file is shows in what is in it. "+
			"The exit code is 1 if anything is wrong with any of them.",
		&checkCommand{monitor: monitor})
	if err != nil {
		return nil, err
	}

	_, err = line.add("completion", "Print a script that completes commands and flags",
		"Prints a script for a shell, bash, zsh or fish, that completes signalbox' commands, flags and their values. "+
			"How to install it is said at its top.",
		&completionCommand{})
	if err != nil {
		return nil, err
	}

	_, err = line.add("version", "Print the version", "Prints the version, the revision and the Go version.",
		&versionCommand{})
	if err != nil {
		return nil, err
	}
	return line, nil
}

// addDaemon adds a command that is a daemon, with the flags of its Monitor's
// emitters. The defaults, by flag, are those that differ from the usual ones.
func (l *commandLine) addDaemon(name, short, long string, c command, d *daemon, defaults map[string]string) error {
	added, err := l.add(name, short, long, c)
	if err != nil {
		return err
	}
	d.flags = func() []status.Setting { return settingsOf(added.Group) }
	d.strayVariables = l.strayVariables
	if err := d.monitor.WireEmitters(added.Group); err != nil {
		return err
	}
	for _, defaults := range []map[string]string{usualDefaults, defaults} {
		for flag, value := range defaults {
			if option := added.FindOptionByLongName(flag); option != nil {
				option.Default = []string{value}
			}
		}
	}
	return nil
}

func (l *commandLine) add(name, short, long string, c command) (*flags.Command, error) {
	l.commands[name] = c
	return l.parser.AddCommand(name, short, long, c)
}

// parse returns the command that the arguments ask for, with its flags set. It
// returns errHelp, errNoCommand or a usageError.
func (l *commandLine) parse(args []string) (command, error) {
	// What one tries on a program that one does not know.
	switch {
	case len(args) == 1 && args[0] == "--version":
		args = []string{"version"}
	case len(args) > 0 && args[0] == "help":
		args = append(slices.Clone(args[1:]), "--help")
	}

	// Only the command that runs looks at its variables: go-flags would have those of
	// one command fail another.
	for _, arg := range args {
		if command := l.parser.Find(arg); command != nil {
			eachOption(command.Group, useEnvironment)
			break
		}
	}

	rest, err := l.parser.ParseArgs(args)
	if err != nil {
		return nil, l.explain(err, args)
	}
	if len(rest) > 0 {
		return nil, usageError(fmt.Sprintf("unexpected argument %q: %s takes flags only", rest[0], l.parser.Active.Name))
	}
	return l.commands[l.parser.Active.Name], nil
}

// explain turns an error of go-flags into one of parse.
func (l *commandLine) explain(err error, args []string) error {
	flagsErr, ok := errors.AsType[*flags.Error](err)
	if !ok {
		return usageError(err.Error())
	}

	message := strings.ReplaceAll(flagsErr.Message, "`", "'")
	message = strings.ToLower(message[:1]) + message[1:]
	switch flagsErr.Type {
	case flags.ErrHelp:
		return errHelp
	case flags.ErrCommandRequired:
		return errNoCommand
	case flags.ErrUnknownCommand:
		return l.unknownCommand(flagsErr.Message, args)
	case flags.ErrUnknownFlag:
		return usageError(message + l.flagHint(message))
	case flags.ErrMarshal, flags.ErrInvalidChoice:
		return usageError(inPlainWords(message) + l.environmentHint(message, args))
	default:
		return usageError(message)
	}
}

// unknownCommand is what is wrong with the argument that the message of go-flags is
// about, whose own suggestions are of what is not near.
func (l *commandLine) unknownCommand(message string, args []string) error {
	name := ""
	for _, arg := range args {
		if strings.HasPrefix(message, "Unknown command `"+arg+"'") {
			name = arg
			break
		}
	}
	var known []string
	for _, command := range l.parser.Commands() {
		known = append(known, command.Name)
	}
	slices.Sort(known)
	if near := spelling.Nearest(name, known); near != "" && near != name {
		return usageError(fmt.Sprintf("unknown command '%s', did you mean '%s'?", name, near))
	}
	last := len(known) - 1
	return usageError(fmt.Sprintf("unknown command '%s'; the commands are %s or %s", name, strings.Join(known[:last], ", "), known[last]))
}

// flagHint names the flag that an unknown one may stand for, or says where flags are
// listed.
func (l *commandLine) flagHint(message string) string {
	_, name, _ := strings.Cut(message, "'")
	var known []string
	if l.parser.Active != nil {
		eachOption(l.parser.Active.Group, func(option *flags.Option) {
			known = append(known, option.LongNameWithNamespace())
		})
	}
	if near := spelling.Nearest(strings.TrimSuffix(name, "'"), known); near != "" {
		return ", did you mean --" + near + "?"
	}
	return "; " + l.helpHint() + " lists the flags"
}

// helpHint is the command that shows the help that fits.
func (l *commandLine) helpHint() string {
	if l.parser.Active == nil {
		return "signalbox --help"
	}
	return "signalbox " + l.parser.Active.Name + " --help"
}

// environmentHint names the variable that a bad value came from, if it did not come
// from the arguments.
func (l *commandLine) environmentHint(message string, args []string) string {
	hint := ""
	for _, command := range l.parser.Commands() {
		eachOption(command.Group, func(option *flags.Option) {
			name := "--" + option.LongNameWithNamespace()
			if !strings.Contains(message, "'"+name+"'") || os.Getenv(option.EnvDefaultKey) == "" {
				return
			}
			for _, arg := range args {
				if arg == name || strings.HasPrefix(arg, name+"=") {
					return
				}
			}
			hint = " (from " + option.EnvDefaultKey + ")"
		})
	}
	return hint
}

// inPlainWords says in our own words what go-flags, strconv and time have to say about
// a value, behind the flag or the variable that has it: not about the program, as in
// "(expected uint16): strconv.ParseUint: parsing".
func inPlainWords(message string) string {
	if before, after, found := strings.Cut(message, " (expected "); found {
		if _, reason, found := strings.Cut(after, "): "); found {
			message = before + ": " + reason
		}
	}
	invalid := " is not a number"
	if before, after, found := strings.Cut(message, "strconv."); found {
		if parser, reason, found := strings.Cut(after, ": parsing "); found {
			message = before + reason
			if parser == "ParseBool" {
				invalid = ", want true or false"
			}
		}
	}
	if before, found := strings.CutSuffix(message, ": invalid syntax"); found {
		return before + invalid
	}
	if before, after, found := strings.Cut(message, ": time: "); found {
		if i := strings.LastIndex(after, `duration "`); i >= 0 {
			quoted := after[i+len("duration "):]
			value, _ := strconv.Unquote(quoted)
			return before + ": " + quoted + " is not a duration like 10s or 1m30s" + duration.Hint(value)
		}
	}
	return message
}

// useEnvironment lets an option take its value from SIGNALBOX_ and its name. A variable
// that is set but empty is as good as none: that is how deployment templates leave one
// out.
func useEnvironment(option *flags.Option) {
	name := option.LongNameWithNamespace()
	if name == "" {
		return
	}

	key := environmentKey(name)
	if value, ok := os.LookupEnv(key); ok && value == "" {
		return
	}
	option.EnvDefaultKey = key
	if isRepeatable(option) {
		option.EnvDefaultDelim = ","
	}
}

// environmentPrefix is what all variables begin with.
const environmentPrefix = "SIGNALBOX_"

// environmentKey returns the variable that stands for a flag.
func environmentKey(name string) string {
	return environmentPrefix + strings.ToUpper(strings.NewReplacer("-", "_", ".", "_").Replace(name))
}

// eachOption calls f with every option of a group and of the groups in it.
func eachOption(group *flags.Group, f func(*flags.Option)) {
	for _, option := range group.Options() {
		f(option)
	}
	for _, group := range group.Groups() {
		eachOption(group, f)
	}
}
