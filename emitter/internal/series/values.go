package series

// Values are the label values of a series: those of All that Order picks, in the
// order of the family's labels. So whoever has an event's attributes in a slice
// need not copy them into the order that each family has.
type Values struct {
	All   []string
	Order []uint8
}

// inOrder is the Order that picks everything as it stands.
var inOrder = func() (order [256]uint8) {
	for i := range order {
		order[i] = uint8(i)
	}
	return order
}()

// Plain are the values as they stand.
func Plain(values ...string) Values { return Values{values, inOrder[:len(values)]} }
