package aggregator

import (
	"context"
	"fmt"
	"hash/maphash"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/signalbox-ci/signalbox/internal/excerpt"
	"github.com/signalbox-ci/signalbox/internal/series"
)

// Agents receives and stores the metrics that agents push. It is the field Agents of an
// Aggregator. It is safe for concurrent use; updates of the same agent are serialized.
type Agents struct {
	*core

	ttl        time.Duration
	base       []string // names of the base labels
	shown      []bool   // whether series are served with the base label, by index in base
	aggregated bool     // whether series are served without some of the base labels
	maxSeries  int64

	seriesCount atomic.Int64 // number of series, including sums

	mu     sync.RWMutex // protects byHash, and agent.next
	byHash map[uint64]*agent
}

func newAgents(c *core, o Options) *Agents {
	a := &Agents{
		core:      c,
		ttl:       o.AgentTTL,
		base:      o.AgentBaseLabels,
		maxSeries: int64(o.AgentMaxSeries),
		byHash:    make(map[uint64]*agent),
	}
	for _, name := range a.base {
		a.shown = append(a.shown, len(o.AgentAggregateBy) == 0 || slices.Contains(o.AgentAggregateBy, name))
	}
	a.aggregated = slices.Contains(a.shown, false)
	return a
}

// Update applies the metrics of the agent with the given base labels. The value of a
// metric replaces the previous value of its series. The series expires after
// Options.AgentTTL unless it is updated again. A series is identified by the name of
// the metric, the base labels and the labels of the metric; the order of labels does
// not matter. A label of a metric that has the name of a base label gets the prefix
// exported_.
//
// If some of the metrics are invalid or conflict with other families or series, Update
// rejects them, applies the others, and returns a *RejectedError. If it returns any
// other error, it has applied none of them, unless the context ended meanwhile: then it
// may have applied the first ones. The error is context.Cause(ctx) if the context has
// ended, and otherwise describes an invalid base label. Update does not retain its
// arguments.
func (a *Agents) Update(ctx context.Context, labels Labels, metrics []Metric) error {
	var values [MaxBaseLabels]string
	for i, v := range [...]string{labels.Username, labels.WorkspaceName, labels.AgentName, labels.TemplateName} {
		if v == "" {
			continue
		}
		at := slices.Index(a.base, defaultBaseLabels[i])
		if at < 0 {
			return a.rejectUpdate(baseLabels, a.notABaseLabel(defaultBaseLabels[i]))
		}
		values[at] = v
	}
	return a.update(ctx, values[:len(a.base)], metrics)
}

// UpdateFrom is like Update, for base labels other than the default ones (see
// Options.AgentBaseLabels). The labels in base may be in any order. A base label that
// is not in base is empty. A name that is not that of a base label, or is duplicated,
// is an error.
func (a *Agents) UpdateFrom(ctx context.Context, base []Label, metrics []Metric) error {
	var values [MaxBaseLabels]string
	var given [MaxBaseLabels]bool
	for _, l := range base {
		at := slices.Index(a.base, l.Name)
		if at < 0 {
			return a.rejectUpdate(baseLabels, a.notABaseLabel(l.Name))
		}
		if given[at] {
			return a.rejectUpdate(baseLabels, fmt.Errorf("base label %q is duplicated", l.Name))
		}
		values[at], given[at] = l.Value, true
	}
	return a.update(ctx, values[:len(a.base)], metrics)
}

// notABaseLabel returns the error for a label that is not a base label.
func (a *Agents) notABaseLabel(name string) error {
	if len(a.base) == 0 {
		return fmt.Errorf("got label %s, but there are no base labels", excerpt.Quote(name))
	}
	return fmt.Errorf("got label %s, expected one of the base labels %s", excerpt.Quote(name), strings.Join(a.base, ", "))
}

// CountMalformed increments signalbox_agent_metrics_rejected_total for a metric of an
// agent that could not be decoded. It does not log.
func (a *Agents) CountMalformed() { a.self.metricsRejected[malformed].Inc() }

