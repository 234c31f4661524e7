package main

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"time"

	"github.com/signalbox-ci/signalbox/internal/buildinfo"

	"code.cloudfoundry.org/lager/v3"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/agents"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/events"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/pushgateway"
	"github.com/signalbox-ci/signalbox/emitter/aggregator"
	"github.com/signalbox-ci/signalbox/internal/status"
)

// agentFlags configure metrics that agents push.
type agentFlags struct {
	TTL         timeout    `long:"agent-metrics-ttl" value-name:"DURATION" default:"2m" description:"Drop what an agent pushed when it has not been pushed again for this long."`
	AggregateBy labelNames `long:"agent-metrics-aggregate-by" value-name:"LABEL,..." description:"Base labels to sum the metrics of agents by: series that differ in the other base labels become one."`
	BaseLabels  labelNames `long:"agent-metrics-base-labels" value-name:"LABEL,..." default:"username,workspace_name,agent_name,template_name" description:"Labels that say which agent pushes."`
	MaxSeries   limit      `long:"agent-metrics-max-series" value-name:"N" default:"1000000" description:"Most series of agents, and sums of them."`
}

// pushFlags configure metrics that jobs push in groups.
type pushFlags struct {
	TTL             lifetime   `long:"push-ttl" value-name:"DURATION" default:"0s" description:"Drop a group of pushed metrics when it has not been pushed again for this long; 0s is never. A push can ask for another time with the query parameter ttl."`
	AggregateBy     labelNames `long:"push-aggregate-by" value-name:"LABEL,..." description:"Grouping labels to aggregate pushed metrics by: groups that differ in the others become one."`
	AggregateGauges string     `long:"push-aggregate-gauges" choice:"sum" choice:"last" choice:"max" choice:"min" choice:"mean" default:"sum" description:"What becomes of gauges, and of untyped metrics, when groups are aggregated."`
	StoragePath     string     `long:"push-storage-path" value-name:"FILE" description:"File that keeps pushed groups over a restart. Without it nothing is written to disk."`
	MaxGroups       limit      `long:"push-max-groups" value-name:"N" default:"100000" description:"Most groups of pushed metrics."`
	MaxSeries       limit      `long:"push-max-series" value-name:"N" default:"1000000" description:"Most series in groups of pushed metrics, and sums of them."`
	MaxBodyBytes    limit      `long:"push-max-body-bytes" value-name:"N" default:"16777216" description:"Most bytes of a body of pushed metrics, of jobs or agents, after decompression. Reading it can take fifty times as much memory."`
	AdminAPI        bool       `long:"enable-admin-api" description:"Allow to delete all pushed groups, and their sums, by PUT to /api/v1/admin/wipe."`
}

// A pushedMetrics holds the metrics that agents and jobs push, and handles their
// requests.
type pushedMetrics struct {
	*aggregator.Aggregator
	registry *prometheus.Registry // of metrics about pushed metrics
	stop     func()
}

// openPushed restores the stored groups and prepares for new pushes.
func (c *daemon) openPushed(logger lager.Logger) (*pushedMetrics, error) {
	if err := c.checkPushed(); err != nil {
		return nil, err
	}
	p := &pushedMetrics{registry: prometheus.NewRegistry()}
	var err error
	p.Aggregator, err = aggregator.New(aggregator.Options{
		Logger:     logger,
		Registerer: p.registry,

		AgentTTL:         time.Duration(c.Agents.TTL),
		AgentBaseLabels:  append([]string{}, c.Agents.BaseLabels.list()...), // not nil, because nil means the default
		AgentAggregateBy: c.Agents.AggregateBy.list(),
		AgentMaxSeries:   int(c.Agents.MaxSeries),

		GroupTTL:             time.Duration(c.Pushes.TTL),
		GroupAggregateBy:     c.Pushes.AggregateBy.list(),
		GroupAggregateGauges: c.Pushes.AggregateGauges,
		MaxGroups:            int(c.Pushes.MaxGroups),
		GroupMaxSeries:       int(c.Pushes.MaxSeries),
		StoragePath:          c.Pushes.StoragePath,
	})
	if err != nil {
		return nil, fmt.Errorf("opening the storage of pushed metrics (--push-storage-path): %w", err)
	}
	p.stop = p.Run(context.Background())
	return p, nil
}

// checkPushed returns an error if flags contradict each other.
func (c *daemon) checkPushed() error {
	base := c.Agents.BaseLabels.list()
	for _, name := range c.Agents.AggregateBy.list() {
		if !slices.Contains(base, name) {
			return usageError(fmt.Sprintf("--agent-metrics-aggregate-by: got %q, expected base labels of %q", name, base))
		}
	}
	if len(base) > aggregator.MaxBaseLabels {
		return usageError(fmt.Sprintf("--agent-metrics-base-labels: got %d labels, expected at most %d", len(base), aggregator.MaxBaseLabels))
	}
	return nil
}

// takenElsewhere returns a hint if a request to the metrics listener should have been
// sent to the intake.
func takenElsewhere(r *http.Request) string {
	if r.URL.Path == events.Path || r.URL.Path == agents.Path || pushgateway.Handles(r) {
		return "send events and pushes to the port of --intake-bind-port"
	}
	return ""
}

// handler returns a handler that serves the APIs for pushing, and passes other requests
// to next.
func (p *pushedMetrics) handler(c *daemon, logger lager.Logger, page, next http.Handler) http.Handler {
	forAgents := agents.NewHandler(agents.Options{
		Logger:    logger.Session("agents"),
		Sink:      p.Agents,
		BodyBytes: int64(c.Pushes.MaxBodyBytes),
		Malformed: p.Agents.CountMalformed,
	})
	// The Pushgateway's API comes first, before anything that cleans the path: a %2F in
	// it is part of a value.
	return pushgateway.NewHandler(pushgateway.Options{
		Store:      p.Groups,
		Logger:     logger.Session("push"),
		BodyBytes:  int64(c.Pushes.MaxBodyBytes),
		Admin:      c.Pushes.AdminAPI,
		Page:       page,
		Flags:      flagsOf(c.flags()),
		BuildInfo:  buildInfo(),
		StartTime:  time.Now(),
		Registerer: p.registry,
		Next: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == agents.Path {
				forAgents.ServeHTTP(w, r)
			} else {
				next.ServeHTTP(w, r)
			}
		}),
	})
}

// Close waits until all groups are on disk, if they are stored.
func (p *pushedMetrics) Close() error {
	p.stop()
	return p.Aggregator.Close()
}

// flagsOf returns the settings by name.
func flagsOf(settings []status.Setting) map[string]string {
	flags := make(map[string]string, len(settings))
	for _, s := range settings {
		flags[s.Name] = s.Value
	}
	return flags
}

// buildInfo returns how the program was built, under the names that the Pushgateway
// uses.
func buildInfo() map[string]string {
	build := buildinfo.Read()
	return map[string]string{
		"goVersion": runtime.Version(),
		"platform":  runtime.GOOS + "/" + runtime.GOARCH,
		"version":   build.Version,
		"revision":  build.RevisionText(),
	}
}
