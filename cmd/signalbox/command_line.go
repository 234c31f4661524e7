package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/jessevdk/go-flags"

	"github.com/signalbox-ci/signalbox/internal/duration"
	"github.com/signalbox-ci/signalbox/internal/spelling"
	"github.com/signalbox-ci/signalbox/internal/status"
	"github.com/signalbox-ci/signalbox/metric"
)

// listenerDefaults are the defaults of the metrics listener's flags in the daemon. The
// emitter itself has none: in a scheduler that embeds it, the listener is off until it
// is configured.
var listenerDefaults = map[string]string{
	"prometheus-bind-ip":   "127.0.0.1",
	"prometheus-bind-port": "9391",
}

var (
	// errHelp means that the arguments request help.
	errHelp = errors.New("help requested")

	// errNoCommand means that the arguments contain no command.
	errNoCommand = errors.New("no command")
)

// A commandLine contains the commands and their flags.
type commandLine struct {
	parser   *flags.Parser
	commands map[string]command
}

// newCommandLine returns the command line of signalbox. The flags of the Monitor's
// emitters become flags of run. The demo has its own Monitor, so that simulated events
// reach no other emitters.
func newCommandLine(monitor *metric.Monitor) (*commandLine, error) {
	line := &commandLine{
		parser:   flags.NewNamedParser("signalbox", flags.HelpFlag|flags.PassDoubleDash),
		commands: make(map[string]command),
	}
	line.parser.NamespaceDelimiter = "-" // as in --github-secret-file
	line.parser.LongDescription = "A metrics layer for CI systems that turns events into Prometheus metrics."

	run := &runCommand{daemon: daemon{monitor: monitor}}
	err := line.addDaemon("run", "Receive events and serve metrics",
		"Receives events over HTTP and, with --stdin, from standard input. Serves the metrics that they update, "+
			"and the metrics that agents and jobs push, until it receives SIGTERM or SIGINT. "+
			"By default it listens on 127.0.0.1 only.",
		run, &run.daemon, nil)
	if err != nil {
		return nil, err
	}

	demo := newDemoCommand()
	err = line.addDaemon("demo", "Simulate a CI system and serve its metrics",
		"Simulates a CI system at high speed: builds, workers, and agents and jobs that push metrics. "+
			"Also simulates organizations on GitHub and GitLab, in real time, which send it signed webhooks over HTTP. "+
			"Serves its metrics as run does, until it receives SIGTERM or SIGINT. "+
			"It also accepts other events and pushes. "+
			"All of it is made up, and its faults are intentional: some events are invalid or unknown, and some webhooks are late, repeated, lost or signed wrongly. "+
			"They are logged only with --log-level=info or debug.",
		demo, &demo.daemon, demoDefaults)
	if err != nil {
		return nil, err
	}

	_, err = line.add("catalog", "Print the built-in events and metrics",
		"Prints the built-in catalogs: which metrics each event updates, and how. "+
			"With the name of an event, as in signalbox catalog build finished, "+
			"describes only that event, with an example of how to send it. "+
			"Where the other naming of --prometheus-naming differs, the next line shows it. "+
			"A label takes its value from the attribute of the same name, or from the attribute after the arrow, or has the value after the equals sign. "+
			"If the event does not have the attribute, the label is empty, unless the attribute must be present (!), "+
			"or present and not empty (!!).",
		&catalogCommand{})
	if err != nil {
		return nil, err
	}

	_, err = line.add("check", "Check mapping files, web configuration files and environment files",
		"Checks files without starting the daemon: mapping files (--mapping-file), web configuration files "+
			"(--prometheus-web-config-file, --intake-web-config-file), and environment files, which contain lines SIGNALBOX_FLAG=value in the format "+
			"of systemd's EnvironmentFile. Files that an environment file names are checked too. "+
			"The kind of each file is detected by its content. "+
			"The exit code is 1 if any file has an error.",
		&checkCommand{monitor: monitor})
	if err != nil {
		return nil, err
	}

	_, err = line.add("decode", "Print the events that recorded webhooks would cause",
		"Decodes recorded deliveries of webhooks and prints the events that they would cause, in order, "+
			"in the format in which POST /api/v1/events accepts them. KIND is the kind of CI system, such as github or gitlab. "+
			"It prints the outcome of each delivery to standard error. Nothing is sent, and signatures are not checked.",
		&decodeCommand{})
	if err != nil {
		return nil, err
	}

	_, err = line.add("completion", "Print a shell completion script",
		"Prints a completion script for bash, zsh or fish. It completes the commands of signalbox, their flags and values. "+
			"The comments at its top explain how to install it.",
		&completionCommand{})
	if err != nil {
		return nil, err
	}

	_, err = line.add("version", "Print the version", "Prints the version and the revision of signalbox, and the Go version.",
		&versionCommand{})
	if err != nil {
		return nil, err
	}
	return line, nil
}

