package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"code.cloudfoundry.org/lager/v3"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/agents"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/events"
	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/pushgateway"
	"github.com/signalbox-ci/signalbox/emitter/aggregator"
	"github.com/signalbox-ci/signalbox/internal/buildinfo"
	"github.com/signalbox-ci/signalbox/internal/membudget"
	"github.com/signalbox-ci/signalbox/internal/status"
)

// agentFlags are the flags for metrics that agents push.
type agentFlags struct {
	TTL         timeout    `long:"agent-metrics-ttl" value-name:"DURATION" default:"2m" description:"TTL of metrics that agents push. A series that is not pushed again within this time is removed."`
	AggregateBy labelNames `long:"agent-metrics-aggregate-by" value-name:"LABEL,..." description:"Base labels to keep when adding up metrics of agents. Series that differ only in other base labels become one."`
	BaseLabels  labelNames `long:"agent-metrics-base-labels" value-name:"LABEL,..." default:"username,workspace_name,agent_name,template_name" description:"Names of the labels that identify an agent."`
	MaxSeries   limit      `long:"agent-metrics-max-series" value-name:"N" default:"1000000" description:"Maximum number of series of agents, including sums."`
}

// pushFlags are the flags for groups of metrics that jobs push.
type pushFlags struct {
	TTL             lifetime   `long:"push-ttl" value-name:"DURATION" default:"0s" description:"TTL of pushed groups; 0s keeps them. A push can set a different TTL with the query parameter ttl."`
	AggregateBy     labelNames `long:"push-aggregate-by" value-name:"LABEL,..." description:"Grouping labels to keep when aggregating pushed groups. Groups that differ only in other labels become one."`
	AggregateGauges gaugeModes `long:"push-aggregate-gauges" value-name:"MODE,PATTERN=MODE,..." default:"sum" description:"How to aggregate gauges and untyped metrics: sum, last, max, min or mean. PATTERN=MODE is for names that match a pattern, for example sum,*_timestamp_seconds=max."`
	AllowDriven     bool       `long:"push-allow-driven-metrics" description:"Allow jobs to push series of metrics that rules update. By default, such pushes are rejected, because they could mislead dashboards and alerts."`
	StoragePath     string     `long:"push-storage-path" value-name:"FILE" description:"File that stores pushed groups across restarts. If empty, groups are kept in memory only."`
	MaxGroups       limit      `long:"push-max-groups" value-name:"N" default:"100000" description:"Maximum number of pushed groups."`
	MaxSeries       limit      `long:"push-max-series" value-name:"N" default:"1000000" description:"Maximum number of series in pushed groups, including sums."`
	MaxBodyBytes    limit      `long:"push-max-body-bytes" value-name:"N" default:"16777216" description:"Maximum size of a push from a job or an agent, in bytes after decompression. --memory-limit can lower it."`

	MaxNameBytes       textLimit `long:"push-max-name-bytes" value-name:"N" default:"1024" description:"Maximum size of the names of metrics and labels that jobs and agents push, in bytes."`
	MaxLabelValueBytes textLimit `long:"push-max-label-value-bytes" value-name:"N" default:"16384" description:"Maximum size of label values that jobs and agents push, in bytes."`
	MaxHelpBytes       limit     `long:"push-max-help-bytes" value-name:"N" default:"4096" description:"Maximum size of pushed help texts, in bytes."`

	UTF8Names bool `long:"push-enable-utf8-names" description:"Allow any UTF-8 characters in names of metrics and labels that jobs push."`
	AdminAPI  bool `long:"enable-admin-api" description:"Enable PUT /api/v1/admin/wipe, which deletes all pushed groups and their sums."`
}

// A pushedMetrics stores the metrics that agents and jobs push, and handles their
// requests.
type pushedMetrics struct {
	*aggregator.Aggregator
	registry *prometheus.Registry // metrics about pushes and standard input
	stop     func()
}

