// Package storage keeps small records on disk. Acknowledged changes survive if the
// process is killed or the power fails at any moment. The package does not interpret
// the records.
//
// The file is a bbolt database. While one transaction is being written, further changes
// are collected in a batch, which the next transaction writes. So any number of
// goroutines share the two disk syncs that bbolt needs for each transaction.
//
// bbolt trusts its file: a damaged file can make it crash in its own goroutines, or
// loop forever. For this reason, this package reads and checks the file page by page
// (pages.go) before bbolt opens it. It moves a damaged file aside, never deletes it,
// and writes the records that it could still read to a new file.
package storage

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"go.etcd.io/bbolt"
)

// ErrClosed is the error of a change that is committed after Close.
var ErrClosed = errors.New("the storage is closed")

// retryPause is the pause after a failed write. Changes that are committed in the
// meantime wait for the next write.
const retryPause = time.Second

// compactAbove is the size in bytes above which Open rewrites a file if less than a
// quarter of it is in use. bbolt never shrinks a file.
const compactAbove = 64 << 20

// Options are the callbacks of a Storage. Each of them may be nil.
//
// Open calls Load, and Damaged if it finds the file damaged. The writer's goroutine
// makes all other calls, including those of Change.Value. A callback may call Commit,
// but must not wait for a ticket, or for a lock whose holder waits for a ticket.
type Options struct {
	// Load is called by Open with each record in the file, ordered by kind and key. It
	// may retain the value. If it returns an error, Open returns that error and does
	// not change the file.
	Load func(Record) error

	// Damaged is called after Open or a write has found the file damaged and has
	// replaced it with a new one.
	Damaged func(Damage)

	// Rebuild returns all records that the file should contain, including those of
	// committed changes that have not been written yet. It is called when a write finds
	// the file damaged. The new file contains these records before any change is
	// acknowledged. If Rebuild is nil, the new file contains the records that could be
	// read from the old one.
	Rebuild func() []Change

	// Flushed is called after each write, with the number of changed records.
	Flushed func(records int, took time.Duration, err error)

	fault func() error // set by tests; called before each transaction is committed
}

// Damage describes a damaged file.
type Damage struct {
	// Err is the first error that was found in the file.
	Err error

	// MovedTo is the path to which the damaged file was moved. It is empty if the file
	// no longer existed.
	MovedTo string

	// Kept is the number of records in the new file. If Open found the damage, these
	// are the records that could still be read. Some of them may have a value from
	// before the last write, or may have been deleted by it.
	Kept int
}

// A Storage is an open file of records. It is safe for concurrent use.
type Storage struct {
	path    string
	options Options

	// Only the writer uses the following fields once Open has returned.
	file     *os.File  // the file at path, locked
	db       *bbolt.DB // nil if the file is damaged and has not been replaced yet
	damage   error     // the damage if db is nil
	closeErr error     // result of Close; set before stopped is closed

	wake    chan struct{} // contains a token if the writer has work to do
	closing chan struct{} // closed by Close
	stopped chan struct{} // closed by the writer

	mu     sync.Mutex // protects the following fields
	next   *batch     // changes for the next write; nil if there are none
	closed bool
}

// Open opens the file, and creates it if necessary.
//
// A damaged file is not an error: Open replaces it and calls Options.Damaged. Open
// returns an error if the directory does not exist, if the file is not a regular file,
// cannot be read and written, is in use by another process or was written by a newer
// version, or if Options.Load fails.
func Open(path string, options Options) (*Storage, error) {
	f, err := openLocked(&path)
	if err != nil {
		return nil, fmt.Errorf("storage file %s: %w", path, err)
	}
	s := &Storage{
		path:    path,
		options: options,
		file:    f,
		wake:    make(chan struct{}, 1),
		closing: make(chan struct{}),
		stopped: make(chan struct{}),
	}
	if err := s.open(); err != nil {
		s.release()
		return nil, fmt.Errorf("storage file %s: %w", path, err)
	}
	go s.write()
	return s, nil
}

// open loads the records and opens the database. It replaces a damaged file, and one
// that should be compacted.
func (s *Storage) open() error {
	info, err := s.file.Stat()
	if err != nil {
		return err
	}
	size := info.Size()
	var found contents
	if size > 0 { // otherwise openLocked has just created the file
		found = readFile(s.file, size)
	}
	if found.newer != nil {
		return found.newer
	}
	if s.options.Load != nil {
		for _, r := range found.records {
			if err := s.options.Load(r); err != nil {
				return fmt.Errorf("record %q of kind %d: %w", r.Key, r.Kind, err)
			}
		}
	}
	s.damage = found.damage
	if size > 0 && s.damage == nil {
		if size > compactAbove && found.live < size/4 {
			// If the copy fails, for example because the disk is full, the file is used
			// as it is.
			if err := s.replace(batchOf(found.records)); s.db != nil {
				return err
			}
		}
		s.db, err = openBolt(s.file)
		if !isDamage(err) {
			return err
		}
		s.damage = err
	}
	return s.replace(batchOf(found.records))
}