// addDaemon adds a command that is a daemon, with the flags of its Monitor's emitters.
// defaults contains different default values for some of the flags, by name.
func (l *commandLine) addDaemon(name, short, long string, c command, d *daemon, defaults map[string]string) error {
	added, err := l.add(name, short, long, c)
	if err != nil {
		return err
	}
	d.flags = func() []status.Setting { return settingsOf(added.Group) }
	d.strayVariables = l.strayVariables
	if err := d.addWebhooks(added); err != nil {
		return err
	}
	if err := d.monitor.WireEmitters(added.Group); err != nil {
		return err
	}
	for _, defaults := range []map[string]string{listenerDefaults, defaults} {
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

// parse returns the command in the arguments, with its flags set. The error is errHelp,
// errNoCommand or a usageError, or it joins several of the latter.
func (l *commandLine) parse(args []string) (command, error) {
	// Accept the common forms "--version" and "help".
	switch {
	case len(args) == 1 && args[0] == "--version":
		args = []string{"version"}
	case len(args) > 0 && args[0] == "help":
		args = append(slices.Clone(args[1:]), "--help")
	}

	// Enable environment variables only for the command that runs. Otherwise, go-flags
	// rejects the command line if a variable of another command is invalid.
	var command *flags.Command
	for _, arg := range args {
		if command = l.parser.Find(arg); command != nil {
			eachOption(command.Group, useEnvironment)
			break
		}
	}

	if arg := oneDashFlag(command, args); arg != "" {
		return nil, usageError(fmt.Sprintf("unknown flag '%s'%s", arg, flagHint(command, arg)))
	}
	rest, err := l.parser.ParseArgs(args)
	if err != nil {
		return nil, l.explainAll(err, command, args)
	}
	if len(rest) > 0 {
		return nil, usageError(fmt.Sprintf("unexpected argument %q: %s takes flags only", rest[0], l.parser.Active.Name))
	}
	return l.commands[l.parser.Active.Name], nil
}

// invalidFlag matches the flag in an error about its name or value, without the dashes.
var invalidFlag = regexp.MustCompile(`^(?:unknown flag '|[a-z ]*flag '--|--)([a-z0-9.-]+)`)

// explainAll converts an error of go-flags, which stops at the first error, into one
// that joins the errors in all flags of the command. To find the other errors, it
// parses the arguments again without the flags that have an error.
func (l *commandLine) explainAll(err error, command *flags.Command, args []string) error {
	first := l.explain(err, args)
	errs := []error{first}
	for last := first; command != nil; {
		parts := invalidFlag.FindStringSubmatch(last.Error())
		if parts == nil {
			break
		}
		args = withoutFlag(command, args, parts[1])
		if _, err = l.parser.ParseArgs(args); err == nil {
			break
		}
		last = l.explain(err, args)
		if _, ok := last.(usageError); !ok || slices.ContainsFunc(errs, func(e error) bool { return e.Error() == last.Error() }) {
			break
		}
		errs = append(errs, last)
	}
	return errors.Join(errs...)
}

// withoutFlag returns the arguments without a flag and its values. It also prevents the
// flag from taking its value from the environment.
func withoutFlag(command *flags.Command, args []string, name string) (rest []string) {
	option := command.FindOptionByLongName(name)
	if option != nil {
		option.EnvDefaultKey = ""
	}
	for i := 0; i < len(args); i++ {
		switch flag, _, hasValue := strings.Cut(args[i], "="); {
		case flag != "--"+name:
			rest = append(rest, args[i])
		case !hasValue && option != nil && !isSwitch(option):
			i++
		}
	}
	return rest
}

// explain converts an error of go-flags into an error that parse may return.
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
		_, name, _ := strings.Cut(message, "'")
		name = strings.TrimSuffix(name, "'")
		if len(name) == 1 { // a letter after one dash
			message = "unknown flag '-" + name + "'"
		}
		return usageError(message + flagHint(l.parser.Active, name))
	case flags.ErrMarshal, flags.ErrInvalidChoice:
		return usageError(rephrased(message) + l.environmentHint(message, args))
	default:
		return usageError(message)
	}
}

