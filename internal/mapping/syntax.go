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

	"github.com/signalbox-ci/signalbox/internal/yamlhint"
)

// parse returns the first two documents in a file. A document that does not exist is
// nil. A valid mapping file has at most one document.
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

// maxSearchedBytes is the maximum size of a file in which syntaxError searches for the
// line of an error. The search parses parts of the file a dozen times.
const maxSearchedBytes = 256 << 10

// yamlError matches the beginning of error texts of the YAML package.
var yamlError = regexp.MustCompile(`^(?:yaml: )?(?:line (\d+)(?:, column \d+)?: )?`)

// syntaxError returns the line and the text of an error that parse returned.
//
// The YAML package reports the line on which the enclosing list or mapping begins, the
// line before that, or no line. Because the package stops parsing close to the error,
// the line of the error is the last line of the shortest prefix of the file that causes
// the same error. A binary search finds this prefix. For files larger than
// maxSearchedBytes, and for UTF-16, which cannot be split into lines at newline bytes,
// the result is the line that the package reports, and the text says so.
func syntaxError(content []byte, err error) (line int, text string) {
	prefix := yamlError.FindStringSubmatch(err.Error())
	text = err.Error()[len(prefix[0]):]
	text += yamlhint.For(text)
	isUTF16 := bytes.HasPrefix(content, []byte("\xff\xfe")) || bytes.HasPrefix(content, []byte("\xfe\xff"))
	if len(content) > maxSearchedBytes || isUTF16 {
		line, _ = strconv.Atoi(prefix[1])
		return max(line, 1), text + ", in the list or mapping that begins on this line or the next"
	}
	if !bytes.Contains(content, []byte("\n")) {
		content = bytes.ReplaceAll(content, []byte("\r"), []byte("\n"))
	}

	// Insert an empty first line. An error contains the line of the enclosing list or
	// mapping, unless that is the first line of the file. With the empty line, it
	// always does, so that similar errors in different lists are distinct.
	lines := bytes.SplitAfter(append([]byte("\n"), content...), []byte("\n"))
	errorOf := func(last int) string {
		_, _, err := parse(bytes.Join(lines[:last+1], nil))
		return fmt.Sprint(err)
	}
	target := errorOf(len(lines) - 1)
	line = max(1, sort.Search(len(lines)-1, func(last int) bool { return errorOf(last) == target }))
	indentation := lines[line][:len(lines[line])-len(bytes.TrimLeft(lines[line], " \t"))]
	if bytes.Contains(indentation, []byte("\t")) {
		text += ": the line is indented with a tab, expected spaces"
	}
	return line, text
}
