// Reference keeps the parts of the documentation that the code knows better.
//
//	go run ./scripts/reference          # from the root: writes them anew
//	go run ./scripts/reference -check   # fails if that would change anything
//
// Either way it fails if a link from one file to another, or to a heading, leads nowhere.
//
// Such a part stands in a Markdown file between two comments, of which the first says
// where it comes from:
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
	check := flag.Bool("check", false, "change nothing, and fail if something would have to change")
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
		errs = append(errs, renew(file, known, check), checkLinks(file))
	}
	return errors.Join(errs...)
}

// documents are the Markdown files of the project.
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
		return nil, errors.New("there is no Markdown here: run it in the project's root")
	}
	return files, nil
}

// A source makes a part from the words that follow its name.
type source func(args []string) (string, error)

var generated = regexp.MustCompile(`(?s)(<!-- generated: ([^\n]*) -->\n).*?(<!-- end -->)`)

// renew writes a file's parts anew.
func renew(file string, known map[string]source, check bool) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var errs []error
	renewed := generated.ReplaceAllFunc(text, func(part []byte) []byte {
		groups := generated.FindSubmatch(part)
		words := strings.Fields(string(groups[2]))
		from, ok := known[words[0]]
		if !ok {
			errs = append(errs, fmt.Errorf("%s: there is no source %q", file, words[0]))
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
	if bytes.Equal(text, renewed) {
		return nil
	}
	if check {
		return fmt.Errorf("%s is not what the code says: run go run ./scripts/reference and commit", file)
	}
	log.Println("wrote", file)
	return os.WriteFile(file, renewed, 0o644) //nolint:gosec // as the others
}
