package idempotency

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/signalbox-ci/signalbox/internal/membudget"
)

// A modelEntry is an entry of a naive table.
type modelEntry struct {
	k     key
	added time.Duration
	a     *answer // nil for an ID
	gone  bool    // removed by its sender; takes up room until it expires
}

// A model is a naive table: a list of entries, the oldest first.
type model struct {
	maxEntries int
	maxBytes   int64
	maxAge     time.Duration
	entries    []modelEntry
	running    map[key]key
}

func (m *model) find(k key, now time.Duration) int {
	return slices.IndexFunc(m.entries, func(e modelEntry) bool { return e.k == k && !e.gone && now-e.added < m.maxAge })
}

func (m *model) add(k key, now time.Duration, a *answer) {
	for i := range m.entries {
		if e := &m.entries[i]; e.k == k { // it has expired
			e.gone, e.a = true, nil
		}
	}
	m.entries = append(m.entries, modelEntry{k: k, added: now, a: a})
	for len(m.entries) > 1 && (len(m.entries) > m.maxEntries || m.bytes() > m.maxBytes) {
		m.entries = m.entries[1:]
	}
}

func (m *model) bytes() (sum int64) {
	for _, e := range m.entries {
		sum += entryBytes
		if e.a != nil {
			sum += e.a.bytes()
		}
	}
	return sum
}

// expire removes expired entries. The model removes all of them, and the table at most
// maxExpired at once, so the test advances the clock slowly.
func (m *model) expire(now time.Duration) {
	for len(m.entries) > 0 && now-m.entries[0].added >= m.maxAge {
		m.entries = m.entries[1:]
	}
}

// TestTableBehavesLikeTheModel performs random operations on a table and on the model.
func TestTableBehavesLikeTheModel(t *testing.T) {
	for seed := range uint64(6) {
		random := rand.New(rand.NewPCG(seed, 1))
		memory := membudget.Divide(16 * (1000 + random.Int64N(400_000))).IDs
		m := &model{maxEntries: 1 + random.IntN(3*chunkLength), maxBytes: memory.Size(), maxAge: time.Hour, running: map[key]key{}}
		began := time.Unix(1000, 0)
		now := time.Duration(0)
		table := NewTable(Options{MaxEntries: m.maxEntries, Memory: memory, Clock: func() time.Time { return began.Add(now) }})
		ids := table.IDs("p")
		names := 1 + random.IntN(5_000)
		var operation string
		expect := func(got, expected any) {
			t.Helper()
			if got != expected {
				t.Fatalf("seed %d: %s: got %v, expected %v", seed, operation, got, expected)
			}
		}
		for range 4_000 {
			now += time.Duration(random.Int64N(int64(3 * time.Second)))
			m.expire(now)
			name := fmt.Sprint(random.IntN(names))
			id, k := keyOf("id\x00p", name), keyOf("request", name)
			request := key{byte(random.IntN(2))}
			switch random.IntN(6) {
			case 0, 1:
				operation = "add " + name
				added := m.find(id, now) < 0
				if added {
					m.add(id, now, nil)
				}
				expect(ids.Add([]byte(name)), added)
			case 2:
				operation = "has " + name
				expect(ids.Has([]byte(name)), m.find(id, now) >= 0)
			case 3:
				operation = "remove " + name
				if i := m.find(id, now); i >= 0 {
					m.entries[i].gone = true
				}
				ids.Remove([]byte(name))
			case 4:
				operation = "begin " + name
				a, status := table.begin(k, request)
				i := m.find(k, now)
				switch other, running := m.running[k]; {
				case running && other == request:
					expect(status, 409)
				case running, i >= 0 && m.entries[i].a.request != request:
					expect(status, 422)
				case i >= 0:
					expect(a, m.entries[i].a)
				default:
					expect(a == nil && status == 0, true)
					m.running[k] = request
				}
			case 5:
				for k, request := range m.running {
					operation = "end"
					var a *answer
					if random.IntN(3) > 0 {
						a = &answer{request: request, body: make([]byte, random.IntN(200))}
						m.add(k, now, a)
					}
					delete(m.running, k)
					table.end(k, a)
					break
				}
			}
			ids.Has(nil) // not every iteration performs an operation, which removes expired entries
			expect(table.order.length(), len(m.entries))
			expect(table.bytes, m.bytes())
			expect(memory.Used(), m.bytes())
		}
		if len(table.answers) > len(table.entries) {
			t.Fatalf("got %d answers in %d entries", len(table.answers), len(table.entries))
		}
		operation = "expire"
		now += time.Hour
		for table.order.length() > 0 {
			ids.Has(nil)
		}
		expect(memory.Used(), int64(0))
	}
}

func TestMemoryIsBounded(t *testing.T) {
	const entries = 100_000
	now := time.Unix(0, 0)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	table := NewTable(Options{MaxEntries: entries, Clock: func() time.Time { return now }})
	ids := table.IDs("p")
	id := make([]byte, 0, 20)
	for i := range entries + entries/10 {
		now = now.Add(time.Millisecond)
		ids.Add(fmt.Appendf(id[:0], "event-%d", i))
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if held := table.order.length(); held != entries || len(table.entries) != held || table.counts.evicted != entries/10 {
		t.Errorf("got %d entries, expected %d", held, entries)
	}
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > table.bytes*5/4 {
		t.Errorf("got %d bytes of memory, but %d bytes counted", grown, table.bytes)
	}

	// Expired entries are removed in small steps.
	now = now.Add(time.Hour)
	if ids.Has(fmt.Appendf(id[:0], "event-%d", entries)) || table.order.length() != entries-maxExpired {
		t.Errorf("got %d entries after one operation", table.order.length())
	}
	for table.order.length() > 0 {
		ids.Has(id)
	}
	if table.entries != nil || table.bytes != 0 {
		t.Errorf("got %d bytes in an empty table", table.bytes)
	}
	runtime.KeepAlive(table)
}

func TestIDsDoNotAllocate(t *testing.T) {
	ids := NewTable(Options{}).IDs("/api/v1/events")
	id := []byte("0f8fad5b-d9cb-469f-a165-70867728950e")
	ids.Add(id)
	if n := testing.AllocsPerRun(100, func() { ids.Add(id); ids.Has(id) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkAdd(b *testing.B) {
	ids := NewTable(Options{}).IDs("/api/v1/events")
	id := make([]byte, 0, 20)
	for i := 0; b.Loop(); i++ {
		ids.Add(fmt.Appendf(id[:0], "event-%d", i))
	}
}
