package aggregator

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"code.cloudfoundry.org/lager/v3"
	dto "github.com/prometheus/client_model/go"

	"github.com/signalbox-ci/signalbox/emitter/aggregator/internal/storage"
	"github.com/signalbox-ci/signalbox/internal/series"
)

// A ticket waits until a change is on disk; see storage.Ticket.
type ticket interface{ Wait(context.Context) error }

// A noTicket is the ticket of a change that is not stored. It does not wait.
type noTicket struct{}

// Wait returns nil.
func (noTicket) Wait(context.Context) error { return nil }

// save stores a group, and the sums that changed with it. The caller of save,
// saveDeletion and wipeDisk must hold mu, so that changes are stored in the order in
// which they were made.
func (gs *Groups) save(g *group) ticket {
	if gs.disk == nil {
		return noTicket{}
	}
	delete(gs.unrestored, recordKey(g.key))
	return gs.disk.Commit(append(gs.takeUnstored(), gs.change(g)))
}

// saveDeletion deletes a group on disk, and stores the sums that changed with it.
func (gs *Groups) saveDeletion(key string) ticket {
	if gs.disk == nil {
		return noTicket{}
	}
	delete(gs.unrestored, recordKey(key))
	return gs.disk.Commit(append(gs.takeUnstored(), storage.Change{Kind: groupRecord, Key: recordKey(key)}))
}

// wipeDisk deletes all records on disk.
func (gs *Groups) wipeDisk() ticket {
	if gs.disk == nil {
		return noTicket{}
	}
	clear(gs.unrestored)
	return gs.disk.Wipe()
}

// recordKey returns the key of the record that the parts identify. It is a hash of the
// parts, since the length of keys is limited.
func recordKey(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return string(h.Sum(nil))
}

// change returns the change that stores the current state of the group.
func (gs *Groups) change(g *group) storage.Change {
	s := g.snapshot(gs.clock.Now(), gs.wall())
	ownTTL := g.ownTTL
	return storage.Change{Kind: groupRecord, Key: recordKey(g.key), Value: func() []byte {
		header := groupHeader{
			Labels: s.group.Labels, Pushed: s.group.Pushed, Failed: s.group.Failed,
			Expires: s.group.Expires, TTL: s.group.TTL, OwnTTL: ownTTL,
		}
		var families []*dto.MetricFamily
		for _, f := range s.families {
			families = append(families, f.toMetricFamily())
			header.FamiliesPushed = append(header.FamiliesPushed, f.pushed)
		}
		return encodeRecord(header, families)
	}}
}

// takeUnstored returns the changes that store the sums in gs.unstored, and clears
// gs.unstored.
func (gs *Groups) takeUnstored() []storage.Change {
	var changes []storage.Change
	for _, s := range gs.unstored {
		s.unstored = false
		delete(gs.unrestored, s.key())
		changes = append(changes, s.change())
	}
	gs.unstored = nil
	return changes
}

// key returns the key of the sum's record.
func (s *sum) key() string {
	return recordKey(append([]string{s.name, s.shown}, s.all.aggregateBy...)...)
}

// change returns the change that stores the sum, or deletes its record if it was
// dropped.
func (s *sum) change() storage.Change {
	key := s.key()
	if s.dropped {
		return storage.Change{Kind: sumRecord, Key: key}
	}
	header := sumHeader{AggregateBy: s.all.aggregateBy, Shown: s.shown, Retired: s.retired.String()}
	retired := &family{name: s.name, help: s.help, typ: s.typ}
	if s.retiredMetric != nil {
		retired.samples = []sample{{metric: s.details.in(s.retiredMetric)}}
	} else if m := s.details.counter(0); s.typ == series.Counter && m != nil {
		retired.samples = []sample{{metric: m}}
	}
	return storage.Change{Kind: sumRecord, Key: key, Value: func() []byte {
		return encodeRecord(header, []*dto.MetricFamily{retired.toMetricFamily()})
	}}
}

// allRecords returns changes that store all groups, sums and records that were not
// restored.
func (gs *Groups) allRecords() []storage.Change {
	gs.mu.Lock()
	defer gs.mu.Unlock()
	gs.takeUnstored()
	changes := slices.Collect(maps.Values(gs.unrestored))
	for _, s := range gs.sums {
		if s.retiredMetric != nil || s.retired.value() != 0 {
			changes = append(changes, s.change())
		}
	}
	for _, g := range gs.groups {
		changes = append(changes, gs.change(g))
	}
	return changes
}

func (gs *Groups) close() error {
	if gs.disk == nil {
		return nil
	}
	return gs.disk.Close()
}

// A storageStatus contains the problems with the storage file, for the overview.
type storageStatus struct {
	movedTo  atomic.Pointer[string] // path to which a damaged file was moved; nil if there was none
	flushErr atomic.Pointer[error]  // error of the last write; nil if it succeeded
}

// flushed records the duration and the error of a write.
func (gs *Groups) flushed(_ int, took time.Duration, err error) {
	gs.self.flushes.Observe(took.Seconds())
	if err == nil {
		gs.diskStatus.flushErr.Store(nil)
		return
	}
	gs.diskStatus.flushErr.Store(&err)
	gs.self.flushFailures.Inc()
	gs.logger.Error("pushes-not-stored", err)
}

// damaged records that the file was found damaged.
func (gs *Groups) damaged(d storage.Damage) {
	gs.diskStatus.movedTo.Store(&d.MovedTo)
	gs.self.storageDamaged.Set(1)
	gs.logger.Error("storage-damaged", d.Err, lager.Data{
		"path": gs.path, "moved-to": d.MovedTo, "records-kept": d.Kept,
	})
}
