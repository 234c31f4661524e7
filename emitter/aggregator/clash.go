package aggregator

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-ci/signalbox/internal/series"
)

// The families that tell when a group was pushed to, which nobody else may push.
const (
	pushTimeName    = "push_time_seconds"
	failureTimeName = "push_failure_time_seconds"
)

// clashOfAgent is why an agent cannot push a metric of that name and type, or nil.
// The caller holds the store's lock.
func (a *Aggregator) clashOfAgent(name string, typ series.Type, holder any, now series.Instant) error {
	if name == pushTimeName || name == failureTimeName {
		return fmt.Errorf("metric %s is reserved", name)
	}
	if _, ok := a.besideType(name); ok {
		return fmt.Errorf("metric %s is one of the server's own", name)
	}
	if f := a.store.Family(name); f != nil {
		if f.Type() == typ {
			return nil // whatever could be said was said when it was made
		}
		if a.aggregated || f.HeldBeside(holder, now) {
			return typeClash(name, typ, f.Type())
		}
	}
	return a.clashOfName(name, typ, func(name string) (series.Type, bool) {
		if f := a.store.Family(name); f != nil {
			return f.Type(), true
		}
		return a.besideType(name)
	})
}

func typeClash(name string, typ, there series.Type) error {
	return fmt.Errorf("metric %s is pushed as %s, but is there as %s", name, typ, there)
}

// clashOfName is why there cannot be a new family of that name and type, beside
// those that typeOf knows of: because its samples, or theirs, would have a name that
// means something else. It is nil if there can be.
func (a *Aggregator) clashOfName(name string, typ series.Type, typeOf func(string) (series.Type, bool)) error {
	if a.isRegistered(name) {
		return fmt.Errorf("metric %s is one of the server's own", name)
	}
	for suffix, of := range sampleSuffixes {
		if base, ok := strings.CutSuffix(name, suffix); ok {
			if t, ok := typeOf(base); ok && slices.Contains(of, t) {
				return fmt.Errorf("metric %s has the name of a sample of the %s %s", name, t, base)
			}
			if a.isRegistered(base) { // nobody says as what
				return fmt.Errorf("metric %s may have the name of a sample of %s, which is one of the server's own", name, base)
			}
		}
		if slices.Contains(of, typ) {
			t, ok := typeOf(name + suffix)
			if ok {
				return fmt.Errorf("%s %s has a sample with the name of the %s %s%s", typ, name, t, name, suffix)
			}
			if a.isRegistered(name + suffix) {
				return fmt.Errorf("%s %s has a sample with the name %s%s, which is one of the server's own", typ, name, name, suffix)
			}
		}
	}
	return nil
}

// sampleSuffixes are what the names of samples end in, beyond that of their family,
// and in which types.
var sampleSuffixes = map[string][]series.Type{
	"_count":  {series.Histogram, series.Summary, series.GaugeHistogram},
	"_sum":    {series.Histogram, series.Summary, series.GaugeHistogram},
	"_bucket": {series.Histogram, series.GaugeHistogram},
}

// besideType is the type of a family that is served beside what is pushed.
func (a *Aggregator) besideType(name string) (series.Type, bool) {
	if taken := a.beside.Load(); taken != nil {
		return (*taken)(name)
	}
	return 0, false
}

// isRegistered tells whether the registerer has a metric of that name, unless there is
// a page that says what it has. A registry says so when asked to register another one
// under that name; that it never does, since it is asked for an invalid one in the
// same breath.
func (a *Aggregator) isRegistered(name string) bool {
	if a.registerer == nil || a.beside.Load() != nil {
		return false // what is on a page is known by besideType, at a thousandth of the cost
	}
	err := a.registerer.Register(probe(name))
	return err != nil && !errors.Is(err, errProbe)
}

// A probe is a collector that no registry takes.
type probe string

var errProbe = errors.New("only asking")

// Describe implements prometheus.Collector.
func (p probe) Describe(descs chan<- *prometheus.Desc) {
	// No other metric has this help text.
	descs <- prometheus.NewDesc(string(p), "Asks whether the name is taken.", []string{"asking"}, nil)
	descs <- prometheus.NewInvalidDesc(errProbe)
}

// Collect implements prometheus.Collector.
func (probe) Collect(chan<- prometheus.Metric) {}
