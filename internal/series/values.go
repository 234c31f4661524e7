package series

// Values are the label values of a series: those of All that Order picks, in the
// order of the family's labels. So whoever has values in a slice need not copy them
// into the order that each family has.
//
// It goes from hand to hand as a pointer: it is more than fits into registers, and
// copying what was just written stalls the processor.
type Values struct {
	All   []string
	Order []uint8

	// Exemplar, if not nil, is for updates that observe: what is observed can become
	// the exemplar of its bucket. A bucket that has one keeps it for a second; what
	// is not UTF-8, or longer than OpenMetrics allows, has none.
	Exemplar *ExemplarLabels

	// What the store makes of them when it looks for their series.
	hash   uint64 // the lowest bit is zero
	quoted bool   // one of the values has a quote in it
}

// inOrder is the Order that picks everything as it stands.
var inOrder = func() (order [256]uint8) {
	for i := range order {
		order[i] = uint8(i)
	}
	return order
}()

// Plain are the values as they stand.
func Plain(values ...string) *Values { return &Values{All: values, Order: inOrder[:len(values)]} }

// are tells whether all of the values are v.
func (vs *Values) are(v string) bool {
	for _, i := range vs.Order {
		if vs.All[i] != v {
			return false
		}
	}
	return true
}
