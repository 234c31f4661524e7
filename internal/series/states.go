package series

import (
	"fmt"
	"slices"
)

// States are the states between which the series of a family change.
//
// A Series of such a family has all labels except the one that shows the state, and its
// value is the number of its state, beginning with 1. An update sets this number.
// Scrapes read it once, and show a sample for each state: 1 for the current state, and
// 0 for the others. So a scrape never shows two current states, or none, although
// neither updates nor scrapes take a lock. The samples are created, removed, and
// counted toward the limit on series together.
type States struct {
	Label  string   // name of the label that shows the state, one of the family's labels
	Values []string // the states, sorted and distinct
}

// states are the States of a family, prepared for scrapes.
type states struct {
	label   string
	values  []string
	layouts []layout // of the samples for each state
}

// newStates returns the states for a family with the options, and the layout of its
// series, which lack the label that shows the state.
func newStates(o FamilyOptions, constants []Label) (*states, layout, error) {
	given := *o.States
	if o.Type != Gauge || !slices.Contains(o.Labels, given.Label) {
		return nil, layout{}, fmt.Errorf("a %v with labels %q cannot show states in the label %q", o.Type, o.Labels, given.Label)
	}
	if len(given.Values) == 0 {
		return nil, layout{}, fmt.Errorf("no states")
	}
	st := &states{label: given.Label, values: given.Values}
	for i, v := range given.Values {
		if i > 0 && given.Values[i-1] >= v {
			return nil, layout{}, fmt.Errorf("states must be sorted and distinct, got %q before %q", given.Values[i-1], v)
		}
	}
	others := slices.DeleteFunc(slices.Clone(o.Labels), func(name string) bool { return name == given.Label })
	for _, v := range given.Values {
		l, err := newLayout(others, append(slices.Clone(constants), Label{given.Label, v}))
		if err != nil {
			return nil, layout{}, err
		}
		st.layouts = append(st.layouts, l)
	}
	l, err := newLayout(others, constants)
	return st, l, err
}

// States returns the states of the family, sorted, or nil if its series show no states.
// State i has the number i+1. The caller must not change the slice.
func (f *Family) States() []string {
	if f.states == nil {
		return nil
	}
	return f.states.values
}

// StateValue returns the value of the sample for the state with index i of a series
// whose current state has the given number, which Family.Value returned.
func StateValue(i int, current float64) float64 {
	if float64(i+1) == current {
		return 1
	}
	return 0
}

// AppendStateLabels appends the labels of the sample for the state with index i, in the
// format of AppendLabels.
func (f *Family) AppendStateLabels(b []byte, s *Series, i int) []byte {
	return f.states.layouts[i].append(b, &s.labels)
}

// StateLabels returns an iterator over the labels of the sample for the state with
// index i, including constant ones, sorted by name.
func (f *Family) StateLabels(s *Series, i int) func(yield func(name, value string) bool) {
	return f.states.layouts[i].labels(&s.labels)
}