// unknownCommand returns the error for the unknown command in a message of go-flags. It
// replaces the suggestions of go-flags, which include commands that are not similar.
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
	return usageError(fmt.Sprintf("unknown command '%s', expected %s or %s", name, strings.Join(known[:last], ", "), known[last]))
}

// oneDashFlag returns the first argument that has the form of a long flag but begins
// with one dash, or the empty string. go-flags would read it as several flags of one
// letter each, and -h as the flag for help.
func oneDashFlag(command *flags.Command, args []string) string {
	for i, arg := range args {
		if arg == "--" {
			break
		}
		if len(arg) < 3 || arg[0] != '-' || arg[1] < 'a' || arg[1] > 'z' {
			continue
		}
		if i > 0 && command != nil && strings.HasPrefix(args[i-1], "--") {
			option := command.FindOptionByLongName(args[i-1][2:])
			if option != nil && !isSwitch(option) {
				continue // the value of that flag
			}
		}
		name, _, _ := strings.Cut(arg, "=")
		return name
	}
	return ""
}

// flagHint returns the known flag that is most similar to an unknown flag of the
// command, which may be nil, or how to list the flags.
func flagHint(command *flags.Command, name string) string {
	var known []string
	help := "signalbox --help"
	if command != nil {
		eachOption(command.Group, func(option *flags.Option) {
			known = append(known, option.LongNameWithNamespace())
		})
		help = "signalbox " + command.Name + " --help"
	}
	if near := spelling.Nearest(strings.TrimLeft(name, "-"), known); near != "" {
		return ", did you mean --" + near + "?"
	}
	return "; " + help + " lists the flags"
}

// environmentHint returns the variable that an invalid value came from, or the empty
// string if it came from the arguments.
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

// Messages of go-flags about invalid values.
var (
	invalidChoice   = regexp.MustCompile(`^(?s)([A-Z_]+: )?invalid value '(.*)' for option '(--[^']+)'\. Allowed values are: (.*)$`)
	invalidArgument = regexp.MustCompile(`^(?s)invalid argument for flag '(--[^']+)'(.*)$`)
)

// rephrased returns a message of go-flags, strconv or time about an invalid value
// without implementation details such as "(expected uint16): strconv.ParseUint:
// parsing". The flag or variable at the beginning remains.
func rephrased(message string) string {
	if parts := invalidChoice.FindStringSubmatch(message); parts != nil {
		return fmt.Sprintf("%s: got %q, expected %s", cmp.Or(strings.TrimSuffix(parts[1], ": "), parts[3]), parts[2], parts[4])
	}
	if parts := invalidArgument.FindStringSubmatch(message); parts != nil {
		message = parts[1] + parts[2]
	}
	if before, after, found := strings.Cut(message, " (expected "); found {
		if _, reason, found := strings.Cut(after, "): "); found {
			message = before + ": " + reason
		}
	}
	expected := ", expected a number"
	if before, after, found := strings.Cut(message, "strconv."); found {
		if parser, reason, found := strings.Cut(after, ": parsing "); found {
			message = before + "got " + reason
			if parser == "ParseBool" {
				expected = ", expected true or false"
			}
		}
	}
	if before, found := strings.CutSuffix(message, ": invalid syntax"); found {
		return before + expected
	}
	if before, after, found := strings.Cut(message, ": time: "); found {
		if i := strings.LastIndex(after, `duration "`); i >= 0 {
			quoted := after[i+len("duration "):]
			value, _ := strconv.Unquote(quoted)
			return before + ": got " + quoted + ", expected a duration such as 10s or 1m30s" + duration.Hint(value)
		}
	}
	return message
}

// useEnvironment enables an option to take its value from its environment variable. An
// empty variable counts as unset, because deployment templates often set variables to
// the empty string instead of omitting them.
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

// environmentPrefix is the prefix of all environment variables.
const environmentPrefix = "SIGNALBOX_"

// environmentKey returns the environment variable of a flag.
func environmentKey(name string) string {
	return environmentPrefix + strings.ToUpper(strings.NewReplacer("-", "_", ".", "_").Replace(name))
}

// eachOption calls f with every option of a group and its subgroups.
func eachOption(group *flags.Group, f func(*flags.Option)) {
	for _, option := range group.Options() {
		f(option)
	}
	for _, group := range group.Groups() {
		eachOption(group, f)
	}
}
