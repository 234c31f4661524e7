package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/signalbox-ci/signalbox/internal/catalog"
	"github.com/signalbox-ci/signalbox/internal/engine"
	"github.com/signalbox-ci/signalbox/internal/excerpt"
	"github.com/signalbox-ci/signalbox/internal/mapping"
	"github.com/signalbox-ci/signalbox/internal/regularfile"
	"github.com/signalbox-ci/signalbox/internal/spelling"
	"github.com/signalbox-ci/signalbox/internal/webconfig"
	"github.com/signalbox-ci/signalbox/metric"
)

// A checkCommand checks files without starting anything.
type checkCommand struct {
	monitor *metric.Monitor

	Naming    string      `long:"prometheus-naming" choice:"inherited" choice:"modern" default:"inherited" description:"Naming that the mapping files use. Environment files set their own."`
	Namespace string      `long:"prometheus-namespace" value-name:"NAME" default:"concourse" description:"Namespace that signalbox run adds to the names in the mapping files. Environment files set their own."`
	Catalog   catalogList `long:"catalog" value-name:"LIST" default:"concourse" description:"Catalogs that the mapping files add to and change: concourse, ci or concourse,ci. Environment files set their own."`

	Args struct {
		Files []string `positional-arg-name:"FILE..."`
	} `positional-args:"yes"`
}

func (c *checkCommand) run(w world) error {
	if len(c.Args.Files) == 0 {
		return usageError("check requires at least one file: signalbox check FILE...")
	}

	var failed []error
	for _, file := range c.Args.Files {
		verdict, err := c.check(file)
		if err != nil {
			failed = append(failed, err)
			for _, line := range errorLines(err, "") {
				fmt.Fprintln(w.stderr, line)
			}
			continue
		}
		_, err = fmt.Fprintf(w.stdout, "%s: ok: %s\n", excerpt.Escape(file), verdict)
		if err := ignoreBrokenPipe(err); err != nil {
			return err
		}
	}
	if failed != nil {
		return reportedError{errors.Join(failed...)}
	}
	return nil
}

// check returns a description of the file, or its errors. Each line of the error begins
// with the file and, if known, the line number.
func (c *checkCommand) check(file string) (verdict string, err error) {
	content, err := regularfile.Read(file)
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return "", fmt.Errorf("%s: %w", file, path.Err)
	}
	if err != nil {
		return "", err
	}

	switch kindOf(content) {
	case emptyFile:
		return "empty, which is valid for a mapping file or web configuration file and changes nothing", nil
	case mappingFile:
		summary, err := c.checkMapping(file)
		return fmt.Sprintf("mapping file, %v", summary), err
	case webFile:
		return "web configuration file", webconfig.Check(file)
	case environmentFile:
		return c.checkEnvironment(file, content)
	default:
		return "", fmt.Errorf("%s: unknown kind of file: expected a mapping file with the fields %s, "+
			"a web configuration file with the fields %s, or an environment file with lines %sFLAG=value",
			file, strings.Join(mapping.Fields(), ", "), strings.Join(webconfig.Fields, ", "), environmentKey(""))
	}
}

// checkMapping checks a mapping file with the naming, namespace and catalogs of the
// flags.
func (c *checkCommand) checkMapping(file string) (engine.Summary, error) {
	catalogs := c.Catalog.list()
	return engine.Check(engine.Options{Source: mapping.Source{
		File:         file,
		Rules:        catalog.Rules(catalog.Naming(c.Naming), catalogs...),
		SilentEvents: catalog.SilentEvents(catalogs...),
		Catalogs:     catalogs,
		Namespace:    c.Namespace,
	}})
}

// A kind is a kind of file that check detects.
type kind int

const (
	unknown kind = iota
	emptyFile
	mappingFile
	webFile
	environmentFile
)

var (
	comment    = regexp.MustCompile(`^\s*([#;].*)?$`)
	assignment = regexp.MustCompile(`^\s*(export\s+)?[A-Za-z_][A-Za-z0-9_]*=`)
	field      = regexp.MustCompile(`^["']?([a-z_]+)["']?\s*:`)
)

// kindOf detects the kind of a file by its content, which may have errors.
func kindOf(content []byte) kind {
	content = bytes.TrimPrefix(content, []byte("\uFEFF")) // the byte order mark that Windows programs write
	empty := true
	var fields []string
	for line := range strings.Lines(string(content)) {
		line = strings.TrimRight(line, "\r\n")
		if comment.MatchString(line) {
			continue
		}
		if empty && assignment.MatchString(line) {
			return environmentFile
		}
		empty = empty && line == "---"
		if parts := field.FindStringSubmatch(line); parts != nil {
			fields = append(fields, parts[1])
		}
	}
	if empty {
		return emptyFile
	}

	// If the YAML is invalid, use the fields that were found line by line. Decoding to a
	// map would take quadratic time, because the YAML package compares all fields.
	var document yaml.Node
	if yaml.Unmarshal(content, &document) == nil && len(document.Content) == 1 && document.Content[0].Kind == yaml.MappingNode {
		fields = nil
		for i, part := range document.Content[0].Content {
			if isKey := i%2 == 0; isKey {
				fields = append(fields, part.Value)
			}
		}
	}
	among := func(known []string) bool {
		return slices.ContainsFunc(fields, func(name string) bool { return slices.Contains(known, name) })
	}
	switch {
	case among(webconfig.Fields):
		return webFile
	case among(mapping.Fields()):
		return mappingFile
	}
	// If no field is known, guess the kind from misspelled fields, so that the error
	// contains a hint. Comparing spellings is slow, but the first fields suffice.
	fields = fields[:min(len(fields), 100)]
	misspelled := func(known []string) bool {
		return slices.ContainsFunc(fields, func(name string) bool {
			return slices.ContainsFunc(known, func(k string) bool {
				return len(name) <= len(k)+2 && spelling.Distance(name, k) <= 2
			})
		})
	}
	switch {
	case misspelled(webconfig.Fields):
		return webFile
	case misspelled(mapping.Fields()):
		return mappingFile
	}
	return unknown
}