// update applies the metrics of the agent with these values of the base labels.
func (a *Agents) update(ctx context.Context, values []string, metrics []Metric) error {
	if ctx.Err() != nil {
		return a.rejectUpdate(canceled, context.Cause(ctx))
	}
	for i, v := range values {
		if err := a.checkLabelValue(a.base[i], v); err != nil {
			return a.rejectUpdate(baseLabels, fmt.Errorf("base %w", err))
		}
	}
	a.others.refresh(a.clock)
	begin := a.clock.Tick()
	ag := a.lock(values)
	rejected, err := a.apply(ctx, ag, metrics, begin)
	if len(ag.entries) == 0 {
		a.removeAgent(ag)
	}
	ag.mu.Unlock()
	a.self.updates.Observe(time.Duration(a.clock.Tick() - begin).Seconds())
	if err != nil {
		return a.rejectUpdate(canceled, err)
	}
	if rejected != nil {
		return &RejectedError{Rejections: rejected}
	}
	return nil
}

// rejectUpdate counts an update that is rejected as a whole, and returns err.
func (a *Agents) rejectUpdate(why updateReason, err error) error {
	a.self.updatesRejected[why].Inc()
	return err
}

// lock returns the agent with these values of the base labels, with its mu locked. It
// creates the agent if necessary.
func (a *Agents) lock(values []string) *agent {
	hash := hashValues(values)
	for {
		a.mu.RLock()
		ag := a.find(hash, values)
		a.mu.RUnlock()
		if ag == nil {
			ag = a.add(hash, values)
		}
		ag.mu.Lock()
		if !ag.removed {
			return ag
		}
		ag.mu.Unlock()
	}
}

// find returns the agent, or nil. The caller must hold mu.
func (a *Agents) find(hash uint64, values []string) *agent {
	ag := a.byHash[hash]
	for ag != nil && !slices.Equal(ag.values, values) {
		ag = ag.next
	}
	return ag
}

// add returns the agent. It creates the agent if find does not find it.
func (a *Agents) add(hash uint64, values []string) *agent {
	a.mu.Lock()
	defer a.mu.Unlock()
	if ag := a.find(hash, values); ag != nil {
		return ag
	}
	ag := &agent{hash: hash, next: a.byHash[hash], index: make(map[uint64]int32)}
	for _, v := range values {
		ag.values = append(ag.values, strings.Clone(v))
	}
	a.byHash[hash] = ag
	a.memory.Add(ag.memory())
	return ag
}

// removeAgent removes an agent. The caller must hold the agent's lock.
func (a *Agents) removeAgent(old *agent) {
	old.removed = true
	a.memory.Add(-old.memory())
	a.mu.Lock()
	defer a.mu.Unlock()
	first := a.byHash[old.hash]
	if first == old {
		if old.next == nil {
			delete(a.byHash, old.hash)
		} else {
			a.byHash[old.hash] = old.next
		}
		return
	}
	for ag := first; ag != nil; ag = ag.next {
		if ag.next == old {
			ag.next = old.next
		}
	}
}

// all calls yield with each agent, in any order, until yield returns false. It releases
// the lock from time to time, so that updates can create agents.
func (a *Agents) all(yield func(*agent) bool) {
	const batch = 1024
	a.mu.RLock()
	defer a.mu.RUnlock()
	n := 0
	for _, ag := range a.byHash {
		for ; ag != nil; ag = ag.next {
			if !yield(ag) {
				return
			}
		}
		if n++; n%batch == 0 {
			a.mu.RUnlock()
			a.mu.RLock()
		}
	}
}

// sweep removes the series that have expired, and the agents without series. It skips
// agents that are being updated, so that it never waits for one of them.
func (a *Agents) sweep(now series.Instant) {
	for _, ag := range slices.Collect(a.all) {
		if !ag.mu.TryLock() {
			continue
		}
		a.remove(ag, func(e *entry) bool { return a.canRemove(e, now) })
		if len(ag.entries) == 0 {
			a.removeAgent(ag)
		}
		ag.mu.Unlock()
	}
}

// canRemove reports whether an entry can be removed.
func (a *Agents) canRemove(e *entry, now series.Instant) bool {
	if !e.summed {
		return e.series.Expired(now)
	}
	// The last value of a summed counter is kept for ten times the TTL. If the agent
	// returns within this time, for example after a network failure, the counter
	// continues from that value.
	const ttls = 10
	return after(e.deadline, (ttls-1)*min(a.ttl, math.MaxInt64/ttls)) <= now
}

var hashSeed = maphash.MakeSeed()

func hashValues(values []string) uint64 {
	h := uint64(0)
	for _, v := range values {
		h = h*31 + maphash.String(hashSeed, v)
	}
	return h
}
