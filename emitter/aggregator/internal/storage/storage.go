// Package storage keeps small records on disk, so that what was acknowledged is
// there after the process was killed at any moment, or the power failed. It does not
// know what the records mean.
//
// The file is a bbolt database. Changes gather while one transaction is written, and
// the next takes all of them, so any number of committers share its two syncs.
//
// bbolt trusts its file: a damaged one can make it crash in goroutines of its own,
// or loop. So it never sees one that this package has not read and checked before,
// page by page (pages.go). A file that is not sound is put aside, never deleted, and
// what could be read of it is written to a new one.
package storage

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"go.etcd.io/bbolt"
)

// ErrClosed is the error of what is committed after Close.
var ErrClosed = errors.New("the storage is closed")

// retryPause is how long after a failed write the next one is tried. What is
// committed meanwhile waits for it.
const retryPause = time.Second

// A file this large of which less than a quarter is in use is written anew when it
// is opened: bbolt's files never shrink.
const compactAbove = 64 << 20

// Options are what a Storage tells its owner, and asks of it. All may be nil.
//
// But for Load, and for Damaged before Open returns, they are called in the writer's
// goroutine, as Change.Value is: they may commit, but must not wait for a ticket,
// nor for a lock whose holder waits for one.
type Options struct {
	// Load is called by Open with each record that is there, in the order of kind
	// and key. It may keep the value. If it fails, so does Open, and the file stays
	// as it was.
	Load func(Record) error

	// Damaged is called when the file was found damaged, by Open or by a write, and
	// a new one has taken its place.
	Damaged func(Damage)

	// Rebuild returns all records as they should be, what was committed included. It is
	// called when a write found the file damaged, and what it returns is in the new
	// file before anything is acknowledged. If it is nil, what can be read of the old
	// file is kept.
	Rebuild func() []Change

	// Flushed is called after each write, with how many records it changed.
	Flushed func(records int, took time.Duration, err error)

	fault func() error // called before each transaction is committed, by tests
}

// Damage says what was wrong with a file.
type Damage struct {
	// Err is the first thing that was wrong.
	Err error

	// MovedTo is where the damaged file is now.
	MovedTo string

	// Kept is how many records are in the new file. Of a file that Open found
	// damaged they are those that could still be read; some may be as they were
	// before the last write, or have been deleted by it.
	Kept int
}

// A Storage is an open file of records. It is safe for concurrent use.
type Storage struct {
	path    string
	options Options

	// The writer's, after Open.
	file     *os.File  // the file at path, locked
	db       *bbolt.DB // nil if the file was found damaged and there is no new one yet
	damage   error     // why db is nil
	closeErr error     // for Close, once stopped is closed

	wake    chan struct{} // holds a token if the writer has something to do
	closing chan struct{} // closed by Close
	stopped chan struct{} // closed by the writer

	mu     sync.Mutex // protects following fields
	next   *batch     // what gathers for the next write; nil if nothing
	closed bool
}

// Open opens the file, or makes it.
//
// A damaged file is no error, but told to Options.Damaged. Errors are what somebody
// has to put right: that the directory is missing, that the file may not be read and
// written, is not a file, is in use, or was written by a newer version.
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

// open loads the records, and makes of the file what can be written to.
func (s *Storage) open() error {
	info, err := s.file.Stat()
	if err != nil {
		return err
	}
	size := info.Size()
	var found contents
	if size > 0 { // else it was only just made
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
			// If there is no room for a copy, the file stays as it is.
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

// Commit makes the changes: all of them or, should the process die before they are
// on disk, none. It does not wait for the disk. Changes take effect in the order of
// the commits. A commit of no changes is on disk when those before it are.
//
// Changes that could not be written are kept, and tried again with the next, until
// they are on disk: an error of the ticket says that they are not there yet.
func (s *Storage) Commit(changes []Change) *Ticket {
	for _, c := range changes {
		if len(c.Key) >= bbolt.MaxKeySize {
			return refused(fmt.Errorf("a record of kind %d: its key, which begins with %.40q, has %d bytes, which is more than %d",
				c.Kind, c.Key, len(c.Key), bbolt.MaxKeySize-1))
		}
	}
	return s.add(func(b *batch) { b.add(changes) })
}

// Wipe deletes all records that were committed before.
func (s *Storage) Wipe() *Ticket { return s.add((*batch).clear) }

func (s *Storage) add(to func(*batch)) *Ticket {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return refused(ErrClosed)
	}
	if s.next == nil {
		s.next = newBatch()
	}
	to(s.next)
	s.signal()
	return s.next.ticket
}

// Close writes what was committed, and closes the file. It returns why not all that
// was committed could be written. The file can be opened again in any case.
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

// write is the writer's goroutine.
func (s *Storage) write() {
	defer close(s.stopped)
	defer s.release()
	for last := false; !last; {
		select {
		case <-s.wake:
		case <-s.closing:
			last = true // nothing is committed any more
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
			s.putBack(b)
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

// putBack makes what could not be written part of the next batch.
func (s *Storage) putBack(b *batch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next == nil {
		s.next = newBatch()
	}
	s.next.addOlder(b)
	s.signal()
}

func (s *Storage) signal() {
	select {
	case s.wake <- struct{}{}:
	default: // the writer has not seen the last one yet
	}
}

// flush writes the batch to disk.
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
		// The database is left as it is, and mapped: after a panic nobody knows
		// which of its locks are held.
		s.db, s.damage = nil, err
	}
	switch {
	case s.options.Rebuild != nil:
		// It knows of the batch's changes, and of later ones.
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

// release closes the file.
func (s *Storage) release() {
	if s.db == nil {
		s.file.Close()
		return
	}
	if err := guard(s.db.Close); err != nil {
		s.closeErr = errors.Join(s.closeErr, err)
	}
}
