package aggregator

import (
	"cmp"
	"container/list"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/signalbox-ci/signalbox/emitter/aggregator/internal/storage"
	"github.com/signalbox-ci/signalbox/internal/series"
)

// Groups holds the metrics that jobs push, in groups. It is part of an Aggregator. It
// is safe for concurrent use.
//
// Changes of groups follow each other in one order, which is also that on disk; only
// waiting for the disk happens at the same time.
type Groups struct {
	*core

	ttl         time.Duration
	aggregateBy []string // sorted
	aggregated  bool     // whether there are any
	fold        series.Fold
	max         int
	maxSeries   int
	path        string           // of the file that groups are stored in
	disk        *storage.Storage // nil if groups are not stored
	diskStatus  storageStatus
	groupCount  atomic.Int64 // as len(groups), for readers that do not hold mu
	seriesCount atomic.Int64 // of the groups, without sums
	sumCount    atomic.Int64 // as len(sums)

	// mu protects the following fields, and the groups and sums themselves. It is locked
	// before the store's lock, which a change of series needs as well.
	mu       sync.Mutex
	groups   map[string]*group // by key
	expiring expiring
	latest   list.List // of *group, the one that was pushed to last first
	sums     map[sumKey]*sum
	kept     map[string]storage.Change // on disk, but not restored; by record key
	unstored []*sum                    // whose retired has changed since it was last stored
}

func newGroups(c *core, o Options) *Groups {
	fold, _ := series.ParseFold(o.GroupAggregateGauges) // was checked
	return &Groups{
		core:        c,
		ttl:         o.GroupTTL,
		aggregateBy: slices.Sorted(slices.Values(o.GroupAggregateBy)), // it means the same in any order
		aggregated:  len(o.GroupAggregateBy) > 0,
		fold:        fold,
		max:         o.MaxGroups,
		maxSeries:   o.GroupMaxSeries,
		path:        o.StoragePath,
		groups:      make(map[string]*group),
		sums:        make(map[sumKey]*sum),
		kept:        make(map[string]storage.Change),
	}
}

// Push applies what a job pushes to its group. It returns when the change is served
// and, if groups are stored, on disk.
//
// The error is a *PushError, or wraps context.Cause(ctx) if the context ends before; then
// the push may have been applied and stored all the same. A push that is refused changes
// nothing but the time of the group's last failure. One that was not stored is served,
// and writing it is tried again.
func (gs *Groups) Push(ctx context.Context, p Push) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	onDisk, err := gs.push(p)
	if err == nil {
		err = wait(ctx, onDisk, "the push is served, but could not be stored")
	}
	gs.self.pushes.Inc()
	if refused, ok := errors.AsType[*PushError](err); ok {
		gs.self.pushesRejected[refused.Refusal].Inc()
	}
	return err
}

func (gs *Groups) push(p Push) (ticket, error) {
	labels, key, err := prepareGrouping(p.Grouping)
	if err != nil {
		return nil, &PushError{Invalid, err}
	}
	ttl := gs.ttl
	if p.TTL != nil {
		if ttl = *p.TTL; ttl < 0 {
			return nil, &PushError{Invalid, fmt.Errorf("the TTL is %s, expected a positive duration", ttl)}
		}
	}
	families, invalid := gs.prepare(labels, p.Families)

	gs.others.refresh(gs.clock)
	gs.mu.Lock()
	defer gs.mu.Unlock()
	now, wall := gs.clock.Tick(), gs.wall()
	gs.expire(now)
	g := gs.groups[key]
	if g == nil {
		if len(gs.groups) >= gs.max {
			return nil, &PushError{LimitReached, fmt.Errorf("there are %d groups, which is the limit", len(gs.groups))}
		}
		g = newGroup(key, labels)
	}
	err = gs.apply(g, families, invalid, p.Replace, ttl, now, wall)
	if gs.groups[key] == nil {
		return nil, err
	}
	return gs.save(g), err
}

