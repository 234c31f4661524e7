package storage

import (
	"context"
	"fmt"
)

// A Change sets or deletes a record.
type Change struct {
	Kind byte
	Key  string // at most 32767 bytes

	// Value returns the value of the record. A nil Value deletes the record. Value is
	// called at most once, in the writer's goroutine, and not at all if a later change
	// of the record, or Wipe, comes before the write. The result must not be changed
	// afterwards.
	Value func() []byte
}

// A Ticket waits until committed changes are on disk. It is safe for concurrent use.
type Ticket struct {
	done chan struct{}
	err  error // valid once done is closed
}

// Wait returns nil once the changes are on disk. It returns an error if the changes
// could not be written, or an error that wraps context.Cause(ctx) if the context ends
// first. See Commit about retries.
func (t *Ticket) Wait(ctx context.Context) error {
	select {
	case <-t.done:
		return t.err
	default:
	}
	select {
	case <-t.done:
		return t.err
	case <-ctx.Done():
		return fmt.Errorf("waiting for the disk: %w", context.Cause(ctx))
	}
}

func (t *Ticket) resolve(err error) {
	t.err = err
	close(t.done)
}

func failedTicket(err error) *Ticket {
	t := &Ticket{done: make(chan struct{})}
	t.resolve(err)
	return t
}

// A batch contains the changes of one transaction: for each record, only the last. All
// commits in a batch share its ticket.
type batch struct {
	wipe    bool              // whether all records are deleted before the changes
	changes map[string]change // by key in the file
	ticket  *Ticket
}

// A change is a Change in a batch. If both fields are nil, it deletes the record.
type change struct {
	value  func() []byte // nil once it has been called
	sealed []byte        // value as stored in the file
}

func newBatch() *batch {
	return &batch{changes: map[string]change{}, ticket: &Ticket{done: make(chan struct{})}}
}

// batchOf returns a batch that replaces everything in the file with the records.
func batchOf(records []Record) *batch {
	b := newBatch()
	b.wipe = true
	for _, r := range records {
		key := r.fileKey()
		b.changes[key] = change{sealed: seal(key, r.Value)}
	}
	return b
}

func (b *batch) add(changes []Change) {
	for _, c := range changes {
		b.changes[Record{Kind: c.Kind, Key: c.Key}.fileKey()] = change{value: c.Value}
	}
}

func (b *batch) clear() {
	b.wipe = true
	clear(b.changes)
}

// addOlder adds the changes of an older batch, except for those that this batch
// supersedes.
func (b *batch) addOlder(older *batch) {
	if b.wipe {
		return
	}
	b.wipe = older.wipe
	for key, c := range older.changes {
		if _, ok := b.changes[key]; !ok {
			b.changes[key] = c
		}
	}
}

// seal calls the value functions that have not been called yet.
func (b *batch) seal() {
	for key, c := range b.changes {
		if c.value != nil {
			b.changes[key] = change{sealed: seal(key, c.value())}
		}
	}
}

// records returns the number of records that the batch sets. The batch must be sealed.
func (b *batch) records() (n int) {
	for _, c := range b.changes {
		if c.sealed != nil {
			n++
		}
	}
	return n
}
