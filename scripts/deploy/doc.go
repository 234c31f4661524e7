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
//	ruletests.go   the tests of the rules, for promtool, from ruletests
//
// The package's tests compare the files in the directory deploy with what is generated,
// and check every query in them against the catalog and what a running signalbox
// serves. All of it runs with scripts/check-deploy.
package main
