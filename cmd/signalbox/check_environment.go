package main

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/jessevdk/go-flags"

	"github.com/signalbox-ci/signalbox/internal/spelling"
	"github.com/signalbox-ci/signalbox/metric"
)

// A variable is an assignment in an environment file, which has the format of systemd's
// EnvironmentFile.
type variable struct {
	line        int
	name, value string
}

// checkEnvironment checks an environment file as the configuration of signalbox run,
// including the files that its variables name.
func (c *checkCommand) checkEnvironment(file string, content []byte) (verdict string, err error) {
	variables, findings := readVariables(string(content))
	monitor := metric.NewMonitor()
	for _, factory := range c.monitor.Factories() {
		fresh := reflect.New(reflect.TypeOf(factory).Elem()).Interface()
		monitor.RegisterEmitter(fresh.(metric.EmitterFactory))
	}
	line, err := newCommandLine(monitor)
	if err != nil {
		return "", err
	}

	options := make(map[string]*flags.Option)
	eachOption(line.parser.Find("run").Group, func(option *flags.Option) {
		if isOwnFlag(option) {
			options[environmentKey(option.LongNameWithNamespace())] = option
		}
	})
	count := 0
	lines := make(map[string]int)
	for _, v := range variables {
		if !strings.HasPrefix(v.name, environmentKey("")) {
			continue // a variable of another program
		}
		count++
		lines[v.name] = v.line
		if err := v.set(options, len(findings) < maxHints); err != nil {
			findings = append(findings, finding{v.line, err.Error()})
		}
	}
	if _, err := line.parser.ParseArgs([]string{"run"}); err != nil && len(findings) == 0 {
		return "", fmt.Errorf("%s: %w", file, line.explain(err, nil))
	}

	summary, err := line.commands["run"].(*runCommand).checkAll()
	findings = append(findings, findingsOf(err, lines, options)...)
	return fmt.Sprintf("environment file of signalbox run, variables: %d; %v", count, summary), joined(file, findings)
}

// A finding is an error in an environment file. Line 0 means the whole file. If the
// line is positionInText, the text already begins with a file and a line.
type finding struct {
	line int
	text string
}

const positionInText = math.MaxInt

// joined returns all findings as one error, sorted by line.
func joined(file string, findings []finding) error {
	slices.SortStableFunc(findings, func(a, b finding) int { return cmp.Compare(a.line, b.line) })
	var errs []error
	for _, f := range findings {
		switch f.line {
		case 0:
			errs = append(errs, fmt.Errorf("%s: %s", file, f.text))
		case positionInText:
			errs = append(errs, errors.New(f.text))
		default:
			errs = append(errs, fmt.Errorf("%s:%d: %s", file, f.line, f.text))
		}
	}
	return errors.Join(errs...)
}

// maxHints is the number of errors in an environment file after which further ones have
// no hints, because searching for a hint is slow.
const maxHints = 100

// set sets the flag that corresponds to the variable. It ignores an empty value. withHint
// means that the error for an unknown variable suggests a similar one.
func (v variable) set(options map[string]*flags.Option, withHint bool) error {
	option := options[v.name]
	if option == nil && !withHint {
		return fmt.Errorf("%s is not a variable of signalbox run", v.name)
	}
	if option == nil {
		hint := "signalbox run --help lists the flags"
		prefix := environmentKey("")
		var names []string
		for name := range options {
			names = append(names, strings.TrimPrefix(name, prefix))
		}
		slices.Sort(names)
		if near := spelling.Nearest(strings.TrimPrefix(v.name, prefix), names); near != "" {
			hint = "did you mean " + prefix + near + "?"
		}
		return fmt.Errorf("%s is not a variable of signalbox run: %s", v.name, hint)
	}
	if v.value == "" {
		return nil
	}

	values := []string{v.value}
	if isRepeatable(option) {
		values = strings.Split(v.value, ",")
	}
	for _, value := range values {
		if err := option.Set(&value); err != nil {
			message := strings.ReplaceAll(err.Error(), "`", "'")
			return errors.New(rephrased(v.name + ": " + strings.ToLower(message[:1]) + message[1:]))
		}
	}
	return nil
}

// flagName matches a flag in an error.
var flagName = regexp.MustCompile(`--([a-z0-9-]+)`)

// ownPosition matches the beginning of an error that starts with a file and line.
var ownPosition = regexp.MustCompile(`^[^:]+:\d+: `)

// findingsOf returns a finding for each error that err joins. It replaces flags with
// their variables. A finding that begins with a flag gets the line of the flag's
// variable.
func findingsOf(err error, lines map[string]int, options map[string]*flags.Option) (findings []finding) {
	if err == nil {
		return nil
	}
	for _, text := range errorLines(err, "") {
		if flag := flagName.FindString(text); flag != "" && strings.HasPrefix(text, flag+": ") {
			if _, positioned, _ := strings.Cut(text, ": "); ownPosition.MatchString(positioned) {
				text = positioned
			}
		}
		if ownPosition.MatchString(text) {
			findings = append(findings, finding{positionInText, text})
			continue
		}
		f := finding{text: flagName.ReplaceAllStringFunc(text, func(flag string) string {
			if key := environmentKey(flag[len("--"):]); options[key] != nil {
				return key
			}
			return flag
		})}
		if flag := flagName.FindStringSubmatch(text); flag != nil && strings.HasPrefix(text, flag[0]) {
			f.line = lines[environmentKey(flag[1])]
		}
		findings = append(findings, f)
	}
	return findings
}

// readVariables parses an environment file.
func readVariables(content string) (variables []variable, findings []finding) {
	lines := strings.Split(content, "\n")
	for i := 0; i < len(lines); i++ {
		first, text := i+1, strings.TrimRight(lines[i], "\r")
		if comment.MatchString(text) {
			continue
		}
		for strings.HasSuffix(text, `\`) && i+1 < len(lines) {
			i++
			text = strings.TrimSuffix(text, `\`) + strings.TrimRight(lines[i], "\r")
		}
		v, err := readVariable(text)
		if err != nil {
			findings = append(findings, finding{first, err.Error()})
			continue
		}
		v.line = first
		variables = append(variables, v)
	}
	return variables, findings
}

func readVariable(text string) (v variable, err error) {
	if strings.HasPrefix(strings.TrimSpace(text), "export ") {
		return v, errors.New("got export, expected NAME=value, which is the only form that systemd accepts")
	}
	if !assignment.MatchString(text) {
		return v, fmt.Errorf("got %q, expected NAME=value", text)
	}
	name, value, _ := strings.Cut(text, "=")
	v.name = strings.TrimSpace(name)
	v.value, err = unquoted(strings.TrimSpace(value))
	if err != nil {
		return v, fmt.Errorf("%s: %w", v.name, err)
	}
	return v, nil
}

// unquoted returns the value without its quotes, and without the backslashes that
// escape characters.
func unquoted(text string) (string, error) {
	var b strings.Builder
	quote := byte(0)
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case c == '\\' && quote != '\'' && i+1 < len(text):
			i++
			b.WriteByte(text[i])
		default:
			b.WriteByte(c)
		}
	}
	if quote != 0 {
		return "", fmt.Errorf("the quote %c is not closed on the same line", quote)
	}
	return b.String(), nil
}
