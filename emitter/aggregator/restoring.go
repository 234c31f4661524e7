package aggregator

import (
	"container/list"
	"errors"
	"fmt"
	"maps"
	"slices"

	"code.cloudfoundry.org/lager/v3"

	"github.com/prometheus/common/model"

	"github.com/signalbox-ci/signalbox/emitter/aggregator/internal/storage"
	"github.com/signalbox-ci/signalbox/internal/series"
)

// open opens the storage file, if groups are stored, and restores the groups and sums
// in it. Records that cannot be restored remain in the file.
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
	gs.restore(records, groupRecord, gs.restoreGroup) // groups before sums
	gs.restore(records, sumRecord, gs.restoreSum)
	records = nil // the storage retains the function Load, which refers to this variable
	gs.orderLatest()
	gs.sweep(gs.clock.Tick())
	gs.logger.Info("groups-restored", lager.Data{"groups": gs.groupCount.Load(), "series": gs.seriesCount.Load()})
	return nil
}

// restore calls restoreOne with each record of a kind. It logs and counts errors.
func (gs *Groups) restore(records []storage.Record, kind byte, restoreOne func([]byte) error) {
	for _, r := range records {
		if r.Kind != kind {
			continue
		}
		err := restoreOne(r.Value)
		if err == nil {
			continue
		}
		gs.unrestored[r.Key] = storage.Change{Kind: r.Kind, Key: r.Key, Value: func() []byte { return r.Value }}
		if !errors.Is(err, errOtherLabels) {
			gs.self.restoreFailures.Inc()
			gs.logger.Error("record-not-restored", err, lager.Data{"kept-in": gs.path})
		}
	}
}

// orderLatest sorts gs.latest by the time of the last push. The groups were restored in
// another order.
func (gs *Groups) orderLatest() {
	gs.mu.Lock()
	defer gs.mu.Unlock()
	gs.latest = list.List{}
	for _, g := range slices.SortedFunc(maps.Values(gs.groups), func(a, b *group) int { return b.pushed.Compare(a.pushed) }) {
		g.latest = gs.latest.PushBack(g)
	}
}

// errOtherLabels is the error for a stored sum of groups that were aggregated by other
// labels.
var errOtherLabels = errors.New("aggregated by other labels")

// restoreSum restores a sum. If restored groups have created the sum already, it adds
// the stored part.
func (gs *Groups) restoreSum(record []byte) error {
	var header sumHeader
	families, err := decodeRecord(record, &header)
	if err != nil {
		return fmt.Errorf("reading a sum: %w", err)
	}
	if !slices.Equal(header.AggregateBy, gs.aggregateBy) {
		return errOtherLabels // the record is kept in case groups are aggregated by these labels again
	}
	if len(families) != 1 {
		return fmt.Errorf("reading a sum: got %d families, expected 1", len(families))
	}
	mf := families[0]
	fail := func(format string, args ...any) error {
		return fmt.Errorf("restoring the sum of %s{%s}: %w", mf.GetName(), header.Shown, fmt.Errorf(format, args...))
	}
	typ, ok := series.TypeOf(mf.GetType())
	if !ok || !isSummed(typ) {
		return fail("got type %s, expected a type that can be summed", mf.GetType())
	}
	var retired exactSum
	if err := retired.parse(header.Retired); err != nil {
		return fail("%w", err)
	}
	if err := checkFamily(model.UTF8Validation, nil, mf); err != nil {
		return fail("%w", err)
	}
	counts := sample{}
	if len(mf.Metric) > 0 {
		if err := counts.setValue(typ, mf.Metric[0], false); err != nil {
			return fail("%w", err)
		}
	}
	if typ != series.Counter && counts.metric == nil {
		return fail("the counts are missing")
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
		total = gs.newSum(f, mf.GetHelp(), header.Shown, counts.metric)
	} else if !total.canAdd(&counts) {
		return fail("the buckets differ from those of the groups")
	}
	total.restore(&retired, counts.metric)
	return nil
}

// restoreGroup restores a group.
func (gs *Groups) restoreGroup(record []byte) error {
	var header groupHeader
	pushed, err := decodeRecord(record, &header)
	if err != nil {
		return fmt.Errorf("reading a group: %w", err)
	}
	labels, key, err := prepareGrouping(model.UTF8Validation, header.Labels) // even if UTF-8 names are no longer enabled
	if err != nil {
		return fmt.Errorf("reading a group: %w", err)
	}
	families, err := gs.prepare(model.UTF8Validation, labels, pushed)
	if err != nil {
		return fmt.Errorf("restoring group %q: %w", labels, err)
	}
	for i, f := range families {
		if i < len(header.FamiliesPushed) { // the times are in the same order
			f.pushed = header.FamiliesPushed[i]
		}
	}

	gs.mu.Lock()
	defer gs.mu.Unlock()
	gs.store.Lock()
	defer gs.store.Unlock()
	now, wall := gs.clock.Tick(), gs.wall()
	g := newGroup(key, labels)
	g.pushed, g.failed, g.ttl, g.ownTTL = header.Pushed, header.Failed, header.TTL, header.OwnTTL
	if err := gs.check(g, families, true, now); err != nil {
		return fmt.Errorf("restoring group %q: %w", labels, err)
	}
	if err := gs.checkTimes(g, now); err != nil {
		return fmt.Errorf("restoring group %q: %w", labels, err)
	}
	_, shown := gs.texts(g.labels, len(g.labels))
	g.own = g.memory(shown)
	for _, f := range families {
		g.bytes += f.memory()
	}
	gs.memory.Add(g.own + g.bytes) // even if there is no room, so that nothing is lost
	gs.add(g)
	gs.setFamilies(g, families, true, func(f *family) series.Instant { return now - series.Instant(max(wall.Sub(f.pushed), 0)) })
	g.pushTime.series.Set(unixSeconds(g.pushed))
	g.failureTime.series.Set(unixSeconds(g.failed))
	if header.Expires.IsZero() {
		gs.liveUntil(g, series.Never)
	} else {
		// The group expires after at most its TTL, even if the clock was set back while
		// it was on disk.
		gs.liveUntil(g, now+series.Instant(min(header.Expires.Sub(wall), g.ttl)))
	}
	return nil
}
