package aggregator

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/prometheus/common/model"

	"github.com/signalbox-ci/signalbox/internal/series"
)

// maxTextBytes is how long a name or a label value may be. An entry's key has two
// bytes for the length of each.
const maxTextBytes = 16 << 10

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
		at := slices.Index(a.base, defaultBaseLabels[i])
		if at < 0 {
			return a.refuse(baseLabels, fmt.Errorf("%s is none of the base labels %q", defaultBaseLabels[i], a.base))
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
			return a.refuse(baseLabels, fmt.Errorf("%q is none of the base labels %q", shorten(l.Name), a.base))
		}
		if given[at] {
			return a.refuse(baseLabels, fmt.Errorf("base label %q is given twice", l.Name))
		}
		values[at], given[at] = l.Value, true
	}
	return a.update(ctx, values[:len(a.base)], metrics)
}

// refuse counts an update of which nothing was applied.
func (a *Aggregator) refuse(why updateReason, err error) error {
	a.self.refused[why].Inc()
	return err
}

func (a *Aggregator) update(ctx context.Context, values []string, metrics []Metric) error {
	if err := ctx.Err(); err != nil {
		return a.refuse(canceled, err)
	}
	for i, v := range values {
		if err := checkLabelValue(a.base[i], v); err != nil {
			return a.refuse(baseLabels, fmt.Errorf("base %w", err))
		}
	}
	begin := a.clock.Tick()
	rejected := a.updateAgent(values, metrics, begin)
	a.self.updated(a.clock.Tick() - begin)
	if rejected != nil {
		return &RejectedError{Rejections: rejected}
	}
	return nil
}

// updateAgent applies the metrics, and returns those that are rejected.
func (a *Aggregator) updateAgent(values []string, metrics []Metric, now series.Instant) (rejected []Rejection) {
	ag := a.lockAgent(values)
	defer ag.mu.Unlock()
	ag.round++
	ag.clashed = nil
	deadline := after(now, a.ttl)
	for i := range metrics {
		if why, err := a.updateOne(ag, &metrics[i], now, deadline); err != nil {
			rejected = append(rejected, Rejection{Index: i, Name: strings.Clone(metrics[i].Name), Reason: reasonLabels[why], Err: err})
			a.self.rejected[why].Inc()
		}
	}
	if len(rejected) < len(metrics) {
		ag.updated.Store(int64(now))
	}
	a.forgetIfEmpty(ag)
	return rejected
}

