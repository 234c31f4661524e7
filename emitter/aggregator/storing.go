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
)

// A ticket waits until a change is on disk.
type ticket interface{ Wait(context.Context) error }

// noTicket is the ticket of a change that is not stored.
type noTicket struct{}

// Wait implements ticket.
func (noTicket) Wait(context.Context) error { return nil }

// save stores a group, and the sums that changed with it. The caller of save, unsave
// and wipeDisk must hold mu, so that changes are stored in the order in which they were
// made.
func (gs *Groups) save(g *group) ticket {
	if gs.disk == nil {
		return noTicket{}
	}
	delete(gs.kept, recordKey(g.key))
	return gs.disk.Commit(append(gs.takeUnstored(), gs.change(g)))
}

// unsave deletes a group on disk, and stores the sums that changed with it.
func (gs *Groups) unsave(key string) ticket {
	if gs.disk == nil {
		return noTicket{}
	}
	delete(gs.kept, recordKey(key))
	return gs.disk.Commit(append(gs.takeUnstored(), storage.Change{Kind: groupRecord, Key: recordKey(key)}))
}

// wipeDisk deletes everything on disk.
func (gs *Groups) wipeDisk() ticket {
	if gs.disk == nil {
		return noTicket{}
	}
	clear(gs.kept)
	return gs.disk.Wipe()
}

// recordKey returns the key of a record. It is short even if the parts are long.
func recordKey(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return string(h.Sum(nil))
}

// change returns the record of the group's current state.
func (gs *Groups) change(g *group) storage.Change {
	s := g.snapshot(gs.clock.Now(), gs.wall())
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

// takeUnstored returns the records of the sums that have changed since they were last
// stored, and marks them as stored.
func (gs *Groups) takeUnstored() []storage.Change {
	var changes []storage.Change
	for _, s := range gs.unstored {
		s.unstored = false
		delete(gs.kept, s.key())
		changes = append(changes, s.change())
	}
	gs.unstored = nil
	return changes
}

func (s *sum) key() string {
	return recordKey(append([]string{s.name, s.shown}, s.all.aggregateBy...)...)
}

// change returns the record of the sum, or its deletion if it was dropped.
func (s *sum) change() storage.Change {
	key := s.key()
	if s.dropped {
		return storage.Change{Kind: sumRecord, Key: key}
	}
	header := sumHeader{AggregateBy: s.all.aggregateBy, Shown: s.shown, Retired: s.retired.String()}
	retired := &family{name: s.name, help: s.help, typ: s.typ}
	if s.retiredMetric != nil {
		retired.samples = []sample{{metric: s.retiredMetric}}
	}
	return storage.Change{Kind: sumRecord, Key: key, Value: func() []byte {
		return encodeRecord(header, []*dto.MetricFamily{retired.client()})
	}}
}

// allRecords returns all records to store.
func (gs *Groups) allRecords() []storage.Change {
	gs.mu.Lock()
	defer gs.mu.Unlock()
	gs.takeUnstored()
	changes := slices.Collect(maps.Values(gs.kept))
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

// A storageStatus records problems with the storage file.
type storageStatus struct {
	movedTo  atomic.Pointer[string] // path to which a damaged file was moved; nil if there was none
	flushErr atomic.Pointer[error]  // error of the last write; nil if it succeeded
}

// flushed records the duration of a write, and its error.
func (gs *Groups) flushed(_ int, took time.Duration, err error) {
	gs.self.flushes.Observe(took.Seconds())
	if err == nil {
		gs.diskStatus.flushErr.Store(nil)
		return
	}
	gs.diskStatus.flushErr.Store(&err)
	gs.self.flushFailures.Inc()
	gs.logger.Error("cannot-store-pushes", err)
}

// damaged records that the file was found damaged.
func (gs *Groups) damaged(d storage.Damage) {
	gs.diskStatus.movedTo.Store(&d.MovedTo)
	gs.self.storageDamaged.Set(1)
	gs.logger.Error("storage-damaged", d.Err, lager.Data{
		"path": gs.path, "moved-to": d.MovedTo, "records-kept": d.Kept,
	})
}
