package aggregator

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/prometheus/common/model"

	"github.com/signalbox-ci/signalbox/emitter/internal/series"
)

// maxLabelValueBytes is how long a label value may be, or a metric's name.
const maxLabelValueBytes = 16 << 10

// Update takes what an agent pushes: every metric replaces what the same series
// held, and lives for the TTL from now. A series is the metric's name, the base
// labels and the metric's own labels; their order does not matter. An own label with
// the name of a base label is renamed to exported_ and that.
//
// Metrics that are not valid, or clash with what is there, are rejected: the error is
// a *RejectedError then, and the others are applied. If the base labels are not
// valid, or the context has ended, nothing is applied, and the error is another one.
// Nothing of what is passed is kept.
func (a *Aggregator) Update(ctx context.Context, labels Labels, metrics []Metric) error {
	var values [MaxBaseLabels]string
	for i, v := range [...]string{labels.Username, labels.WorkspaceName, labels.AgentName, labels.TemplateName} {
		if v == "" {
			continue
		}
		at := slices.Index(a.base, DefaultBaseLabels[i])
		if at < 0 {
			return a.refuse(fmt.Errorf("%s is none of the base labels %q", DefaultBaseLabels[i], a.base))
		}
		values[at] = v
	}
	return a.update(ctx, values[:len(a.base)], metrics)
}

// UpdateFrom is Update for any set of base labels (see WithBaseLabels). base has
// those that are not empty, in any order, each once; otherwise nothing is applied.
func (a *Aggregator) UpdateFrom(ctx context.Context, base []Label, metrics []Metric) error {
	var values [MaxBaseLabels]string
	var given [MaxBaseLabels]bool
	for _, l := range base {
		at := slices.Index(a.base, l.Name)
		if at < 0 {
			return a.refuse(fmt.Errorf("%q is none of the base labels %q", shorten(l.Name), a.base))
		}
		if given[at] {
			return a.refuse(fmt.Errorf("base label %q is given twice", l.Name))
		}
		values[at], given[at] = l.Value, true
	}
	return a.update(ctx, values[:len(a.base)], metrics)
}

// refuse counts an update of which nothing was applied.
func (a *Aggregator) refuse(err error) error {
	a.self.refused.Inc()
	return err
}

func (a *Aggregator) update(ctx context.Context, values []string, metrics []Metric) error {
	if err := ctx.Err(); err != nil {
		return a.refuse(err)
	}
	for i, v := range values {
		if err := checkLabelValue(a.base[i], v); err != nil {
			return a.refuse(fmt.Errorf("base %w", err))
		}
	}
	begin := a.clock.Tick()
	deadline := after(begin, a.ttl)
	var rejected *RejectedError
	ag := a.lockAgent(values)
	for i := range metrics {
		if why, err := a.updateOne(ag, &metrics[i], begin, deadline); err != nil {
			if rejected == nil {
				rejected = &RejectedError{}
			}
			rejected.Rejections = append(rejected.Rejections,
				Rejection{Index: i, Name: strings.Clone(metrics[i].Name), Reason: reasonLabels[why], Err: err})
			a.self.rejected[why].Inc()
		}
	}
	ag.mu.Unlock()
	a.self.updated(a.clock.Tick() - begin)
	if rejected != nil {
		return rejected
	}
	return nil
}

func checkLabelValue(name, v string) error {
	if len(v) > maxLabelValueBytes {
		return fmt.Errorf("label %s is %d bytes long, want at most %d", name, len(v), maxLabelValueBytes)
	}
	if !utf8.ValidString(v) {
		return fmt.Errorf("label %s is %q, which is not UTF-8", name, shorten(v))
	}
	return nil
}

// lockAgent returns the agent with the base labels, made if need be, locked.
func (a *Aggregator) lockAgent(values []string) *agent {
	hash := hashValues(a.seed, values)
	for {
		a.agents.RLock()
		ag := a.findAgent(hash, values)
		a.agents.RUnlock()
		if ag == nil {
			ag = a.makeAgent(hash, values)
		}
		ag.mu.Lock()
		if !ag.gone {
			return ag
		}
		ag.mu.Unlock()
	}
}

