package exposition

import "github.com/signalbox-ci/signalbox/internal/series"

// names say who has which names on an OpenMetrics page. There, no two families may
// have samples of one name, nor may their types allow for it: a counter that has
// builds_total holds builds and builds_created as well, whether there are such
// samples or not. A family of unknown type holds nothing of the kind, so that is
// what counters, and whatever is pushed, are where names are short.
type names struct {
	families map[string]bool
	taken    map[string]bool   // held by a family, whatever becomes of its type
	wanted   map[string]int    // how many families would hold it if all had their types
	clashes  map[string]string // the pushed families for which there is no room, and the name that is taken
}

// namesOf goes through all families of a page. The pushed ones come last: they give
// way to the others.
func namesOf(m merge) *names {
	n := &names{families: map[string]bool{}, taken: map[string]bool{}, wanted: map[string]int{}, clashes: map[string]string{}}
	for _, f := range m.own {
		n.add(f.Name(), f.Type(), f.Type() != series.Counter)
	}
	for _, mf := range m.others {
		if typ, ok := series.TypeOf(mf.GetType()); ok && !n.families[mf.GetName()] {
			n.add(mf.GetName(), typ, typ != series.Counter)
		}
	}
	for _, f := range m.pushed {
		if !n.families[f.Name()] && n.hasRoom(f) {
			n.add(f.Name(), f.Type(), false)
		}
	}
	return n
}

// add adds a family. A rigid one is of its type in any case.
func (n *names) add(name string, typ series.Type, rigid bool) {
	n.families[name] = true
	for _, s := range series.SampleNames(name, typ) {
		n.taken[s] = true
		n.wanted[s]++
	}
	for _, s := range series.OpenMetricsNames(name, typ) {
		n.taken[s] = n.taken[s] || rigid
		n.wanted[s]++
	}
}

func (n *names) hasRoom(f *series.OpenFamily) bool {
	for _, s := range series.SampleNames(f.Name(), f.Type()) {
		if n.taken[s] {
			n.clashes[f.Name()] = s
			return false
		}
	}
	return true
}

// clash is the name that a pushed family cannot have, if it cannot be shown. Without
// names, which are for OpenMetrics, there is none.
func (n *names) clash(family string) (name string, ok bool) {
	if n == nil {
		return "", false
	}
	name, ok = n.clashes[family]
	return name, ok
}

// counterBase is what OpenMetrics calls the family of a counter; false if it
// cannot be a counter there.
func (n *names) counterBase(name string) (base string, ok bool) {
	base, ok = series.CounterBase(name)
	return base, ok && n.hasType(name, series.Counter)
}

// hasType tells whether a family can hold the names that its type demands.
func (n *names) hasType(name string, typ series.Type) bool {
	for _, s := range series.OpenMetricsNames(name, typ) {
		if n.wanted[s] > 1 {
			return false
		}
	}
	return true
}
