package aggregator

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"code.cloudfoundry.org/lager/v3"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"

	"github.com/signalbox-ci/signalbox/internal/excerpt"
	"github.com/signalbox-ci/signalbox/internal/series"
)

// MaxBaseLabels is the maximum number of base labels.
const MaxBaseLabels = 16

// defaultBaseLabels are the names of the labels that the fields of Labels stand for.
var defaultBaseLabels = []string{"username", "workspace_name", "agent_name", "template_name"}

// Options configure an Aggregator. The zero value of each field stands for its default.
type Options struct {
	// Logger receives what happens in the background, such as groups that cannot be
	// stored. By default nothing is logged.
	Logger lager.Logger

	// Registerer receives metrics about the Aggregator itself, signalbox_agents and
	// others, which stay registered. By default they are not registered.
	//
	// A metric that is pushed under the name of a metric that is registered there is
	// rejected, so that the Aggregator can be registered there as well. For that the
	// Registerer must also be a prometheus.Collector that describes all that is
	// registered, as a *prometheus.Registry is; it is asked at most once a second, and
	// only while metrics are pushed. The names in a registerer of another kind, and
	// those of collectors that describe nothing, are not known: the program must keep
	// them apart from pushed ones, or scrapes of that registry fail.
	Registerer prometheus.Registerer

	// Clock returns the current time. It must be safe for concurrent use. It may be set
	// back: a TTL of a minute has passed when the clock has advanced by a minute in
	// all. The default is time.Now.
	Clock func() time.Time

	// AgentTTL is how long a series of an agent lives after its last update. The
	// default is 2 minutes.
	AgentTTL time.Duration

	// AgentBaseLabels are the names of the labels that identify an agent, at most
	// MaxBaseLabels. Nil means those that the fields of Labels stand for: username,
	// workspace_name, agent_name and template_name. An empty slice means that there
	// are none: all agents are one.
	AgentBaseLabels []string

	// AgentAggregateBy names base labels. If there are any, series that differ only in
	// the other base labels are shown as one. A gauge is the sum of the gauges that
	// live. A counter is the sum of all that was counted: it does not go down when an
	// agent expires, or starts again from zero. An agent that returns within ten times
	// the TTL continues from the value that it had. By default series are shown as
	// they are.
	AgentAggregateBy []string

	// AgentMaxSeries is the maximum number of series that agents have together, sums
	// of them included. New series beyond it are rejected. The default is 1,000,000.
	AgentMaxSeries int

	// GroupTTL is how long a group lives after the last push to it, unless that push
	// has a TTL of its own. By default a group never expires.
	GroupTTL time.Duration

	// GroupAggregateBy names grouping labels. If there are any, groups that have the
	// same values of them are shown as one, without their other grouping labels.
	// Counters, histograms, and the counts and sums of summaries, are the sum of all
	// that was counted: it does not go down when a group goes, or counts again from
	// zero. By default groups are shown as they are.
	GroupAggregateBy []string

	// GroupAggregateGauges is what becomes of gauges and untyped metrics when groups
	// are aggregated: sum, last, max, min or mean of the groups that live. The default
	// is sum.
	GroupAggregateGauges string

	// MaxGroups is the maximum number of groups. The default is 100,000.
	MaxGroups int

	// GroupMaxSeries is the maximum number of series that groups have together, sums
	// of them included. The default is 1,000,000.
	GroupMaxSeries int

	// StoragePath is a file that keeps the groups over a restart. By default nothing
	// is written to disk.
	StoragePath string
}

// withDefaults returns the options with defaults in the place of zero values. The error
// joins one for each field that is not valid.
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
		fail("AgentBaseLabels has %d labels, expected at most %d", n, MaxBaseLabels)
	}
	errs = append(errs, checkLabelNames("AgentBaseLabels", o.AgentBaseLabels), checkLabelNames("AgentAggregateBy", o.AgentAggregateBy),
		checkLabelNames("GroupAggregateBy", o.GroupAggregateBy))
	for _, name := range o.AgentAggregateBy {
		if !slices.Contains(o.AgentBaseLabels, name) {
			fail("AgentAggregateBy has %q, expected one of the base labels %q", name, o.AgentBaseLabels)
		}
	}
	if _, err := series.ParseFold(o.GroupAggregateGauges); err != nil {
		fail("GroupAggregateGauges: %w", err)
	}
	return errors.Join(errs...)
}

func positive[T int | time.Duration](fail func(string, ...any), field string, v T) {
	if v < 0 {
		fail("%s is %v, expected a positive value", field, v)
	}
}

func checkLabelNames(field string, names []string) error {
	var errs []error
	for i, name := range names {
		if err := checkLabelName(name); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", field, err))
		} else if slices.Contains(names[:i], name) {
			errs = append(errs, fmt.Errorf("%s has %q more than once", field, name))
		}
	}
	return errors.Join(errs...)
}

func checkLabelName(name string) error {
	if !model.LegacyValidation.IsValidLabelName(name) || len(name) >= 2 && name[:2] == model.ReservedLabelPrefix {
		return fmt.Errorf("%q cannot be the name of a label", excerpt.Short(name))
	}
	return nil
}