func checkLabelValue(name, v string) error {
	if len(v) > maxTextBytes {
		return fmt.Errorf("label %s is %d bytes long, want at most %d", name, len(v), maxTextBytes)
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
			if e != nil && !e.summed && e.series.Ended() {
				a.removeEnded(ag)
			}
			var why reason
			var err error
			if e, why, err = a.newEntry(ag, m, now); err != nil {
				return why, err
			}
		}
		if e.summed && e.round == ag.round {
			return clashes, fmt.Errorf("counter %s is there twice", m.Name)
		}
		e.round = ag.round
		if e.set(m.Value, deadline) {
			return 0, nil
		}
		// Its time was over, and somebody else took its labels, or its name.
		a.removeEnded(ag)
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

// newEntry makes the entry for a metric that the agent has not pushed yet, or not as
// that type.
func (a *Aggregator) newEntry(ag *agent, m *Metric, now series.Instant) (*entry, reason, error) {
	own := ag.normal(m.Labels)
	if why, err := checkMetric(m, own); err != nil {
		return nil, why, err
	}
	e := entry{typ: m.Type, summed: a.aggregated && m.Type == Counter}
	text := series.LabelText(a.shownLabels(ag, own))
	if err := ag.clashed[clashKey{m.Name, m.Type}]; err != nil {
		return nil, clashes, err
	}
	if err := a.makeRoom(ag, m.Name, e.familyType(), now); err != nil {
		if ag.clashed == nil {
			ag.clashed = make(map[clashKey]error)
		}
		ag.clashed[clashKey{strings.Clone(m.Name), m.Type}] = err
		return nil, clashes, err
	}
	if n := a.held.Load(); n >= a.maxSeries {
		return nil, limitReached, fmt.Errorf("metric %s: agents have %d series, which is the limit", m.Name, n)
	}
	if err := a.place(ag, &e, m.Name, text, now); err != nil {
		return nil, clashes, err
	}
	a.held.Add(1)
	return ag.add(a.seed, e, m), 0, nil
}

func (e *entry) familyType() series.Type {
	if e.typ == Gauge {
		return series.Gauge
	}
	return series.Counter
}

// makeRoom is why the agent cannot push a metric of that name and type, or nil. If it
// is the only one that has pushed it, as another type, it has changed its mind: then
// what it pushed before goes.
func (a *Aggregator) makeRoom(ag *agent, name string, typ series.Type, now series.Instant) error {
	a.store.Lock()
	err := a.clashOfAgent(name, typ, a.holder(ag), now)
	old := a.store.Family(name)
	a.store.Unlock()
	if err != nil || old == nil || old.Type() == typ {
		return err
	}
	if slices.ContainsFunc(ag.entries, func(e entry) bool { return e.family == old && e.round == ag.round }) {
		return typeClash(name, typ, old.Type()) // in one update
	}
	a.remove(ag, func(e *entry) bool { return e.family == old })
	return nil
}

// holder is who holds the labels of what an agent pushes: all agents do, if they may
// be shown as one.
func (a *Aggregator) holder(ag *agent) any {
	if a.aggregated {
		return a
	}
	return ag
}

// place gives an entry its series in the store.
func (a *Aggregator) place(ag *agent, e *entry, name, text string, now series.Instant) error {
	a.store.Lock()
	defer a.store.Unlock()
	holder, typ := a.holder(ag), e.familyType()
	// Somebody else may have come since room was made.
	if err := a.clashOfAgent(name, typ, holder, now); err != nil {
		return err
	}
	if f := a.store.Family(name); f != nil {
		switch held := f.Holder(text, now); {
		case held == nil, a.aggregated && held == holder:
		case held == holder:
			return fmt.Errorf("metric %s: with its labels renamed it is the same series as another one of this agent: {%s}", name, shorten(text))
		default:
			return fmt.Errorf("metric %s{%s} is pushed by another agent or job", name, shorten(text))
		}
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
			a.held.Add(1) // the sum stays when its agents are gone
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
	if !model.LegacyValidation.IsValidMetricName(m.Name) || len(m.Name) > maxTextBytes {
		return invalidName, fmt.Errorf("%q cannot be the name of a metric", shorten(m.Name))
	}
	if m.Type != Counter && m.Type != Gauge {
		return invalidType, fmt.Errorf("metric %s is neither counter nor gauge", m.Name)
	}
	for i, l := range own {
		if err := checkLabelName(l.Name); err != nil {
			return invalidLabel, fmt.Errorf("metric %s: %w", m.Name, err)
		}
		if len(l.Name) > maxTextBytes {
			return invalidLabel, fmt.Errorf("metric %s: the name of label %s is %d bytes long, want at most %d", m.Name, shorten(l.Name), len(l.Name), maxTextBytes)
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

// remove removes the entries for which gone returns true. The caller holds the
// agent's lock.
func (a *Aggregator) remove(ag *agent, gone func(*entry) bool) {
	removed := ag.remove(a.seed, gone)
	if len(removed) == 0 {
		return
	}
	a.held.Add(int64(-len(removed)))
	a.store.Lock()
	defer a.store.Unlock()
	for i := range removed {
		if e := &removed[i]; !e.summed { // a sum keeps what the entry added to it
			e.family.Leave(e.series)
		}
	}
}

// removeEnded removes the entries whose series others have ended.
func (a *Aggregator) removeEnded(ag *agent) {
	a.remove(ag, func(e *entry) bool { return !e.summed && e.series.Ended() })
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
	a.remove(ag, func(e *entry) bool { return a.over(e, now) })
	a.forgetIfEmpty(ag)
}

// forgetIfEmpty forgets an agent without series, whose lock the caller holds.
func (a *Aggregator) forgetIfEmpty(ag *agent) {
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
