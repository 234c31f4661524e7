// Package idempotency recognizes repeats: of events with an ID, and of requests with an
// Idempotency-Key. Both are entries in one table, which limits their number, age and
// memory. The table is not kept across restarts.
package idempotency

import (
	"crypto/sha256"
	"net/http"
	"sync"
	"time"

	"github.com/signalbox-ci/signalbox/internal/membudget"
)

// Options configure a Table. The zero values are the defaults.
type Options struct {
	// MaxEntries is the maximum number of entries. The default is a million. Memory is
	// the budget for entries and stored answers, of which the table may use all; nil
	// means no limit. A new entry removes the oldest ones if one of the limits is
	// exceeded.
	MaxEntries int
	Memory     *membudget.Budget

	// MaxAge is how long an entry is kept. The default is an hour.
	MaxAge time.Duration

	// Clock returns the current time. Nil means time.Now.
	Clock func() time.Time
}

// A Table holds the IDs of events and the answers to requests. It is safe for
// concurrent use. Create it with NewTable.
type Table struct {
	maxEntries int
	memory     *membudget.Budget
	maxAge     time.Duration
	clock      func() time.Time
	began      time.Time

	mu sync.Mutex // protects the following fields

	// order contains the entries in the order of their age. entries contains the number
	// of each in order. An entry in order with another number has been replaced or
	// removed; it takes up room until it expires.
	order   queue
	entries map[key]uint64
	answers map[key]*answer // answers to requests
	bytes   int64           // memory for the entries in order and the answers, approximately

	running map[key]key // fingerprints of requests that have no answer yet

	counts counts
}

// counts are the numbers of what happened since the start.
type counts struct {
	duplicates          uint64 // events dropped as repeats
	replayed            uint64 // requests that got a stored answer
	concurrent, differs uint64 // requests rejected with 409 and 422
	evicted             uint64 // entries removed because of MaxEntries or Memory
}

// A key identifies an entry. It is a part of a cryptographic hash, so that different
// entries have different keys, whatever clients send.
type key [16]byte

// An answer is the stored answer to a request.
type answer struct {
	request     key // fingerprint of the request
	status      int
	contentType string
	body        []byte
}

// The approximate memory for an entry, and for an answer in addition to its body. A map
// is about two thirds full on average.
const (
	entryBytes  = 80
	answerBytes = 160
)

// NewTable returns an empty table.
func NewTable(o Options) *Table {
	t := &Table{maxEntries: o.MaxEntries, memory: o.Memory, maxAge: o.MaxAge, clock: o.Clock}
	if t.maxEntries == 0 {
		t.maxEntries = 1_000_000
	}
	if t.maxAge == 0 {
		t.maxAge = time.Hour
	}
	if t.clock == nil {
		t.clock = time.Now
	}
	t.began = t.clock()
	return t
}

// keyOf returns the key for a name in a scope. It does not allocate for short names.
func keyOf[T string | []byte](scope string, name T) key {
	var array [256]byte
	b := append(array[:0], scope...)
	b = append(b, 0)
	b = append(b, name...)
	sum := sha256.Sum256(b)
	return key(sum[:len(key{})])
}

// An IDs is the set of the IDs of events in a table.
type IDs struct {
	table *Table
	scope string
}

// IDs returns the set of IDs with the given scope. Sets with different scopes are
// distinct.
func (t *Table) IDs(scope string) IDs { return IDs{t, "id\x00" + scope} }

// Add adds an ID. It reports whether the set did not contain it. It counts a repeat.
func (s IDs) Add(id []byte) (added bool) {
	k := keyOf(s.scope, id)
	t := s.table
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.expireLocked()
	if t.hasLocked(k, now) {
		t.counts.duplicates++
		return false
	}
	t.addLocked(k, now, nil)
	return true
}

// Has reports whether the set contains an ID.
func (s IDs) Has(id []byte) bool {
	k := keyOf(s.scope, id)
	t := s.table
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.hasLocked(k, t.expireLocked())
}

