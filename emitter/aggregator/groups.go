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

	"github.com/prometheus/common/model"

	"github.com/signalbox-ci/signalbox/emitter/aggregator/internal/storage"
	"github.com/signalbox-ci/signalbox/internal/series"
)

// Groups receives and stores the metrics that jobs push, in groups. It is the field
// Groups of an Aggregator. It is safe for concurrent use.
//
// Changes are applied one at a time, and are written to disk in the same order. Calls
// that wait for the disk do not block each other.
type Groups struct {
	*core

	ttl         time.Duration
	aggregateBy []string // sorted
	aggregated  bool     // whether groups are aggregated
	allowDriven bool     // see Options.GroupAllowDriven
	gauges      gaugeFolds
	names       model.ValidationScheme
	max         int
	maxSeries   int
	path        string           // of the storage file
	disk        *storage.Storage // nil if groups are not stored
	diskStatus  storageStatus
	groupCount  atomic.Int64 // len(groups), for readers that do not hold mu
	seriesCount atomic.Int64 // series of groups, without sums
	sumCount    atomic.Int64 // len(sums)

	// mu protects the following fields, and the groups and sums themselves. It is
	// locked before the store's lock, which changes of series also need.
	mu       sync.Mutex
	groups   map[string]*group // by key
	expiring expiring
	latest   list.List // of *group, latest push first
	sums     map[sumKey]*sum
	unstored []*sum // sums whose retired part has changed since it was last stored

	// unrestored are the records that are on disk but were not restored, by record key.
	// Each is a change that writes the record again.
	unrestored map[string]storage.Change
}

func newGroups(c *core, o Options) *Groups {
	gauges, _ := parseGaugeFolds(o.GroupAggregateGauges) // validated by withDefaults
	scheme := model.LegacyValidation
	if o.GroupUTF8Names {
		scheme = model.UTF8Validation
	}
	return &Groups{
		core:        c,
		ttl:         o.GroupTTL,
		aggregateBy: slices.Sorted(slices.Values(o.GroupAggregateBy)), // so that the order in the options does not matter
		aggregated:  len(o.GroupAggregateBy) > 0,
		allowDriven: o.GroupAllowDriven,
		gauges:      gauges,
		names:       scheme,
		max:         o.MaxGroups,
		maxSeries:   o.GroupMaxSeries,
		path:        o.StoragePath,
		groups:      make(map[string]*group),
		sums:        make(map[sumKey]*sum),
		unrestored:  make(map[string]storage.Change),
	}
}

// Push applies a push to its group, which it creates if necessary. It returns once the
// change is served and, if groups are stored, on disk.
//
// The error is a *PushError, unless the context ends first. Then it wraps
// context.Cause(ctx), and the push may have been applied and stored nevertheless. A
// rejected push changes only the time of the last failure of its group, and may create
// an empty group for it. A push that could not be stored is served, and the Aggregator
// tries again to store it.
func (gs *Groups) Push(ctx context.Context, p Push) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	onDisk, err := gs.push(p)
	if err == nil {
		err = wait(ctx, onDisk, "the push is served, but could not be stored")
	}
	gs.self.pushes.Inc()
	if rejected, ok := errors.AsType[*PushError](err); ok {
		gs.self.pushesRejected[rejected.Refusal].Inc()
	}
	return err
}

func (gs *Groups) push(p Push) (ticket, error) {
	labels, key, err := prepareGrouping(gs.names, p.Grouping)
	if err != nil {
		return nil, &PushError{Invalid, err}
	}
	if p.TTL != nil && *p.TTL < 0 {
		return nil, &PushError{Invalid, fmt.Errorf("got TTL %s, expected a non-negative duration", *p.TTL)}
	}
	if err := gs.sizes.checkLabels(labels); err != nil {
		return nil, &PushError{Invalid, fmt.Errorf("grouping: %w", err)}
	}
	var families []*family
	invalid := p.Invalid
	if invalid == nil {
		invalid = gs.sizes.checkFamilies(p.Families)
	}
	if invalid == nil {
		families, invalid = gs.prepare(gs.names, labels, p.Families)
	}

	gs.others.refresh(gs.clock)
	gs.mu.Lock()
	defer gs.mu.Unlock()
	now, wall := gs.clock.Tick(), gs.wall()
	gs.expire(now)
	g := gs.groups[key]
	if g == nil {
		if len(gs.groups) >= gs.max {
			return nil, &PushError{LimitReached, fmt.Errorf("cannot create a group: the limit of %d groups is reached", gs.max)}
		}
		g = newGroup(key, labels)
		if err := gs.reserveGroup(g); err != nil {
			return nil, err
		}
	}
	err = gs.apply(g, families, invalid, p.Replace, p.TTL, now, wall)
	if gs.groups[key] == nil {
		gs.memory.Add(-g.own)
		return nil, err
	}
	return gs.save(g), err
}

