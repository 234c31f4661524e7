package series

import (
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
)

// Type is the type of a family.
type Type uint8

// The types of families. A Store has only the first three, an OpenStore all of them.
const (
	Counter Type = iota
	Gauge
	Histogram
	Untyped
	Summary
	GaugeHistogram
)

// String returns the type's name in the Prometheus text format, or "metric" for
// AnyType.
func (t Type) String() string {
	if t == AnyType {
		return "metric"
	}
	return [...]string{"counter", "gauge", "histogram", "untyped", "summary", "gaugehistogram"}[t]
}

// Ownership defines how the series of a family depend on owners.
type Ownership uint8

// The ownerships.
const (
	// Unowned series have no owner.
	Unowned Ownership = iota

	// Owned series are removed with their owner.
	Owned

	// Heartbeat is Owned, and each update is also a heartbeat of the owner. A series
	// that was not updated for Options.OwnerLimit is removed even if its owner is
	// alive.
	Heartbeat
)

// Overflow is the value of all labels of the overflow series: when a family of counters
// or histograms is full, updates that would create a series go to this series instead.
const Overflow = "__overflow__"

// FamilyOptions are the options of a family.
type FamilyOptions struct {
	Name   string
	Help   string
	Type   Type
	Labels []string  // label names, sorted and distinct
	Bounds []float64 // upper bounds of a histogram's buckets, ascending, without +Inf

	// Native adds native buckets to histograms. They take up to 4 KB per series, and
	// observing takes a lock.
	Native bool

	Ownership Ownership
	IdleTTL   time.Duration // how long a series without updates stays; 0 means forever

	// States, if not nil, makes a family of gauges show states: each series is in one
	// of them, and scrapes show it as one sample for each state. See States.
	States *States

	// Internal marks a family of metrics about the program itself. The store's limit on
	// series does not apply to it, and its own labels replace constant labels with the
	// same name.
	Internal bool
}

// A Family is the series of one metric. It is safe for concurrent use.
type Family struct {
	name   string
	help   string
	typ    Type
	bounds []float64
	native bool
	layout layout
	store  *Store
	states *states // nil unless the series show states

	internal  bool
	ownership Ownership
	idleTTL   time.Duration
	canExpire bool // whether sweeps can remove its series
	limit     int64
	rows      int64 // how many series on the page a Series is: the number of states, or 1
	owners    bool  // whether the series are owners

	// unlabeled is the only series of a family without labels. It is created with the
	// family and never expires. Nil if the family has labels.
	unlabeled *Series

	table table
	count atomic.Int64 // live series on the page, without the overflow series

	overflow atomic.Pointer[Series]
	refused  atomic.Uint64 // updates for which atLimit was called, and owners for which the family was full

	hasExemplars atomic.Bool // whether any series ever had an exemplar

	mu sync.Mutex // held while changing the table, and only briefly

	// bytes is the memory of the series that count toward the store's budget. It is
	// guarded by mu, and stays 0 after the family was removed from the store.
	bytes   int64
	removed bool

	order order[*Series]
}

// Result is the result of an update.
type Result uint8

// The results. An update changes the series with its label values if the result is OK,
// the overflow series if it is Overflowed or OverflowedNoMemory, and no series
// otherwise.
const (
	OK                 Result = iota
	Overflowed                // the limit on series is reached
	OverflowedNoMemory        // there is no memory for another series
	NoRoom                    // the limit on series is reached, and there is no overflow series
	NoMemory                  // there is no memory for another series or owner, and there is no overflow series
	NotFinite                 // the value is NaN or infinite
	Negative                  // a counter cannot decrease
	InvalidUTF8               // a label value is not valid UTF-8
	ValueTooLong              // a label value is longer than Options.MaxValueBytes
)

// Op is the operation of an update.
type Op uint8

// The operations: Add for counters and gauges, Set for gauges, Observe for histograms.
// Families with states have only Set, which takes the number of a state.
const (
	Add Op = iota
	Set
	Observe
)

