package series

import (
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Type is the type of a family.
type Type uint8

// The types of families. A Store has the first three, an OpenStore all.
const (
	Counter Type = iota
	Gauge
	Histogram
	Untyped
	Summary
	GaugeHistogram
)

// String is the type's name in the Prometheus text format, or "metric" for AnyType.
func (t Type) String() string {
	if t == AnyType {
		return "metric"
	}
	return [...]string{"counter", "gauge", "histogram", "untyped", "summary", "gaugehistogram"}[t]
}

// Ownership says how a family's series depend on owners.
type Ownership uint8

// The ownerships. A heartbeat family's updates prove that the owner is alive;
// its series go as well when they themselves were not updated for the limit,
// though their owner lives on.
const (
	Unowned Ownership = iota
	Owned
	Heartbeat
)

// Overflow is the value of every label of the series that takes the updates of
// a counter or histogram for which the family has no more room.
const Overflow = "__overflow__"

// FamilyOptions describe a family.
type FamilyOptions struct {
	Name   string
	Help   string
	Type   Type
	Labels []string  // names, sorted and distinct
	Bounds []float64 // of a histogram's buckets, ascending, without +Inf

	// Native is for histograms that have native buckets beside the others. They
	// take up to 4 KB for each series, and observing takes a lock.
	Native bool

	Ownership Ownership
	IdleTTL   time.Duration // 0: a series stays without updates

	// Internal marks a family about the program itself: the store's limit on
	// series does not hold for it, and where a constant label has the name of
	// one of its own labels, its own stands.
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

	internal  bool
	ownership Ownership
	idleTTL   time.Duration
	mortal    bool // its series can be swept
	limit     int64
	lastSeen  bool // the values are when the series' owners were last heard of

	// only is the one series of a family without labels, which is there from
	// the start and for ever. Nil if the family has labels.
	only *Series

	table table
	count atomic.Int64 // series alive, without the overflow series

	overflow atomic.Pointer[Series]
	refused  atomic.Uint64 // updates for which there was no room

	hasExemplars atomic.Bool // one of its series had an exemplar, some time

	mu sync.Mutex // held to change the table; never for long

	order order[*Series]
}

// Result is what became of an update.
type Result uint8

// The results. Of an update that was not OK the family's own series are
// unchanged; one that Overflowed was added to the overflow series.
const (
	OK Result = iota
	Overflowed
	NoRoom       // the family has as many series as it may
	NotFinite    // the value is NaN or infinite
	Negative     // the value would make a counter go down
	InvalidUTF8  // a label value is not UTF-8
	ValueTooLong // a label value is longer than the store allows
)

// Op is what an update does to a series.
type Op uint8

// The operations: Add for counters and gauges, Set for gauges, Observe for histograms.
const (
	Add Op = iota
	Set
	Observe
)

// NewFamily makes a family that nobody is shown before Replace puts it into the
// store. It fails if the labels clash with one another or with the constant ones.
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
	f := &Family{
		name:      o.Name,
		help:      o.Help,
		typ:       o.Type,
		bounds:    o.Bounds,
		native:    o.Native,
		layout:    layout,
		store:     st,
		internal:  o.Internal,
		ownership: o.Ownership,
		idleTTL:   o.IdleTTL,
		mortal:    len(o.Labels) > 0 && (o.Ownership != Unowned || o.IdleTTL > 0),
		limit:     int64(st.maxSeries),
	}
	if o.Internal {
		f.limit = math.MaxInt64
	}
	f.table.init()
	if len(o.Labels) == 0 {
		f.only = f.make(&Values{}, nil, st.clock.Now())
	}
	return f, nil
}

// Name is the family's name, namespace included.
func (f *Family) Name() string { return f.name }

// Help is the family's help text.
func (f *Family) Help() string { return f.help }

// Type is the family's type.
func (f *Family) Type() Type { return f.typ }

// Bounds are the upper bounds of a histogram's buckets, without +Inf.
func (f *Family) Bounds() []float64 { return f.bounds }

// Native tells whether a family of histograms has native buckets.
func (f *Family) Native() bool { return f.native }

// Internal tells whether the family is about the program itself.
func (f *Family) Internal() bool { return f.internal }

// Len is how many series are alive, the overflow series not counted.
func (f *Family) Len() int { return int(f.count.Load()) }

// Limit is how many series the family may have.
func (f *Family) Limit() int { return int(f.limit) }

func (f *Family) full() bool { return f.count.Load() >= f.limit }

// Refused counts the updates for label sets that found no room.
func (f *Family) Refused() uint64 { return f.refused.Load() }

// Update updates the series with the label values, and makes it if need be. owner
// is the name of its owner, for families that have owners. Neither the slices nor,
// unless a series is made of them, the strings in them are kept. An update of a
// series that exists takes no lock, unless it has native buckets, and allocates
// nothing, unless it makes an exemplar.
func (f *Family) Update(op Op, values *Values, owner string, v float64, now Instant) Result {
	if v-v != 0 { // NaN or infinite
		return NotFinite
	}
	if v < 0 && f.typ == Counter {
		return Negative
	}
	if f.only != nil {
		f.apply(f.only, op, v, values, now)
		return OK
	}
	values.rehash()
	s := f.table.find(&f.layout, values)
	if s != nil && f.revive(s, now) && f.apply(s, op, v, values, now) {
		return OK
	}
	for { // Slow path: there was no such series, or it is dying.
		s, result := f.obtain(values, owner, now)
		if s == nil || f.apply(s, op, v, values, now) {
			return result
		}
	}
}

