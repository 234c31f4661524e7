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

// checkLinks returns an error for each link of a file whose target file or heading does
// not exist.
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
		if err := checkTarget(target, anchor); err != nil {
			errs = append(errs, fmt.Errorf("%s: link to %s: %w", file, found[1], err))
		}
	}
	return errors.Join(errs...)
}

// checkTarget fails unless the file exists and has a heading with the given anchor. An
// empty anchor requires no heading.
func checkTarget(file, anchor string) error {
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
	return fmt.Errorf("unknown heading %q", anchor)
}

// slug returns the anchor of a heading, as GitHub generates it.
func slug(heading string) string {
	return strings.ReplaceAll(noSlug.ReplaceAllString(strings.ToLower(heading), ""), " ", "-")
}
