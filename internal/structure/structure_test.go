// Package structure tests which packages import which.
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

// helpers are the small shared packages that every package except metric may import.
// From this module, they import only each other.
var helpers = []string{
	"internal/access", "internal/buildinfo", "internal/duration", "internal/excerpt", "internal/httpserver", "internal/interval", "internal/loglimit",
	"internal/membudget", "internal/methods", "internal/names", "internal/pagetest", "internal/regularfile", "internal/secureheaders", "internal/spelling",
	"internal/topn", "internal/webconfig", "internal/yamlhint",
}

// What the packages of CI systems import: all of them, those of systems that sign their
// deliveries, and those of systems that send CloudEvents.
var (
	decoder     = []string{"cmd/signalbox/internal/source/payload", "cmd/signalbox/internal/source/tracker", "cmd/signalbox/internal/source/webhook"}
	signed      = append([]string{"cmd/signalbox/internal/source/signature"}, decoder...)
	cloudEvents = append([]string{"cmd/signalbox/internal/source/cloudevents"}, decoder...)
)

// allowed lists the packages of this module that each package may import in addition to
// the helpers. A package may only import packages below it in the table. A name that
// ends in "/..." includes all packages in that directory.
var allowed = []struct {
	name    string
	imports []string
}{
	{"cmd/signalbox", []string{"emitter/...", "internal/...", "metric", "cmd/signalbox/internal/..."}},
	{"cmd/signalbox/internal/demo", []string{"cmd/signalbox/internal/demo/forge", "cmd/signalbox/internal/demo/simulate", "metric"}},
	{"cmd/signalbox/internal/demo/forge", []string{"cmd/signalbox/internal/demo/simulate"}},
	{"cmd/signalbox/internal/demo/simulate", nil},
	{"cmd/signalbox/internal/output", nil},
	{"cmd/signalbox/internal/source/events", []string{"cmd/signalbox/internal/source", "cmd/signalbox/internal/source/jsonscan", "metric"}},
	{"cmd/signalbox/internal/source/pushgateway", []string{"cmd/signalbox/internal/source", "emitter/aggregator"}},
	{"cmd/signalbox/internal/source/agents", []string{"cmd/signalbox/internal/source", "cmd/signalbox/internal/source/jsonscan", "emitter/aggregator"}},
	{"cmd/signalbox/internal/source/idempotency", []string{"cmd/signalbox/internal/source"}},
	{"cmd/signalbox/internal/source/azuredevops", decoder},
	{"cmd/signalbox/internal/source/buildkite", signed},
	{"cmd/signalbox/internal/source/cdevents", cloudEvents},
	{"cmd/signalbox/internal/source/circleci", signed},
	{"cmd/signalbox/internal/source/drone", signed},
	{"cmd/signalbox/internal/source/gitea", signed},
	{"cmd/signalbox/internal/source/github", signed},
	{"cmd/signalbox/internal/source/gitlab", signed},
	{"cmd/signalbox/internal/source/jenkins", cloudEvents},
	{"cmd/signalbox/internal/source/tekton", cloudEvents},
	{"cmd/signalbox/internal/source/cloudevents", []string{"cmd/signalbox/internal/source/payload", "cmd/signalbox/internal/source/tracker"}},
	{"cmd/signalbox/internal/source/webhook", []string{"cmd/signalbox/internal/source", "cmd/signalbox/internal/source/payload", "cmd/signalbox/internal/source/signature", "cmd/signalbox/internal/source/tracker", "internal/status", "metric"}},
	{"cmd/signalbox/internal/source/payload/payloadtest", []string{"cmd/signalbox/internal/source/payload", "cmd/signalbox/internal/source/tracker", "metric"}},
	{"cmd/signalbox/internal/source/payload", []string{"cmd/signalbox/internal/source/jsonscan", "cmd/signalbox/internal/source/tracker"}},
	{"cmd/signalbox/internal/source/signature", nil},
	{"cmd/signalbox/internal/source/tracker", []string{"metric"}},
	{"cmd/signalbox/internal/source", []string{"metric"}},
	{"cmd/signalbox/internal/source/sourcetest", nil},
	{"cmd/signalbox/internal/source/jsonscan", nil},
	{"emitterfakes", []string{"emitter"}},
	{"emitter", []string{"emitter/rule", "internal/...", "metric"}},
	{"internal/host", []string{"internal/series", "internal/status"}},
	{"internal/builds", []string{"internal/catalog", "internal/engine", "internal/traffic", "metric"}},
	{"internal/status", []string{"internal/engine", "internal/series", "internal/traffic"}},
	{"internal/exposition", []string{"internal/series"}},
	{"internal/engine", []string{"emitter/rule", "internal/catalog", "internal/mapping", "internal/series", "internal/traffic", "metric"}},
	{"internal/mapping", []string{"emitter/rule", "internal/catalog"}},
	{"internal/catalog", []string{"emitter/rule"}},
	{"emitter/rule", nil},
	{"emitter/aggregator", []string{"emitter/aggregator/internal/storage", "internal/series", "metric"}},
	{"emitter/aggregator/internal/storage", nil},
	{"internal/process", nil},
	{"internal/traffic", []string{"internal/series"}},
	{"internal/series", nil},
	{"metric", nil},
}

// TestImportsPointDown fails if a package imports a package that the table does not
// allow, if a package is missing in the table, or if a package in the table does not
// exist.
func TestImportsPointDown(t *testing.T) {
	found := map[string]bool{}
	for name, imports := range packages(t) {
		found[name] = true
		if name == "internal/structure" {
			continue
		}
		may, known := importsOf(name)
		if !known {
			t.Errorf("package %s is not listed in allowed or helpers", name)
		}
		for path := range imports {
			imported, ours := strings.CutPrefix(path, module)
			if ours && !slices.ContainsFunc(may, func(pattern string) bool { return matches(pattern, imported) }) {
				t.Errorf("package %s imports %s, which is not allowed", name, imported)
			}
		}
	}
	for _, p := range allowed {
		if !found[p.name] {
			t.Errorf("package %s does not exist", p.name)
		}
	}
	for _, name := range helpers {
		if !found[name] {
			t.Errorf("package %s does not exist", name)
		}
	}
}

// packages returns the imports of the module's packages, without tests, by package
// name. It reads the source files itself, so that go test does not use a cached result
// after they have changed.
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

// TestTheTableIsInOrder fails if a package may import one above it.
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

// importsOf returns the packages that a package may import. It returns false if the
// package is not listed.
func importsOf(name string) (patterns []string, known bool) {
	if slices.Contains(helpers, name) {
		return helpers, true
	}
	for _, p := range allowed {
		if p.name == name {
			if name == "metric" {
				return nil, true
			}
			return append(slices.Clone(p.imports), helpers...), true
		}
	}
	return nil, false
}

// matches reports whether a name in the table, which may end in "/...", includes a
// package.
func matches(pattern, name string) bool {
	tree, ok := strings.CutSuffix(pattern, "/...")
	return name == pattern || ok && (name == tree || strings.HasPrefix(name, tree+"/"))
}
