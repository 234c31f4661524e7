package series

import "strings"

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

// AppendValues appends the values of the series' labels to dst, in the order of
// LabelNames, without those of constant labels. The values of a series never change.
func (f *Family) AppendValues(dst []string, s *Series) []string {
	return f.layout.values(dst, s.labels)
}

// ValueBytes returns the total length of the values that AppendValues appends.
func (f *Family) ValueBytes(s *Series) (n int) {
	if strings.IndexByte(s.labels, '\\') >= 0 {
		var array [8]string
		for _, v := range f.AppendValues(array[:0], s) {
			n += len(v)
		}
		return n
	}
	n = len(s.labels)
	for _, piece := range f.layout.pieceLens {
		n -= piece
	}
	return n
}
