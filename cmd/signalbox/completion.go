package main

import (
	_ "embed"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/jessevdk/go-flags"
)

// completionVariable asks signalbox to print what the last of its arguments can be
// completed to, one a line, and "verbose" for descriptions too, behind tabs. It is
// the variable of go-flags, whose own completion knows nothing of choices.
const completionVariable = "GO_FLAGS_COMPLETION"

// filesWanted is printed where the shell is to complete the name of a file.
const filesWanted = ":files"

// completionCommand prints a script that makes a shell complete what is typed.
type completionCommand struct {
	Args struct {
		Shell string `positional-arg-name:"SHELL"`
	} `positional-args:"yes"`
}

// The scripts, which say themselves how they are used.
var (
	//go:embed completion/signalbox.bash
	bashCompletion string

	//go:embed completion/signalbox.zsh
	zshCompletion string

	//go:embed completion/signalbox.fish
	fishCompletion string
)

// shells are those that there is a script for.
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
		return usageError("completion needs the name of a shell: " + strings.Join(shells, ", "))
	default:
		return usageError(fmt.Sprintf("there is no completion for %q; the shells are %s", c.Args.Shell, strings.Join(shells, ", ")))
	}
	_, err := io.WriteString(w.stdout, script)
	return err
}

// arguments is what may follow completion.
func (*completionCommand) arguments() []string { return shells }

// writeCompletions prints what the last word of the command line may become. The
// words are as the shell takes them apart: bash has each = for a word of its own.
func (l *commandLine) writeCompletions(w io.Writer, words []string) {
	verbose := os.Getenv(completionVariable) == "verbose"
	for _, item := range l.completions(words) {
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
	if option, given, typed := optionBefore(command, before, word); option != nil {
		return valueItems(option, given, typed)
	}
	if strings.HasPrefix(word, "-") {
		return matching(word, optionItems(command))
	}
	if c, ok := l.commands[command.Name].(interface{ arguments() []string }); ok {
		return matching(word, plainItems("", c.arguments()))
	}
	if args := command.Args(); len(args) > 0 && takesFile(args[0].Name) {
		return plainItems("", []string{filesWanted})
	}
	return matching(word, optionItems(command))
}

// optionBefore returns the option whose value is typed, if one is: what of the word
// stands before the value, and what is typed of the value.
func optionBefore(command *flags.Command, before []string, word string) (option *flags.Option, given, typed string) {
	find := func(text string) *flags.Option {
		name, ok := strings.CutPrefix(text, "--")
		if !ok {
			return nil
		}
		option := command.FindOptionByLongName(name)
		if option == nil || isSwitch(option) || !isOurs(option) {
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

// valueItems is what the value of an option may be.
func valueItems(option *flags.Option, given, typed string) []flags.Completion {
	if takesFile(option.ValueName) {
		return plainItems("", []string{filesWanted})
	}
	return matching(given+typed, plainItems(given, option.Choices))
}

// takesFile tells whether something with a placeholder of the name is a file's path.
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
		if !option.Hidden && isOurs(option) {
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

// matching is the items that begin with what is typed.
func matching(typed string, items []flags.Completion) []flags.Completion {
	return slices.DeleteFunc(items, func(item flags.Completion) bool { return !strings.HasPrefix(item.Item, typed) })
}
