// Command deploy writes what is in the directory deploy: Grafana dashboards, and
// Prometheus' recording and alerting rules, for either naming of the catalog.
//
// Each query is written once, as one would for the inherited naming, but without
// the namespace, and is translated by way of the catalog:
//
//	language.go    families, labels and units of a naming
//	translate.go   a query, in the terms of a naming
//	dashboard.go   what a dashboard is made of
//	grafana.go     a dashboard as Grafana's JSON
//	builds.go, workers.go, webnode.go, pushed.go, signalbox.go
//	               the dashboards
//	rules.go       rules as Prometheus' YAML
//	recording.go, alerts.go
//	               the rules
//	ruletests.go   the tests of the rules, for promtool

// In the package's tests the files in the directory deploy are compared with what is
// generated, and every query in them is checked against what a running signalbox
// serves.
package main
