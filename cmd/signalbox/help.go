package main

import (
	"bufio"
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/jessevdk/go-flags"
)

// helpColumns is how wide help is. go-flags writes help of its own, but puts
// flags, values, defaults and environment variables side by side: with names
// as long as ours it does not fit.
const helpColumns = 80

// A helpPage is help as it is written, with headings in bold on a terminal.
type helpPage struct {
	*bufio.Writer
	style style
}

// writeHelp prints the help of the active command, or of signalbox.
func (l *commandLine) writeHelp(w io.Writer) error {
	out := helpPage{bufio.NewWriter(w), styleOf(w)}
	if command := l.parser.Active; command != nil {
		writeCommandHelp(out, command)
	} else {
		l.writeOverview(out)
	}
	return unlessSeenEnough(out.Flush())
}

// writeOverview prints what commands there are.
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
	writeWrapped(out, "", `"signalbox <command> --help" shows the command's flags.`)
	fmt.Fprintln(out)
	writeWrapped(out, "", "The exit code is 0 after a clean end, 1 after a failure and 2 after bad usage.")
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
		if example == "" && isOurs(option) {
			example = option.LongNameWithNamespace()
		}
	})
	if example == "" {
		return
	}

	fmt.Fprintln(out)
	writeWrapped(out, "", fmt.Sprintf("Every flag can also be given as an environment variable, --%s as %s. "+
		"Flags come before variables. A variable takes several values with commas between them.",
		example, environmentKey(example)))
	writeGroupHelp(out, "Flags", command.Group)
}

// writeGroupHelp prints the flags of a group and of the groups in it.
func writeGroupHelp(out helpPage, title string, group *flags.Group) {
	if group.Hidden {
		return
	}

	first := true
	for _, option := range group.Options() {
		if option.Hidden || !isOurs(option) {
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

// valueHelp shows what may follow the name of an option.
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

// isOurs tells whether an option was declared by a command or an emitter, and
// not by go-flags, whose --help is a function.
func isOurs(option *flags.Option) bool {
	return option.LongName != "" && option.Field().Type.Kind() != reflect.Func
}

// writeWrapped prints a text as lines of at most helpColumns, each indented.
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
