package membudget

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

func TestBudgetGrantsUpToItsSize(t *testing.T) {
	b := &Budget{size: 500}
	if !b.TryAcquire(300) || !b.TryAcquire(200) {
		t.Error("got no bytes although there is room")
	}
	if b.TryAcquire(1) || b.Used() != 500 {
		t.Errorf("got %d bytes in use, expected 500", b.Used())
	}
	if !b.TryAcquire(-100) || !b.TryAcquire(100) {
		t.Error("got no bytes after some were released")
	}
	b.Add(50)
	if b.Used() != 550 || b.TryAcquire(1) {
		t.Errorf("got %d bytes in use, expected 550", b.Used())
	}
	b.Release(550)
	if b.Used() != 0 {
		t.Errorf("got %d bytes in use, expected none", b.Used())
	}
	if b.TryAcquire(math.MaxInt64) {
		t.Error("got more bytes than there are")
	}
}

func TestBudgetLeavesAQuarterToSmallRequests(t *testing.T) {
	b := &Budget{size: 1000}
	if !b.TryAcquireLarge(700) || b.TryAcquireLarge(51) || !b.TryAcquireLarge(50) {
		t.Error("large requests got more or less than three quarters")
	}
	if !b.TryAcquire(250) || b.TryAcquire(1) {
		t.Error("small requests got more or less than the rest")
	}
}

func TestNilBudgetsGrantEverything(t *testing.T) {
	var b *Budget
	b.Add(1)
	b.Release(1)
	if !b.TryAcquire(math.MaxInt64) || !b.TryAcquireLarge(math.MaxInt64) || !b.HasRoom(math.MaxInt64) {
		t.Error("a nil Budget rejected a request")
	}
	if b.Size() != math.MaxInt64 || b.Max() != math.MaxInt64 || b.Used() != 0 {
		t.Errorf("a nil Budget has %d of %d bytes in use, at most %d for large requests", b.Used(), b.Size(), b.Max())
	}
	var q *Queue
	release, err := q.Acquire(t.Context(), math.MaxInt64)
	if err != nil {
		t.Fatal(err)
	}
	release()
	if q.Max() != math.MaxInt64 || q.Used() != 0 {
		t.Errorf("a nil Queue has %d bytes in use, at most %d for one request", q.Used(), q.Max())
	}
}

func TestHasRoom(t *testing.T) {
	b := &Budget{size: 500}
	b.Add(300)
	if !b.HasRoom(200) || b.HasRoom(201) || b.Used() != 300 {
		t.Errorf("got room for more or less than 200 bytes, or %d bytes in use", b.Used())
	}
	if n := b.rejected.Load(); n != 1 {
		t.Errorf("counted %d rejections, expected 1", n)
	}
}

// TestIDsHaveAPartOfTheHeldMemory checks that neither IDs nor series can take the
// memory of the others, and that both together have half of the limit.
func TestIDsHaveAPartOfTheHeldMemory(t *testing.T) {
	for _, test := range []struct{ limit, ids int64 }{{1600, 100}, {64 << 30, 128 << 20}} {
		b := Divide(test.limit)
		if b.IDs.Size() != test.ids || b.Held.Size()+b.IDs.Size() != test.limit/2 {
			t.Errorf("limit %d: got %d bytes for IDs, %d for series", test.limit, b.IDs.Size(), b.Held.Size())
		}
	}
}

func TestHalfOfABudget(t *testing.T) {
	b := &Budget{use: "test", size: 800}
	half := b.Half()
	expect := func(ok, expected bool, used int64, rejected uint64) {
		t.Helper()
		if ok != expected || b.Used() != used || b.rejected.Load() != rejected {
			t.Errorf("got %v, %d bytes in use, %d rejections; expected %v, %d, %d", ok, b.Used(), b.rejected.Load(), expected, used, rejected)
		}
	}
	expect(half.TryAcquire(401), false, 0, 1)
	expect(half.TryAcquireLarge(301), false, 0, 2)
	expect(half.TryAcquire(400), true, 400, 2)
	half.Release(100)
	expect(b.TryAcquire(300), true, 600, 2)
	expect(half.TryAcquire(1), false, 600, 3) // the last quarter is not for the half
	expect(half.Used() == 300, true, 600, 3)
	expect(b.TryAcquire(200), true, 800, 3)
	half.Release(300)
	expect(half.TryAcquire(100), true, 600, 3)
	if half := (*Budget)(nil).Half(); !half.TryAcquire(1) {
		t.Error("got no bytes from half of a nil budget")
	}
}

// TestBudgetIsNeverExceeded acquires and releases in many goroutines.
func TestBudgetIsNeverExceeded(t *testing.T) {
	b := &Budget{size: 500}
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			for i := range 2000 {
				n := int64(1 + (g*31+i*17)%200)
				if b.TryAcquire(n) {
					if used := b.Used(); used > b.Size() {
						t.Errorf("got %d bytes in use", used)
					}
					b.Release(n)
				}
			}
		})
	}
	all.Wait()
	if b.Used() != 0 {
		t.Errorf("got %d bytes in use, expected none", b.Used())
	}
}

func TestQueueGrantsInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue("parse", 1600) // 400 for small requests, 1200 for large ones
		release, err := q.Acquire(t.Context(), 1000)
		if err != nil {
			t.Fatal(err)
		}
		var order []int64
		for _, n := range []int64{1100, 150} { // 150 would fit, but must not overtake
			go func() {
				release, err := q.Acquire(t.Context(), n)
				if err != nil {
					t.Error(err)
					return
				}
				order = append(order, n)
				release()
			}()
			synctest.Wait()
		}
		if len(order) > 0 {
			t.Errorf("%v overtook a request that waits", order)
		}

		// A small request does not wait for large ones.
		small, err := q.Acquire(t.Context(), 100)
		if err != nil {
			t.Fatal(err)
		}
		small()

		release()
		synctest.Wait()
		if !slices.Equal(order, []int64{1100, 150}) {
			t.Errorf("got order %v", order)
		}
		if q.Used() != 0 {
			t.Errorf("got %d bytes in use, expected none", q.Used())
		}
	})
}

func TestQueueGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue("parse", 1600)
		if _, err := q.Acquire(t.Context(), 1201); !errors.Is(err, ErrTooLarge) {
			t.Errorf("got %v for a request that never fits", err)
		}
		release, err := q.Acquire(t.Context(), 1200)
		if err != nil {
			t.Fatal(err)
		}
		defer release()
		if _, err := q.Acquire(t.Context(), 200); !errors.Is(err, ErrExhausted) {
			t.Errorf("got %v, expected ErrExhausted after waiting", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := q.Acquire(ctx, 200); !errors.Is(err, ErrExhausted) {
			t.Errorf("got %v, expected ErrExhausted", err)
		}
		if n := q.budget.rejected.Load(); n != 2 {
			t.Errorf("counted %d rejections, expected 2: a client that disconnects is not rejected", n)
		}
	})
}

func TestCollector(t *testing.T) {
	b := Divide(1000)
	b.Held.TryAcquire(100)
	b.IDs.Add(20)
	b.Buffer.TryAcquire(101)
	if err := testutil.CollectAndCompare(b, strings.NewReader(`
# HELP signalbox_memory_budget_bytes Memory that may be in use, by use: request bodies (buffer), parsing them (parse), series, groups and event IDs (held).
# TYPE signalbox_memory_budget_bytes gauge
signalbox_memory_budget_bytes{use="buffer"} 100
signalbox_memory_budget_bytes{use="held"} 500
signalbox_memory_budget_bytes{use="parse"} 300
# HELP signalbox_memory_rejected_total Number of times that a budget had no room for a request or a series, by use.
# TYPE signalbox_memory_rejected_total counter
signalbox_memory_rejected_total{use="buffer"} 1
signalbox_memory_rejected_total{use="held"} 0
signalbox_memory_rejected_total{use="parse"} 0
# HELP signalbox_memory_used_bytes Estimate of the memory in use, by use.
# TYPE signalbox_memory_used_bytes gauge
signalbox_memory_used_bytes{use="buffer"} 0
signalbox_memory_used_bytes{use="held"} 120
signalbox_memory_used_bytes{use="parse"} 0
`)); err != nil {
		t.Error(err)
	}
}

func TestApply(t *testing.T) {
	const none = math.MaxInt64
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	memory := file("MemTotal:        8388608 kB\nMemFree: 1 kB\n")
	for _, test := range []struct {
		name     string
		given    int64
		soft     int64 // GOMEMLIMIT
		files    fstest.MapFS
		expected int64
		set      int64 // soft limit that is set, or 0
	}{
		{"the flag", 1000, none, nil, 1000, 900},
		{"the flag and GOMEMLIMIT", 1000, 500, nil, 1000, 0},
		{"GOMEMLIMIT", 0, 500, fstest.MapFS{"proc/meminfo": memory}, 500, 0},
		{"half of the memory", 0, none, fstest.MapFS{"proc/meminfo": memory}, 4 << 30, 4 << 30 / 10 * 9},
		{"an unknown size", 0, none, nil, assumedMemory / 2, assumedMemory / 2 / 10 * 9},
		{"cgroup 2 in a container", 0, none, fstest.MapFS{
			"proc/meminfo": memory, "proc/self/cgroup": file("0::/\n"), "sys/fs/cgroup/memory.max": file("1000\n"),
		}, 1000, 900},
		{"the cgroup above", 0, none, fstest.MapFS{
			"proc/self/cgroup": file("0::/a.slice/b.service\n"), "sys/fs/cgroup/a.slice/memory.max": file("1000\n"),
			"sys/fs/cgroup/a.slice/b.service/memory.max": file("max\n"),
		}, 1000, 900},
		{"a cgroup without a limit", 0, none, fstest.MapFS{
			"proc/meminfo": memory, "proc/self/cgroup": file("0::/\n"), "sys/fs/cgroup/memory.max": file("max\n"),
		}, 4 << 30, 4 << 30 / 10 * 9},
		{"cgroup 1", 0, none, fstest.MapFS{
			"proc/self/cgroup": file("9:cpu,memory:/docker/1f\n2:cpuset:/\n"), "sys/fs/cgroup/memory/docker/1f/memory.limit_in_bytes": file("1000\n"),
			"sys/fs/cgroup/memory/memory.limit_in_bytes": file("9223372036854771712\n"),
		}, 1000, 900},
		{"cgroup 1 with a path of the host", 0, none, fstest.MapFS{
			"proc/self/cgroup": file("9:memory:/docker/1f\n"), "sys/fs/cgroup/memory/memory.limit_in_bytes": file("1000\n"),
		}, 1000, 900},
		{"cgroup 1 without a limit", 0, none, fstest.MapFS{
			"proc/meminfo": memory, "proc/self/cgroup": file("9:memory:/\n"),
			"sys/fs/cgroup/memory/memory.limit_in_bytes": file("9223372036854771712\n"),
		}, 4 << 30, 4 << 30 / 10 * 9},
	} {
		t.Run(test.name, func(t *testing.T) {
			var set int64
			got := apply(test.given, test.files, func(n int64) int64 {
				if n >= 0 {
					set = n
				}
				return test.soft
			})
			if got != test.expected || set != test.set {
				t.Errorf("got limit %d, soft limit %d; expected %d, %d", got, set, test.expected, test.set)
			}
		})
	}
}
