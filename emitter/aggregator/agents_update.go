package aggregator

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/prometheus/common/model"

	"github.com/signalbox-ci/signalbox/internal/excerpt"
	"github.com/signalbox-ci/signalbox/internal/names"
	"github.com/signalbox-ci/signalbox/internal/series"
)

// contextInterval is the number of metrics after which an update checks its context.
const contextInterval = 1024

// apply applies the metrics of an update to the agent, and returns the rejections. If
// the context ends, it stops and returns the cause. The caller must hold the agent's
// lock.
func (a *Agents) apply(ctx context.Context, ag *agent, metrics []Metric, now series.Instant) (rejected []Rejection, err error) {
	ag.updates++
	defer ag.finish()
	if version := a.others.version(); version != ag.version {
		// A reload may have added rules for metrics that the agent pushes.
		a.remove(ag, func(e *entry) bool { return a.others.owner(e.family.Name(), e.family.Type(), false) != "" })
		ag.version = version
	}
	deadline := after(now, a.ttl)
	for i := range metrics {
		if i%contextInterval == contextInterval-1 && ctx.Err() != nil {
			ag.updated.Store(int64(now))
			return nil, context.Cause(ctx)
		}
		if why, err := a.applyOne(ag, &metrics[i], now, deadline); err != nil {
			rejected = append(rejected, Rejection{Index: i, Name: strings.Clone(metrics[i].Name), Reason: reasonLabels[why], Err: err})
			a.self.metricsRejected[why].Inc()
		}
	}
	if len(rejected) < len(metrics) {
		ag.updated.Store(int64(now))
	}
	return rejected, nil
}

// applyOne applies one metric. If it rejects the metric, it returns the reason and an
// error.
func (a *Agents) applyOne(ag *agent, m *Metric, now, deadline series.Instant) (reason, error) {
	if m.Type == Counter {
		if m.Value-m.Value != 0 {
			return notFinite, fmt.Errorf("counter %s: got %v, expected a finite number", excerpt.Short(m.Name), m.Value)
		}
		if m.Value < 0 {
			return negative, fmt.Errorf("counter %s: got %v, expected a non-negative number", excerpt.Short(m.Name), m.Value)
		}
	}
	e := ag.find(m)
	for {
		if e == nil || e.typ != m.Type {
			if e != nil && !e.summed && e.series.Ended() {
				a.drop(ag, e)
			}
			var why reason
			var err error
			if e, why, err = a.newEntry(ag, m, now); err != nil {
				return why, err
			}
		}
		if e.summed && e.update == ag.updates {
			return clashes, fmt.Errorf("counter %s is duplicated", m.Name)
		}
		e.update = ag.updates
		if e.set(m.Value, deadline) {
			return 0, nil
		}
		// The series had expired, and another client has pushed the same series, or a
		// metric with the same name and another type.
		a.drop(ag, e)
		e = nil
	}
}

// set sets the entry's value. It returns false if the series has ended.
func (e *entry) set(v float64, deadline series.Instant) bool {
	if e.summed {
		if v >= e.last {
			e.series.Add(v - e.last)
		} else {
			e.series.Add(v) // the counter was reset
		}
		e.last, e.deadline = v, deadline
		return true
	}
	e.series.Set(v)
	return e.series.LiveUntil(deadline)
}

// newEntry creates the entry for a metric that the agent has not pushed yet, or has
// pushed with another type.
func (a *Agents) newEntry(ag *agent, m *Metric, now series.Instant) (*entry, reason, error) {
	own := ag.normalize(m.Labels)
	if why, err := a.checkMetric(m, own); err != nil {
		return nil, why, err
	}
	if err := ag.clashed[clashKey{m.Name, m.Type}]; err != nil {
		return nil, clashes, err
	}
	e := entry{typ: m.Type, summed: a.aggregated && m.Type == Counter, key: string(appendKey(nil, m.Name, m.Labels))}
	if why, err := a.createSeries(ag, &e, m.Name, labelText(a.shownLabels(ag, own)), now); err != nil {
		return nil, why, err
	}
	return ag.add(e), 0, nil
}

func (e *entry) familyType() series.Type {
	if e.typ == Gauge {
		return series.Gauge
	}
	return series.Counter
}

