// Package structure has the test of which package may import which.
package structure_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/signalbox-ci/signalbox/"

// small are the shared helpers that every package but metric may import. They import
// nothing of the module but each other.
var small = []string{
	"internal/buildinfo", "internal/duration", "internal/excerpt", "internal/httpserver", "internal/interval", "internal/loglimit",
	"internal/methods", "internal/names", "internal/regularfile", "internal/secureheaders", "internal/spelling", "internal/topn", "internal/webconfig",
}

// allowed lists what each package may import of the module, besides the small helpers.
// Data flows from the top of this table to its bottom, and so do imports: whatever is
// further down knows nothing of what is above it. A name that ends in "/..." stands for
// everything below it.
var allowed = []struct {
	name    string
	imports []string
}{
	{"cmd/signalbox", []string{"emitter/...", "internal/...", "metric", "cmd/signalbox/internal/..."}},
	{"cmd/signalbox/internal/demo", []string{"metric"}},
	{"cmd/signalbox/internal/source/events", []string{"cmd/signalbox/internal/source", "cmd/signalbox/internal/source/jsonscan", "metric"}},
	{"cmd/signalbox/internal/source/pushgateway", []string{"cmd/signalbox/internal/source", "emitter/aggregator"}},
	{"cmd/signalbox/internal/source/agents", []string{"cmd/signalbox/internal/source", "cmd/signalbox/internal/source/jsonscan", "emitter/aggregator"}},
	{"cmd/signalbox/internal/source", []string{"metric"}},
	{"cmd/signalbox/internal/source/sourcetest", nil},
	{"cmd/signalbox/internal/source/jsonscan", nil},
	{"emitterfakes", []string{"emitter"}},
	{"emitter", []string{"emitter/rule", "internal/...", "metric"}},
	{"internal/host", []string{"internal/series", "internal/status"}},
	{"internal/status", []string{"internal/engine", "internal/series", "internal/traffic"}},
	{"internal/exposition", []string{"internal/series"}},
	{"internal/engine", []string{"emitter/rule", "internal/catalog", "internal/mapping", "internal/series", "internal/traffic", "metric"}},
	{"internal/mapping", []string{"emitter/rule", "internal/catalog"}},
	{"internal/catalog", []string{"emitter/rule"}},
	{"emitter/rule", nil},
	{"emitter/aggregator", []string{"emitter/aggregator/internal/storage", "internal/series"}},
	{"emitter/aggregator/internal/storage", nil},
	{"internal/traffic", []string{"internal/series"}},
	{"internal/series", nil},
	{"metric", nil},
}

// TestImportsPointDown fails if a package imports what the table does not list, if one
// is missing in the table, or if an entry is of no package.
func TestImportsPointDown(t *testing.T) {
	found := map[string]bool{}
	for name, imports := range packages(t) {
		found[name] = true
		if name == "internal/structure" {
			continue
		}
		may, known := importsOf(name)
		if !known {
			t.Errorf("package %s is in neither table", name)
		}
		for path := range imports {
			imported, ours := strings.CutPrefix(path, module)
			if ours && !slices.ContainsFunc(may, func(pattern string) bool { return matches(pattern, imported) }) {
				t.Errorf("package %s must not import %s", name, imported)
			}
		}
	}
	for _, p := range allowed {
		if !found[p.name] {
			t.Errorf("there is no package %s", p.name)
		}
	}
	for _, name := range small {
		if !found[name] {
			t.Errorf("there is no package %s", name)
		}
	}
}

// packages returns the imports of the module's packages, tests left out, by name. It
// reads the files itself, so that the result of the test is not cached when they
// change.
func packages(t *testing.T) map[string]map[string]bool {
	found := map[string]map[string]bool{}
	for _, top := range []string{"cmd", "emitter", "emitterfakes", "internal", "metric"} {
		err := filepath.WalkDir(filepath.Join("..", "..", top), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
			if err != nil {
				return err
			}
			name, err := filepath.Rel(filepath.Join("..", ".."), filepath.Dir(path))
			if err != nil {
				return err
			}
			name = filepath.ToSlash(name)
			if found[name] == nil {
				found[name] = map[string]bool{}
			}
			for _, i := range file.Imports {
				found[name][strings.Trim(i.Path.Value, `"`)] = true
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return found
}

// TestTheTableIsInOrder fails if an entry may import one above it.
func TestTheTableIsInOrder(t *testing.T) {
	for i, p := range allowed {
		for _, above := range allowed[:i] {
			for _, pattern := range p.imports {
				if matches(pattern, above.name) {
					t.Errorf("%s may import %s, which is above it", p.name, above.name)
				}
			}
		}
	}
}

// importsOf returns what a package may import; false if it is in neither table.
func importsOf(name string) (patterns []string, known bool) {
	if slices.Contains(small, name) {
		return small, true
	}
	for _, p := range allowed {
		if p.name == name {
			if name == "metric" {
				return nil, true
			}
			return append(slices.Clone(p.imports), small...), true
		}
	}
	return nil, false
}

func matches(pattern, name string) bool {
	tree, ok := strings.CutSuffix(pattern, "/...")
	return name == pattern || ok && (name == tree || strings.HasPrefix(name, tree+"/"))
}
