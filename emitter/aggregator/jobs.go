package aggregator

import (
	"cmp"
	"container/heap"
	"container/list"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/signalbox-ci/signalbox/emitter/aggregator/internal/storage"
	"github.com/signalbox-ci/signalbox/internal/series"
)

// jobs are the groups that jobs push. Its lock is that of the store: a push holds it
// for as long as it takes to compare and apply what it brings.
type jobs struct {
	aggregator *Aggregator
	store      *series.OpenStore
	options    PushOptions
	aggregated bool
	fold       series.Fold
	disk       *storage.Storage // nil if groups are not stored

	groups   map[string]*group // by key
	expiring expiring
	latest   list.List // of *group: those first that were pushed last
	sums     map[sumKey]*sum
	kept     map[string]storage.Change // on disk, but not restored; by record key
	unstored []*sum                    // whose retired has changed since it was last stored

	// What is wrong with the file, nil if nothing: where it was moved when it was found
	// damaged, and why the latest attempt to write to it failed.
	damagedFile atomic.Pointer[string]
	flushError  atomic.Pointer[error]

	groupCount, seriesCount, sumCount atomic.Int64 // for those who do not hold the lock
}

// A group is what was pushed under one set of grouping labels.
type group struct {
	key    string
	labels []Label // sorted
	source series.Source
	ttl    time.Duration
	place  int // among those that expire; -1 if it does not
	latest *list.Element

	pushed, failed time.Time
	families       map[string]*family

	pushTime, failureTime timeSeries
}

// A timeSeries is one of the two series that tell when a group was pushed to.
type timeSeries struct {
	family *series.OpenFamily
	series *series.OpenSeries
}

func newJobs(a *Aggregator, o PushOptions) (*jobs, error) {
	j := &jobs{
		aggregator: a,
		store:      a.store,
		options:    o,
		aggregated: len(o.AggregateBy) > 0,
		groups:     make(map[string]*group),
		sums:       make(map[sumKey]*sum),
		kept:       make(map[string]storage.Change),
	}
	j.options.AggregateBy = slices.Sorted(slices.Values(o.AggregateBy)) // so that it means the same in any order
	j.options.MaxGroups = cmp.Or(o.MaxGroups, 100_000)
	j.options.MaxSeries = cmp.Or(o.MaxSeries, 1_000_000)

	var errs []error
	if o.TTL < 0 {
		errs = append(errs, fmt.Errorf("the TTL of groups is %s, want a positive duration", o.TTL))
	}
	if o.MaxGroups < 0 || o.MaxSeries < 0 {
		errs = append(errs, fmt.Errorf("the limits on groups and their series are %d and %d, want positive numbers", o.MaxGroups, o.MaxSeries))
	}
	for i, name := range o.AggregateBy {
		if err := checkLabelName(name); err != nil {
			errs = append(errs, fmt.Errorf("cannot aggregate groups: %w", err))
		} else if slices.Contains(o.AggregateBy[:i], name) {
			errs = append(errs, fmt.Errorf("label %q to aggregate groups by is given twice", name))
		}
	}
	var err error
	if j.fold, err = series.ParseFold(cmp.Or(o.AggregateGauges, series.Sum.String())); err != nil {
		errs = append(errs, fmt.Errorf("cannot aggregate gauges of groups: %w", err))
	}
	return j, errors.Join(errs...)
}

// Push takes what a job pushes for its group. It returns when that is shown and, if
// groups are stored, on disk. The error is a *PushError, or that of the context if it
// ends before; then the push may be applied, and may be stored, all the same.
//
// A push that is refused changes nothing but the time of the group's last failure.
func (a *Aggregator) Push(ctx context.Context, p Push) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	onDisk, err := a.jobs.push(p)
	if err == nil {
		err = wait(ctx, onDisk, "the push is served, but could not be stored")
	}
	a.self.pushes.Inc()
	if refused, ok := errors.AsType[*PushError](err); ok {
		a.self.pushesRejected[refused.Refusal].Inc()
	}
	return err
}

// wait waits until what was changed is on disk.
func wait(ctx context.Context, t ticket, failed string) error {
	err := t.Wait(ctx)
	if err == nil || ctx.Err() != nil && errors.Is(err, context.Cause(ctx)) {
		return err
	}
	return &PushError{NotStored, fmt.Errorf("%s: %w", failed, err)}
}

