package series

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"
)

// Options configure a Store.
type Options struct {
	// Clock tells the time. Nil means a new one, which somebody must tick.
	Clock *Clock

	// Constants are labels that every series has.
	Constants []Label

	// OwnerLimit is how long an owner stays without a heartbeat, and a series
	// of a heartbeat family without an update. 0 means for ever.
	OwnerLimit time.Duration

	// MaxSeries is how many series a family may have. 0 means any number.
	MaxSeries int

	// MaxValueBytes is how long a label value may be. 0 means any length.
	MaxValueBytes int
}

// A Store is a set of families. It is safe for concurrent use.
type Store struct {
	clock         *Clock
	constants     []Label
	ownerLimit    time.Duration
	maxSeries     int
	maxValueBytes int

	adding   sync.Mutex
	families atomic.Pointer[[]*Family] // sorted by name, immutable

	owners   owners
	lastSeen *Family // set before the first update; nil if nobody asked for it
}

// NewStore makes an empty store.
func NewStore(o Options) *Store {
	s := &Store{
		clock:         o.Clock,
		constants:     o.Constants,
		ownerLimit:    cmp.Or(o.OwnerLimit, math.MaxInt64),
		maxSeries:     cmp.Or(o.MaxSeries, math.MaxInt),
		maxValueBytes: cmp.Or(o.MaxValueBytes, math.MaxInt),
	}
	if s.clock == nil {
		s.clock = NewClock()
	}
	s.families.Store(&[]*Family{})
	return s
}

// Clock is the clock that the store goes by.
func (st *Store) Clock() *Clock { return st.clock }

// AddFamily adds a family. It fails if there is one of that name, or if the
// labels clash with one another or with the constant ones.
func (st *Store) AddFamily(o FamilyOptions) (*Family, error) {
	f, err := st.NewFamily(o)
	if err != nil {
		return nil, err
	}
	return f, st.Replace(nil, []*Family{f})
}

// Replace takes families out of the store and puts others into it, in one step: a
// scrape sees all of it or nothing. It fails, and changes nothing, if two families
// would have one name. Updates of a family that was taken out go on, unseen.
func (st *Store) Replace(out, in []*Family) error {
	st.adding.Lock()
	defer st.adding.Unlock()
	families := slices.DeleteFunc(slices.Clone(st.Families()), func(f *Family) bool {
		return slices.Contains(out, f)
	})
	for _, f := range in {
		i, found := slices.BinarySearchFunc(families, f.name, func(f *Family, name string) int {
			return cmp.Compare(f.name, name)
		})
		if found {
			return fmt.Errorf("metric %s is already there", f.name)
		}
		families = slices.Insert(families, i, f)
	}
	st.families.Store(&families)
	return nil
}

// AddLastSeen adds a family of gauges that says when each owner sent its last
// heartbeat, in seconds since the epoch. It must come before the first update.
func (st *Store) AddLastSeen(name, help, ownerLabel string) (*Family, error) {
	f, err := st.AddFamily(FamilyOptions{
		Name: name, Help: help, Type: Gauge, Labels: []string{ownerLabel}, Ownership: Owned,
	})
	if err != nil {
		return nil, err
	}
	f.lastSeen = true
	st.lastSeen = f
	return f, nil
}

// Families are the families, sorted by name. The slice must not be changed.
func (st *Store) Families() []*Family { return *st.families.Load() }

// Heartbeat records that the owner is alive, without an update of any series.
func (st *Store) Heartbeat(owner string, now Instant) Result {
	_, r := st.owner(owner, now, true)
	return r
}

// owner returns the owner of that name, made if need be. With heartbeat it has
// been heard of, now. It returns nil and why if the name cannot be that of an
// owner, or if there is no room to remember one more.
func (st *Store) owner(name string, now Instant, heartbeat bool) (*Owner, Result) {
	if r := st.checkValue(name); r != OK {
		return nil, r
	}
	if heartbeat && st.lastSeen != nil && st.lastSeen.full() && !st.owners.has(name) {
		st.lastSeen.refused.Add(1)
		return nil, NoRoom
	}
	for {
		o := st.owners.get(name, now)
		if !heartbeat {
			return o, OK
		}
		if o.pulse.beat(now) {
			st.report(o, now)
			return o, OK
		}
	}
}

// report gives the owner its series in the last-seen family, unless it has one.
// Where there is no room, the next sweep asks again.
func (st *Store) report(o *Owner, now Instant) {
	if st.lastSeen == nil || o.reported.Load() == reported {
		return
	}
	st.owners.reporting.Lock()
	defer st.owners.reporting.Unlock()
	switch {
	case o.gone():
		// Its successor may have reported already.
	case o.reported.Load() == reported:
	case st.lastSeen.makeFor(o, now):
		o.reported.Store(reported)
	default:
		o.reported.Store(waiting)
	}
}

// checkValue tells whether v can be a label value.
func (st *Store) checkValue(v string) Result {
	switch {
	case len(v) > st.maxValueBytes:
		return ValueTooLong
	case !utf8.ValidString(v):
		return InvalidUTF8
	}
	return OK
}