// openPushed returns a pushedMetrics. It contains the groups in the storage file, if
// there is one.
func (c *daemon) openPushed(logger lager.Logger, budgets *membudget.Budgets) (*pushedMetrics, error) {
	p := &pushedMetrics{registry: prometheus.NewRegistry()}
	p.registry.MustRegister(budgets)
	var err error
	p.Aggregator, err = aggregator.New(aggregator.Options{
		Logger:     logger,
		Registerer: p.registry,
		Memory:     budgets.Held,

		MaxNameBytes:       int(c.Pushes.MaxNameBytes),
		MaxLabelValueBytes: int(c.Pushes.MaxLabelValueBytes),
		MaxHelpBytes:       int(c.Pushes.MaxHelpBytes),

		AgentTTL:         time.Duration(c.Agents.TTL),
		AgentBaseLabels:  append([]string{}, c.Agents.BaseLabels.list()...), // not nil, because nil means the default
		AgentAggregateBy: c.Agents.AggregateBy.list(),
		AgentMaxSeries:   int(c.Agents.MaxSeries),

		GroupTTL:             time.Duration(c.Pushes.TTL),
		GroupAggregateBy:     c.Pushes.AggregateBy.list(),
		GroupAggregateGauges: string(c.Pushes.AggregateGauges),
		GroupUTF8Names:       c.Pushes.UTF8Names,
		GroupAllowDriven:     c.Pushes.AllowDriven,
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

// checkPushed returns the errors in the flags for pushed metrics.
func (c *daemon) checkPushed() error {
	var errs []error
	base := c.Agents.BaseLabels.list()
	for _, name := range c.Agents.AggregateBy.list() {
		if !slices.Contains(base, name) {
			errs = append(errs, usageError(fmt.Sprintf("--agent-metrics-aggregate-by: got %q, expected one of the base labels %s",
				name, strings.Join(base, ", "))))
		}
	}
	if len(base) > aggregator.MaxBaseLabels {
		errs = append(errs, usageError(fmt.Sprintf("--agent-metrics-base-labels: got %d labels, expected at most %d", len(base), aggregator.MaxBaseLabels)))
	}
	return errors.Join(errs...)
}

// checkStorage returns an error if the directory of the storage file does not exist.
// The command check does not call it, because a service manager may create the
// directory when it starts the daemon.
func (c *daemon) checkStorage() error {
	if c.Pushes.StoragePath == "" {
		return nil
	}
	directory := filepath.Dir(c.Pushes.StoragePath)
	switch info, err := os.Stat(directory); {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("--push-storage-path: the directory %s does not exist", directory)
	case err == nil && !info.IsDir():
		return fmt.Errorf("--push-storage-path: %s is not a directory", directory)
	}
	return nil // the daemon may have other permissions than this process
}

// intakeHint returns a hint if a request to the metrics listener should have been sent
// to the intake listener.
func intakeHint(r *http.Request) string {
	if r.URL.Path == events.Path || r.URL.Path == agents.Path || pushgateway.Handles(r) {
		return "send events and pushes to the intake listener (--intake-bind-port)"
	}
	return ""
}

// handler returns a handler that serves the push APIs and passes other requests to
// next. hidden returns why it must not show metrics, or the empty string.
func (p *pushedMetrics) handler(c *daemon, logger lager.Logger, budgets *membudget.Budgets, page http.Handler, hidden func() string, next http.Handler) http.Handler {
	forAgents := agents.NewHandler(agents.Options{
		Logger:    logger.Session("agents"),
		Sink:      p.Agents,
		BodyBytes: int64(c.Pushes.MaxBodyBytes),
		Buffer:    budgets.Buffer,
		Parse:     budgets.Parse,
		Malformed: p.Agents.CountMalformed,
	})
	// The handler of the Pushgateway's API must see the path before anything cleans it,
	// because %2F is part of a value there.
	return pushgateway.NewHandler(pushgateway.Options{
		Store:      p.Groups,
		Logger:     logger.Session("push"),
		BodyBytes:  int64(c.Pushes.MaxBodyBytes),
		Buffer:     budgets.Buffer,
		Parse:      budgets.Parse,
		UTF8Names:  c.Pushes.UTF8Names,
		Admin:      c.Pushes.AdminAPI,
		Page:       page,
		Hidden:     hidden,
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

// Close stops background work. If there is a storage file, it waits until all groups
// are on disk.
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

// buildInfo returns the build information of the program, with the field names of the
// Pushgateway.
func buildInfo() map[string]string {
	build := buildinfo.Read()
	return map[string]string{
		"goVersion": runtime.Version(),
		"platform":  runtime.GOOS + "/" + runtime.GOARCH,
		"version":   build.Version,
		"revision":  build.RevisionText(),
	}
}