func (j *jobs) push(p Push) (ticket, error) {
	labels, key, err := prepareGrouping(p.Grouping)
	if err != nil {
		return nil, &PushError{Invalid, err}
	}
	ttl := j.options.TTL
	if p.TTL != nil {
		if ttl = *p.TTL; ttl < 0 {
			return nil, &PushError{Invalid, fmt.Errorf("the TTL is %s, want a positive duration", ttl)}
		}
	}
	families, prepareErr := j.prepare(labels, p.Families)

	j.store.Lock()
	defer j.store.Unlock()
	now, wall := j.aggregator.clock.Tick(), j.aggregator.wall()
	j.expire(now)
	g, err := j.obtain(labels, key, now)
	if err != nil {
		return nil, err
	}
	if prepareErr != nil {
		err = &PushError{Inconsistent, prepareErr}
	} else {
		err = j.checkLimit(g, families, p.Replace) // the cheaper one first
		if err == nil {
			err = j.check(g, families, p.Replace, now)
		}
	}
	if err != nil {
		j.noteFailure(g, now, wall)
		return nil, err
	}
	j.admit(g)
	for _, f := range families {
		f.pushed = wall
	}
	j.apply(g, families, p.Replace, func(*family) series.Instant { return now })
	g.pushed = wall
	j.latest.MoveToFront(g.latest)
	g.pushTime.series.Set(unixSeconds(wall))
	j.setTTL(g, ttl, now)
	return j.save(g), nil
}

// noteFailure records that a push to the group was refused. It does not wait for
// the disk.
func (j *jobs) noteFailure(g *group, now series.Instant, wall time.Time) {
	j.admit(g)
	g.failed = wall
	g.failureTime.series.Set(unixSeconds(wall))
	if g.pushed.IsZero() {
		j.setTTL(g, j.options.TTL, now)
	}
	j.save(g)
}

func unixSeconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixNano()) / 1e9
}

// obtain returns the group with the labels, or makes one that nobody knows yet.
func (j *jobs) obtain(labels []Label, key string, now series.Instant) (*group, error) {
	if g := j.groups[key]; g != nil {
		return g, nil
	}
	if len(j.groups) >= j.options.MaxGroups {
		return nil, &PushError{LimitReached, fmt.Errorf("there are %d groups, which is the limit", len(j.groups))}
	}
	g := &group{key: key, labels: labels, place: -1, families: make(map[string]*family)}
	return g, j.checkTimes(g, now)
}

// checkTimes is why a new group cannot tell when it was pushed to: because another
// group has the same labels, once the instance is added.
func (j *jobs) checkTimes(g *group, now series.Instant) error {
	_, shown := j.texts(g.labels, len(g.labels))
	if f := j.store.Family(pushTimeName); f != nil && !j.aggregated && f.Holder(shown, now) != nil {
		return &PushError{Inconsistent, fmt.Errorf("metric %s{%s} was collected before with the same name and label values", pushTimeName, shorten(shown))}
	}
	return nil
}

// admit makes the group one of those that there are, if it is not yet.
func (j *jobs) admit(g *group) {
	if g.pushTime.series != nil {
		return
	}
	_, shown := j.texts(g.labels, len(g.labels))
	fold := series.Alone
	if j.aggregated {
		fold = series.Max
	}
	for _, t := range []struct {
		to         *timeSeries
		name, help string
	}{
		{&g.pushTime, pushTimeName, "Last Unix time when changing this group in the Pushgateway succeeded."},
		{&g.failureTime, failureTimeName, "Last Unix time when changing this group in the Pushgateway failed."},
	} {
		f := j.family(t.name, t.help, series.Gauge)
		*t.to = timeSeries{f, f.Join(shown, j.holder(g), &g.source, fold)}
		t.to.series.LiveUntil(series.Never)
	}
	j.groups[g.key] = g
	g.latest = j.latest.PushBack(g)
	j.groupCount.Store(int64(len(j.groups)))
}

// holder is who holds the labels of what a group pushed: all groups do, if they may
// be shown as one.
func (j *jobs) holder(g *group) any {
	if j.aggregated {
		return j
	}
	return g
}

// family returns the family of that name, made if need be.
func (j *jobs) family(name, help string, typ series.Type) *series.OpenFamily {
	if f := j.store.Family(name); f != nil {
		return f
	}
	return j.store.AddFamily(name, help, typ)
}

// setTTL lets the group live for so long from now, or for ever if that is 0.
func (j *jobs) setTTL(g *group, ttl time.Duration, now series.Instant) {
	g.ttl = ttl
	j.liveUntil(g, after(now, ttl))
}

