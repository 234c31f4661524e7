package main

// A dashboard is what somebody looks at. Its queries are for the inherited naming,
// without namespace.
type dashboard struct {
	name        string // of the file, and the end of the uid
	title       string
	description string
	variables   []variable
	rows        []row
}

// A variable is what the viewer chooses, from the values of a label.
type variable struct {
	name, label string
	query       string // label_values(selector, label)
	description string
}

// A row is a heading with the panels below it, which are laid out from the left to
// the right and go on in a new line where they would be too wide.
type row struct {
	title  string
	panels []panel
}

// A panel is one diagram, number or table.
type panel struct {
	kind        string // Grafana's type
	title       string
	description string // what it shows, and what to do when it looks bad
	unit        string // Grafana's name of a unit
	width       int    // of the 24 columns
	height      int
	queries     []query

	stack      bool
	max        float64 // of the axis; 0 leaves it to Grafana
	thresholds []threshold
	mappings   []mapping
	columns    []column // of a table
	sortBy     string   // the column that a table is sorted by, downwards
}

// A query is one expression and what its series are called.
type query struct{ expr, legend string }

// A threshold is the least value that has a colour. The first one's value is ignored:
// it is the colour of everything below the second.
type threshold struct {
	value float64
	color string
}

// A mapping is what a value is shown as.
type mapping struct {
	value, text, color string
}

// A column shows one query of a table, or a label that the queries have in common.
type column struct {
	field string // "Value #A", or a label
	title string
	unit  string // empty for a label
	max   float64
}

// The colours of what is fine, what to look at and what is bad.
const (
	green  = "green"
	yellow = "yellow"
	red    = "red"
	blue   = "blue"
	grey   = "#808080"
)

// good is green below the first limit, yellow from there on, and red from the second.
func good(warn, bad float64) []threshold {
	return []threshold{{0, green}, {warn, yellow}, {bad, red}}
}

// none is green at 0, and red from 1.
func none() []threshold { return []threshold{{0, green}, {1, red}} }

// graph is a diagram over time, a third of the width.
func graph(title, unit, description string, queries ...query) panel {
	return panel{kind: "timeseries", title: title, unit: unit, description: description, width: 8, height: 8, queries: queries}
}

// stacked is a diagram whose series add up.
func stacked(title, unit, description string, queries ...query) panel {
	p := graph(title, unit, description, queries...)
	p.stack = true
	return p
}

// number is the latest value of a query, in large.
func number(title, unit, description, expr string, thresholds []threshold) panel {
	return panel{kind: "stat", title: title, unit: unit, description: description, width: 4, height: 4,
		queries: []query{{expr, title}}, thresholds: thresholds}
}

// bars are the latest values of a query's series, beside each other.
func bars(title, unit, description, expr, legend string, thresholds []threshold) panel {
	return panel{kind: "bargauge", title: title, unit: unit, description: description, width: 8, height: 8,
		queries: []query{{expr, legend}}, thresholds: thresholds}
}

// heatmap shows how many values fell in which bucket of a histogram.
func heatmap(title, unit, description, expr string) panel {
	return panel{kind: "heatmap", title: title, unit: unit, description: description, width: 12, height: 9,
		queries: []query{{expr, "{{le}}"}}}
}

// wide is the panel in another width.
func (p panel) wide(width int) panel {
	p.width = width
	return p
}

// high is the panel in another height.
func (p panel) high(height int) panel {
	p.height = height
	return p
}

// upTo is the panel with the end of the axis.
func (p panel) upTo(max float64) panel {
	p.max = max
	return p
}

// dashboards are all there are.
func dashboards() []dashboard {
	return []dashboard{buildsDashboard, workersDashboard, webNodeDashboard, pushedDashboard, signalboxDashboard}
}

// The variables that several dashboards share.
var (
	instanceVariable = variable{
		name: "instance", label: "Instance",
		query:       `label_values(signalbox_build_info, instance)`,
		description: "The daemons, or the schedulers that embed the emitter.",
	}
	teamVariable = variable{
		name: "team", label: "Team",
		query:       `label_values(builds_finished, team)`,
		description: "Teams with a finished build.",
	}
	pipelineVariable = variable{
		name: "pipeline", label: "Pipeline",
		query:       `label_values(builds_finished{team=~"$team"}, pipeline)`,
		description: "Pipelines of the teams.",
	}
)
