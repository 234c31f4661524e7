package mapping

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"sort"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// parse returns the first two documents in a file, nil for those that it lacks. A
// mapping file has at most one.
func parse(content []byte) (first, second *yaml.Node, err error) {
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	for _, node := range []**yaml.Node{&first, &second} {
		var document yaml.Node
		if err := decoder.Decode(&document); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, nil, err
		}
		*node = &document
	}
	return first, second, nil
}

// maxSearchedBytes is the maximum size of a file in which syntaxFault searches for the
// line of an error, which takes a dozen parses.
const maxSearchedBytes = 256 << 10

// yamlError matches the beginning of the YAML package's errors.
var yamlError = regexp.MustCompile(`^(?:yaml: )?(?:line (\d+)(?:, column \d+)?: )?`)

// syntaxFault returns the line and the text of an error that parse returned.
//
// The YAML package reports the line on which the enclosing list or mapping begins, the
// line before that, or none. The line with the fault is the last line of the shortest
// beginning of the file that has the same error, because the package stops close to the
// fault. A binary search finds it. In files over maxSearchedBytes, and in UTF-16, whose
// lines cannot be split at bytes, the result is the package's line, and the text says
// so.
func syntaxFault(content []byte, err error) (line int, text string) {
	prefix := yamlError.FindStringSubmatch(err.Error())
	text = err.Error()[len(prefix[0]):]
	isUTF16 := bytes.HasPrefix(content, []byte("\xff\xfe")) || bytes.HasPrefix(content, []byte("\xfe\xff"))
	if len(content) > maxSearchedBytes || isUTF16 {
		line, _ = strconv.Atoi(prefix[1])
		return max(line, 1), text + ", in the list or mapping that begins here or on the next line"
	}
	if !bytes.Contains(content, []byte("\n")) {
		content = bytes.ReplaceAll(content, []byte("\r"), []byte("\n"))
	}

	// An error contains the line of the enclosing list or mapping, unless that is the
	// first line of the file. With an empty line before, it always does, so that the
	// same error in another list is different.
	lines := bytes.SplitAfter(append([]byte("\n"), content...), []byte("\n"))
	errorOf := func(last int) string {
		_, _, err := parse(bytes.Join(lines[:last+1], nil))
		return fmt.Sprint(err)
	}
	fault := errorOf(len(lines) - 1)
	line = max(1, sort.Search(len(lines)-1, func(last int) bool { return errorOf(last) == fault }))
	indentation := lines[line][:len(lines[line])-len(bytes.TrimLeft(lines[line], " \t"))]
	if bytes.Contains(indentation, []byte("\t")) {
		text += ": the line begins with a tab, expected spaces"
	}
	return line, text
}
