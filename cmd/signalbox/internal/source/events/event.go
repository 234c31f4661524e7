package events

import "github.com/signalbox-ci/signalbox/metric"

// An Event is a decoded event. It is valid until the function that the Decoder calls
// with it returns.
type Event struct {
	metric.Event // without Attributes

	// Line is the number of the line on which the event begins, from 1, and Element is
	// the number of the event in its array, from 1, or 0 if it is not in an array.
	Line, Element int

	// ID identifies the event among all events. It is empty if the event has none.
	ID []byte

	// Shape contains the names of the event's attributes, and Values the values in the
	// same order.
	Shape  *Shape
	Values []string

	// repeated reports whether an earlier event had the same shape.
	repeated bool
}

// The fields of an event, as indexes into fieldKeys, in the order in which most clients
// write them.
const (
	fieldName = iota
	fieldValue
	fieldAttributes
	fieldHost
	fieldTime
	fieldID
	noField
)

// fieldKeys are the names of the fields as written in JSON.
var fieldKeys = [...]string{`"name":`, `"value":`, `"attributes":`, `"host":`, `"time":`, `"id":`}

// fieldOf returns the field with the name, or noField.
func fieldOf(name []byte) int {
	for field, key := range fieldKeys {
		if key[1:len(key)-len(`":`)] == string(name) {
			return field
		}
	}
	return noField
}
