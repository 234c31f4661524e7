package aggregator

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"code.cloudfoundry.org/lager/v3"
	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/encoding/protodelim"

	"github.com/signalbox-ci/signalbox/emitter/aggregator/internal/storage"
	"github.com/signalbox-ci/signalbox/internal/series"
)

// The kinds of records.
const (
	sumRecord   = 's'
	groupRecord = 'g'
)

// A record is a JSON object, with its length before it, and delimited protobuf
// messages of the families.
type (
	groupHeader struct {
		Labels         []Label
		Pushed, Failed time.Time
		Expires        time.Time // zero: never
		TTL            time.Duration
		FamiliesPushed []time.Time
	}
	sumHeader struct {
		AggregateBy []string // sorted; what the sum is good for
		Shown       string
		Retired     string // exact
	}
)

func encodeRecord(header any, families []*dto.MetricFamily) []byte {
	head, err := json.Marshal(header)
	if err != nil {
		panic("BUG: a header that cannot be JSON: " + err.Error())
	}
	b := bytes.NewBuffer(binary.AppendUvarint(nil, uint64(len(head))))
	b.Write(head)
	for _, f := range families {
		if _, err := protodelim.MarshalTo(b, f); err != nil {
			panic("BUG: a family that cannot be stored: " + err.Error()) // all texts were checked
		}
	}
	return b.Bytes()
}

func decodeRecord(record []byte, header any) (families []*dto.MetricFamily, err error) {
	b := bytes.NewReader(record)
	n, err := binary.ReadUvarint(b)
	if err != nil || n > uint64(b.Len()) {
		return nil, errors.New("its header is cut off")
	}
	head := make([]byte, n)
	if _, err := io.ReadFull(b, head); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(head, header); err != nil {
		return nil, err
	}
	options := protodelim.UnmarshalOptions{MaxSize: -1}
	for b.Len() > 0 {
		f := &dto.MetricFamily{}
		if err := options.UnmarshalFrom(b, f); err != nil {
			return nil, err
		}
		families = append(families, f)
	}
	return families, nil
}

// A ticket is for waiting until what was changed is on disk.
type ticket interface{ Wait(context.Context) error }

// noTicket is for what is not stored.
type noTicket struct{}

func (noTicket) Wait(context.Context) error { return nil }

// save brings a group to disk, with the sums that changed with it. The caller holds
// the lock, so that the disk sees the changes in the order in which they were made.
func (j *jobs) save(g *group) ticket {
	if j.disk == nil {
		return noTicket{}
	}
	delete(j.kept, recordKey(g.key))
	return j.disk.Commit(append(j.takeUnstored(), j.change(g)))
}

// forget deletes a group on disk, as save brings it there.
func (j *jobs) forget(key string) ticket {
	if j.disk == nil {
		return noTicket{}
	}
	delete(j.kept, recordKey(key))
	return j.disk.Commit(append(j.takeUnstored(), storage.Change{Kind: groupRecord, Key: recordKey(key)}))
}

func (j *jobs) wipeDisk() ticket {
	if j.disk == nil {
		return noTicket{}
	}
	clear(j.kept)
	return j.disk.Wipe()
}

// recordKey is the key under which something is stored, whose own may be too long.
func recordKey(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return string(h.Sum(nil))
}

func (j *jobs) change(g *group) storage.Change {
	s := g.snapshot(j.aggregator.clock.Now(), j.aggregator.wall())
	return storage.Change{Kind: groupRecord, Key: recordKey(g.key), Value: func() []byte {
		header := groupHeader{Labels: s.group.Labels, Pushed: s.group.Pushed, Failed: s.group.Failed, Expires: s.group.Expires, TTL: s.group.TTL}
		var families []*dto.MetricFamily
		for _, f := range s.families {
			families = append(families, f.client())
			header.FamiliesPushed = append(header.FamiliesPushed, f.pushed)
		}
		return encodeRecord(header, families)
	}}
}

func (j *jobs) takeUnstored() []storage.Change {
	var changes []storage.Change
	for _, s := range j.unstored {
		s.unstored = false
		delete(j.kept, s.key())
		changes = append(changes, s.change())
	}
	j.unstored = nil
	return changes
}

func (s *sum) key() string {
	return recordKey(append([]string{s.name, s.shown}, s.jobs.options.AggregateBy...)...)
}

func (s *sum) change() storage.Change {
	key := s.key()
	if s.dropped {
		return storage.Change{Kind: sumRecord, Key: key}
	}
	header := sumHeader{AggregateBy: s.jobs.options.AggregateBy, Shown: s.shown, Retired: s.retired.String()}
	retired := &family{name: s.name, help: s.help, typ: s.typ}
	if s.retiredMetric != nil {
		retired.samples = []sample{{metric: s.retiredMetric}}
	}
	return storage.Change{Kind: sumRecord, Key: key, Value: func() []byte {
		return encodeRecord(header, []*dto.MetricFamily{retired.client()})
	}}
}

// all is everything that is to be stored.
func (j *jobs) all() []storage.Change {
	j.store.Lock()
	defer j.store.Unlock()
	j.takeUnstored()
	changes := slices.Collect(maps.Values(j.kept))
	for _, s := range j.sums {
		if s.retiredMetric != nil || s.retired.value() != 0 {
			changes = append(changes, s.change())
		}
	}
	for _, g := range j.groups {
		changes = append(changes, j.change(g))
	}
	return changes
}

