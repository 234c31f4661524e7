package series

// A FamilyLabel is a label that all series of a family have.
type FamilyLabel struct {
	Name     string
	Constant bool   // whether it has the same value in all series
	Value    string // if Constant
}

// LabelNames returns the labels of the family's series, sorted by name. If the series
// show states, it lacks the label that shows the state.
func (f *Family) LabelNames() []FamilyLabel {
	labels := make([]FamilyLabel, len(f.layout.pairs))
	for i, p := range f.layout.pairs {
		labels[i] = FamilyLabel{Name: p.name, Constant: p.value < 0, Value: p.constant}
	}
	return labels
}

// ValueBytes returns the total length of the values that Values appends.
func (f *Family) ValueBytes(s *Series) int { return s.labels.valueBytes() }
