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

// Agents holds the metrics that agents push. It is part of an Aggregator. It is safe
// for concurrent use; updates of one agent wait for each other.
type Agents struct {
	*core

	ttl        time.Duration
	base       []string // names of the base labels
	shown      []bool   // whether the page shows the base label, by index
	aggregated bool     // whether the page does not show all of them
	maxSeries  int64

	held atomic.Int64 // number of series and sums

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

// Update applies the metrics of the agent with these base labels. The value of a metric
// replaces the previous value of the series, and expires after Options.AgentTTL. A
// series is identified by the metric's name, the base labels and the metric's own
// labels, in any order. An own label with the name of a base label is renamed to
// exported_ followed by the name.
//
// Update rejects metrics that are invalid or clash with other families or series,
// applies the others, and returns a *RejectedError. After any other error it has
// applied nothing: the error is context.Cause(ctx) if the context has ended, or else
// describes what is wrong with the base labels. Update retains neither argument.
func (a *Agents) Update(ctx context.Context, labels Labels, metrics []Metric) error {
	var values [MaxBaseLabels]string
	for i, v := range [...]string{labels.Username, labels.WorkspaceName, labels.AgentName, labels.TemplateName} {
		if v == "" {
			continue
		}
		at := slices.Index(a.base, defaultBaseLabels[i])
		if at < 0 {
			return a.refuse(baseLabels, fmt.Errorf("got label %s, expected one of the base labels %q", defaultBaseLabels[i], a.base))
		}
		values[at] = v
	}
	return a.update(ctx, values[:len(a.base)], metrics)
}

// UpdateFrom is like Update, for base labels other than the default ones; see
// Options.AgentBaseLabels. base contains those that are not empty, in any order, each
// name once.
func (a *Agents) UpdateFrom(ctx context.Context, base []Label, metrics []Metric) error {
	var values [MaxBaseLabels]string
	var given [MaxBaseLabels]bool
	for _, l := range base {
		at := slices.Index(a.base, l.Name)
		if at < 0 {
			return a.refuse(baseLabels, fmt.Errorf("got label %q, expected one of the base labels %q", excerpt.Short(l.Name), a.base))
		}
		if given[at] {
			return a.refuse(baseLabels, fmt.Errorf("base label %q is duplicated", l.Name))
		}
		values[at], given[at] = l.Value, true
	}
	return a.update(ctx, values[:len(a.base)], metrics)
}

// CountMalformed counts data that a client sent as a metric of an agent but that could
// not be read, in signalbox_agent_metrics_rejected_total. It does not log.
func (a *Agents) CountMalformed() { a.self.rejected[malformed].Inc() }

// update applies the metrics of the agent with the values of the base labels.
func (a *Agents) update(ctx context.Context, values []string, metrics []Metric) error {
	if ctx.Err() != nil {
		return a.refuse(canceled, context.Cause(ctx))
	}
	for i, v := range values {
		if err := checkLabelValue(a.base[i], v); err != nil {
			return a.refuse(baseLabels, fmt.Errorf("base %w", err))
		}
	}
	a.others.refresh(a.clock)
	begin := a.clock.Tick()
	ag := a.lock(values)
	rejected := a.apply(ag, metrics, begin)
	if len(ag.entries) == 0 {
		a.forget(ag)
	}
	ag.mu.Unlock()
	a.self.updates.Observe(time.Duration(a.clock.Tick() - begin).Seconds())
	if rejected != nil {
		return &RejectedError{Rejections: rejected}
	}
	return nil
}

// refuse counts an update that was rejected as a whole.
func (a *Agents) refuse(why updateReason, err error) error {
	a.self.refused[why].Inc()
	return err
}

// lock returns the agent with the values of the base labels, locked. It creates the
// agent if necessary.
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
		if !ag.gone {
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

// add returns the agent, and creates it if necessary.
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
	return ag
}

// forget removes an agent. The caller must hold the agent's lock.
func (a *Agents) forget(gone *agent) {
	gone.gone = true
	a.mu.Lock()
	defer a.mu.Unlock()
	first := a.byHash[gone.hash]
	if first == gone {
		if gone.next == nil {
			delete(a.byHash, gone.hash)
		} else {
			a.byHash[gone.hash] = gone.next
		}
		return
	}
	for ag := first; ag != nil; ag = ag.next {
		if ag.next == gone {
			ag.next = gone.next
		}
	}
}

// all calls yield with each agent, in any order, until yield returns false. It releases
// the lock from time to time, for updates that create agents.
func (a *Agents) all(yield func(*agent) bool) {
	const atATime = 1024
	a.mu.RLock()
	defer a.mu.RUnlock()
	n := 0
	for _, ag := range a.byHash {
		for ; ag != nil; ag = ag.next {
			if !yield(ag) {
				return
			}
		}
		if n++; n%atATime == 0 {
			a.mu.RUnlock()
			a.mu.RLock()
		}
	}
}

// sweep removes the series that have expired, and the agents without series.
func (a *Agents) sweep(now series.Instant) {
	for _, ag := range slices.Collect(a.all) {
		ag.mu.Lock()
		a.remove(ag, func(e *entry) bool { return a.isOver(e, now) })
		if len(ag.entries) == 0 {
			a.forget(ag)
		}
		ag.mu.Unlock()
	}
}

// isOver reports whether an entry can be removed.
func (a *Agents) isOver(e *entry, now series.Instant) bool {
	if !e.summed {
		return e.series.Over(now)
	}
	// An agent that returns after its TTL, because the network was down, continues
	// from its last value if it is still remembered.
	const remembered = 10
	return after(e.deadline, (remembered-1)*min(a.ttl, math.MaxInt64/remembered)) <= now
}

var hashSeed = maphash.MakeSeed()

func hashValues(values []string) uint64 {
	h := uint64(0)
	for _, v := range values {
		h = h*31 + maphash.String(hashSeed, v)
	}
	return h
}
