package main

import (
	"bytes"
	"embed"
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"

	"github.com/signalbox-ci/signalbox/internal/catalog"
)

// ruleTests contains test files for promtool. Like the rules, they are written for the
// inherited naming, without namespace. The expected annotations leave out the runbook,
// which the generator adds.
//
//go:embed ruletests/*.yml
var ruleTests embed.FS

// generateTests returns the contents of rule files and their tests by path, in one
// directory per naming.
func generateTests(namespace string) (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, naming := range namings {
		l, err := newLanguage(naming, namespace)
		if err != nil {
			return nil, err
		}
		for name, groups := range ruleFiles() {
			if files[filepath.Join(string(naming), name)], err = l.ruleFile(groups); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
		}
		sources, err := ruleTests.ReadDir("ruletests")
		if err != nil {
			return nil, err
		}
		for _, source := range sources {
			content, err := ruleTests.ReadFile("ruletests/" + source.Name())
			if err != nil {
				return nil, err
			}
			name := strings.TrimSuffix(source.Name(), ".yml") + "_test.yml"
			if files[filepath.Join(string(naming), name)], err = l.ruleTest(content); err != nil {
				return nil, fmt.Errorf("ruletests/%s: %w", source.Name(), err)
			}
		}
	}
	return files, nil
}

// A promtoolFile is a test file as promtool reads it.
type promtoolFile struct {
	RuleFiles          []string       `yaml:"rule_files"`
	EvaluationInterval string         `yaml:"evaluation_interval,omitempty"`
	Tests              []promtoolTest `yaml:"tests"`
}

type promtoolTest struct {
	Name        string             `yaml:"name"`
	Interval    string             `yaml:"interval,omitempty"`
	Series      []promtoolSeries   `yaml:"input_series"`
	Alerts      []promtoolAlert    `yaml:"alert_rule_test,omitempty"`
	Expressions []promtoolExpected `yaml:"promql_expr_test,omitempty"`
}

type promtoolSeries struct {
	Series string `yaml:"series"`
	Values string `yaml:"values"`
}

type promtoolAlert struct {
	At     string `yaml:"eval_time"`
	Alert  string `yaml:"alertname"`
	Firing []struct {
		Labels      map[string]string `yaml:"exp_labels"`
		Annotations map[string]string `yaml:"exp_annotations"`
	} `yaml:"exp_alerts"`
}

type promtoolExpected struct {
	Expr    string `yaml:"expr"`
	At      string `yaml:"eval_time"`
	Samples []struct {
		Labels string  `yaml:"labels"`
		Value  float64 `yaml:"value"`
	} `yaml:"exp_samples"`
}

// ruleTest translates a test file into the language.
func (l *language) ruleTest(content []byte) ([]byte, error) {
	var file promtoolFile
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	decoder.KnownFields(true)
	if err := decoder.Decode(&file); err != nil {
		return nil, err
	}
	file.RuleFiles = []string{"recording.yml", "alerts.yml"}
	for i := range file.Tests {
		if err := file.Tests[i].translate(l); err != nil {
			return nil, fmt.Errorf("test %q: %w", file.Tests[i].Name, err)
		}
	}
	return yaml.Marshal(file)
}

func (test *promtoolTest) translate(l *language) error {
	for i := range test.Series {
		if err := test.Series[i].translate(l); err != nil {
			return err
		}
	}
	for i := range test.Alerts {
		for _, firing := range test.Alerts[i].Firing {
			firing.Annotations["runbook_url"] = runbook(test.Alerts[i].Alert)
		}
	}
	for i := range test.Expressions {
		e := &test.Expressions[i]
		var err error
		if e.Expr, _, err = l.translate(e.Expr); err != nil {
			return err
		}
	}
	return nil
}

// translate translates the name and labels of the series, and converts its values to
// the unit of the language.
func (s *promtoolSeries) translate(l *language) error {
	selector, err := parser.NewParser(parser.Options{}).ParseExpr(s.Series)
	if err != nil {
		return fmt.Errorf("series %q: %w", s.Series, err)
	}
	t, err := l.term(selector)
	if err != nil {
		return fmt.Errorf("series %q: %w", s.Series, err)
	}
	s.Series = t.expr.String()
	if t.milliseconds && l.naming == catalog.Modern {
		s.Values = inSeconds(s.Values)
	}
	return nil
}

// expandingNotation is promtool's notation of a sequence of values: 0+1000x10.
var expandingNotation = regexp.MustCompile(`([0-9.]+)\+([0-9.]+)x`)

// inSeconds divides the values of a series, in promtool's notation, by 1000.
func inSeconds(values string) string {
	return expandingNotation.ReplaceAllStringFunc(values, func(notation string) string {
		parts := expandingNotation.FindStringSubmatch(notation)
		return dividedBy1000(parts[1]) + "+" + dividedBy1000(parts[2]) + "x"
	})
}

func dividedBy1000(number string) string {
	v, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return number
	}
	return strconv.FormatFloat(v/1000, 'f', -1, 64)
}