func (j *jobs) liveUntil(g *group, deadline series.Instant) {
	g.source.LiveUntil(deadline)
	switch {
	case deadline == series.Never && g.place >= 0:
		heap.Remove(&j.expiring, g.place)
	case deadline == series.Never:
	case g.place >= 0:
		heap.Fix(&j.expiring, g.place)
	default:
		heap.Push(&j.expiring, g)
	}
}

// check is why the families cannot become the group's, or nil. It looks at what has
// their names and labels, and at nothing else.
func (j *jobs) check(g *group, families []*family, replace bool, now series.Instant) error {
	inconsistent := func(format string, args ...any) error {
		return &PushError{Inconsistent, fmt.Errorf(format, args...)}
	}
	holder := j.holder(g)
	typeOf := j.typesAfter(g, families, replace, now)
	for _, f := range families {
		if len(f.samples) == 0 {
			continue // it is to go
		}
		if there, ok := j.aggregator.besideType(f.name); ok && there != f.typ {
			return &PushError{Inconsistent, typeClash(f.name, f.typ, there)}
		}
		open := j.store.Family(f.name)
		if open != nil && open.Type() != f.typ && (j.aggregated || open.HeldBeside(holder, now)) {
			return &PushError{Inconsistent, typeClash(f.name, f.typ, open.Type())}
		}
		if open == nil || open.Type() != f.typ {
			if err := j.aggregator.clashOfName(f.name, f.typ, typeOf); err != nil {
				return &PushError{Inconsistent, err}
			}
		}
		for i := range f.samples {
			s := &f.samples[i]
			if open != nil {
				if held := open.Holder(s.shown, now); held != nil && held != holder {
					return inconsistent("metric %s{%s} was collected before with the same name and label values", f.name, shorten(s.shown))
				}
			}
			if total := j.sums[sumKey{f.name, s.shown}]; total != nil && !total.fits(s) && !total.isOnlyOf(g) {
				return inconsistent("metric %s{%s}: its buckets are not those that it is aggregated with", f.name, shorten(s.text))
			}
		}
	}
	return nil
}

// checkLimit is why the group cannot have as many series as the push would give it.
func (j *jobs) checkLimit(g *group, families []*family, replace bool) error {
	added := 0
	for _, f := range families {
		added += len(f.samples) + j.newSums(f)
		if old := g.families[f.name]; old != nil && !replace {
			added -= len(old.samples)
		}
	}
	if replace {
		added -= g.size()
	}
	n := int(j.seriesCount.Load()) + len(j.sums)
	if added > 0 && n+added > j.options.MaxSeries {
		return &PushError{LimitReached, fmt.Errorf("the push would bring groups from %d series to %d, and the limit is %d", n, n+added, j.options.MaxSeries)}
	}
	return nil
}

// newSums is how many sums there would be for a family that there are not yet.
func (j *jobs) newSums(f *family) (n int) {
	if j.aggregated && isSummed(f.typ) {
		for i := range f.samples {
			if j.sums[sumKey{f.name, f.samples[i].shown}] == nil {
				n++
			}
		}
	}
	return n
}

// typesAfter tells the types of families as they would be after the push.
func (j *jobs) typesAfter(g *group, families []*family, replace bool, now series.Instant) func(string) (series.Type, bool) {
	return func(name string) (series.Type, bool) {
		if i, ok := slices.BinarySearchFunc(families, name, func(f *family, name string) int { return strings.Compare(f.name, name) }); ok && len(families[i].samples) > 0 {
			return families[i].typ, true
		} else if f := j.store.Family(name); f != nil && (!replace && !ok || j.aggregated || f.HeldBeside(g, now)) {
			return f.Type(), true
		}
		return j.aggregator.besideType(name)
	}
}

func (g *group) size() (n int) {
	for _, f := range g.families {
		n += len(f.samples)
	}
	return n
}

// apply makes the families the group's. at is when each was pushed.
func (j *jobs) apply(g *group, families []*family, replace bool, at func(*family) series.Instant) {
	if replace {
		for name, old := range g.families {
			if _, stays := slices.BinarySearchFunc(families, name, func(f *family, name string) int { return strings.Compare(f.name, name) }); !stays {
				j.removeFamily(g, old)
			}
		}
	}
	for _, f := range families {
		old := g.families[f.name]
		if old != nil && (old.typ != f.typ || len(f.samples) == 0) {
			j.removeFamily(g, old)
			old = nil
		}
		if len(f.samples) > 0 {
			j.applyFamily(g, old, f, at(f))
		}
	}
}

