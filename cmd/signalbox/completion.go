package main

import (
	_ "embed"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/jessevdk/go-flags"

	"github.com/signalbox-ci/signalbox/internal/excerpt"
)

// If the environment variable completionVariable is set, signalbox prints the possible
// completions of its last argument, one per line. The value "verbose" adds a tab and a
// description to each. The variable is that of go-flags, whose own completion does not
// support choices.
const completionVariable = "GO_FLAGS_COMPLETION"

// completeFiles is printed if the shell should complete a file name.
const completeFiles = ":files"

// completionCommand prints a completion script for a shell.
type completionCommand struct {
	Args struct {
		Shell string `positional-arg-name:"SHELL"`
	} `positional-args:"yes"`
}

// The scripts. The comments at the top of each explain its use.
var (
	//go:embed completion/signalbox.bash
	bashCompletion string

	//go:embed completion/signalbox.zsh
	zshCompletion string

	//go:embed completion/signalbox.fish
	fishCompletion string
)

// shells are the shells for which there is a script.
var shells = []string{"bash", "zsh", "fish"}

func (c *completionCommand) run(w world) error {
	var script string
	switch c.Args.Shell {
	case "bash":
		script = bashCompletion
	case "zsh":
		script = zshCompletion
	case "fish":
		script = fishCompletion
	case "":
		return usageError("completion requires the name of a shell: " + strings.Join(shells, ", "))
	default:
		return usageError(fmt.Sprintf("completion: got %q, expected one of the shells %s", c.Args.Shell, strings.Join(shells, ", ")))
	}
	_, err := io.WriteString(w.stdout, script)
	return err
}

// arguments returns the values that the argument of completion may have.
func (*completionCommand) arguments() []string { return shells }

// writeCompletions prints the possible completions of the last word. The words are
// split as the shell splits them: in bash, each = is a separate word.
func (l *commandLine) writeCompletions(w io.Writer, words []string) {
	verbose := os.Getenv(completionVariable) == "verbose"
	for _, item := range l.completions(words) {
		item.Item, item.Description = excerpt.Escape(item.Item), excerpt.Escape(item.Description)
		if verbose && item.Description != "" {
			fmt.Fprintf(w, "%s\t%s\n", item.Item, item.Description)
		} else {
			fmt.Fprintln(w, item.Item)
		}
	}
}

func (l *commandLine) completions(words []string) []flags.Completion {
	if len(words) == 0 {
		words = []string{""}
	}
	before, word := words[:len(words)-1], words[len(words)-1]

	at := slices.IndexFunc(before, func(word string) bool { return l.parser.Find(word) != nil })
	if at < 0 {
		return matching(word, l.commandItems())
	}
	command := l.parser.Find(before[at])
	if option, prefix, typed := optionBefore(command, before, word); option != nil {
		return valueItems(option, prefix, typed)
	}
	if strings.HasPrefix(word, "-") {
		return matching(word, optionItems(command))
	}
	if c, ok := l.commands[command.Name].(interface{ arguments() []string }); ok {
		return matching(word, plainItems("", c.arguments()))
	}
	if args := command.Args(); len(args) > 0 && takesFile(args[0].Name) {
		return plainItems("", []string{completeFiles})
	}
	return matching(word, optionItems(command))
}

// optionBefore returns the option whose value the word completes, or nil. It splits the
// word into the prefix before the value, such as --flag=, and the beginning of the
// value.
func optionBefore(command *flags.Command, before []string, word string) (option *flags.Option, prefix, typed string) {
	find := func(text string) *flags.Option {
		name, ok := strings.CutPrefix(text, "--")
		if !ok {
			return nil
		}
		option := command.FindOptionByLongName(name)
		if option == nil || isSwitch(option) || !isOwnFlag(option) {
			return nil
		}
		return option
	}

	if flag, value, ok := strings.Cut(word, "="); ok && flag != "" {
		return find(flag), flag + "=", value
	}
	if word == "=" {
		word = ""
	} else if last := len(before) - 1; before[last] == "=" {
		before = before[:last]
	}
	return find(before[len(before)-1]), "", word
}

// valueItems returns the completions of the value of an option.
func valueItems(option *flags.Option, prefix, typed string) []flags.Completion {
	if takesFile(option.ValueName) {
		return plainItems("", []string{completeFiles})
	}
	return matching(prefix+typed, plainItems(prefix, option.Choices))
}

// takesFile reports whether the placeholder of a value stands for the path of a file.
func takesFile(placeholder string) bool {
	return strings.HasPrefix(placeholder, "FILE") || placeholder == "DIR"
}

func (l *commandLine) commandItems() []flags.Completion {
	var items []flags.Completion
	for _, command := range l.parser.Commands() {
		items = append(items, flags.Completion{Item: command.Name, Description: command.ShortDescription})
	}
	return append(items, flags.Completion{Item: "--help", Description: "Show help"})
}

func optionItems(command *flags.Command) []flags.Completion {
	var items []flags.Completion
	eachOption(command.Group, func(option *flags.Option) {
		if !option.Hidden && isOwnFlag(option) {
			items = append(items, flags.Completion{Item: "--" + option.LongNameWithNamespace(), Description: option.Description})
		}
	})
	return append(items, flags.Completion{Item: "--help", Description: "Show help"})
}

func plainItems(prefix string, texts []string) []flags.Completion {
	items := make([]flags.Completion, len(texts))
	for i, text := range texts {
		items[i].Item = prefix + text
	}
	return items
}

// matching returns the items that begin with the typed text.
func matching(typed string, items []flags.Completion) []flags.Completion {
	return slices.DeleteFunc(items, func(item flags.Completion) bool { return !strings.HasPrefix(item.Item, typed) })
}
