package main

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"go.yaml.in/yaml/v3"

	"github.com/signalbox-ci/signalbox/internal/catalog"
)

// directory contains the generated files.
const directory = "../../deploy"

var _ = Describe("The files in deploy", func() {
	It("are up to date", func() {
		generated, err := generate("concourse")
		Expect(err).NotTo(HaveOccurred())
		committed := map[string][]byte{}
		for _, below := range []string{"grafana", "prometheus"} {
			Expect(filepath.WalkDir(filepath.Join(directory, below), func(path string, entry fs.DirEntry, err error) error {
				if err != nil || entry.IsDir() || filepath.Base(filepath.Dir(path)) == below {
					return err // files next to the directories of the namings are not generated
				}
				name, err := filepath.Rel(directory, path)
				if err != nil {
					return err
				}
				committed[name], err = os.ReadFile(path)
				return err
			})).To(Succeed())
		}
		for name := range generated {
			Expect(string(committed[name])).To(Equal(string(generated[name])), "%s is stale: run go run . in scripts/deploy", name)
			delete(committed, name)
		}
		Expect(committed).To(BeEmpty(), "no longer generated")
	})

	It("can be generated for another namespace, or for none", func() {
		Expect(generate("c-i")).Error().To(MatchError(ContainSubstring(`-namespace: got "c-i"`)))
		for namespace, want := range map[string]string{"ci": "sum(ci_builds_running)", "": "sum(builds_running)"} {
			generated, err := generate(namespace)
			Expect(err).NotTo(HaveOccurred())
			for name, content := range generated {
				Expect(string(content)).NotTo(ContainSubstring("concourse_"), name)
			}
			Expect(string(generated["grafana/modern/builds.json"])).To(ContainSubstring(want))
		}
	})

	It("name only existing metrics and labels", func() {
		page := servedPage()
		for _, naming := range namings {
			v := vocabularyOf(naming, page)
			By("rules, " + string(naming))
			checkRules(v, naming)
			for _, d := range dashboards() {
				By(d.name + ", " + string(naming))
				checkDashboard(v, readDashboard(naming, d.name))
			}
			By("docs/webhooks.md")
			for _, query := range documentedQueries() {
				Expect(v.check(query)).Error().NotTo(HaveOccurred())
			}
		}
	})
})

var _ = Describe("Dashboards, rules and documentation", func() {
	It("name only existing alerts, and describe each alert in a runbook", func() {
		operations, err := os.ReadFile("../../docs/operations.md")
		Expect(err).NotTo(HaveOccurred())
		alerts := labelSet{}
		for _, g := range alertGroups() {
			for _, r := range g.rules {
				alerts[r.alert] = true
				Expect(string(operations)).To(ContainSubstring("\n### " + r.alert + "\n"))
			}
		}
		files, err := generate("concourse")
		Expect(err).NotTo(HaveOccurred())
		files["README.md"], err = os.ReadFile(filepath.Join(directory, "README.md"))
		Expect(err).NotTo(HaveOccurred())
		files["operations.md"] = operations
		for name, content := range files {
			for _, alert := range regexp.MustCompile(`\b(CI|Signalbox)[A-Z]\w+`).FindAllString(string(content), -1) {
				Expect(alerts).To(HaveKey(alert), name)
			}
		}
	})
})

var _ = Describe("The tests of the rules", func() {
	It("check for each alert that it fires and that it does not fire", func() {
		fires, silent := map[string]bool{}, map[string]bool{}
		sources, err := ruleTests.ReadDir("ruletests")
		Expect(err).NotTo(HaveOccurred())
		for _, source := range sources {
			content, err := ruleTests.ReadFile("ruletests/" + source.Name())
			Expect(err).NotTo(HaveOccurred())
			var file promtoolFile
			Expect(yaml.Unmarshal(content, &file)).To(Succeed())
			for _, test := range file.Tests {
				for _, a := range test.Alerts {
					fires[a.Alert] = fires[a.Alert] || len(a.Firing) > 0
					// An alert that fires for one of several series is silent for the
					// others.
					silent[a.Alert] = silent[a.Alert] || len(a.Firing) == 0 || len(test.Series) > len(a.Firing)
				}
			}
		}
		for _, g := range alertGroups() {
			for _, r := range g.rules {
				Expect(fires[r.alert]).To(BeTrue(), r.alert)
				Expect(silent[r.alert]).To(BeTrue(), r.alert)
			}
		}
	})
})

