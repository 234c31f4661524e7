package idempotency

import "time"

// A queued is an entry in a queue.
type queued struct {
	key   key
	added time.Duration // since the table was created
}

// chunkLength is the number of entries in a chunk of a queue.
const chunkLength = 1 << 10

// A queue holds entries in the order in which they were added. Each has a number, which
// is one more than that of the entry before it. A queue grows and shrinks by chunks, so
// that no operation copies many entries. The zero value is empty.
type queue struct {
	chunks      []*[chunkLength]queued
	first, next uint64 // numbers of the oldest entry and of the next one; chunks[0] contains first
}

func (q *queue) length() int { return int(q.next - q.first) }

// at returns the entry with the number, which must be in the queue.
func (q *queue) at(n uint64) *queued {
	i := n - q.first/chunkLength*chunkLength
	return &q.chunks[i/chunkLength][i%chunkLength]
}

func (q *queue) oldest() *queued { return q.at(q.first) }

// push adds an entry and returns its number.
func (q *queue) push(e queued) uint64 {
	n := q.next
	if n%chunkLength == 0 || len(q.chunks) == 0 {
		q.chunks = append(q.chunks, new([chunkLength]queued))
	}
	q.next++
	*q.at(n) = e
	return n
}

// pop removes the oldest entry and returns it and its number. The queue must not be
// empty.
func (q *queue) pop() (uint64, queued) {
	n, e := q.first, *q.oldest()
	q.first++
	if q.first%chunkLength == 0 {
		q.chunks[0] = nil
		q.chunks = q.chunks[1:]
	}
	return n, e
}
