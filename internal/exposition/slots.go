package exposition

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// slots limit the number of concurrent scrapes, so that a client that does not read its
// response cannot keep others from scraping. If a scrape arrives when all slots are
// taken, the scrape that has been waiting for its client to read for the longest time
// is aborted. If none has been waiting long enough, the new scrape waits for a slot.
//
// There is no limit for each client address, because the scrapers of a pair that is
// highly available can have the same address. However, scrapers that have read a whole
// page before are given more time to read, and get a slot before others, so that they
// are served even while many clients arrive that do not read.
type slots struct {
	limit int
	began time.Time // start of the time scale of slot.blocked

	mu      sync.Mutex // protects the following fields
	taken   map[*slot]struct{}
	waiting []*slot // newest last
	timer   *time.Timer
	readers map[scraper]struct{} // those whose last scrape was complete
}

// A scraper identifies a client by what it usually sends with each scrape.
type scraper struct{ host, userAgent, accept, acceptEncoding string }

const (
	// A scrape can be aborted when its client has not read for unreadStall, or, if it
	// has read before, for readStall. A client that reads normally rarely takes longer
	// than a few milliseconds, except if the machine or the network is overloaded.
	// Shorter times would let clients that do not read cause more work.
	unreadStall = 100 * time.Millisecond
	readStall   = 500 * time.Millisecond

	// A client that has received more than this has read some of it: the buffers of the
	// kernels on both ends do not hold as much.
	maxUnread = 1 << 20

	// maxWait is the maximum time to wait for a slot.
	maxWait = 1500 * time.Millisecond

	// retryInterval is the interval at which waiting scrapes look for a stalled one.
	retryInterval = 10 * time.Millisecond

	// maxReaders is the maximum number of readers.
	maxReaders = 1000
)

// A slot is what a scrape takes while it is in progress.
type slot struct {
	slots   *slots
	scraper scraper
	abort   func()        // makes writing to the client fail
	ready   chan struct{} // closed when the scrape has got the slot
	blocked atomic.Int64  // when the write in progress began, in nanoseconds; 0 if there is none
	written atomic.Int64  // bytes
	aborted atomic.Bool
}

func newSlots(limit int) *slots {
	s := &slots{limit: limit, began: time.Now(), taken: map[*slot]struct{}{}, readers: map[scraper]struct{}{}}
	s.timer = time.AfterFunc(time.Hour, s.retry)
	s.timer.Stop()
	return s
}

// take returns a slot, or nil if no slot becomes free in time or the context is done.
// If the scrape that has the slot is to be aborted, abort is called; it must not block.
func (s *slots) take(ctx context.Context, client scraper, abort func()) *slot {
	t := &slot{slots: s, scraper: client, abort: abort, ready: make(chan struct{})}
	s.mu.Lock()
	s.waiting = append(s.waiting, t)
	s.admitLocked()
	s.mu.Unlock()

	select { // without a timer in the usual case
	case <-t.ready:
		return t
	default:
	}
	ctx, cancel := context.WithTimeout(ctx, maxWait)
	defer cancel()
	select {
	case <-t.ready:
		return t
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.Index(s.waiting, t); i >= 0 {
		s.waiting = slices.Delete(s.waiting, i, i+1)
		return nil
	}
	return t // it got the slot just now
}

// free returns the slot, unless another scrape has got it already, because this one was
// aborted. complete means that the client has received the whole page.
func (t *slot) free(complete bool) {
	s := t.slots
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.taken, t)
	if complete && !t.aborted.Load() {
		for other := range s.readers {
			if len(s.readers) < maxReaders {
				break
			}
			delete(s.readers, other)
		}
		s.readers[t.scraper] = struct{}{}
	} else {
		delete(s.readers, t.scraper)
	}
	s.admitLocked()
}

// retry admits waiting scrapes when others may have been stalled for long enough.
func (s *slots) retry() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.admitLocked()
}

// admitLocked gives slots to waiting scrapes, and tries again later if it has not
// enough. The caller must hold mu.
func (s *slots) admitLocked() {
	for len(s.waiting) > 0 {
		if len(s.taken) >= s.limit {
			stalled := s.stalledLocked()
			if stalled == nil {
				s.timer.Reset(retryInterval)
				return
			}
			delete(s.taken, stalled)
			stalled.aborted.Store(true)
			stalled.abort()
		}
		i := s.nextLocked()
		t := s.waiting[i]
		s.waiting = slices.Delete(s.waiting, i, i+1)
		s.taken[t] = struct{}{}
		close(t.ready)
	}
}

// nextLocked returns the index of the waiting scrape to admit next: the newest one of a
// client that reads, or else the newest one. The clients of older ones may have given
// up already. The caller must hold mu.
func (s *slots) nextLocked() int {
	for i, t := range slices.Backward(s.waiting) {
		if _, reads := s.readers[t.scraper]; reads {
			return i
		}
	}
	return len(s.waiting) - 1
}

// stalledLocked returns the slot of the scrape that has been stalled for the longest
// time, or nil if none has been for long enough. The caller must hold mu.
func (s *slots) stalledLocked() (longest *slot) {
	now := int64(time.Since(s.began))
	var since int64
	for t := range s.taken {
		limit := unreadStall
		if _, reads := s.readers[t.scraper]; reads || t.written.Load() > maxUnread {
			limit = readStall
		}
		if b := t.blocked.Load(); b != 0 && now-b >= int64(limit) && (longest == nil || b < since) {
			longest, since = t, b
		}
	}
	return longest
}

// beginWrite and endWrite record a write to the client, which blocks until the client
// has read enough of what was written before.
func (t *slot) beginWrite() { t.blocked.Store(max(int64(time.Since(t.slots.began)), 1)) }

func (t *slot) endWrite(n int) {
	t.written.Add(int64(n))
	t.blocked.Store(0)
}
