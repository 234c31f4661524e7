// Prose fails if the project's text contains a phrase that has a plainer equivalent.
//
//	go run ./scripts/prose   # from the root of the repository
//
// It reads code, comments, scripts and documentation. It also finds phrases that
// continue on the next line of a comment or of a concatenated string. It skips its own
// list, and what others wrote: testdata and the license.
package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"log"
	"os"
	"path/filepath"
	"regexp"
	"slices"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("prose: ")
	matches, err := check(os.DirFS("."))
	if err != nil {
		log.Fatal(err)
	}
	for _, m := range matches {
		fmt.Println(m)
	}
	if len(matches) > 0 {
		log.Fatalf("%d phrases to replace", len(matches))
	}
}

// A match is a phrase found in a file.
type match struct {
	file    string
	line    int // from 1
	found   string
	instead string
}

func (m match) String() string {
	return fmt.Sprintf("%s:%d: %q: write %s", m.file, m.line, m.found, m.instead)
}

// check returns the matches in all files of the tree, in order.
func check(tree fs.FS) ([]match, error) {
	var matches []match
	err := fs.WalkDir(tree, ".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			if slices.Contains([]string{".git", "node_modules", "testdata"}, d.Name()) || path == "scripts/prose" {
				return fs.SkipDir
			}
			return nil
		case !d.Type().IsRegular() || path == "LICENSE" || slices.Contains([]string{".svg", ".sum"}, filepath.Ext(path)):
			return nil
		}
		text, err := fs.ReadFile(tree, path)
		if err != nil {
			return err
		}
		if bytes.IndexByte(text, 0) < 0 {
			matches = append(matches, checkText(path, text)...)
		}
		return nil
	})
	return matches, err
}

// lineBreak matches a line break together with what surrounds it inside a sentence: the
// comment marker of the next line, or the end of one Go string and the start of the
// next.
var lineBreak = regexp.MustCompile(`(?:[ \t]*"[ \t]*\+)?[ \t]*\n[ \t]*(?:(?://|#|\*|>)[ \t]*|")?`)

// checkText returns the matches in one file, ordered by line.
func checkText(file string, text []byte) []match {
	// joined is the text with each line break replaced by one space, and lines holds
	// the offset in it at which each line but the first starts.
	var joined []byte
	var lines []int
	rest := 0
	for _, at := range lineBreak.FindAllIndex(text, -1) {
		joined = append(joined, text[rest:at[0]]...)
		joined = append(joined, ' ')
		rest = at[1]
		for range bytes.Count(text[at[0]:at[1]], []byte("\n")) {
			lines = append(lines, len(joined))
		}
	}
	joined = append(joined, text[rest:]...)

	var matches []match
	for _, p := range phrases {
		for _, at := range p.pattern.FindAllIndex(joined, -1) {
			before, _ := slices.BinarySearch(lines, at[0]+1)
			matches = append(matches, match{file, before + 1, string(joined[at[0]:at[1]]), p.instead})
		}
	}
	slices.SortStableFunc(matches, func(a, b match) int { return a.line - b.line })
	return matches
}
