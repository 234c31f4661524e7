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

	"github.com/signalbox-ci/signalbox/internal/membudget"
)

// Options are the options of a Store.
type Options struct {
	// Clock is the clock of the store. Nil means a new one; the caller must tick it.
	Clock *Clock

	// Constants are constant labels, which all series have.
	Constants []Label

	// OwnerLimit is the time after which an owner without heartbeats expires, and after
	// which a series of a heartbeat family expires if it is not updated. Zero means
	// never.
	OwnerLimit time.Duration

	// MaxSeries is the maximum number of series of a family. Zero means no limit.
	MaxSeries int

	// Memory limits the memory for series and owners; nil means no limit. When it has
	// no room for a series, that has the same effect as the limit MaxSeries.
	Memory *membudget.Budget

	// MaxValueBytes is the maximum length of a label value. Zero means no limit.
	MaxValueBytes int
}

// A Store is a set of families. It is safe for concurrent use.
type Store struct {
	clock         *Clock
	constants     []Label
	ownerLimit    time.Duration
	maxSeries     int
	maxValueBytes int
	memory        *membudget.Budget

	adding   sync.Mutex                // held while families is replaced
	families atomic.Pointer[[]*Family] // sorted by name, immutable
	version  atomic.Uint64             // increased after families was replaced

	owners *Family // set before the first update
}

// NewStore returns an empty store.
func NewStore(o Options) *Store {
	s := &Store{
		clock:         o.Clock,
		constants:     o.Constants,
		ownerLimit:    cmp.Or(o.OwnerLimit, math.MaxInt64),
		maxSeries:     cmp.Or(o.MaxSeries, math.MaxInt),
		maxValueBytes: cmp.Or(o.MaxValueBytes, math.MaxInt),
		memory:        o.Memory,
	}
	if s.clock == nil {
		s.clock = NewClock()
	}
	s.families.Store(&[]*Family{})
	s.owners, _ = s.newOwners("", "", "owner")
	return s
}

// Clock returns the clock of the store.
func (st *Store) Clock() *Clock { return st.clock }

// AddFamily adds a new family. It returns an error if the store has a family with that
// name, if the label names are not sorted and distinct, or if one of them is also the
// name of a constant label.
func (st *Store) AddFamily(o FamilyOptions) (*Family, error) {
	f, err := st.NewFamily(o)
	if err != nil {
		return nil, err
	}
	return f, st.Replace(nil, []*Family{f})
}

// Replace removes families from the store and adds others, in one step: a scrape sees
// either the families from before the call or those from after it. If two families
// would have the same name, Replace returns an error and changes nothing. A removed
// family can still be updated, but scrapes no longer see it.
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
			return fmt.Errorf("metric %s already exists", f.name)
		}
		families = slices.Insert(families, i, f)
	}
	st.families.Store(&families)
	st.version.Add(1)
	for _, f := range out {
		f.leaveStore()
	}
	return nil
}

// AddLastSeen adds a family of gauges with the time of each owner's last heartbeat, in
// seconds since the Unix epoch. It must be called before the first update.
func (st *Store) AddLastSeen(name, help, ownerLabel string) (*Family, error) {
	f, err := st.newOwners(name, help, ownerLabel)
	if err != nil {
		return nil, err
	}
	st.owners = f
	return f, st.Replace(nil, []*Family{f})
}

// Families returns the families, sorted by name. The caller must not change the slice.
func (st *Store) Families() []*Family { return *st.families.Load() }

// Version returns a number that increases after the set of families has changed.
func (st *Store) Version() uint64 { return st.version.Load() }

// Heartbeat records a heartbeat of the owner, without updating any series.
func (st *Store) Heartbeat(owner string, now Instant) Result {
	_, r := st.owner(owner, now, true)
	return r
}

// checkValue returns OK if v is a valid label value, and otherwise the reason why not.
func (st *Store) checkValue(v string) Result {
	switch {
	case len(v) > st.maxValueBytes:
		return ValueTooLong
	case !utf8.ValidString(v):
		return InvalidUTF8
	}
	return OK
}
