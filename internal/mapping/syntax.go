package mapping

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"sort"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// maxSearchedBytes is how large a file may be in which the line of a fault is looked
// for: that parses it several times.
const maxSearchedBytes = 256 << 10

// syntaxFault is the line on which a file stops being YAML, and what is wrong there;
// line 0 if it is YAML.
//
// The package that reads YAML tells the line on which the list or the like begins that
// has the fault, or the line before, or none. So the line is looked for: it is the last
// of the shortest beginning of the file that has the same fault. The package has hardly
// read further than that when it finds the fault.
func syntaxFault(content []byte) (line int, text string) {
	if isUTF16(content) { // of which no beginning can be told by its lines
		return faultOfPackage(content)
	}
	if !bytes.Contains(content, []byte("\n")) {
		content = bytes.ReplaceAll(content, []byte("\r"), []byte("\n"))
	}
	lines := bytes.SplitAfter(content, []byte("\n"))
	read, fault := syntaxError(lines)
	if fault == "" {
		return 0, ""
	}
	text = yamlError.ReplaceAllString(fault, "")
	last := min(max(read, 1), len(lines)) - 1
	if len(content) > maxSearchedBytes {
		return last + 1, text + ", here or shortly before"
	}

	same := func(i int) bool { _, f := syntaxError(lines[:i+1]); return f == fault }
	at, other := last, -1 // a beginning with the fault, and one without or with another
	for step := 1; at > 0; step *= 2 {
		i := max(at-step, 0)
		if !same(i) {
			other = i
			break
		}
		at = i
	}
	at = other + 1 + sort.Search(at-other-1, func(i int) bool { return same(other + 1 + i) })
	indentation := lines[at][:len(lines[at])-len(bytes.TrimLeft(lines[at], " \t"))]
	if bytes.Contains(indentation, []byte("\t")) {
		text += ": the line begins with a tab, want spaces"
	}
	return at + 1, text
}

// yamlError matches what errors of the YAML package begin with.
var yamlError = regexp.MustCompile(`^yaml: (?:line (\d+)(?:, column \d+)?: )?`)

// faultOfPackage is what the YAML package says of a file.
func faultOfPackage(content []byte) (line int, text string) {
	var root yaml.Node
	err := yaml.Unmarshal(content, &root)
	if err == nil {
		return 0, ""
	}
	line = 1
	if parts := yamlError.FindStringSubmatch(err.Error()); parts != nil && parts[1] != "" {
		line, _ = strconv.Atoi(parts[1])
	}
	return line, yamlError.ReplaceAllString(err.Error(), "")
}

func isUTF16(content []byte) bool {
	return bytes.HasPrefix(content, []byte{0xff, 0xfe}) || bytes.HasPrefix(content, []byte{0xfe, 0xff})
}

// syntaxError is what is wrong with the YAML of these lines, or empty, and how many of
// them were read to find out. Only the first two documents count: there should be one.
func syntaxError(lines [][]byte) (read int, fault string) {
	// Of what begins on the first line, the package would not tell where it begins;
	// with an empty one before, equal faults at different places are different errors.
	r := &lineReader{lines: lines, rest: []byte("\n")}
	decoder := yaml.NewDecoder(r)
	for range 2 {
		var document yaml.Node
		if err := decoder.Decode(&document); errors.Is(err, io.EOF) {
			return r.read, ""
		} else if err != nil {
			return r.read, err.Error()
		}
	}
	return r.read, ""
}

// A lineReader reads no further than to the end of a line at a time.
type lineReader struct {
	lines [][]byte
	read  int    // of the lines
	rest  []byte // of the latest
}

func (r *lineReader) Read(to []byte) (int, error) {
	if len(r.rest) == 0 {
		if r.read == len(r.lines) || len(r.lines[r.read]) == 0 {
			return 0, io.EOF
		}
		r.rest = r.lines[r.read]
		r.read++
	}
	n := copy(to, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}
