package series

// Values are the label values of a series: the elements of All that Order selects, in
// the order of the family's labels. So a caller that has the values in one slice can
// update several families without copying the values into the order of each.
//
// Functions pass it as a pointer: it does not fit into registers, and copying memory
// that was just written stalls the processor.
type Values struct {
	All   []string
	Order []uint8

	// Exemplar, if not nil, lets an observation become the exemplar of its bucket. A
	// bucket keeps an exemplar for at least a second. The observation does not become
	// an exemplar if the label values of the exemplar are all empty, contain NUL, are not
	// valid UTF-8, or are longer than OpenMetrics allows.
	Exemplar *ExemplarLabels

	// The store computes these to look up the series.
	hash    uint64
	lengths uint64 // of the first eight values, a byte each; only valid if short
	short   bool   // only true if there are 1 to 8 values, each shorter than longLength
}

// inOrder is the identity Order.
var inOrder = func() (order [256]uint8) {
	for i := range order {
		order[i] = uint8(i)
	}
	return order
}()

// Plain returns Values that consist of all values, in the given order.
func Plain(values ...string) *Values { return &Values{All: values, Order: inOrder[:len(values)]} }

// allEqual reports whether all of the values are v.
func (vs *Values) allEqual(v string) bool {
	for _, i := range vs.Order {
		if vs.All[i] != v {
			return false
		}
	}
	return true
}