// apply replaces families of the group with those of a push. If it rejects the push, it
// records the time of the failure. invalid is an error that was found earlier in the
// push itself, or nil. The caller must hold mu.
func (gs *Groups) apply(g *group, families []*family, invalid error, replace bool, ttl *time.Duration, now series.Instant, wall time.Time) error {
	gs.store.Lock()
	defer gs.store.Unlock()
	if g.isNew() {
		if err := gs.checkTimes(g, now); err != nil {
			return &PushError{Inconsistent, err}
		}
	}
	err := gs.checkPush(g, families, invalid, replace, now)
	applied := func() {}
	if err == nil {
		applied, err = gs.reserve(g, families, replace)
	}
	gs.add(g)
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
	applied()
	g.pushed = wall
	gs.latest.MoveToFront(g.latest)
	g.pushTime.series.Set(unixSeconds(wall))
	switch {
	case ttl != nil:
		g.ownTTL = true
		gs.setTTL(g, *ttl, now)
	case g.ownTTL:
		gs.setTTL(g, g.ttl, now)
	default:
		gs.setTTL(g, gs.ttl, now)
	}
	return nil
}

// Delete deletes the group with the grouping labels. It returns once the group is also
// deleted on disk. It returns nil if there is no such group. The error is a *PushError
// with the Refusal Invalid or NotStored, unless the context ends first. Then it wraps
// context.Cause(ctx), and the group may have been deleted nevertheless.
func (gs *Groups) Delete(ctx context.Context, grouping []Label) error {
	_, key, err := prepareGrouping(gs.names, grouping)
	if err != nil {
		return &PushError{Invalid, err}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return wait(ctx, gs.delete(key), "the group is no longer served, but could not be deleted on disk")
}

func (gs *Groups) delete(key string) ticket {
	gs.mu.Lock()
	defer gs.mu.Unlock()
	gs.expire(gs.clock.Tick())
	if g := gs.groups[key]; g != nil {
		gs.remove(g)
	}
	return gs.saveDeletion(key) // even without g: the file may have a group that was not restored
}

// Wipe deletes all groups and sums. It returns once they are also deleted on disk. The
// error is a *PushError with the Refusal NotStored, unless the context ends first. Then
// it wraps context.Cause(ctx), and the groups may have been deleted nevertheless.
func (gs *Groups) Wipe(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return wait(ctx, gs.wipe(), "the groups are no longer served, but could not be deleted on disk")
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
	gs.unstored = nil // wiping the disk also deletes the sums
	gs.logger.Info("groups-wiped")
	return gs.wipeDisk()
}

// List returns the groups at the time of the call, sorted by their labels. To save
// memory, it creates the families of each group only when the iteration reaches that
// group, and the metrics only when the iteration of the family reaches them.
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
				s.group.Families = append(s.group.Families, f.inGroup())
			}
			if !yield(s.group) {
				return
			}
		}
	}
}

// snapshots returns the current state of all groups, in any order.
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

// sweep removes the groups that have expired.
func (gs *Groups) sweep(now series.Instant) {
	gs.mu.Lock()
	defer gs.mu.Unlock()
	gs.expire(now)
}

// expire removes the groups that have expired. The caller must hold mu.
func (gs *Groups) expire(now series.Instant) {
	for len(gs.expiring) > 0 && gs.expiring[0].source.Expired(now) {
		g := gs.expiring[0]
		gs.remove(g)
		gs.saveDeletion(g.key)
		gs.self.groupsExpired.Inc()
	}
}

// wait waits until a change is on disk. If writing fails, it returns a *PushError with
// the message, followed by the cause.
func wait(ctx context.Context, t ticket, message string) error {
	err := t.Wait(ctx)
	if err == nil || ctx.Err() != nil && errors.Is(err, context.Cause(ctx)) {
		return err
	}
	return &PushError{NotStored, fmt.Errorf("%s: %w", message, err)}
}
