package metric

import (
	"time"

	"code.cloudfoundry.org/lager/v3"
)

// A Deployment describes a deployment, for the events of any CI system. All fields but
// System can be empty. By default, System, Repository, Environment and Tier become
// labels.
type Deployment struct {
	System, Instance string // as in Run
	Owner            string
	Repository       string
	Environment      string // such as "eu-production"
	Tier             string // production, staging and others
	Service          string
	Commit           string // full hash
	URL              string // page of the deployment
}

var (
	deploymentAttributes = []string{"system", "instance", "owner", "repository", "environment", "tier", "service", "commit", "url", "result"}

	deploymentFinished = define("ci deployment finished", deploymentAttributes...)
	deploymentRunTime  = define("ci deployment run time", deploymentAttributes...)
	lastDeployment     = define("ci last deployment", deploymentAttributes...)
	changeLeadTime     = define("ci change lead time", deploymentAttributes...)
)

// A DeploymentFinished event reports that a deployment ended. Its value is 1. If Started
// and Ended are known, another event reports the time between them, in seconds. If the
// deployment succeeded, two more events report Ended, and the time from Committed to
// Ended, if they are known.
type DeploymentFinished struct {
	Deployment Deployment
	Result     Result

	// Committed is the time of the commit that was deployed. Zero times are unknown.
	Committed, Started, Ended time.Time
}

// Emit emits the events to Metrics.
func (e DeploymentFinished) Emit(logger lager.Logger) { e.EmitTo(logger, Metrics) }

// EmitTo emits the events to a Monitor.
func (e DeploymentFinished) EmitTo(logger lager.Logger, m *Monitor) {
	d := &e.Deployment
	values := [...]string{d.System, d.Instance, d.Owner, d.Repository, d.Environment, d.Tier, d.Service, d.Commit, d.URL, string(e.Result)}
	m.emit(logger, deploymentFinished, 1, values[:]...)
	m.emitBetween(logger, deploymentRunTime, e.Started, e.Ended, values[:]...)
	if e.Result != ResultSuccess || e.Ended.IsZero() {
		return
	}
	m.emit(logger, lastDeployment, float64(e.Ended.UnixNano())/1e9, values[:]...)
	m.emitBetween(logger, changeLeadTime, e.Committed, e.Ended, values[:]...)
}
