package series

// A Notation writes the series of a family as the text formats do, such as
//
//	builds_total{job="unit",pipeline="main"}
//
// It keeps what it wrote before the last value. So it is fastest if consecutive series
// differ only in the value of the last label, as they often do in the order of
// Family.Sorted.
// It is not safe for concurrent use.
type Notation struct {
	layout        *layout
	before, after string // the name with a brace, and what follows the last value, with a space

	// previous are the values of a series that was written earlier, and shared is what
	// precedes the last of them.
	previous *packed
	shared   []byte
}

// Notation returns a Notation of the family's series. The name replaces that of the
// family.
func (f *Family) Notation(name string) *Notation {
	n := &Notation{layout: &f.layout, before: name, after: " "}
	if len(f.layout.pairs) > 0 {
		n.before += "{"
		n.after = f.layout.pieces[len(f.layout.names)] + "} "
	}
	return n
}

// Append appends the name and the labels of the series, and a space.
func (n *Notation) Append(b []byte, s *Series) []byte {
	p := &s.labels
	last, ok := p.last()
	if !ok {
		b = append(b, n.before...)
		b = n.layout.appendValues(b, p)
		return append(b, n.after...)
	}
	if n.previous == nil || !p.sameBeforeLast(n.previous) {
		n.shared = append(n.shared[:0], n.before...)
		n.shared = n.layout.appendBeforeLast(n.shared, p)
		n.previous = p
	}
	b = append(b, n.shared...)
	b = appendValue(b, last, p.escaped)
	return append(b, n.after...)
}
