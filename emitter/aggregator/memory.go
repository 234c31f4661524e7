package aggregator

import (
	"fmt"
	"unsafe"

	dto "github.com/prometheus/client_model/go"

	"github.com/signalbox-ci/signalbox/internal/series"
)

// A Memory limits the memory for series, groups and agents. It is safe for concurrent
// use. The Aggregator calls it with estimates that are about right: a test compares
// them with what Go's runtime reports.
type Memory interface {
	// TryAcquire reserves n bytes if there is room for them, and reports whether there
	// is. It always succeeds if n is negative, which releases bytes.
	TryAcquire(n int64) bool

	// Add reserves n bytes even if there is no room for them, or releases bytes if n is
	// negative.
	Add(n int64)
}

// The memory that parts of an Aggregator take in addition to texts and histograms, in
// bytes. TestMemory compares the results with the heap.
const (
	groupBytes   = 700
	labelBytes   = int64(unsafe.Sizeof(Label{}))
	familyBytes  = int64(unsafe.Sizeof(family{})) + mapEntryBytes + 16
	sampleBytes  = int64(unsafe.Sizeof(sample{})) + series.OpenSeriesBytes
	sumBytes     = int64(unsafe.Sizeof(sum{})) + series.OpenSeriesBytes + 2*mapEntryBytes + 48
	agentBytes   = int64(unsafe.Sizeof(agent{})) + 2*mapEntryBytes + 160
	entryBytes   = 3*int64(unsafe.Sizeof(entry{}))/2 + mapEntryBytes
	pointerBytes = 8 // a number in a protobuf message

	mapEntryBytes = 40
)

// textBytes returns the memory of a text. The allocator rounds sizes up.
func textBytes(text string) int64 { return int64(len(text)) + int64(len(text))/8 + 8 }

// memory returns the memory that the group takes without its families. shown is the
// text of the labels with which the times of pushes are served.
func (g *group) memory(shown string) int64 {
	n := groupBytes + 2*textBytes(g.key) + textBytes(shown)
	for _, l := range g.labels {
		n += labelBytes + textBytes(l.Name) + textBytes(l.Value)
	}
	return n
}

// memory returns the memory that the family takes in a group.
func (f *family) memory() int64 {
	n := familyBytes + textBytes(f.name) + textBytes(f.help)
	for i := range f.samples {
		n += f.samples[i].memory()
	}
	return n
}

func (s *sample) memory() int64 {
	n := sampleBytes + textBytes(s.text) + metricBytes(s.metric)
	if unsafe.StringData(s.shown) != unsafe.StringData(s.text) {
		n += textBytes(s.shown)
	}
	return n
}

// sumMemory returns the memory of a new sum to which the sample is added. A sum has two
// histograms: the total, and the part of removed groups.
func sumMemory(shown string, metric *dto.Metric) int64 {
	return sumBytes + 2*textBytes(shown) + 2*metricBytes(metric)
}

// memory returns the memory that the entry takes.
func (e *entry) memory() int64 { return e.memoryWith(e.series.Labels()) }

// memoryWith returns the memory that the entry takes with a series that has the labels.
func (e *entry) memoryWith(labels string) int64 {
	n := entryBytes + textBytes(e.key)
	if !e.summed { // a sum counts by itself
		n += series.OpenSeriesBytes + textBytes(labels)
	}
	return n
}

// memory returns the memory that the agent takes without its series.
func (ag *agent) memory() int64 {
	n := agentBytes
	for _, v := range ag.values {
		n += 16 + textBytes(v)
	}
	return n
}

// metricBytes returns the memory of the content of a series, which may be nil.
func metricBytes(m *dto.Metric) int64 {
	if m == nil {
		return 0
	}
	n := int64(unsafe.Sizeof(*m))
	if c := m.Counter; c != nil {
		n += int64(unsafe.Sizeof(*c)) + pointerBytes + exemplarBytes(c.Exemplar) + timeBytes
	}
	if s := m.Summary; s != nil {
		n += int64(unsafe.Sizeof(*s)) + 2*pointerBytes + timeBytes
		n += int64(len(s.Quantile)) * (int64(unsafe.Sizeof(dto.Quantile{})) + 4*pointerBytes)
	}
	if h := m.Histogram; h != nil {
		n += int64(unsafe.Sizeof(*h)) + 6*pointerBytes + timeBytes
		n += int64(len(h.Bucket)) * (int64(unsafe.Sizeof(dto.Bucket{})) + 5*pointerBytes)
		for _, b := range h.Bucket {
			n += exemplarBytes(b.GetExemplar())
		}
		n += int64(len(h.PositiveSpan)+len(h.NegativeSpan)) * (int64(unsafe.Sizeof(dto.BucketSpan{})) + 4*pointerBytes)
		n += 2 * pointerBytes * int64(len(h.PositiveDelta)+len(h.NegativeDelta)+len(h.PositiveCount)+len(h.NegativeCount))
		for _, e := range h.Exemplars {
			n += pointerBytes + exemplarBytes(e)
		}
	}
	return n
}

// timeBytes is the memory of a timestamp, which counts whether or not there is one.
const timeBytes = 64

func exemplarBytes(e *dto.Exemplar) int64 {
	if e == nil {
		return 0
	}
	n := int64(unsafe.Sizeof(*e)) + pointerBytes + timeBytes
	for _, l := range e.Label {
		n += int64(unsafe.Sizeof(*l)) + 5*pointerBytes + textBytes(l.GetName()) + textBytes(l.GetValue())
	}
	return n
}

func errNoMemory(n int64) error {
	return fmt.Errorf("series and groups take up the memory that is available for them (--memory-limit): there is no room for another %d bytes", n)
}

// reserveGroup reserves the memory of a new group without families. It returns a
// *PushError if there is no room.
func (gs *Groups) reserveGroup(g *group) error {
	_, shown := gs.texts(g.labels, len(g.labels))
	g.own = g.memory(shown)
	if !gs.memory.TryAcquire(g.own) {
		return &PushError{LimitReached, errNoMemory(g.own)}
	}
	return nil
}

// reserve reserves the memory that a push to the group needs in addition to what the
// group has. It returns a function that must be called after the push was applied, or a
// *PushError if there is no room. The caller must hold mu and the store's lock.
func (gs *Groups) reserve(g *group, families []*family, replace bool) (applied func(), err error) {
	var after, created int64
	if !replace {
		after = g.bytes
	}
	for _, f := range families {
		if old := g.families[f.name]; old != nil && !replace {
			after -= old.memory()
		}
		if len(f.samples) == 0 {
			continue
		}
		after += f.memory()
		if gs.store.Family(f.name) == nil {
			created += series.OpenFamilyBytes(f.name, f.help)
		}
		if gs.aggregated && isSummed(f.typ) {
			for i := range f.samples {
				s := &f.samples[i]
				if total := gs.sums[sumKey{f.name, s.shown}]; total == nil || !total.canAdd(s) {
					created += sumMemory(s.shown, s.metric)
				}
			}
		}
	}
	added := after - g.bytes
	if !gs.memory.TryAcquire(added + created) {
		return nil, &PushError{LimitReached, errNoMemory(added + created)}
	}
	g.bytes = after
	// New families and sums are counted when they are created.
	return func() { gs.memory.Add(-created) }, nil
}
