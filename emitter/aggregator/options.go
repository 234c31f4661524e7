package aggregator

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"code.cloudfoundry.org/lager/v3"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-ci/signalbox/internal/excerpt"
	"github.com/signalbox-ci/signalbox/internal/membudget"
	"github.com/signalbox-ci/signalbox/internal/names"
	"github.com/signalbox-ci/signalbox/metric"
)

// MaxBaseLabels is the maximum number of base labels of an agent.
const MaxBaseLabels = 16

// defaultBaseLabels are the label names for the fields of Labels, in order.
var defaultBaseLabels = []string{"username", "workspace_name", "agent_name", "template_name"}

// Options configure an Aggregator. The zero value of each field means its default.
// Negative durations and limits are invalid.
type Options struct {
	// Logger receives log messages, for example when groups cannot be written to disk.
	// By default, nothing is logged.
	Logger lager.Logger

	// Slog receives the log messages instead of Logger, for programs that use log/slog.
	// At most one of both may be set.
	Slog *slog.Logger

	// Registerer is where New registers the metrics about the Aggregator itself
	// (signalbox_agents and others). They are never unregistered. By default, they are
	// not registered.
	//
	// The Aggregator itself can also be registered there, because it rejects a pushed
	// metric that has the name of a registered one. It knows these names only if the
	// Registerer is also a prometheus.Collector that describes all registered metrics,
	// as *prometheus.Registry does. The Aggregator reads them at most once a second,
	// and only while metrics are pushed. It does not know the names in any other
	// Registerer, or those of registered collectors that describe nothing. The program
	// must make sure that such names are never pushed; otherwise, scrapes of that
	// registry fail.
	Registerer prometheus.Registerer

	// DurationNames are the names of two histograms among the metrics about the
	// Aggregator itself.
	DurationNames DurationNames

	// Clock returns the current time. It must be safe for concurrent use. The clock may
	// be set back, which does not affect TTLs: a TTL of a minute has passed once the
	// clock has advanced by a minute in total. The default is time.Now.
	Clock func() time.Time

	// AgentTTL is the time after which a series of an agent expires unless the agent
	// updates it. The default is 2 minutes.
	AgentTTL time.Duration

	// AgentBaseLabels are the names of the labels that identify an agent, at most
	// MaxBaseLabels. Nil means the names for the fields of Labels: username,
	// workspace_name, agent_name and template_name. An empty slice means that agents
	// have no base labels, so all of them are treated as one agent.
	AgentBaseLabels []string

	// AgentAggregateBy are the names of base labels to aggregate by. If there are any,
	// series that differ only in the other base labels are aggregated into one. A gauge
	// is the sum of the gauges that have not expired. A counter is the sum of
	// everything that agents have counted, so it does not decrease when an agent
	// expires or restarts from zero. If an agent returns within ten times AgentTTL, its
	// counters continue from their last values. By default, series are not aggregated.
	AgentAggregateBy []string

	// AgentMaxSeries is the maximum number of series of all agents, including sums.
	// When it is reached, new series are rejected. The default is 1,000,000.
	AgentMaxSeries int

	// GroupTTL is the time after which a group expires unless a job pushes to it again.
	// A push can set a different TTL for its group. By default, groups never expire.
	GroupTTL time.Duration

	// GroupAggregateBy are the names of grouping labels to aggregate by. If there are
	// any, groups with the same values of these labels are aggregated into one, without
	// their other grouping labels. Counters, histograms, and the counts and sums of
	// summaries are the sum of everything that was counted, so they do not decrease
	// when a group is removed or restarts from zero. By default, groups are not
	// aggregated.
	GroupAggregateBy []string

	// GroupAggregateGauges are the modes by which gauges and untyped metrics of
	// existing groups are aggregated: sum, last, max, min or mean. It is a
	// comma-separated list of a mode, which is the default, and of modes for names that
	// match a pattern, in which * stands for any characters; the first match counts. An
	// example is "sum,*_timestamp_seconds=max". The modes max and min ignore NaN. The
	// default mode is sum unless the list has one.
	GroupAggregateGauges string

	// GroupUTF8Names allows names of metrics and labels of groups to contain any
	// characters except NUL. By default, they must be valid for versions of Prometheus
	// before 3.
	// Scrapers that do not support such names get escaped ones.
	GroupUTF8Names bool

	// MaxGroups is the maximum number of groups. When it is reached, pushes to new
	// groups are rejected. The default is 100,000.
	MaxGroups int

	// GroupMaxSeries is the maximum number of series of all groups, including sums.
	// Pushes that would exceed it are rejected. The default is 1,000,000.
	GroupMaxSeries int

	// MaxNameBytes, MaxLabelValueBytes and MaxHelpBytes are the maximum sizes of the
	// names of metrics and labels, of label values and of help texts, in bytes. Pushed
	// metrics that exceed them are rejected. The defaults are 1,024, 16,384 and 4,096.
	// The first two can be at most MaxTextBytes.
	MaxNameBytes, MaxLabelValueBytes, MaxHelpBytes int

	// Memory limits the memory for all series, groups and agents. When it has no room,
	// new series and groups are rejected, as with the other limits. By default, memory
	// is not limited.
	Memory Memory

	// GroupAllowDriven allows jobs to push series of the metrics that the emitter
	// itself updates, if the types are the same. By default, such pushes are rejected,
	// because they could mislead dashboards and alerts, and the metrics page omits such
	// families that were pushed before a rule was added. Agents can never push them.
	GroupAllowDriven bool

	// StoragePath is the path of a file that stores the groups across restarts. New
	// creates the file if necessary. By default, nothing is written to disk.
	StoragePath string
}

