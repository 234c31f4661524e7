package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	fence   = regexp.MustCompile("(?s)```.*?```")
	noSlug  = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// checkLinks tells which links of a file to others, or to headings, lead nowhere.
func checkLinks(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var errs []error
	for _, found := range link.FindAllStringSubmatch(fence.ReplaceAllString(string(text), ""), -1) {
		if strings.Contains(found[1], "://") {
			continue
		}
		path, anchor, _ := strings.Cut(found[1], "#")
		target := file
		if path != "" {
			target = filepath.Join(filepath.Dir(file), path)
		}
		if err := leads(target, anchor); err != nil {
			errs = append(errs, fmt.Errorf("%s: link to %s: %w", file, found[1], err))
		}
	}
	return errors.Join(errs...)
}

// leads tells whether there is such a file, with such a heading if one is asked for.
func leads(file, anchor string) error {
	if anchor == "" {
		_, err := os.Stat(file)
		return err
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	for _, h := range heading.FindAllStringSubmatch(fence.ReplaceAllString(string(text), ""), -1) {
		if slug(h[1]) == anchor {
			return nil
		}
	}
	return fmt.Errorf("there is no heading %q", anchor)
}

// slug is what a heading is called in a link.
func slug(heading string) string {
	return strings.ReplaceAll(noSlug.ReplaceAllString(strings.ToLower(heading), ""), " ", "-")
}