func (a *Aggregator) findAgent(hash uint64, values []string) *agent {
	ag := a.agents.byHash[hash]
	for ag != nil && !slices.Equal(ag.values, values) {
		ag = ag.next
	}
	return ag
}

func (a *Aggregator) makeAgent(hash uint64, values []string) *agent {
	a.agents.Lock()
	defer a.agents.Unlock()
	if ag := a.findAgent(hash, values); ag != nil {
		return ag
	}
	ag := &agent{hash: hash, next: a.agents.byHash[hash], index: make(map[uint64]int32)}
	for _, v := range values {
		ag.values = append(ag.values, strings.Clone(v))
	}
	a.agents.byHash[hash] = ag
	return ag
}

// updateOne applies one metric, or tells why not. The caller holds the agent's lock.
func (a *Aggregator) updateOne(ag *agent, m *Metric, now, deadline series.Instant) (reason, error) {
	if m.Type == Counter {
		if m.Value-m.Value != 0 {
			return notFinite, fmt.Errorf("counter %s is %v, want a finite number", shorten(m.Name), m.Value)
		}
		if m.Value < 0 {
			return negative, fmt.Errorf("counter %s is %v, want no negative number", shorten(m.Name), m.Value)
		}
	}
	e := ag.find(a.seed, m)
	for {
		if e == nil || e.typ != m.Type {
			var why reason
			var err error
			if e, why, err = a.newEntry(ag, e, m, now); err != nil {
				return why, err
			}
		}
		if e.set(m.Value, deadline) {
			return 0, nil
		}
		// Its time was over, and somebody else took its labels.
		a.remove(ag, e)
		e = nil
	}
}

// set sets the entry's value. It returns false if its series has ended.
func (e *entry) set(v float64, deadline series.Instant) bool {
	if e.summed {
		if v >= e.last {
			e.series.Add(v - e.last)
		} else {
			e.series.Add(v) // it started again from zero
		}
		e.last, e.deadline = v, deadline
		return true
	}
	e.series.Set(v)
	return e.series.LiveUntil(deadline)
}

// newEntry makes the entry for a metric that the agent has not pushed yet. It takes
// the place of old, if not nil, which is of the other type.
func (a *Aggregator) newEntry(ag *agent, old *entry, m *Metric, now series.Instant) (*entry, reason, error) {
	own := ag.normal(m.Labels)
	if why, err := checkMetric(m, own); err != nil {
		return nil, why, err
	}
	if old == nil && a.held.Load() >= a.maxSeries {
		return nil, limitReached, fmt.Errorf("metric %s: agents have %d series, which is the limit", m.Name, a.maxSeries)
	}
	e := entry{typ: m.Type, summed: a.aggregated && m.Type == Counter}
	if err := a.place(ag, old, &e, m.Name, own, now); err != nil {
		return nil, clashes, err
	}
	if old != nil {
		ag.remove(func(e *entry) bool { return e == old })
		a.held.Add(-1)
	}
	a.held.Add(1)
	return ag.add(a.seed, e, m), 0, nil
}

// place gives an entry its series in the store.
func (a *Aggregator) place(ag *agent, old, e *entry, name string, own []Label, now series.Instant) error {
	typ := series.Counter
	if e.typ == Gauge {
		typ = series.Gauge
	}
	text := series.LabelText(a.shownLabels(ag, own))
	var holder any = ag
	if a.aggregated {
		holder = a
	}

	a.store.Lock()
	defer a.store.Unlock()
	if err := a.clashOfAgent(name, typ, holder, now); err != nil {
		return err
	}
	if f := a.store.Family(name); f != nil {
		switch held := f.Holder(text, now); {
		case held == nil, a.aggregated && held == holder, old != nil && held == holder:
		case held == holder:
			return fmt.Errorf("metric %s: its labels are those of another one, when renamed: {%s}", name, shorten(text))
		default:
			return fmt.Errorf("metric %s{%s} is pushed from elsewhere", name, shorten(text))
		}
	}
	if old != nil {
		a.leave(old)
	}
	f := a.store.Family(name)
	if f == nil {
		f = a.store.AddFamily(strings.Clone(name), "", typ)
	}
	e.family = f
	switch {
	case e.summed:
		if e.series = f.Only(text, a); e.series == nil {
			e.series = f.Join(text, a, nil, series.Alone)
			e.series.LiveUntil(series.Never)
		}
	case a.aggregated:
		e.series = f.Join(text, a, nil, series.Sum)
	default:
		e.series = f.Join(text, ag, nil, series.Alone)
	}
	return nil
}

