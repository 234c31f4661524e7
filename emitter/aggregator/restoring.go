package aggregator

import (
	"container/list"
	"errors"
	"fmt"
	"maps"
	"slices"

	"code.cloudfoundry.org/lager/v3"

	"github.com/signalbox-ci/signalbox/emitter/aggregator/internal/storage"
	"github.com/signalbox-ci/signalbox/internal/series"
)

// open opens the file that groups are stored in, if there is to be one, and restores
// what is there. What cannot be restored stays there.
func (gs *Groups) open() error {
	if gs.path == "" {
		return nil
	}
	gs.others.refresh(gs.clock)
	var records []storage.Record
	disk, err := storage.Open(gs.path, storage.Options{
		Load:    func(r storage.Record) error { records = append(records, r); return nil },
		Damaged: gs.damaged,
		Rebuild: gs.allRecords,
		Flushed: gs.flushed,
	})
	if err != nil {
		return err
	}
	gs.disk = disk
	gs.restore(records, groupRecord, gs.restoreGroup) // what lives goes first
	gs.restore(records, sumRecord, gs.restoreSum)
	records = nil // or Load would keep them for as long as the storage is open
	gs.orderLatest()
	gs.sweep(gs.clock.Tick())
	gs.logger.Info("restored", lager.Data{"groups": gs.groupCount.Load(), "series": gs.seriesCount.Load()})
	return nil
}

// restore restores the records of a kind.
func (gs *Groups) restore(records []storage.Record, kind byte, one func([]byte) error) {
	for _, r := range records {
		if r.Kind != kind {
			continue
		}
		err := one(r.Value)
		if err == nil {
			continue
		}
		gs.kept[r.Key] = storage.Change{Kind: r.Kind, Key: r.Key, Value: func() []byte { return r.Value }}
		if !errors.Is(err, errOtherwise) {
			gs.self.restoreFailures.Inc()
			gs.logger.Error("cannot-restore", err, lager.Data{"kept-in": gs.path})
		}
	}
}

// orderLatest sorts the groups by their last pushes, after they were restored in
// another order.
func (gs *Groups) orderLatest() {
	gs.mu.Lock()
	defer gs.mu.Unlock()
	gs.latest = list.List{}
	for _, g := range slices.SortedFunc(maps.Values(gs.groups), func(a, b *group) int { return b.pushed.Compare(a.pushed) }) {
		g.latest = gs.latest.PushBack(g)
	}
}

// errOtherwise is the error of sums of groups that were aggregated by other labels.
var errOtherwise = errors.New("aggregated by other labels")

// restoreSum restores a sum that is not there, or adds it to what groups have counted.
func (gs *Groups) restoreSum(record []byte) error {
	var header sumHeader
	families, err := decodeRecord(record, &header)
	if err != nil {
		return fmt.Errorf("a sum on disk: %w", err)
	}
	if !slices.Equal(header.AggregateBy, gs.aggregateBy) {
		return errOtherwise // it is kept for when groups are aggregated like that again
	}
	if len(families) != 1 {
		return fmt.Errorf("a sum on disk: it has %d families", len(families))
	}
	mf := families[0]
	fail := func(format string, args ...any) error {
		return fmt.Errorf("the sum of %s{%s} on disk: %w", mf.GetName(), header.Shown, fmt.Errorf(format, args...))
	}
	typ, ok := series.TypeOf(mf.GetType())
	if !ok || !isSummed(typ) {
		return fail("it has type %s", mf.GetType())
	}
	var retired exact
	if err := retired.parse(header.Retired); err != nil {
		return fail("%w", err)
	}
	if err := checkFamily(nil, mf); err != nil {
		return fail("%w", err)
	}
	counts := sample{}
	if len(mf.Metric) > 0 {
		if err := counts.take(typ, mf.Metric[0], false); err != nil {
			return fail("%w", err)
		}
	}
	if typ != series.Counter && counts.metric == nil {
		return fail("it has no counts")
	}

	gs.mu.Lock()
	defer gs.mu.Unlock()
	gs.store.Lock()
	defer gs.store.Unlock()
	if err := gs.checkSum(mf.GetName(), typ, header.Shown); err != nil {
		return fail("%w", err)
	}
	f := gs.family(mf.GetName(), mf.GetHelp(), typ)
	total := gs.sums[sumKey{mf.GetName(), header.Shown}]
	if total == nil {
		total = gs.newSum(f, mf.GetHelp(), header.Shown)
	} else if !total.fits(&counts) {
		return fail("its buckets are not those that groups have")
	}
	total.restore(&retired, counts.metric)
	return nil
}

func (gs *Groups) restoreGroup(record []byte) error {
	var header groupHeader
	pushed, err := decodeRecord(record, &header)
	if err != nil {
		return fmt.Errorf("a group on disk: %w", err)
	}
	labels, key, err := prepareGrouping(header.Labels)
	if err != nil {
		return fmt.Errorf("a group on disk: %w", err)
	}
	families, err := gs.prepare(labels, pushed)
	if err != nil {
		return fmt.Errorf("group %q on disk: %w", labels, err)
	}
	for i, f := range families {
		if i < len(header.FamiliesPushed) { // in the same order
			f.pushed = header.FamiliesPushed[i]
		}
	}

	gs.mu.Lock()
	defer gs.mu.Unlock()
	gs.store.Lock()
	defer gs.store.Unlock()
	now, wall := gs.clock.Tick(), gs.wall()
	g := newGroup(key, labels)
	g.pushed, g.failed, g.ttl = header.Pushed, header.Failed, header.TTL
	if err := gs.check(g, families, true, now); err != nil {
		return fmt.Errorf("group %q on disk: %w", labels, err)
	}
	if err := gs.checkTimes(g, now); err != nil {
		return fmt.Errorf("group %q on disk: %w", labels, err)
	}
	gs.admit(g)
	gs.setFamilies(g, families, true, func(f *family) series.Instant { return now - series.Instant(max(wall.Sub(f.pushed), 0)) })
	g.pushTime.series.Set(unixSeconds(g.pushed))
	g.failureTime.series.Set(unixSeconds(g.failed))
	if header.Expires.IsZero() {
		gs.liveUntil(g, series.Never)
	} else {
		// Not longer than when it was pushed, if the clock was set back since.
		gs.liveUntil(g, now+series.Instant(min(header.Expires.Sub(wall), g.ttl)))
	}
	return nil
}
