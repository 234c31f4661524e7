package main

// A dashboard is a Grafana dashboard. Its queries are written for the inherited naming,
// without namespace.
type dashboard struct {
	name        string // the name of the file, and the suffix of the uid
	title       string
	description string
	from        string // the beginning of the time range; empty means now-6h
	variables   []variable
	rows        []row
}

// A variable lets the viewer select values of a label.
type variable struct {
	name, label string
	query       string // label_values(selector, label)
	description string
	single      bool // exactly one value is selected, initially the first one

	// listed limits the selection of all values to those that the query returns.
	// Otherwise it includes series without the label.
	listed bool
}

// A row is a heading and the panels below it. Panels are laid out from left to right,
// and wrap to a new line when they do not fit.
type row struct {
	title  string
	panels []panel
}

// A panel is a graph, a number or a table.
type panel struct {
	kind        string // Grafana's panel type
	title       string
	description string // what it shows, and what to do if it looks bad
	unit        string // Grafana's name of the unit
	width       int    // in columns, of 24
	height      int
	queries     []query

	stack      bool
	max        float64 // the end of the axis; 0 lets Grafana choose it
	thresholds []threshold
	mappings   []mapping
	columns    []column // the columns of a table
	sortBy     string   // the column that a table is sorted by, in descending order
}

// A query is an expression and the legend of its series.
type query struct{ expr, legend string }

// A threshold is the lowest value that has a color. The value of the first one is
// ignored: its color is that of all values below the second.
type threshold struct {
	value float64
	color string
}

// A mapping shows a value as a text in a color.
type mapping struct {
	value, text, color string
}

// A column of a table shows the values of one query, or a label that all queries have.
type column struct {
	field string // "Value #A", or a label name
	title string
	unit  string // empty for a label
	max   float64
}

// The colors of panels. Green is good, yellow needs a look, and red is bad.
const (
	green  = "green"
	yellow = "yellow"
	red    = "red"
	blue   = "blue"
	grey   = "#808080"
)

// rising returns thresholds that are green below warn, yellow from warn on, and red
// from bad on.
func rising(warn, bad float64) []threshold {
	return []threshold{{0, green}, {warn, yellow}, {bad, red}}
}

// zeroExpected returns thresholds that are green at 0, and red from 1 on.
func zeroExpected() []threshold { return []threshold{{0, green}, {1, red}} }

// graph returns a panel that shows values over time, a third of the dashboard wide.
func graph(title, unit, description string, queries ...query) panel {
	return panel{kind: "timeseries", title: title, unit: unit, description: description, width: 8, height: 8, queries: queries}
}

// stacked returns a graph that stacks its series.
func stacked(title, unit, description string, queries ...query) panel {
	p := graph(title, unit, description, queries...)
	p.stack = true
	return p
}

// number returns a panel that shows the latest value of a query.
func number(title, unit, description, expr string, thresholds []threshold) panel {
	return panel{kind: "stat", title: title, unit: unit, description: description, width: 4, height: 4,
		queries: []query{{expr, title}}, thresholds: thresholds}
}

// bars returns a panel with a bar for the latest value of each series of a query.
func bars(title, unit, description, expr, legend string, thresholds []threshold) panel {
	return panel{kind: "bargauge", title: title, unit: unit, description: description, width: 8, height: 8,
		queries: []query{{expr, legend}}, thresholds: thresholds}
}

// heatmap returns a panel that shows how many observations fell into each bucket of a
// histogram over time.
func heatmap(title, unit, description, expr string) panel {
	return panel{kind: "heatmap", title: title, unit: unit, description: description, width: 12, height: 9,
		queries: []query{{expr, "{{le}}"}}}
}

// withWidth returns the panel with the width.
func (p panel) withWidth(width int) panel {
	p.width = width
	return p
}

// withHeight returns the panel with the height.
func (p panel) withHeight(height int) panel {
	p.height = height
	return p
}

// withMax returns the panel with a maximum for its axis.
func (p panel) withMax(max float64) panel {
	p.max = max
	return p
}

// dashboards returns all dashboards.
func dashboards() []dashboard {
	return []dashboard{
		overviewDashboard, runnersDashboard, repositoryDashboard, deploymentsDashboard,
		buildsDashboard, workersDashboard, webNodeDashboard, pushedDashboard, signalboxDashboard,
	}
}

// The variables that several dashboards share.
var (
	instanceVariable = variable{
		name: "instance", label: "Instance",
		query:       `label_values(signalbox_build_info, instance)`,
		description: "Daemons, and schedulers that embed the emitter.",
	}
	teamVariable = variable{
		name: "team", label: "Team",
		query:       `label_values(builds_finished, team)`,
		description: "Teams that have finished builds.",
	}
	pipelineVariable = variable{
		name: "pipeline", label: "Pipeline",
		query:       `label_values(builds_finished{team=~"$team"}, pipeline)`,
		description: "Pipelines of the selected teams.",
	}
)