// NewFamily returns a family that scrapes do not see until Replace adds it to the
// store. It returns an error if the label names are not sorted and distinct, if one of
// them is also the name of a constant label, or if the states are invalid.
func (st *Store) NewFamily(o FamilyOptions) (*Family, error) {
	constants := st.constants
	if o.Internal {
		constants = slices.DeleteFunc(slices.Clone(constants), func(l Label) bool {
			return slices.Contains(o.Labels, l.Name)
		})
	}
	layout, err := newLayout(o.Labels, constants)
	if err != nil {
		return nil, fmt.Errorf("metric %s: %w", o.Name, err)
	}
	var states *states
	rows := 1
	if o.States != nil {
		if states, layout, err = newStates(o, constants); err != nil {
			return nil, fmt.Errorf("metric %s: %w", o.Name, err)
		}
		rows = len(o.States.Values)
	}
	f := &Family{
		name:      o.Name,
		help:      o.Help,
		typ:       o.Type,
		bounds:    o.Bounds,
		native:    o.Native,
		layout:    layout,
		states:    states,
		rows:      int64(rows),
		store:     st,
		internal:  o.Internal,
		ownership: o.Ownership,
		idleTTL:   o.IdleTTL,
		canExpire: len(o.Labels) > 0 && (o.Ownership != Unowned || o.IdleTTL > 0),
		limit:     int64(st.maxSeries),
	}
	if o.Internal {
		f.limit = math.MaxInt64
	}
	f.table.init()
	if len(o.Labels) == 0 {
		f.unlabeled = f.create(&Values{}, nil, st.clock.Now())
	}
	return f, nil
}

// Name returns the family's name, including the namespace.
func (f *Family) Name() string { return f.name }

// Help returns the family's help text.
func (f *Family) Help() string { return f.help }

// Type returns the family's type.
func (f *Family) Type() Type { return f.typ }

// Bounds returns the upper bounds of a histogram's buckets, without +Inf.
func (f *Family) Bounds() []float64 { return f.bounds }

// Native reports whether the family's histograms have native buckets.
func (f *Family) Native() bool { return f.native }

// Internal reports whether the family is about the program itself.
func (f *Family) Internal() bool { return f.internal }

// Len returns the number of live series, without the overflow series.
func (f *Family) Len() int { return int(f.count.Load()) }

// Limit returns the maximum number of series.
func (f *Family) Limit() int { return int(f.limit) }

// full reports whether the limit on series leaves no room for another Series.
func (f *Family) full() bool { return f.count.Load() > f.limit-f.rows }

// Refused returns the number of updates that would have exceeded the limit on series,
// or for whose series there was no memory.
func (f *Family) Refused() uint64 { return f.refused.Load() }

// Update updates the series with the label values. It creates the series if necessary.
// owner is the name of the series' owner; it is ignored if the family is Unowned.
// Update keeps neither the slices nor the strings in values; a new series copies the
// strings.
//
// Updating an existing series takes no lock, unless it has native buckets, and does not
// allocate, unless it sets an exemplar.
func (f *Family) Update(op Op, values *Values, owner string, v float64, now Instant) Result {
	if r := f.checkNumber(v); r != OK {
		return r
	}
	if f.unlabeled != nil {
		f.apply(f.unlabeled, op, v, values, now)
		return OK
	}
	values.rehash()
	s := f.table.find(values)
	if s != nil && f.refresh(s, now) && f.apply(s, op, v, values, now) {
		return OK
	}
	for { // Slow path: the series does not exist, or has expired.
		s, result := f.findOrCreate(values, owner, now)
		if s == nil || f.apply(s, op, v, values, now) {
			return result
		}
	}
}

// checkNumber returns OK if an update can have the number v, and otherwise the reason
// why not.
func (f *Family) checkNumber(v float64) Result {
	if v-v != 0 { // NaN or infinite
		return NotFinite
	}
	if v < 0 && f.typ == Counter {
		return Negative
	}
	return OK
}

// refresh records that the series is being updated; in a heartbeat family, it also
// records a heartbeat of its owner. It returns false if the series has expired. It must
// be called before the value is updated, so that no sweep finds the series stale during
// the update.
func (f *Family) refresh(s *Series, now Instant) bool {
	if !f.canExpire {
		return true
	}
	if o := s.owner; o != nil {
		if f.ownership != Heartbeat {
			if o.expired() {
				return false
			}
		} else if !o.liveness.refresh(now) {
			return false
		}
	}
	return s.liveness.refresh(now)
}

