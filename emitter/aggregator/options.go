package aggregator

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"code.cloudfoundry.org/lager/v3"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-ci/signalbox/internal/excerpt"
	"github.com/signalbox-ci/signalbox/internal/names"
	"github.com/signalbox-ci/signalbox/internal/series"
)

// MaxBaseLabels is the maximum number of base labels.
const MaxBaseLabels = 16

// defaultBaseLabels are the names of the labels in the fields of Labels.
var defaultBaseLabels = []string{"username", "workspace_name", "agent_name", "template_name"}

// Options configure an Aggregator. The zero value of each field stands for its default.
type Options struct {
	// Logger receives messages about background work, such as groups that cannot be
	// stored. By default nothing is logged.
	Logger lager.Logger

	// Registerer receives metrics about the Aggregator itself, signalbox_agents and
	// others, which stay registered. By default they are not registered.
	//
	// A pushed metric with the name of a metric registered there is rejected, so that
	// the Aggregator can be registered there as well. This requires a Registerer that
	// is also a prometheus.Collector and describes everything registered, as
	// *prometheus.Registry does. It is asked at most once a second, and only while
	// metrics are pushed. The names in other registerers, and those of collectors that
	// describe nothing, are not known: the program must keep them distinct from pushed
	// ones, or scrapes of that registry fail.
	Registerer prometheus.Registerer

	// Clock returns the current time. It must be safe for concurrent use. It may be set
	// back: a TTL of a minute has passed when the clock has advanced by a minute in
	// total. The default is time.Now.
	Clock func() time.Time

	// AgentTTL is how long a series of an agent lives after its last update. The
	// default is 2 minutes.
	AgentTTL time.Duration

	// AgentBaseLabels are the names of the labels that identify an agent, at most
	// MaxBaseLabels. Nil means those in the fields of Labels: username, workspace_name,
	// agent_name and template_name. An empty slice means no base labels: all agents are
	// one.
	AgentBaseLabels []string

	// AgentAggregateBy names base labels. If it is not empty, series that differ only
	// in the other base labels are shown as one. A gauge is the sum of the gauges that
	// have not expired. A counter is the sum of everything counted: it does not
	// decrease when an agent expires or restarts from zero. An agent that returns
	// within ten times the TTL continues from its last value. By default series are not
	// aggregated.
	AgentAggregateBy []string

	// AgentMaxSeries is the maximum number of series of all agents, including sums. New
	// series beyond it are rejected. The default is 1,000,000.
	AgentMaxSeries int

	// GroupTTL is how long a group lives after the last push to it, unless that push
	// has its own TTL. By default a group never expires.
	GroupTTL time.Duration

	// GroupAggregateBy names grouping labels. If it is not empty, groups with the same
	// values of these labels are shown as one, without their other grouping labels.
	// Counters, histograms, and the counts and sums of summaries are the sum of
	// everything counted: they do not decrease when a group is removed or restarts from
	// zero. By default groups are not aggregated.
	GroupAggregateBy []string

	// GroupAggregateGauges is the operation for gauges and untyped metrics when groups
	// are aggregated: sum, last, max, min or mean over the existing groups. The default
	// is sum.
	GroupAggregateGauges string

	// MaxGroups is the maximum number of groups. The default is 100,000.
	MaxGroups int

	// GroupMaxSeries is the maximum number of series of all groups, including sums. The
	// default is 1,000,000.
	GroupMaxSeries int

	// StoragePath is a file that keeps the groups across restarts. By default nothing
	// is written to disk.
	StoragePath string
}

// withDefaults returns the options with defaults in place of zero values. The error
// joins one for each invalid field.
func (o Options) withDefaults() (Options, error) {
	if o.Logger == nil {
		o.Logger = lager.NewLogger("signalbox")
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.AgentBaseLabels == nil {
		o.AgentBaseLabels = defaultBaseLabels
	}
	o.AgentTTL = cmp.Or(o.AgentTTL, 2*time.Minute)
	o.AgentMaxSeries = cmp.Or(o.AgentMaxSeries, 1_000_000)
	o.GroupAggregateGauges = cmp.Or(o.GroupAggregateGauges, series.Sum.String())
	o.MaxGroups = cmp.Or(o.MaxGroups, 100_000)
	o.GroupMaxSeries = cmp.Or(o.GroupMaxSeries, 1_000_000)
	return o, o.check()
}

func (o *Options) check() error {
	var errs []error
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	positive(fail, "AgentTTL", o.AgentTTL)
	positive(fail, "AgentMaxSeries", o.AgentMaxSeries)
	positive(fail, "GroupTTL", o.GroupTTL)
	positive(fail, "MaxGroups", o.MaxGroups)
	positive(fail, "GroupMaxSeries", o.GroupMaxSeries)
	if n := len(o.AgentBaseLabels); n > MaxBaseLabels {
		fail("AgentBaseLabels: got %d labels, expected at most %d", n, MaxBaseLabels)
	}
	errs = append(errs, checkLabelNames("AgentBaseLabels", o.AgentBaseLabels), checkLabelNames("AgentAggregateBy", o.AgentAggregateBy),
		checkLabelNames("GroupAggregateBy", o.GroupAggregateBy))
	for _, name := range o.AgentAggregateBy {
		if !slices.Contains(o.AgentBaseLabels, name) {
			fail("AgentAggregateBy: got %q, expected one of the base labels %q", name, o.AgentBaseLabels)
		}
	}
	if _, err := series.ParseFold(o.GroupAggregateGauges); err != nil {
		fail("GroupAggregateGauges: %w", err)
	}
	return errors.Join(errs...)
}

func positive[T int | time.Duration](fail func(string, ...any), field string, v T) {
	if v < 0 {
		fail("%s: got %v, expected a positive value", field, v)
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

func checkLabelName(name string) error {
	if !names.IsLabel(name) {
		return fmt.Errorf("%q is not a label name", excerpt.Short(name))
	}
	return nil
}