// revive records that the series is being updated, and its owner heard of if that
// makes a heartbeat. It returns false if the series' time is over. It comes before
// the update, so that no sweep takes a series for stale that is being updated.
func (f *Family) revive(s *Series, now Instant) bool {
	if !f.mortal {
		return true
	}
	if o := s.owner; o != nil {
		if f.ownership == Heartbeat && !o.pulse.beat(now) || o.gone() {
			return false
		}
	}
	return s.pulse.beat(now)
}

// apply carries out the operation. It returns false if the series was killed.
func (f *Family) apply(s *Series, op Op, v float64, values *Values, now Instant) bool {
	switch {
	case op == Observe:
		return f.observe(s.histogram, v, values, now)
	case op == Set:
		return s.set(v)
	case f.typ == Counter && !f.mortal:
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
		f.exemplify(h, v, bucket, values, now)
	}
	return alive
}

// obtain is Update's slow path: it returns the series with the values, made if
// there was none, or the overflow series, or nil and why there is none.
func (f *Family) obtain(values *Values, owner string, now Instant) (*Series, Result) {
	for _, i := range values.Order {
		if r := f.store.checkValue(values.All[i]); r != OK {
			return nil, r
		}
	}
	if f.typ != Gauge && values.are(Overflow) {
		return f.overflowSeries(now), OK // whoever asks for it by name
	}
	if f.full() {
		// What was counted can be found by now.
		if s := f.table.find(&f.layout, values); s == nil {
			return f.overflowed(now)
		}
	}
	var o *Owner
	if f.ownership != Unowned {
		var r Result
		if o, r = f.store.owner(owner, now, f.ownership == Heartbeat); o == nil {
			return nil, r
		}
	}

	f.mu.Lock()
	if s := f.table.find(&f.layout, values); s != nil {
		if !s.dead() && f.revive(s, now) {
			f.mu.Unlock()
			return s, OK
		}
		f.bury(s, values.hash)
	}
	if f.full() {
		f.mu.Unlock()
		return f.overflowed(now)
	}
	s := f.make(values, o, now)
	f.mu.Unlock()
	return s, OK
}

// overflowed returns the overflow series for an update that finds no room; or nil
// for a gauge, of which it would make no sense.
func (f *Family) overflowed(now Instant) (*Series, Result) {
	f.refused.Add(1)
	if f.typ == Gauge {
		return nil, NoRoom
	}
	return f.overflowSeries(now), Overflowed
}

// overflowSeries returns the overflow series, made if need be. It belongs to
// nobody, is never swept, and does not count.
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
		s = f.make(values, nil, now)
		f.count.Add(-1)
		f.overflow.Store(s)
	}
	return s
}

// make makes a series and puts it where updates and scrapes find it. The caller
// holds f.mu, or is the only one that knows f.
func (f *Family) make(values *Values, o *Owner, now Instant) *Series {
	size, escaped := f.layout.size(values)
	s := newSeries(size, func(b []byte) []byte { return f.layout.render(b, values) })
	s.owner, s.created = o, now
	s.pulse.beat(now)
	if f.typ == Histogram {
		s.histogram = newHistogram(len(f.bounds), f.native)
	}
	f.table.insert(values.hash, escaped, s)
	f.order.arrive(s)
	f.count.Add(1)
	return s
}

// makeFor makes the owner's series in the last-seen family. It returns false if
// that is full.
func (f *Family) makeFor(o *Owner, now Instant) bool {
	values := Plain(o.name)
	values.rehash()
	f.mu.Lock()
	defer f.mu.Unlock()
	if s := f.table.find(&f.layout, values); s != nil {
		f.bury(s, values.hash) // that of an owner of the same name, who is gone
	}
	if f.full() {
		f.refused.Add(1)
		return false
	}
	f.make(values, o, now)
	return true
}

// bury kills a series, if it is not dead yet, and unlinks it from the table. The
// caller holds f.mu.
func (f *Family) bury(s *Series, hash uint64) {
	if s.kill() {
		f.count.Add(-1)
	}
	f.table.remove(hash, s)
}

// Drop takes away the series with the label values, if there is one. Only for
// families that are updated by Set, whose updates notice it in any case.
func (f *Family) Drop(labels ...string) {
	values := Plain(labels...)
	values.rehash()
	f.mu.Lock()
	if s := f.table.find(&f.layout, values); s != nil {
		f.bury(s, values.hash)
	}
	f.mu.Unlock()
	f.order.sift(func(*Series) {})
}

// Value is the present value of a series of a family of counters or gauges. It
// returns false if the series was swept meanwhile.
func (f *Family) Value(s *Series, wall Wall) (float64, bool) {
	v, ok := s.value()
	if ok && f.lastSeen {
		seen := s.owner.pulse.last.Load()
		if seen == stopped {
			return 0, false
		}
		v = float64(wall.UnixMilli(Instant(seen))) / 1000
	}
	return v, ok
}

// Snapshot fills to with the present content of a series of a family of
// histograms. It returns false if the series was swept meanwhile.
func (f *Family) Snapshot(s *Series, to *Snapshot) bool { return s.histogram.read(to) }

// Sorted calls yield with the family's series in the order of their label
// values, page by page, until it returns false. Series that were swept are
// among them: reading their value tells.
func (f *Family) Sorted(yield func([]*Series) bool) { f.order.walk(yield) }