// Remove removes an ID, if the set contains it.
func (s IDs) Remove(id []byte) {
	k := keyOf(s.scope, id)
	t := s.table
	t.mu.Lock()
	defer t.mu.Unlock()
	t.expireLocked()
	delete(t.entries, k)
}

// begin is called for a request with the given fingerprint. If the table has an answer
// to the request, begin returns it. Otherwise it returns 0 if the caller must handle
// the request and call end, or the status with which to reject it.
func (t *Table) begin(k, request key) (*answer, int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.expireLocked()
	if other, ok := t.running[k]; ok {
		if other != request {
			t.counts.differs++
			return nil, http.StatusUnprocessableEntity
		}
		t.counts.concurrent++
		return nil, http.StatusConflict
	}
	if t.hasLocked(k, now) {
		a := t.answers[k]
		if a.request != request {
			t.counts.differs++
			return nil, http.StatusUnprocessableEntity
		}
		t.counts.replayed++
		return a, 0
	}
	if t.running == nil {
		t.running = make(map[key]key)
	}
	t.running[k] = request
	return nil, 0
}

// end is called after a request has been handled. It stores the answer, unless it is
// nil.
func (t *Table) end(k key, a *answer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.expireLocked()
	delete(t.running, k)
	if a != nil {
		t.addLocked(k, now, a)
	}
}

// hasLocked reports whether the table has an entry that has not expired. The caller
// must hold mu.
func (t *Table) hasLocked(k key, now time.Duration) bool {
	n, ok := t.entries[k]
	return ok && now-t.order.at(n).added < t.maxAge
}

// addLocked adds an entry, which the table must not have unless it has expired. The
// caller must hold mu.
func (t *Table) addLocked(k key, now time.Duration, a *answer) {
	if t.entries == nil {
		t.entries, t.answers = make(map[key]uint64), make(map[key]*answer)
	}
	t.dropAnswerLocked(k) // of an expired entry
	t.entries[k] = t.order.push(queued{k, now})
	t.addBytesLocked(entryBytes)
	if a != nil {
		t.answers[k] = a
		t.addBytesLocked(a.bytes())
	}
	for t.order.length() > 1 && (t.order.length() > t.maxEntries || t.bytes > t.memory.Size()) {
		if t.popLocked() {
			t.counts.evicted++
		}
	}
}

// maxExpired is the maximum number of entries that one operation removes because of
// their age, so that none takes long.
const maxExpired = 100

// expireLocked removes expired entries and returns the current time, as the time since
// the table was created. The caller must hold mu.
func (t *Table) expireLocked() time.Duration {
	now := t.clock().Sub(t.began)
	for range maxExpired {
		if t.order.length() == 0 || now-t.order.oldest().added < t.maxAge {
			break
		}
		t.popLocked()
	}
	return now
}

// popLocked removes the oldest entry from order, and from the table unless it has been
// replaced or removed, which popLocked reports. The caller must hold mu.
func (t *Table) popLocked() (removed bool) {
	n, q := t.order.pop()
	t.addBytesLocked(-entryBytes)
	if current, ok := t.entries[q.key]; ok && current == n {
		delete(t.entries, q.key)
		t.dropAnswerLocked(q.key)
		removed = true
	}
	if t.order.length() == 0 {
		t.entries, t.answers = nil, nil // maps do not shrink
	}
	return removed
}

// dropAnswerLocked removes the answer with the key, if there is one. The caller must
// hold mu.
func (t *Table) dropAnswerLocked(k key) {
	if a := t.answers[k]; a != nil {
		t.addBytesLocked(-a.bytes())
		delete(t.answers, k)
	}
}

// addBytesLocked counts memory that was taken or, if n is negative, released. The
// caller must hold mu.
func (t *Table) addBytesLocked(n int64) {
	t.bytes += n
	t.memory.Add(n)
}

func (a *answer) bytes() int64 { return answerBytes + int64(len(a.body)) }