// apply applies the operation. It returns false if the series was killed.
func (f *Family) apply(s *Series, op Op, v float64, values *Values, now Instant) bool {
	switch {
	case op == Observe:
		return f.observe(s.histogram, v, values, now)
	case op == Set:
		return s.set(v)
	case f.typ == Counter && !f.canExpire:
		s.count(v)
		return true
	}
	return s.add(v)
}

func (f *Family) observe(h *histogram, v float64, values *Values, now Instant) (alive bool) {
	bucket := bucketOf(f.bounds, v)
	if f.native {
		alive = h.observeNative(v, bucket)
	} else {
		alive = h.observe(v, bucket)
	}
	if alive && values.Exemplar != nil {
		f.updateExemplar(h, v, bucket, values, now)
	}
	return alive
}

// findOrCreate is the slow path of Update. It returns the series with the values, which
// it creates if necessary, or the overflow series. Otherwise it returns nil and the
// reason.
func (f *Family) findOrCreate(values *Values, owner string, now Instant) (*Series, Result) {
	for _, i := range values.Order {
		if r := f.store.checkValue(values.All[i]); r != OK {
			return nil, r
		}
	}
	if f.typ != Gauge && values.allEqual(Overflow) {
		return f.overflowSeries(now), OK // the values are those of the overflow series
	}
	if f.full() {
		// A series is inserted before it is counted, so this finds all counted series.
		if s := f.table.find(values); s == nil {
			return f.atLimit(NoRoom, now)
		}
	}
	// The memory must be reserved before an owner is created, and is released if no
	// series is.
	reserved := f.memoryFor(values)
	if !f.internal && !f.store.memory.TryAcquire(reserved) {
		if s := f.table.find(values); s != nil && !s.dead() && f.refresh(s, now) {
			return s, OK // another goroutine has just created it
		}
		return f.atLimit(NoMemory, now)
	}
	if f.internal {
		f.store.memory.Add(reserved)
	}
	defer func() { f.store.memory.Release(reserved) }()

	var o *Owner
	if f.ownership != Unowned {
		var r Result
		if o, r = f.store.owner(owner, now, f.ownership == Heartbeat); o == nil {
			return nil, r
		}
	}

	f.mu.Lock()
	if s := f.table.find(values); s != nil {
		if !s.dead() && f.refresh(s, now) {
			f.mu.Unlock()
			return s, OK
		}
		f.removeLocked(s, values.hash)
	}
	if f.full() {
		f.mu.Unlock()
		return f.atLimit(NoRoom, now)
	}
	s := f.create(values, o, now)
	if !f.removed {
		f.bytes += reserved
		reserved = 0
	}
	f.mu.Unlock()
	return s, OK
}

// seriesBytes is about how much memory a series takes in addition to its label values:
// the series, and references to it.
const seriesBytes = int64(unsafe.Sizeof(Series{})) + 40

// memoryFor returns about how much memory a series with the values takes.
func (f *Family) memoryFor(values *Values) int64 {
	return f.memoryOf(packedSize(values))
}

// memoryOf returns about how much memory a series takes if its label values take the
// given number of bytes.
func (f *Family) memoryOf(size int) int64 {
	n := seriesBytes + int64(size) + 16
	if f.typ == Histogram {
		n += int64(unsafe.Sizeof(histogram{})) + 2*8*int64(len(f.bounds)+1)
	}
	if f.native {
		n += nativeBytes
	}
	return n
}

// nativeBytes is the memory of the native buckets of a histogram.
const nativeBytes = 4 << 10

// addMemory adds the memory of a series that was created or, if n is negative, removed.
// The caller must hold f.mu.
func (f *Family) addMemory(n int64) {
	if !f.removed {
		f.bytes += n
		f.store.memory.Add(n)
	}
}

// leaveStore releases the memory of all series of a family that was removed from the
// store.
func (f *Family) leaveStore() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.addMemory(-f.bytes)
	f.removed = true
}