// apply makes the families of a push those of the group. If it refuses the push, because
// of what is invalid in it or contradicts other metrics, it notes when that happened. The
// caller must hold mu.
func (gs *Groups) apply(g *group, families []*family, invalid error, replace bool, ttl time.Duration, now series.Instant, wall time.Time) error {
	gs.store.Lock()
	defer gs.store.Unlock()
	if g.isNew() {
		if err := gs.checkTimes(g, now); err != nil {
			return &PushError{Inconsistent, err}
		}
	}
	err := gs.refusal(g, families, invalid, replace, now)
	gs.admit(g)
	if err != nil {
		g.failed = wall
		g.failureTime.series.Set(unixSeconds(wall))
		if g.pushed.IsZero() {
			gs.setTTL(g, gs.ttl, now)
		}
		return err
	}
	for _, f := range families {
		f.pushed = wall
	}
	gs.setFamilies(g, families, replace, func(*family) series.Instant { return now })
	g.pushed = wall
	gs.latest.MoveToFront(g.latest)
	g.pushTime.series.Set(unixSeconds(wall))
	gs.setTTL(g, ttl, now)
	return nil
}

// Delete deletes the group with the grouping labels, if there is one, and returns when
// it is deleted on disk as well. The error is a *PushError, Invalid or NotStored, or
// wraps context.Cause(ctx) if the context ends before; then the group may have been
// deleted all the same.
func (gs *Groups) Delete(ctx context.Context, grouping []Label) error {
	_, key, err := prepareGrouping(grouping)
	if err != nil {
		return &PushError{Invalid, err}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return wait(ctx, gs.delete(key), "the group is deleted, but not on disk")
}

func (gs *Groups) delete(key string) ticket {
	gs.mu.Lock()
	defer gs.mu.Unlock()
	gs.expire(gs.clock.Tick())
	if g := gs.groups[key]; g != nil {
		gs.remove(g)
	}
	return gs.unsave(key) // it may be one that could not be restored
}

// Wipe deletes all groups, and the sums of those that are gone. It returns when they
// are deleted on disk as well; the errors are those of Delete.
func (gs *Groups) Wipe(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return wait(ctx, gs.wipe(), "all groups are deleted, but not on disk")
}

func (gs *Groups) wipe() ticket {
	gs.mu.Lock()
	defer gs.mu.Unlock()
	for _, g := range gs.groups {
		gs.remove(g)
	}
	gs.store.Lock()
	for _, total := range gs.sums {
		gs.dropSum(total)
	}
	gs.store.Unlock()
	gs.unstored = nil // everything goes
	gs.logger.Info("wiped")
	return gs.wipeDisk()
}

// List returns the groups as of the call, sorted by their labels. The families of a
// group are made when it is its turn, since they take more memory in this form.
func (gs *Groups) List() iter.Seq[Group] {
	snapshots := gs.snapshots()
	slices.SortFunc(snapshots, func(a, b snapshot) int {
		return slices.CompareFunc(a.group.Labels, b.group.Labels, func(a, b Label) int {
			return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Value, b.Value))
		})
	})
	return func(yield func(Group) bool) {
		for _, s := range snapshots {
			for _, f := range s.families {
				s.group.Families = append(s.group.Families, GroupFamily{f.client(), f.pushed})
			}
			if !yield(s.group) {
				return
			}
		}
	}
}

// snapshots returns the groups as they are now, in any order.
func (gs *Groups) snapshots() []snapshot {
	gs.mu.Lock()
	defer gs.mu.Unlock()
	now, wall := gs.clock.Tick(), gs.wall()
	gs.expire(now)
	snapshots := make([]snapshot, 0, len(gs.groups))
	for _, g := range gs.groups {
		snapshots = append(snapshots, g.snapshot(now, wall))
	}
	return snapshots
}

func (gs *Groups) sweep(now series.Instant) {
	gs.mu.Lock()
	defer gs.mu.Unlock()
	gs.expire(now)
}

// expire removes the groups that have expired. The caller must hold mu.
func (gs *Groups) expire(now series.Instant) {
	for len(gs.expiring) > 0 && gs.expiring[0].source.Over(now) {
		g := gs.expiring[0]
		gs.remove(g)
		gs.unsave(g.key)
		gs.self.groupsExpired.Inc()
	}
}

// wait waits until a change is on disk.
func wait(ctx context.Context, t ticket, failed string) error {
	err := t.Wait(ctx)
	if err == nil || ctx.Err() != nil && errors.Is(err, context.Cause(ctx)) {
		return err
	}
	return &PushError{NotStored, fmt.Errorf("%s: %w", failed, err)}
}