// documentedQueries returns the queries in docs/webhooks.md. Each begins on a line that is
// not indented.
func documentedQueries() (queries []string) {
	GinkgoHelper()
	page, err := os.ReadFile("../../docs/webhooks.md")
	Expect(err).NotTo(HaveOccurred())
	_, block, _ := strings.Cut(string(page), "```promql\n")
	block, _, found := strings.Cut(block, "```\n")
	Expect(found).To(BeTrue())
	for line := range strings.Lines(block) {
		switch {
		case strings.HasPrefix(line, "#") || line == "\n":
		case strings.HasPrefix(line, " "):
			queries[len(queries)-1] += line
		default:
			queries = append(queries, line)
		}
	}
	Expect(queries).To(HaveLen(12))
	return queries
}

// checkRules checks the rules in order, because a rule may use a series that an earlier
// one records, and adds the recorded series to the vocabulary.
func checkRules(v vocabulary, naming catalog.Naming) {
	GinkgoHelper()
	for _, file := range []string{"recording.yml", "alerts.yml"} {
		content, err := os.ReadFile(filepath.Join(directory, "prometheus", string(naming), file))
		Expect(err).NotTo(HaveOccurred())
		var groups yamlGroups
		Expect(yaml.Unmarshal(content, &groups)).To(Succeed())
		for _, g := range groups.Groups {
			for _, r := range g.Rules {
				has, err := v.check(r.Expr)
				Expect(err).NotTo(HaveOccurred())
				if r.Record != "" {
					Expect(v).NotTo(HaveKey(r.Record), "duplicate recording rule")
					v[r.Record] = has
					continue
				}
				Expect(r.For).NotTo(BeEmpty(), r.Alert)
				Expect(r.Labels["severity"]).To(BeElementOf(critical, warning, info), r.Alert)
				Expect(checkTemplate(r.Annotations.Summary, has)).To(Succeed(), r.Alert)
				Expect(checkTemplate(r.Annotations.Description, has)).To(Succeed(), r.Alert)
				Expect(r.Annotations.Runbook).To(MatchRegexp(`/docs/operations\.md#[a-z]+$`), r.Alert)
			}
		}
	}
}

// A grafanaDashboard contains the parts of Grafana's JSON that the tests check.
type grafanaDashboard struct {
	UID, Title, Description string
	SchemaVersion           int
	Annotations             struct{ List []grafanaAnnotation }
	Templating              struct{ List []grafanaVariable }
	Panels                  []grafanaPanel
}

type grafanaAnnotation struct {
	Datasource grafanaSource
	Expr       string
	TagKeys    string
}

type grafanaSource struct{ Type, UID string }

type grafanaVariable struct {
	Name, Type string
	Datasource grafanaSource
	Query      json.RawMessage
	AllValue   string
	Multi      bool
	IncludeAll bool
}

type grafanaPanel struct {
	ID                       int
	Type, Title, Description string
	Datasource               grafanaSource
	GridPos                  struct{ X, Y, W, H int }
	Targets                  []struct {
		Datasource         grafanaSource
		Expr, LegendFormat string
		RefID              string
	}
	FieldConfig     struct{ Defaults struct{ Unit string } }
	Transformations []struct {
		ID      string
		Options struct{ RenameByName map[string]string }
	}
}

func readDashboard(naming catalog.Naming, name string) grafanaDashboard {
	GinkgoHelper()
	content, err := os.ReadFile(filepath.Join(directory, "grafana", string(naming), name+".json"))
	Expect(err).NotTo(HaveOccurred())
	var d grafanaDashboard
	Expect(json.Unmarshal(content, &d)).To(Succeed())
	return d
}

