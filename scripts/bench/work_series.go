package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
)

// These contests create series in an empty store, and measure the time that this takes
// and the memory that the series use. Each round runs in a new process.

func newSeriesContests() []contest {
	var contests []contest
	for _, sh := range []*shape{&stepsWaiting, &workerContainers} {
		for _, n := range []int{1_000_000, 100_000, 10_000, 1_000} {
			t := newSeriesContest(sh, n)
			if t.plot = n < 1_000_000; t.plot && sh == &workerContainers {
				continue // the plots show series that do not belong to a worker
			}
			contests = append(contests, t)
		}
	}
	return contests
}

func newSeriesContest(sh *shape, n int) contest {
	contenders := []contender{
		{signalboxName, createSeries(signalboxStore, sh)},
		{vectorName, createSeries(gaugesOnly(clientGolang), sh)},
		{victoriaName, createSeries(gaugesOnly(victoriaMetrics), sh)},
	}
	what, peer, faster, most := fmt.Sprintf("%d labels", len(sh.labels)), vectorName, 2.0, 165.0
	if sh.lastSeen != "" {
		contenders = append(contenders, contender{lastSeenName, createSeries(withLastSeen(clientGolang), sh)})
		what, peer = what+", and a worker with its last-seen series", lastSeenName
		faster, most = 1.6, 300
	}
	return contest{
		name:       fmt.Sprintf("first emit and memory, %s, %d", sh.event, n),
		contenders: contenders,
		operations: n,
		rounds:     3,
		fresh:      true,
		compare: func(m *measurement) []comparison {
			created := comparison{
				work: fmt.Sprintf("first Emit of a series, `%s`, %s new series: %s", sh.event, thousands(n), what), unit: nanoseconds,
				results: m.results(turn.nanoseconds),
				goals:   []goal{{peer: peer, value: faster}},
				plot:    plotCreate, series: n,
			}
			valueBytes, textBytes := sh.bytes(n)
			memory := comparison{
				work: fmt.Sprintf("heap per series, `%s`, %s series: %s; the label values alone take %s, and %s as text on the page",
					sh.event, thousands(n), what, bytesText(valueBytes), bytesText(textBytes)),
				unit:    unit{name: "B"},
				results: m.results(fact("heap")),
				goals:   []goal{{peer: peer, value: 2}, {value: most}},
				plot:    plotMemory, series: n,
			}
			for i := range memory.results {
				memory.results[i] = withoutAllocs(memory.results[i]) // already in the other comparison
				r := &memory.results[i]
				var resident []float64
				for _, t := range m.turnsOf(r.contender) {
					resident = append(resident, t.Facts["resident"])
				}
				r.detail = withRange(resident, "B resident")
			}
			if sh.lastSeen != "" {
				created.plot, memory.plot = "", ""
			}
			return []comparison{created, memory}
		},
	}
}

// bytes returns the size of the label values of a series, and of its labels as text,
// averaged over n series.
func (s *shape) bytes(n int) (values, text float64) {
	for _, l := range s.labels {
		values += float64(len(l.value))
		text += float64(len(l.name) + len(`="",`) + len(l.value))
	}
	text++ // two braces, minus one comma
	digits := 0
	for i := range n {
		digits += len(strconv.Itoa(i))
	}
	return values + float64(digits)/float64(n), text + float64(digits)/float64(n)
}

// createSeries returns the task of creating series. It creates a new string for each
// key, as real events have, so a store that retains the string also uses its memory.
func createSeries(start newStore, sh *shape) func() (*task, error) {
	return func() (*task, error) {
		s, err := start(sh)
		if err != nil {
			return nil, err
		}
		heapBefore, residentBefore := heap(), resident()
		created := 0
		return &task{
			run: func(n int) error {
				for i := range n {
					s.set(sh.key(i), float64(i))
				}
				created = n
				return nil
			},
			facts: func() map[string]float64 {
				if created == 0 {
					return nil
				}
				r := resident() // before heap collects the garbage
				h := heap()
				runtime.KeepAlive(s)
				return map[string]float64{
					"heap":     (h - heapBefore) / float64(created),
					"resident": (r - residentBefore) / float64(created),
				}
			},
		}, nil
	}
}

// heap returns the size of the live objects on the heap.
func heap() float64 {
	runtime.GC()
	runtime.GC() // collects what finalizers and pools retained
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return float64(stats.HeapAlloc)
}

// resident returns the resident memory of the process, or 0 if it is unknown.
func resident() float64 {
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(statm))
	pages, err := strconv.Atoi(fields[1])
	if err != nil {
		return 0
	}
	return float64(pages * os.Getpagesize())
}
