package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
)

// Series are made, from none: the time that it takes, and the memory that they take
// from then on. Each round is a new process.

func newSeriesContests() []contest {
	var contests []contest
	for _, sh := range []*shape{&stepsWaiting, &workerContainers} {
		for _, n := range []int{1_000_000, 100_000, 10_000, 1_000} {
			t := newSeriesContest(sh, n)
			if t.plot = n < 1_000_000; t.plot && sh == &workerContainers {
				continue // the plots are of series that belong to no worker
			}
			contests = append(contests, t)
		}
	}
	return contests
}

func newSeriesContest(sh *shape, n int) contest {
	contenders := []contender{
		{signalboxName, createSeries(signalboxStore, sh)},
		{vectorName, createSeries(alone(clientGolang), sh)},
		{victoriaName, createSeries(alone(victoriaMetrics), sh)},
	}
	what, beside := fmt.Sprintf("%d labels", len(sh.labels)), vectorName
	if sh.lastSeen != "" {
		contenders = append(contenders, contender{twoName, createSeries(withLastSeen(clientGolang), sh)})
		what, beside = what+", and a worker with its last-seen series", twoName
	}
	return contest{
		name:       fmt.Sprintf("first emit and memory, %s, %d", sh.event, n),
		contenders: contenders,
		operations: n,
		rounds:     3,
		fresh:      true,
		compare: func(m *measurement) []comparison {
			created := comparison{
				work: fmt.Sprintf("first Emit of a series, `%s`, %s from none: %s", sh.event, thousands(n), what), unit: nanoseconds,
				results: m.results(turn.nanoseconds),
				goals:   []goal{{peer: beside, value: 2}},
				plot:    plotCreate, series: n,
			}
			valueBytes, textBytes := sh.bytes(n)
			memory := comparison{
				work: fmt.Sprintf("heap for a series, `%s`, %s live: %s; the labels' values alone are %s, as text on the page %s",
					sh.event, thousands(n), what, bytesText(valueBytes), bytesText(textBytes)),
				unit:    unit{name: "B"},
				results: m.results(fact("heap")),
				goals:   []goal{{peer: beside, value: 2}},
				plot:    plotMemory, series: n,
			}
			for i := range memory.results {
				memory.results[i] = withoutAllocs(memory.results[i]) // they are above
				r := &memory.results[i]
				var resident []float64
				for _, t := range m.of(r.contender) {
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

// bytes are those of the label values of a series, and of its labels as text, on the
// average of so many.
func (s *shape) bytes(n int) (values, text float64) {
	for _, l := range s.labels {
		values += float64(len(l.value))
		text += float64(len(l.name) + len(`="",`) + len(l.value))
	}
	text++ // two braces, and a comma less
	digits := 0
	for i := range n {
		digits += len(strconv.Itoa(i))
	}
	return values + float64(digits)/float64(n), text + float64(digits)/float64(n)
}

// createSeries makes series of keys that are made on the way, as those of real events
// are: whoever keeps the string keeps it.
func createSeries(start newStore, sh *shape) func() (*task, error) {
	return func() (*task, error) {
		s, err := start(sh)
		if err != nil {
			return nil, err
		}
		heapBefore, residentBefore := heap(), resident()
		made := 0
		return &task{
			run: func(n int) error {
				for i := range n {
					s.set(sh.key(i), float64(i))
				}
				made = n
				return nil
			},
			facts: func() map[string]float64 {
				if made == 0 {
					return nil
				}
				r := resident() // before the garbage is collected
				h := heap()
				runtime.KeepAlive(s)
				return map[string]float64{
					"heap":     (h - heapBefore) / float64(made),
					"resident": (r - residentBefore) / float64(made),
				}
			},
		}, nil
	}
}

// heap is what is live on the heap.
func heap() float64 {
	runtime.GC()
	runtime.GC() // what finalizers and pools held on to
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return float64(stats.HeapAlloc)
}

// resident is how much memory the process occupies, 0 if the system does not tell.
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
