// Reference generates parts of the documentation from the code.
//
//	go run ./scripts/reference          # in the root: updates all parts
//	go run ./scripts/reference -check   # fails if a part is out of date
//
// It also fails if the target of a link to a file or a heading does not exist.
//
// A generated part is between two comments in a Markdown file. The first comment names
// its source:
//
//	<!-- generated: text signalbox run --help -->
//	…
//	<!-- end -->
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("reference: ")
	check := flag.Bool("check", false, "change no files, and fail if a generated part is out of date")
	flag.Parse()
	if err := run(*check); err != nil {
		log.Fatal(err)
	}
}

func run(check bool) error {
	files, err := documents()
	if err != nil {
		return err
	}
	program, err := build()
	if err != nil {
		return err
	}
	defer program.remove()

	known := sources(program)
	var errs []error
	for _, file := range files {
		errs = append(errs, update(file, known, check), checkLinks(file))
	}
	return errors.Join(errs...)
}

// documents returns the Markdown files of the project.
func documents() ([]string, error) {
	var files []string
	for _, pattern := range []string{"*.md", "docs/*.md", "deploy/*.md"} {
		matches, err := filepath.Glob(pattern)
		if err != nil {
			return nil, err
		}
		files = append(files, matches...)
	}
	if len(files) == 0 {
		return nil, errors.New("found no Markdown files: run the program in the root of the repository")
	}
	return files, nil
}

// A source generates a part from the words that follow its name in the comment.
type source func(args []string) (string, error)

var generated = regexp.MustCompile(`(?s)(<!-- generated: ([^\n]*) -->\n).*?(<!-- end -->)`)

// update regenerates the parts of a file. If check is set, it changes nothing, and
// fails if a part would change.
func update(file string, known map[string]source, check bool) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var errs []error
	updated := generated.ReplaceAllFunc(text, func(part []byte) []byte {
		groups := generated.FindSubmatch(part)
		words := strings.Fields(string(groups[2]))
		from, ok := known[words[0]]
		if !ok {
			errs = append(errs, fmt.Errorf("%s: unknown source %q", file, words[0]))
			return part
		}
		content, err := from(words[1:])
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %s: %w", file, groups[2], err))
			return part
		}
		return []byte(string(groups[1]) + "\n" + strings.Trim(content, "\n") + "\n\n" + string(groups[3]))
	})
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if bytes.Equal(text, updated) {
		return nil
	}
	if check {
		return fmt.Errorf("%s is out of date: run go run ./scripts/reference and commit the result", file)
	}
	log.Println("wrote", file)
	return os.WriteFile(file, updated, 0o644) //nolint:gosec // the same mode as other files
}