// atLimit counts an update that would create a series although there are too many, or
// although there is no memory for it. why is NoRoom or NoMemory. atLimit returns the
// overflow series, or nil for a gauge, for which an overflow series would make no
// sense.
func (f *Family) atLimit(why Result, now Instant) (*Series, Result) {
	f.refused.Add(1)
	if f.typ == Gauge {
		return nil, why
	}
	return f.overflowSeries(now), f.overLimit(why)
}

// overLimit returns the result of an update for which atLimit is called.
func (f *Family) overLimit(why Result) Result {
	switch {
	case f.typ == Gauge:
		return why
	case why == NoMemory:
		return OverflowedNoMemory
	default:
		return Overflowed
	}
}

// overflowSeries returns the overflow series. It creates the series if necessary. The
// overflow series has no owner, is never swept, and does not count toward the limit.
func (f *Family) overflowSeries(now Instant) *Series {
	if s := f.overflow.Load(); s != nil {
		return s
	}
	values := Plain(slices.Repeat([]string{Overflow}, len(f.layout.names))...)
	values.rehash()

	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.overflow.Load()
	if s == nil {
		s = f.create(values, nil, now)
		f.addMemory(f.memoryOf(int(s.labels.size)))
		f.count.Add(-1)
		f.overflow.Store(s)
	}
	return s
}

// create creates a series and makes it visible to updates and scrapes. The caller must
// hold f.mu, unless no other goroutine has access to f yet.
func (f *Family) create(values *Values, o *Owner, now Instant) *Series {
	s := newSeries(values)
	s.owner, s.created = o, now
	if f.canExpire {
		s.liveness.refresh(now)
	}
	if f.typ == Histogram {
		s.histogram = newHistogram(len(f.bounds), f.native)
	}
	f.table.insert(values.hash, s)
	f.order.add(s)
	if !f.owners { // see show
		f.count.Add(f.rows)
	}
	return s
}

// removeLocked kills a series, unless it is already dead, and removes it from the
// table. The caller must hold f.mu.
func (f *Family) removeLocked(s *Series, hash uint64) {
	if f.kill(s) {
		f.addMemory(-f.memoryOf(int(s.labels.size)))
	}
	f.table.remove(hash, s)
}

// kill kills a series, which then no longer counts toward the limit. It returns false if
// the series was already dead.
func (f *Family) kill(s *Series) bool {
	if f.owners {
		state := s.bits.Swap(killed)
		if state == shown {
			f.count.Add(-1)
		}
		return state != killed
	}
	if !s.kill() {
		return false
	}
	f.count.Add(-f.rows)
	return true
}

// shows reports whether scrapes show the series.
func (f *Family) shows(s *Series) bool {
	return !s.dead() && (!f.owners || s.bits.Load() == shown)
}

// Drop removes the series with the label values, if it exists. Use it only for families
// that are updated with Set: such an update always checks whether the series was
// killed.
func (f *Family) Drop(labels ...string) {
	values := Plain(labels...)
	values.rehash()
	f.mu.Lock()
	if s := f.table.find(values); s != nil {
		f.removeLocked(s, values.hash)
	}
	f.mu.Unlock()
	f.order.sweep(func(*Series) {})
}

// Value returns the current value of a counter or gauge. In a family with states, it is
// the number of the current state; in the family of owners, the time of the last
// heartbeat in seconds. Value returns false if the series was removed, is not in any
// state yet, or has not sent a heartbeat.
func (f *Family) Value(s *Series, wall Wall) (float64, bool) {
	v, ok := s.value()
	if f.states != nil {
		return v, ok && v > 0
	}
	if f.typ == Counter && !f.canExpire {
		v += float64(s.whole().Load())
	}
	if f.owners {
		seen := s.liveness.last.Load()
		return float64(wall.UnixMilli(Instant(seen))) / 1000, seen != expired && s.bits.Load() == shown
	}
	return v, ok
}

// Snapshot stores the current content of a histogram in *to. It returns false if the
// series was removed.
func (f *Family) Snapshot(s *Series, to *Snapshot) bool { return s.histogram.read(to) }

// Sorted calls yield with the family's series in the order of their label values, page
// by page, until yield returns false. The pages can include series that were removed;
// Value and Snapshot return false for them.
func (f *Family) Sorted(yield func([]*Series) bool) {
	f.order.walk(func(page []*Series) bool {
		f.Prefetch(page)
		return yield(page)
	})
}
