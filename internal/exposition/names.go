package exposition

import "github.com/signalbox-ci/signalbox/internal/series"

// names records which families use which names on an OpenMetrics page. There, the
// samples of two families must not have the same name. Moreover, a type reserves names
// even if there are no such samples: the counter builds_total also reserves builds and
// builds_created. A family of unknown type reserves no additional names. So counters
// and pushed families whose reserved names conflict are written with unknown type.
type names struct {
	families map[string]bool

	// taken are the names that a family uses regardless of the type it is written with.
	taken map[string]bool

	// wanted is, for each name, the number of families that would use or reserve it if
	// all were written with their types.
	wanted map[string]int

	// clashes is, for each pushed family that cannot be shown, the name that is taken.
	clashes map[string]string
}

// newNames returns the names of the families of a page. It adds the pushed families
// last, because the others take precedence.
func newNames(m merge) *names {
	n := &names{families: map[string]bool{}, taken: map[string]bool{}, wanted: map[string]int{}, clashes: map[string]string{}}
	for _, f := range m.stored {
		n.add(f.Name(), f.Type(), f.Type() != series.Counter)
	}
	for _, mf := range m.gathered {
		if typ, ok := series.TypeOf(mf.GetType()); ok && !n.families[mf.GetName()] {
			n.add(mf.GetName(), typ, typ != series.Counter)
		}
	}
	for _, f := range m.pushed {
		if !n.families[f.Name()] && n.isFree(f) {
			n.add(f.Name(), f.Type(), false)
		}
	}
	return n
}

// add adds a family. fixedType means that the family is always written with its type.
func (n *names) add(name string, typ series.Type, fixedType bool) {
	n.families[name] = true
	for _, s := range series.SampleNames(name, typ) {
		n.taken[s] = true
		n.wanted[s]++
	}
	for _, s := range series.OpenMetricsNames(name, typ) {
		n.taken[s] = n.taken[s] || fixedType
		n.wanted[s]++
	}
}

// isFree reports whether none of the names of a pushed family's samples are taken. If
// one is, it records a clash.
func (n *names) isFree(f *pushedFamily) bool {
	for _, s := range series.SampleNames(f.Name(), f.Type()) {
		if n.taken[s] {
			n.clashes[f.Name()] = s
			return false
		}
	}
	return true
}

// clash reports whether a pushed family cannot be shown because one of its samples has
// a name that is taken, and returns that name. It returns false if n is nil.
func (n *names) clash(family string) (name string, ok bool) {
	if n == nil {
		return "", false
	}
	name, ok = n.clashes[family]
	return name, ok
}

// counterBase returns the name that a family of counters has in OpenMetrics. It returns
// false if the family must be written with unknown type.
func (n *names) counterBase(name string) (base string, ok bool) {
	base, ok = series.CounterBase(name)
	return base, ok && n.canHaveType(name, series.Counter)
}

// canHaveType reports whether no other family uses the names that the type reserves.
func (n *names) canHaveType(name string, typ series.Type) bool {
	for _, s := range series.OpenMetricsNames(name, typ) {
		if n.wanted[s] > 1 {
			return false
		}
	}
	return true
}