// checkMetric is what is wrong with a metric's name, type and own labels.
func checkMetric(m *Metric, own []Label) (reason, error) {
	if !model.LegacyValidation.IsValidMetricName(m.Name) || len(m.Name) > maxLabelValueBytes {
		return invalidName, fmt.Errorf("%q cannot be the name of a metric", shorten(m.Name))
	}
	if m.Type != Counter && m.Type != Gauge {
		return invalidType, fmt.Errorf("metric %s is neither counter nor gauge", m.Name)
	}
	for i, l := range own {
		if err := checkLabelName(l.Name); err != nil {
			return invalidLabel, fmt.Errorf("metric %s: %w", m.Name, err)
		}
		if i > 0 && own[i-1].Name == l.Name {
			return invalidLabel, fmt.Errorf("metric %s: label %s is given twice", m.Name, l.Name)
		}
		if err := checkLabelValue(l.Name, l.Value); err != nil {
			return invalidLabel, fmt.Errorf("metric %s: %w", m.Name, err)
		}
	}
	return 0, nil
}

// shownLabels are the labels that a page shows of a series, sorted.
func (a *Aggregator) shownLabels(ag *agent, own []Label) []Label {
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
	sortLabels(shown)
	return shown
}

func hasName(labels []Label, name string) bool {
	return slices.ContainsFunc(labels, func(l Label) bool { return l.Name == name })
}

// leave gives up what an entry has in the store, whose lock the caller holds. A sum
// keeps what the entry added to it.
func (a *Aggregator) leave(e *entry) {
	if !e.summed {
		e.family.Leave(e.series)
	}
}

// remove removes an entry. The caller holds the agent's lock.
func (a *Aggregator) remove(ag *agent, gone *entry) {
	a.store.Lock()
	a.leave(gone)
	a.store.Unlock()
	ag.remove(func(e *entry) bool { return e == gone })
	a.held.Add(-1)
}

// sweepAgents forgets the series of agents that have expired, and the agents that
// have none left.
func (a *Aggregator) sweepAgents(now series.Instant) {
	a.agents.RLock()
	all := make([]*agent, 0, len(a.agents.byHash))
	for _, ag := range a.agents.byHash {
		for ; ag != nil; ag = ag.next {
			all = append(all, ag)
		}
	}
	a.agents.RUnlock()
	for _, ag := range all {
		a.sweepAgent(ag, now)
	}
}

func (a *Aggregator) sweepAgent(ag *agent, now series.Instant) {
	ag.mu.Lock()
	defer ag.mu.Unlock()
	n := ag.remove(func(e *entry) bool {
		if !a.over(e, now) {
			return false
		}
		a.store.Lock()
		a.leave(e)
		a.store.Unlock()
		return true
	})
	a.held.Add(int64(-n))
	if len(ag.entries) == 0 {
		ag.gone = true
		a.forgetAgent(ag)
	}
}

// over tells whether an entry is of no more use.
func (a *Aggregator) over(e *entry, now series.Instant) bool {
	if !e.summed {
		return e.series.Over(now)
	}
	// One that comes back later than its TTL, since the network was down, goes on
	// from where it was, as long as that is remembered.
	const remembered = 10
	return after(e.deadline, (remembered-1)*min(a.ttl, math.MaxInt64/remembered)) <= now
}

func (a *Aggregator) forgetAgent(gone *agent) {
	a.agents.Lock()
	defer a.agents.Unlock()
	first := a.agents.byHash[gone.hash]
	if first == gone {
		if gone.next == nil {
			delete(a.agents.byHash, gone.hash)
		} else {
			a.agents.byHash[gone.hash] = gone.next
		}
		return
	}
	for ag := first; ag != nil; ag = ag.next {
		if ag.next == gone {
			ag.next = gone.next
		}
	}
}
