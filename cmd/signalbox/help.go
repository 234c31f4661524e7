package main

import (
	"bufio"
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/jessevdk/go-flags"
)

// helpColumns is the maximum width of help. The help of go-flags would be wider with
// names as long as ours, because it puts flags, values, defaults and environment
// variables on the same line.
const helpColumns = 80

// A helpPage is a writer for help, with a style for headings.
type helpPage struct {
	*bufio.Writer
	style style
}

// writeHelp prints the help of the active command, or that of signalbox if there is
// none.
func (l *commandLine) writeHelp(w io.Writer) error {
	out := helpPage{bufio.NewWriter(w), styleOf(w)}
	if command := l.parser.Active; command != nil {
		writeCommandHelp(out, command)
	} else {
		l.writeOverview(out)
	}
	return ignoreBrokenPipe(out.Flush())
}

// writeOverview prints the list of commands.
func (l *commandLine) writeOverview(out helpPage) {
	fmt.Fprintf(out, "%s signalbox <command> [flags]\n\n", out.style.bold("Usage:"))
	writeWrapped(out, "", l.parser.LongDescription)
	fmt.Fprintf(out, "\n%s\n", out.style.bold("Commands:"))
	width := 0
	for _, command := range l.parser.Commands() {
		width = max(width, len(command.Name))
	}
	for _, command := range l.parser.Commands() {
		fmt.Fprintf(out, "  %-*s  %s\n", width, command.Name, command.ShortDescription)
	}
	fmt.Fprintln(out)
	writeWrapped(out, "", `Run "signalbox <command> --help" for the flags of a command.`)
	fmt.Fprintln(out)
	writeWrapped(out, "", "The exit code is 0 on success, 1 on failure and 2 on incorrect usage.")
}

func writeCommandHelp(out helpPage, command *flags.Command) {
	usage := command.Name
	for _, arg := range command.Args() {
		usage += " " + arg.Name
	}
	fmt.Fprintf(out, "%s signalbox %s [flags]\n\n", out.style.bold("Usage:"), usage)
	writeWrapped(out, "", command.LongDescription)

	example := ""
	eachOption(command.Group, func(option *flags.Option) {
		if example == "" && isOwnFlag(option) {
			example = option.LongNameWithNamespace()
		}
	})
	if example == "" {
		return
	}

	fmt.Fprintln(out)
	writeWrapped(out, "", fmt.Sprintf("Every flag can also be set with an environment variable: --%s with %s, for example. "+
		"Flags override variables. In a variable, separate the values of a repeatable flag with commas.",
		example, environmentKey(example)))
	writeGroupHelp(out, "Flags", command.Group)
}

// writeGroupHelp prints the flags of a group and its subgroups.
func writeGroupHelp(out helpPage, title string, group *flags.Group) {
	if group.Hidden {
		return
	}

	first := true
	for _, option := range group.Options() {
		if option.Hidden || !isOwnFlag(option) {
			continue
		}
		if first {
			fmt.Fprintf(out, "\n%s\n", out.style.bold(title+":"))
			first = false
		}
		writeOptionHelp(out, option)
	}
	for _, group := range group.Groups() {
		writeGroupHelp(out, group.ShortDescription, group)
	}
}

func writeOptionHelp(out helpPage, option *flags.Option) {
	fmt.Fprintf(out, "  --%s%s\n", option.LongNameWithNamespace(), valueHelp(option))

	description := option.Description
	switch {
	case option.DefaultMask == "-":
	case option.DefaultMask != "":
		description += " (default: " + option.DefaultMask + ")"
	case len(option.Default) > 0:
		description += " (default: " + strings.Join(option.Default, ", ") + ")"
	}
	writeWrapped(out, "        ", description)
}

// valueHelp returns what may follow the name of an option, such as "=NAME".
func valueHelp(option *flags.Option) string {
	value := option.ValueName
	switch {
	case isSwitch(option):
		return ""
	case len(option.Choices) > 0:
		value = strings.Join(option.Choices, "|")
	case value == "":
		value = "VALUE"
	}
	if isRepeatable(option) {
		return "=" + value + " ..."
	}
	return "=" + value
}

// isOwnFlag reports whether an option belongs to a command or an emitter. The --help of
// go-flags does not; its field is a function.
func isOwnFlag(option *flags.Option) bool {
	return option.LongName != "" && option.Field().Type.Kind() != reflect.Func
}

// writeWrapped prints a text wrapped at helpColumns. Each line begins with the indent.
func writeWrapped(out io.Writer, indent, text string) {
	line := indent
	for _, word := range strings.Fields(text) {
		if line != indent {
			if len(line)+1+len(word) > helpColumns {
				fmt.Fprintln(out, line)
				line = indent
			} else {
				line += " "
			}
		}
		line += word
	}
	if line != indent {
		fmt.Fprintln(out, line)
	}
}