// DurationNames are the names of two histograms of durations, in seconds. A program
// that replaces another aggregator can keep the names that its dashboards use.
type DurationNames struct {
	// Update is the histogram of the time taken to apply an update of an agent. The
	// default is signalbox_agent_update_duration_seconds.
	Update string

	// Sweep is the histogram of the time taken to remove expired agents and groups. The
	// default is signalbox_push_sweep_duration_seconds.
	Sweep string
}

// withDefaults returns the options with defaults in place of zero values. The error
// joins the errors of all invalid fields.
func (o Options) withDefaults() (Options, error) {
	var conflict error
	switch {
	case o.Slog != nil && o.Logger != nil:
		conflict = errors.New("got both Logger and Slog, expected at most one of them")
	case o.Slog != nil:
		o.Logger = metric.SlogLogger(o.Slog)
	case o.Logger == nil:
		o.Logger = lager.NewLogger("signalbox")
	}
	o.DurationNames.Update = cmp.Or(o.DurationNames.Update, "signalbox_agent_update_duration_seconds")
	o.DurationNames.Sweep = cmp.Or(o.DurationNames.Sweep, "signalbox_push_sweep_duration_seconds")
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.AgentBaseLabels == nil {
		o.AgentBaseLabels = defaultBaseLabels
	}
	o.AgentTTL = cmp.Or(o.AgentTTL, 2*time.Minute)
	o.AgentMaxSeries = cmp.Or(o.AgentMaxSeries, 1_000_000)
	o.MaxGroups = cmp.Or(o.MaxGroups, 100_000)
	o.GroupMaxSeries = cmp.Or(o.GroupMaxSeries, 1_000_000)
	o.MaxNameBytes = cmp.Or(o.MaxNameBytes, 1<<10)
	o.MaxLabelValueBytes = cmp.Or(o.MaxLabelValueBytes, 16<<10)
	o.MaxHelpBytes = cmp.Or(o.MaxHelpBytes, 4<<10)
	if o.Memory == nil {
		o.Memory = (*membudget.Budget)(nil)
	}
	return o, errors.Join(conflict, o.check())
}

func (o *Options) check() error {
	var errs []error
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	checkNotNegative(fail, "AgentTTL", o.AgentTTL)
	checkNotNegative(fail, "AgentMaxSeries", o.AgentMaxSeries)
	checkNotNegative(fail, "GroupTTL", o.GroupTTL)
	checkNotNegative(fail, "MaxGroups", o.MaxGroups)
	checkNotNegative(fail, "GroupMaxSeries", o.GroupMaxSeries)
	checkNotNegative(fail, "MaxNameBytes", o.MaxNameBytes)
	checkNotNegative(fail, "MaxLabelValueBytes", o.MaxLabelValueBytes)
	checkNotNegative(fail, "MaxHelpBytes", o.MaxHelpBytes)
	if n := max(o.MaxNameBytes, o.MaxLabelValueBytes); n > MaxTextBytes {
		fail("MaxNameBytes, MaxLabelValueBytes: got %d, expected at most %d", n, MaxTextBytes)
	}
	if n := len(o.AgentBaseLabels); n > MaxBaseLabels {
		fail("AgentBaseLabels: got %d labels, expected at most %d", n, MaxBaseLabels)
	}
	errs = append(errs, checkLabelNames("AgentBaseLabels", o.AgentBaseLabels), checkLabelNames("AgentAggregateBy", o.AgentAggregateBy),
		checkLabelNames("GroupAggregateBy", o.GroupAggregateBy))
	errs = append(errs, checkMetricName("DurationNames.Update", o.DurationNames.Update), checkMetricName("DurationNames.Sweep", o.DurationNames.Sweep))
	for _, name := range o.AgentAggregateBy {
		if !slices.Contains(o.AgentBaseLabels, name) {
			fail("AgentAggregateBy: got %q, expected one of the base labels %s", name, strings.Join(o.AgentBaseLabels, ", "))
		}
	}
	if err := CheckAggregateGauges(o.GroupAggregateGauges); err != nil {
		fail("GroupAggregateGauges: %w", err)
	}
	return errors.Join(errs...)
}

func checkNotNegative[T int | time.Duration](fail func(string, ...any), field string, v T) {
	if v < 0 {
		fail("%s: got %v, expected a non-negative value", field, v)
	}
}

func checkLabelNames(field string, names []string) error {
	var errs []error
	for i, name := range names {
		if err := checkLabelName(name); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", field, err))
		} else if slices.Contains(names[:i], name) {
			errs = append(errs, fmt.Errorf("%s: %q is duplicated", field, name))
		}
	}
	return errors.Join(errs...)
}

func checkMetricName(field, name string) error {
	if !names.IsMetric(name) {
		return fmt.Errorf("%s: %q is not a metric name", field, excerpt.Short(name))
	}
	return nil
}

func checkLabelName(name string) error {
	if !names.IsLabel(name) {
		return fmt.Errorf("%s is not a label name: %s", excerpt.Quote(name), names.ExpectedLabel)
	}
	return nil
}
