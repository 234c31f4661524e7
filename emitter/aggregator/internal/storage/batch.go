package storage

import (
	"context"
	"fmt"
)

// A Change sets a record, or deletes it.
type Change struct {
	Kind byte
	Key  string // at most 32767 bytes

	// Value returns the record's value; if Value is nil, the record is deleted. It is
	// called once, in the writer's goroutine, or never if a later change of the same
	// record comes first. What it returns must not be changed afterwards.
	Value func() []byte
}

// A Ticket is for waiting until what was committed is on disk.
type Ticket struct {
	done chan struct{}
	err  error // once done is closed
}

// Wait waits until the changes are on disk. It returns why they are not: the disk's
// error, or that the context ended first. Either way they will be tried again.
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

func refused(err error) *Ticket {
	t := &Ticket{done: make(chan struct{})}
	t.resolve(err)
	return t
}

// A batch is what one transaction changes. It has one change of a record at most:
// the last. All that gathered in it share its ticket.
type batch struct {
	wipe    bool // before the changes, everything is deleted
	changes map[string]change
	ticket  *Ticket
}

// A change is a Change; the record is deleted if it has neither field.
type change struct {
	value  func() []byte // nil once it was called
	sealed []byte        // as it is in the file
}

func newBatch() *batch {
	return &batch{changes: map[string]change{}, ticket: &Ticket{done: make(chan struct{})}}
}

// batchOf is a batch that makes the records all there is.
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

// addOlder adds what an older batch changes and this one does not.
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

// seal asks for the values that have not been asked for.
func (b *batch) seal() {
	for key, c := range b.changes {
		if c.value != nil {
			b.changes[key] = change{sealed: seal(key, c.value())}
		}
	}
}

// records is how many records the batch sets, once it is sealed.
func (b *batch) records() (n int) {
	for _, c := range b.changes {
		if c.sealed != nil {
			n++
		}
	}
	return n
}
