// Command deploy generates the Grafana dashboards and the Prometheus recording and
// alerting rules in the directory deploy, for both namings of the catalog.
//
// Each query is written once, for the inherited naming and without the namespace. The
// program translates it into the other naming with the help of the catalog:
//
//	language.go    the families, labels and units of a naming
//	translate.go   translates queries into a naming
//	dashboard.go   the elements of a dashboard
//	grafana.go     writes a dashboard as Grafana's JSON
//	ci.go          what queries of the catalog ci have in common
//	overview.go, runners.go, repository.go, deployments.go
//	               the dashboards of the catalog ci
//	builds.go, workers.go, webnode.go, pushed.go, signalbox.go
//	               the other dashboards
//	rules.go       writes rules as YAML for Prometheus
//	recording.go, alerts.go
//	               the rules
//	ruletests.go   generates promtool's tests of the rules from ruletests
//
// The tests of this package compare the files in the directory deploy with what the
// program generates. They also check every query in those files against the catalog and
// against the metrics page of a running signalbox. scripts/check-deploy runs them all.
package main
