package main

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/signalbox-ci/signalbox/internal/catalog"
)

func main() {
	out := flag.String("out", "../../deploy", "`directory` to write to")
	namespace := flag.String("namespace", "concourse", "`namespace` of the metrics, as in Signalbox's --prometheus-namespace")
	tests := flag.String("tests", "", "write only the rules and their tests for promtool, to this `directory`")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "deploy: unexpected argument %q\n", flag.Arg(0))
		os.Exit(2)
	}

	if err := run(*out, *tests, *namespace); err != nil {
		fmt.Fprintln(os.Stderr, "deploy:", err)
		os.Exit(1)
	}
}

func run(out, tests, namespace string) error {
	if tests != "" {
		files, err := generateTests(namespace)
		return errors.Join(err, write(tests, files))
	}
	files, err := generate(namespace)
	if err != nil {
		return err
	}
	return write(out, files)
}

// namings lists the namings that files are generated for.
var namings = []catalog.Naming{catalog.Inherited, catalog.Modern}

// generate returns the contents of all files by path.
func generate(namespace string) (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, naming := range namings {
		l, err := newLanguage(naming, namespace)
		if err != nil {
			return nil, err
		}
		for name, groups := range ruleFiles() {
			if files[filepath.Join("prometheus", string(naming), name)], err = l.ruleFile(groups); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
		}
		for _, d := range dashboards() {
			if files[filepath.Join("grafana", string(naming), d.name+".json")], err = d.json(l); err != nil {
				return nil, fmt.Errorf("dashboard %s: %w", d.name, err)
			}
		}
	}
	return files, nil
}

// write writes the files, given by path, below a directory.
func write(directory string, files map[string][]byte) error {
	for _, name := range slices.Sorted(maps.Keys(files)) {
		path := filepath.Join(directory, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, files[name], 0o644); err != nil {
			return err
		}
	}
	return nil
}