// applyFamily makes a family the group's, in the place of the old one, which may be
// nil.
func (j *jobs) applyFamily(g *group, old, f *family, now series.Instant) {
	f.open = j.openFor(g, f)
	replaced := newReplaced(old)
	for i := range f.samples {
		s := &f.samples[i]
		before := replaced.take(i, s.text)
		if j.aggregated && isSummed(f.typ) {
			j.sum(f, s).add(g, before, s)
			continue
		}
		if before != nil {
			s.series = before.series
		} else {
			fold := series.Alone
			if j.aggregated {
				fold = j.fold
			}
			s.series = f.open.Join(s.shown, j.holder(g), &g.source, fold)
		}
		if s.metric != nil {
			s.series.Fill(s.metric)
		} else {
			s.series.Set(s.value)
		}
		s.series.Updated(now)
		s.series.LiveUntil(series.Never)
	}
	g.families[f.name] = f
	j.seriesCount.Add(int64(len(f.samples)))
	if old != nil {
		j.seriesCount.Add(int64(-len(old.samples)))
		for gone := range replaced.rest {
			j.removeSample(g, old, gone)
		}
	}
}

// openFor returns the open family for a family of the group, made if need be. Its
// help is the first that anybody gave who is still there.
func (j *jobs) openFor(g *group, f *family) *series.OpenFamily {
	open := j.store.Family(f.name)
	if open != nil && f.help != "" && f.help != open.Help() &&
		(open.Help() == "" || !j.aggregated && !open.HeldBeside(g, j.aggregator.clock.Now())) {
		open.SetHelp(f.help)
	}
	return j.family(f.name, f.help, f.typ) // asking may have ended the last of others
}

// A replaced is the samples of a family that is being replaced by another one. The
// other one has the same ones in the same order, more often than not.
type replaced struct {
	old   []sample
	taken []bool
	index map[string]int // made when the order differs
}

func newReplaced(old *family) *replaced {
	if old == nil {
		return &replaced{}
	}
	return &replaced{old: old.samples, taken: make([]bool, len(old.samples))}
}

// take takes the old sample with the text, or nil; it is probably the i-th.
func (r *replaced) take(i int, text string) *sample {
	if i >= len(r.old) || r.old[i].text != text {
		if r.index == nil && len(r.old) > 0 {
			r.index = make(map[string]int, len(r.old))
			for i := range r.old {
				r.index[r.old[i].text] = i
			}
		}
		var ok bool
		if i, ok = r.index[text]; !ok {
			return nil
		}
	}
	r.taken[i] = true
	return &r.old[i]
}

// rest calls yield with the samples that were not taken.
func (r *replaced) rest(yield func(*sample) bool) {
	for i, taken := range r.taken {
		if !taken && !yield(&r.old[i]) {
			return
		}
	}
}

// sum returns the sum that a sample goes into, made if need be. One that it does not
// fit is made anew: it has no other group's samples.
func (j *jobs) sum(f *family, s *sample) *sum {
	total := j.sums[sumKey{f.name, s.shown}]
	if total != nil && !total.fits(s) {
		j.dropSum(total)
		f.open = j.family(f.name, f.help, f.typ)
		total = nil
	}
	if total == nil {
		total = j.newSum(f.open, f.help, s.shown)
	}
	return total
}

// newSum makes a sum, which is shown once there is something in it.
func (j *jobs) newSum(f *series.OpenFamily, help, shown string) *sum {
	total := &sum{jobs: j, name: f.Name(), help: help, typ: f.Type(), shown: shown, groups: make(map[*group]struct{})}
	total.series = f.Join(shown, j, nil, series.Alone)
	j.sums[sumKey{f.Name(), shown}] = total
	j.sumCount.Store(int64(len(j.sums)))
	return total
}

// dropSum forgets a sum.
func (j *jobs) dropSum(total *sum) {
	j.store.Family(total.name).Leave(total.series)
	delete(j.sums, sumKey{total.name, total.shown})
	j.sumCount.Store(int64(len(j.sums)))
	total.dropped = true
	total.hasChanged()
}

// removeFamily takes a family away from the group.
func (j *jobs) removeFamily(g *group, f *family) {
	for i := range f.samples {
		j.removeSample(g, f, &f.samples[i])
	}
	delete(g.families, f.name)
	j.seriesCount.Add(int64(-len(f.samples)))
}

// removeSample gives up what a sample has in the store. What it counted stays in its
// sum, if it has one.
func (j *jobs) removeSample(g *group, f *family, s *sample) {
	if s.series != nil {
		f.open.Leave(s.series)
		return
	}
	j.sums[sumKey{f.name, s.shown}].leave(g, s)
}