// open opens the file, if there is to be one, and restores what is there.
func (j *jobs) open() error {
	if j.options.StoragePath == "" {
		return nil
	}
	self := j.aggregator.self
	var records []storage.Record
	disk, err := storage.Open(j.options.StoragePath, storage.Options{
		Load:    func(r storage.Record) error { records = append(records, r); return nil },
		Damaged: j.damaged,
		Rebuild: j.all,
		Flushed: j.flushed,
	})
	if err != nil {
		return err
	}
	j.disk = disk
	for _, restore := range []struct {
		kind byte
		do   func([]byte) error
	}{{groupRecord, j.restoreGroup}, {sumRecord, j.restoreSum}} { // what lives goes first
		for _, r := range records {
			if r.Kind != restore.kind {
				continue
			}
			err := restore.do(r.Value)
			if err == nil {
				continue
			}
			j.kept[r.Key] = storage.Change{Kind: r.Kind, Key: r.Key, Value: func() []byte { return r.Value }}
			if !errors.Is(err, errOtherwise) {
				self.restoreFailures.Inc()
				j.aggregator.logger.Error("cannot-restore", err, lager.Data{"kept-in": j.options.StoragePath})
			}
		}
	}
	j.orderLatest()
	records = nil // or Load would keep them for as long as the storage is open
	j.sweep(j.aggregator.clock.Tick())
	j.aggregator.logger.Info("restored", lager.Data{"groups": len(j.groups), "series": j.seriesCount.Load()})
	return nil
}

// flushed says how long it took to bring pushes to disk, and whether that failed.
func (j *jobs) flushed(_ int, took time.Duration, err error) {
	self := j.aggregator.self
	self.flushes.Observe(took.Seconds())
	if err == nil {
		j.flushError.Store(nil)
		return
	}
	j.flushError.Store(&err)
	self.flushFailures.Inc()
	j.aggregator.logger.Error("cannot-store-pushes", err)
}

// damaged says that the file was found damaged.
func (j *jobs) damaged(d storage.Damage) {
	j.damagedFile.Store(&d.MovedTo)
	j.aggregator.self.storageDamaged.Set(1)
	j.aggregator.logger.Error("storage-damaged", d.Err, lager.Data{
		"path": j.options.StoragePath, "moved-to": d.MovedTo, "records-kept": d.Kept,
	})
}

// errOtherwise is for sums of groups that were aggregated by other labels.
var errOtherwise = errors.New("aggregated by other labels")

func (j *jobs) restoreSum(record []byte) error {
	var header sumHeader
	families, err := decodeRecord(record, &header)
	if err != nil {
		return fmt.Errorf("a sum on disk: %w", err)
	}
	if !slices.Equal(header.AggregateBy, j.options.AggregateBy) {
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

	j.store.Lock()
	defer j.store.Unlock()
	if err := j.checkSum(mf.GetName(), typ, header.Shown); err != nil {
		return fail("%w", err)
	}
	f := j.family(mf.GetName(), mf.GetHelp(), typ)
	total := j.sums[sumKey{mf.GetName(), header.Shown}]
	if total == nil {
		total = j.newSum(f, mf.GetHelp(), header.Shown)
	} else if !total.fits(&counts) {
		return fail("its buckets are not those that groups have")
	}
	total.restore(&retired, counts.metric)
	return nil
}

// checkSum is why there cannot be a sum of that name, type and labels.
func (j *jobs) checkSum(name string, typ series.Type, shown string) error {
	f := j.store.Family(name)
	if f == nil {
		return j.aggregator.clashOfName(name, typ, func(name string) (series.Type, bool) {
			if f := j.store.Family(name); f != nil {
				return f.Type(), true
			}
			return j.aggregator.besideType(name)
		})
	}
	if f.Type() != typ {
		return typeClash(name, typ, f.Type())
	}
	if held := f.Holder(shown, j.aggregator.clock.Now()); held != nil && held != j {
		return errors.New("others have its labels")
	}
	return nil
}

func (j *jobs) restoreGroup(record []byte) error {
	var header groupHeader
	pushed, err := decodeRecord(record, &header)
	if err != nil {
		return fmt.Errorf("a group on disk: %w", err)
	}
	labels, key, err := prepareGrouping(header.Labels)
	if err != nil {
		return fmt.Errorf("a group on disk: %w", err)
	}
	families, err := j.prepare(labels, pushed)
	if err != nil {
		return fmt.Errorf("group %q on disk: %w", labels, err)
	}
	for i, f := range families {
		if i < len(header.FamiliesPushed) { // in the same order
			f.pushed = header.FamiliesPushed[i]
		}
	}

	j.store.Lock()
	defer j.store.Unlock()
	now, wall := j.aggregator.clock.Tick(), j.aggregator.wall()
	g := &group{key: key, labels: labels, place: -1, families: make(map[string]*family), pushed: header.Pushed, failed: header.Failed, ttl: header.TTL}
	if err := j.check(g, families, true, now); err != nil {
		return fmt.Errorf("group %q on disk: %w", labels, err)
	}
	if err := j.checkTimes(g, now); err != nil {
		return fmt.Errorf("group %q on disk: %w", labels, err)
	}
	j.admit(g)
	j.apply(g, families, true, func(f *family) series.Instant { return now - series.Instant(max(wall.Sub(f.pushed), 0)) })
	g.pushTime.series.Set(unixSeconds(g.pushed))
	g.failureTime.series.Set(unixSeconds(g.failed))
	if header.Expires.IsZero() {
		j.liveUntil(g, series.Never)
	} else {
		// Not longer than when it was pushed, if the clock was set back since.
		j.liveUntil(g, now+series.Instant(min(header.Expires.Sub(wall), g.ttl)))
	}
	return nil
}

func (j *jobs) close() error {
	if j.disk == nil {
		return nil
	}
	return j.disk.Close()
}