// holder returns the holder of the agent's series in the store. If agents are
// aggregated, all of them share one holder.
func (a *Agents) holder(ag *agent) any {
	if a.aggregated {
		return a
	}
	return ag
}

// createSeries creates the series of a new entry in the store, or uses the existing
// sum. If only this agent has pushed the metric, but with another type, createSeries
// removes its series of that type.
func (a *Agents) createSeries(ag *agent, e *entry, name, text string, now series.Instant) (reason, error) {
	a.store.Lock()
	defer a.store.Unlock()
	holder, typ := a.holder(ag), e.familyType()
	if err := a.checkFamily(ag, name, typ, holder, now); err != nil {
		if ag.clashed == nil {
			ag.clashed = make(map[clashKey]error)
		}
		ag.clashed[clashKey{strings.Clone(name), e.typ}] = err
		return clashes, err
	}
	if f := a.store.Family(name); f != nil && f.Type() != typ {
		for _, i := range ag.inFamily(f) {
			if e := &ag.entries[i]; e.key != "" {
				f.Leave(e.series)
				a.drop(ag, e)
			}
		}
	}
	if a.seriesCount.Load() >= a.maxSeries {
		return limitReached, fmt.Errorf("metric %s: the limit of %d series of agents is reached", name, a.maxSeries)
	}
	if f := a.store.Family(name); f != nil {
		switch held := f.Holder(text, now); {
		case held == nil, a.aggregated && held == holder:
		case held == holder:
			return clashes, fmt.Errorf("metric %s{%s} has the same labels as another series of this agent, after labels were renamed", name, excerpt.Short(text))
		default:
			return clashes, fmt.Errorf("metric %s{%s} is already pushed by another agent or job", name, excerpt.Short(text))
		}
	}
	f := a.store.Family(name) // looked up again, because Holder may have removed the family
	needed := e.memoryWith(text)
	if f == nil {
		needed += series.OpenFamilyBytes(name, "")
	}
	newSum := e.summed && (f == nil || f.Only(text, holder) == nil)
	if newSum {
		needed += series.OpenSeriesBytes + textBytes(text)
	}
	if !a.memory.TryAcquire(needed) {
		return memoryLimit, fmt.Errorf("metric %s: %w", name, errNoMemory(needed))
	}
	if f == nil {
		a.memory.Add(-series.OpenFamilyBytes(name, "")) // the store counts it, too
		f = a.store.AddFamily(strings.Clone(name), "", typ)
	}
	e.family = f
	a.seriesCount.Add(1)
	switch {
	case newSum:
		e.series = f.Join(text, holder, nil, series.Alone)
		e.series.LiveUntil(series.Never)
		a.seriesCount.Add(1) // for the sum, which remains when all of its agents have been removed
	case e.summed:
		e.series = f.Only(text, holder)
	case a.aggregated:
		e.series = f.Join(text, holder, nil, series.Sum)
	default:
		e.series = f.Join(text, holder, nil, series.Alone)
	}
	if f.Help() == "" {
		f.SetHelp(agentHelp)
	}
	return 0, nil
}

// agentHelp is the help text of a family that an agent pushed, unless a job pushes one.
// Agents send none.
const agentHelp = "This metric was pushed by an agent."

// checkFamily returns an error if the agent cannot push a metric with that name and
// type. The caller must hold the store's lock.
func (a *Agents) checkFamily(ag *agent, name string, typ series.Type, holder any, now series.Instant) error {
	if name == pushTimeName || name == failureTimeName {
		return fmt.Errorf("metric %s is reserved", name)
	}
	if owner := a.others.owner(name, typ, false); owner != "" {
		return errOwned(name, owner)
	}
	switch other, ok := a.others.typeOf(name); {
	case !ok:
	case other == series.AnyType:
		return errNameOfServer(name)
	case len(a.shownLabels(ag, nil)) == 0: // its series could have the labels of the server's
		return a.errWithoutLabels(name)
	case other != typ:
		return errOtherType(name, typ, other)
	}
	if f := a.store.Family(name); f != nil {
		if f.Type() == typ {
			return nil // the family was checked when it was added
		}
		inThisUpdate := func(i int32) bool { e := &ag.entries[i]; return e.key != "" && e.update == ag.updates }
		if a.aggregated || f.HeldByOthers(holder, now) || slices.ContainsFunc(ag.inFamily(f), inThisUpdate) {
			return errOtherType(name, typ, f.Type())
		}
	}
	return a.checkNewFamily(name, typ, a.typeOf)
}