func checkDashboard(v vocabulary, d grafanaDashboard) {
	GinkgoHelper()
	for _, variable := range d.Templating.List {
		if variable.Type == "query" {
			var q struct{ Query string }
			Expect(json.Unmarshal(variable.Query, &q)).To(Succeed())
			Expect(v.checkVariable(q.Query)).To(Succeed())
		}
	}
	for _, a := range d.Annotations.List {
		if a.Expr != "" {
			has, err := v.check(a.Expr)
			Expect(err).NotTo(HaveOccurred())
			Expect(has).To(HaveKey(a.TagKeys))
		}
	}
	for _, p := range d.Panels {
		columns := labelSet{}
		for _, target := range p.Targets {
			has, err := v.check(target.Expr)
			Expect(err).NotTo(HaveOccurred(), p.Title)
			if p.Type == "heatmap" {
				Expect(has).To(Equal(labelsOf("le")), p.Title)
			}
			Expect(checkLegend(target.LegendFormat, has)).To(Succeed(), p.Title)
			for name := range has {
				columns[name] = true
			}
			columns["Value"], columns["Value #"+target.RefID] = len(p.Targets) == 1, len(p.Targets) > 1
		}
		for _, t := range p.Transformations {
			for field := range t.Options.RenameByName {
				Expect(columns[field]).To(BeTrue(), "%s: unknown field %q in a column", p.Title, field)
			}
		}
	}
}

var _ = Describe("A dashboard", func() {
	kinds := []string{"row", "timeseries", "stat", "table", "heatmap", "bargauge", "state-timeline"}
	prometheus := grafanaSource{"prometheus", "${datasource}"}

	for _, naming := range namings {
		for _, source := range dashboards() {
			It("is valid for Grafana: "+source.name+", "+string(naming), func() {
				d := readDashboard(naming, source.name)
				Expect(d.Title).To(HavePrefix("Signalbox / "))
				Expect(d.Description).NotTo(BeEmpty())
				Expect(d.SchemaVersion).To(Equal(38))
				Expect(len(d.UID)).To(BeNumerically("<=", 40))
				Expect(d.Templating.List[0].Type).To(Equal("datasource"))
				for i, variable := range d.Templating.List[1:] {
					Expect(variable.Datasource).To(Equal(prometheus))
					v := source.variables[i]
					Expect(variable.Multi).To(Equal(!v.single), v.name)
					Expect(variable.IncludeAll).To(Equal(!v.single), v.name)
					Expect(variable.AllValue == ".*").To(Equal(!v.single && !v.listed), v.name)
				}
				Expect(d.Annotations.List[1].Datasource).To(Equal(prometheus))

				ids := map[int]bool{}
				taken := map[[2]int]string{}
				for _, p := range d.Panels {
					Expect(ids).NotTo(HaveKey(p.ID), p.Title)
					ids[p.ID] = true
					Expect(p.Type).To(BeElementOf(kinds), p.Title)
					Expect(p.Title).NotTo(BeEmpty())
					at := p.GridPos
					Expect(at.X+at.W).To(BeNumerically("<=", 24), p.Title)
					Expect(min(at.W, at.H)).To(BeNumerically(">", 0), p.Title)
					for x := at.X; x < at.X+at.W; x++ {
						for y := at.Y; y < at.Y+at.H; y++ {
							Expect(taken).NotTo(HaveKey([2]int{x, y}), "%s overlaps %s", p.Title, taken[[2]int{x, y}])
							taken[[2]int{x, y}] = p.Title
						}
					}
					if p.Type == "row" {
						continue
					}
					Expect(p.Description).NotTo(BeEmpty(), p.Title)
					Expect(p.Datasource).To(Equal(prometheus), p.Title)
					Expect(p.FieldConfig.Defaults.Unit).NotTo(BeEmpty(), p.Title)
					Expect(p.Targets).NotTo(BeEmpty(), p.Title)
					var refs []string
					for _, target := range p.Targets {
						Expect(target.Datasource).To(Equal(prometheus), p.Title)
						Expect(refs).NotTo(ContainElement(target.RefID), p.Title)
						refs = append(refs, target.RefID)
						if p.Type != "table" {
							Expect(target.LegendFormat).NotTo(BeEmpty(), p.Title)
						}
					}
				}
			})
		}
	}

	It("has a unique uid", func() {
		var uids []string
		for _, naming := range namings {
			for _, source := range dashboards() {
				uids = append(uids, readDashboard(naming, source.name).UID)
			}
		}
		slices.Sort(uids)
		Expect(slices.Compact(slices.Clone(uids))).To(Equal(uids))
	})
})
