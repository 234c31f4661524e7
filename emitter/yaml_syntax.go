package emitter

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"sort"
	"strings"

	"go.yaml.in/yaml/v3"
)

// syntaxFault is the line on which a file stops being YAML, and what is wrong there;
// line 0 if it is YAML.
//
// The package that reads YAML tells the line on which the list or the like begins that
// has the fault, or the line before, or none. So the line is looked for: it is the last
// of the shortest beginning of the file that has the same fault.
func syntaxFault(content []byte) (line int, text string) {
	fault := syntaxError(content)
	if fault == "" {
		return 0, ""
	}
	lines := bytes.SplitAfter(content, []byte("\n"))
	length := 0
	ends := make([]int, len(lines))
	for i, line := range lines {
		length += len(line)
		ends[i] = length
	}
	at := sort.Search(len(lines)-1, func(i int) bool { return syntaxError(content[:ends[i]]) == fault })
	text = yamlError.ReplaceAllString(fault, "")
	indentation := lines[at][:len(lines[at])-len(bytes.TrimLeft(lines[at], " \t"))]
	if bytes.Contains(indentation, []byte("\t")) {
		text += ": the line begins with a tab, want spaces"
	}
	return at + 1, text
}

// yamlError matches what errors of the YAML package begin with.
var yamlError = regexp.MustCompile(`^yaml: (line \d+(, column \d+)?: )?`)

// syntaxError is what is wrong with the YAML of a file, or empty. Only the first two
// documents count: there should be one.
func syntaxError(content []byte) string {
	// Of what begins on the first line, the package would not tell where it begins;
	// with that, equal faults at different places are different errors.
	decoder := yaml.NewDecoder(io.MultiReader(strings.NewReader("\n"), bytes.NewReader(content)))
	for range 2 {
		var document yaml.Node
		if err := decoder.Decode(&document); errors.Is(err, io.EOF) {
			return ""
		} else if err != nil {
			return err.Error()
		}
	}
	return ""
}