// errWithoutLabels is errNameOfServer for an agent that could push the metric if its
// series had labels.
func (a *Agents) errWithoutLabels(name string) error {
	var shown []string
	for i, label := range a.base {
		if a.shown[i] {
			shown = append(shown, label)
		}
	}
	if len(shown) == 0 {
		return errNameOfServer(name)
	}
	return fmt.Errorf("%w: add at least one of the base labels %s", errNameOfServer(name), strings.Join(shown, ", "))
}

// checkMetric returns an error if the name, type or labels of a metric are invalid.
func (a *Agents) checkMetric(m *Metric, own []Label) (reason, error) {
	if !names.IsMetric(m.Name) {
		return invalidName, fmt.Errorf("%s is not a metric name: %s", excerpt.Quote(m.Name), names.ExpectedMetric)
	}
	if err := checkSize("name", m.Name, a.sizes.name); err != nil {
		return invalidName, fmt.Errorf("metric %s: %w", excerpt.Short(m.Name), err)
	}
	if m.Type != Counter && m.Type != Gauge {
		return invalidType, fmt.Errorf("metric %s: got an unknown type, expected counter or gauge", m.Name)
	}
	for i, l := range own {
		if err := checkLabelName(l.Name); err != nil {
			return invalidLabel, fmt.Errorf("metric %s: %w", m.Name, err)
		}
		if err := checkSize("name", l.Name, a.sizes.name); err != nil {
			return invalidLabel, fmt.Errorf("metric %s: label %s: %w", m.Name, excerpt.Short(l.Name), err)
		}
		if i > 0 && own[i-1].Name == l.Name {
			return invalidLabel, fmt.Errorf("metric %s: label %s is duplicated", m.Name, l.Name)
		}
		if err := a.checkLabelValue(l.Name, l.Value); err != nil {
			return invalidLabel, fmt.Errorf("metric %s: %w", m.Name, err)
		}
	}
	return 0, nil
}

// checkLabelValue returns an error if the value of a label is too long or not UTF-8.
func (a *Agents) checkLabelValue(name, v string) error {
	if err := checkSize("value", v, a.sizes.value); err != nil {
		return fmt.Errorf("label %s: %w", name, err)
	}
	if !utf8.ValidString(v) {
		return fmt.Errorf("label %s: value %q is not valid UTF-8", name, excerpt.Short(v))
	}
	return nil
}

// shownLabels returns the labels with which a series is served.
func (a *Agents) shownLabels(ag *agent, own []Label) []Label {
	shown := make([]Label, 0, len(own)+len(a.base))
	for i, v := range ag.values {
		if a.shown[i] && v != "" {
			shown = append(shown, Label{Name: a.base[i], Value: v})
		}
	}
	for _, l := range own {
		if slices.Contains(a.base, l.Name) {
			for slices.Contains(a.base, l.Name) || hasName(own, l.Name) || hasName(shown, l.Name) {
				l.Name = model.ExportedLabelPrefix + l.Name
			}
		}
		shown = append(shown, l)
	}
	return shown
}

// remove removes the entries for which del returns true, and their series. The caller
// must hold the agent's lock.
func (a *Agents) remove(ag *agent, del func(*entry) bool) {
	if removed := ag.remove(del); len(removed) > 0 {
		a.store.Lock()
		defer a.store.Unlock()
		a.removeSeries(removed)
	}
}

// removeSeries removes the series of removed entries from the store. Sums do not
// decrease. The caller must hold the store's lock.
func (a *Agents) removeSeries(removed []entry) {
	a.seriesCount.Add(int64(-len(removed)))
	for i := range removed {
		a.memory.Add(-removed[i].memory())
		if e := &removed[i]; !e.summed {
			e.family.Leave(e.series)
		}
	}
}

// drop drops an entry whose series has ended: the metric has another type now, or the
// series had expired, and another client has taken its name or labels.
func (a *Agents) drop(ag *agent, e *entry) {
	a.memory.Add(-e.memory())
	ag.drop(e)
	a.seriesCount.Add(-1)
}