// Commit applies the changes atomically: even after a crash, the file contains either
// all of them or none. Changes take effect in the order of the commits. Commit does not
// wait for the disk; the ticket does. The ticket of a commit without changes waits for
// the commits before it.
//
// Changes that could not be written are retained, and every further write tries them
// again. So an error of the ticket means that the changes are not on disk yet. There
// are two exceptions, after which the changes are not retained: a key that is too long,
// and ErrClosed after Close.
func (s *Storage) Commit(changes []Change) *Ticket {
	for _, c := range changes {
		if len(c.Key) >= bbolt.MaxKeySize {
			return failedTicket(fmt.Errorf("record %.40q of kind %d: got a key of %d bytes, expected at most %d",
				c.Key, c.Kind, len(c.Key), bbolt.MaxKeySize-1))
		}
	}
	return s.enqueue(func(b *batch) { b.add(changes) })
}

// Wipe deletes all records that were committed before. The ticket is like that of
// Commit.
func (s *Storage) Wipe() *Ticket { return s.enqueue((*batch).clear) }

// enqueue lets addTo change the next batch, and wakes the writer.
func (s *Storage) enqueue(addTo func(*batch)) *Ticket {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return failedTicket(ErrClosed)
	}
	if s.next == nil {
		s.next = newBatch()
	}
	addTo(s.next)
	s.signal()
	return s.next.ticket
}

// Close writes the committed changes and closes the file. It returns an error if
// changes could not be written or the file could not be closed. The file can be opened
// again in any case. Further calls return the same error.
func (s *Storage) Close() error {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.closing)
	}
	s.mu.Unlock()
	<-s.stopped
	return s.closeErr
}

// write runs in the writer's goroutine. It writes batches until Close is called.
func (s *Storage) write() {
	defer close(s.stopped)
	defer s.release()
	for last := false; !last; {
		select {
		case <-s.wake:
		case <-s.closing:
			last = true // Commit accepts no further changes
		}
		s.mu.Lock()
		b := s.next
		s.next = nil
		s.mu.Unlock()
		if b == nil {
			continue
		}

		start := time.Now()
		err := s.flush(b)
		if s.options.Flushed != nil {
			s.options.Flushed(len(b.changes), time.Since(start), err)
		}
		if err != nil {
			s.retry(b)
		}
		b.ticket.resolve(err)
		switch {
		case err == nil:
		case last:
			s.closeErr = err
		default:
			select {
			case <-time.After(retryPause):
			case <-s.closing:
			}
		}
	}
}

// retry adds the changes of a failed write to the next batch.
func (s *Storage) retry(b *batch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next == nil {
		s.next = newBatch()
	}
	s.next.addOlder(b)
	s.signal()
}

// signal wakes the writer.
func (s *Storage) signal() {
	select {
	case s.wake <- struct{}{}:
	default: // the writer has not received the last token yet
	}
}

// flush writes the batch to disk. If the file is damaged, it replaces the file.
func (s *Storage) flush(b *batch) error {
	b.seal()
	if s.db != nil {
		err := guard(func() error {
			if err := checkFreelist(s.file); err != nil {
				panic(err)
			}
			return update(s.db, b, s.options.fault)
		})
		if !isDamage(err) {
			return err
		}
		// The database is not closed, and the file stays mapped: after a panic, its
		// locks may still be held.
		s.db, s.damage = nil, err
	}
	switch {
	case s.options.Rebuild != nil:
		// The result includes the batch's changes, and possibly later ones.
		b.clear()
		b.add(s.options.Rebuild())
		b.seal()
	case !b.wipe:
		info, err := s.file.Stat()
		if err != nil {
			return err
		}
		b.addOlder(batchOf(readFile(s.file, info.Size()).records))
	}
	return s.replace(b)
}

// release closes the database, or the file if there is no database.
func (s *Storage) release() {
	if s.db == nil {
		s.file.Close()
		return
	}
	if err := guard(s.db.Close); err != nil {
		s.closeErr = errors.Join(s.closeErr, err)
	}
}