// DeleteGroup deletes a group, and returns when it is deleted on disk as well. It is
// no error if there is none. The error is a *PushError, or that of the context, as
// with Push.
func (a *Aggregator) DeleteGroup(ctx context.Context, grouping []Label) error {
	_, key, err := prepareGrouping(grouping)
	if err != nil {
		return &PushError{Invalid, err}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return wait(ctx, a.jobs.delete(key), "the group is deleted, but not on disk")
}

func (j *jobs) delete(key string) ticket {
	j.store.Lock()
	defer j.store.Unlock()
	j.expire(j.aggregator.clock.Tick())
	if g := j.groups[key]; g != nil {
		j.remove(g)
	}
	return j.forget(key) // it may be one that could not be restored
}

// remove takes a group away.
func (j *jobs) remove(g *group) {
	for _, f := range g.families {
		j.removeFamily(g, f)
	}
	for _, t := range []timeSeries{g.pushTime, g.failureTime} {
		t.family.Leave(t.series)
	}
	if g.place >= 0 {
		heap.Remove(&j.expiring, g.place)
	}
	delete(j.groups, g.key)
	j.latest.Remove(g.latest)
	j.groupCount.Store(int64(len(j.groups)))
}

// expire takes away the groups whose time is over.
func (j *jobs) expire(now series.Instant) {
	for len(j.expiring) > 0 && j.expiring[0].source.Over(now) {
		g := j.expiring[0]
		j.remove(g)
		j.forget(g.key)
		j.aggregator.self.groupsExpired.Inc()
	}
}

func (j *jobs) sweep(now series.Instant) {
	j.store.Lock()
	defer j.store.Unlock()
	j.expire(now)
}

// Wipe deletes all groups, and what was summed of those that are gone. It returns
// when that is so on disk as well; the errors are as with DeleteGroup.
func (a *Aggregator) Wipe(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return wait(ctx, a.jobs.wipe(), "all groups are deleted, but not on disk")
}

func (j *jobs) wipe() ticket {
	j.store.Lock()
	defer j.store.Unlock()
	for _, g := range j.groups {
		j.remove(g)
	}
	for _, total := range j.sums {
		j.dropSum(total)
	}
	j.unstored = nil // everything goes
	j.aggregator.logger.Info("wiped")
	return j.wipeDisk()
}

// Groups are the groups that there are, sorted by their labels, as of the call. What
// they have is brought into the client library's form one by one, which takes more
// memory than it is held in.
func (a *Aggregator) Groups() iter.Seq[Group] {
	snapshots := a.jobs.list()
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

// A snapshot is a group at one moment.
type snapshot struct {
	group    Group     // without its Families
	families []*family // which do not change
}

// list is the groups as they are now, in any order.
func (j *jobs) list() []snapshot {
	j.store.Lock()
	defer j.store.Unlock()
	now, wall := j.aggregator.clock.Tick(), j.aggregator.wall()
	j.expire(now)
	list := make([]snapshot, 0, len(j.groups))
	for _, g := range j.groups {
		list = append(list, g.snapshot(now, wall))
	}
	return list
}

// snapshot is the group as it is now.
func (g *group) snapshot(now series.Instant, wall time.Time) snapshot {
	s := snapshot{group: Group{Labels: g.labels, Pushed: g.pushed, Failed: g.failed, TTL: g.ttl}}
	if at := g.source.Deadline(); at != series.Never {
		s.group.Expires = wall.Add(time.Duration(at - now))
	}
	s.families = make([]*family, 0, len(g.families))
	for _, f := range g.families {
		s.families = append(s.families, f)
	}
	slices.SortFunc(s.families, func(a, b *family) int { return strings.Compare(a.name, b.name) })
	return s
}

// expiring is a heap of the groups that expire, the first to do so on top.
type expiring []*group

// Len implements heap.Interface, as do the others.
func (e expiring) Len() int           { return len(e) }
func (e expiring) Less(i, j int) bool { return e[i].source.Deadline() < e[j].source.Deadline() }
func (e expiring) Swap(i, j int) {
	e[i], e[j] = e[j], e[i]
	e[i].place, e[j].place = i, j
}

func (e *expiring) Push(g any) {
	g.(*group).place = len(*e)
	*e = append(*e, g.(*group))
}

func (e *expiring) Pop() any {
	last := len(*e) - 1
	g := (*e)[last]
	(*e)[last] = nil
	*e = (*e)[:last]
	g.place = -1
	return g
}
