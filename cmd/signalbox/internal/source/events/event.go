package events

import "github.com/signalbox-ci/signalbox/metric"

// An Event is an event as it was read. It is good until the Decoder reads the next
// one.
type Event struct {
	metric.Event // without Attributes

	// Shape says which attributes the event has, and Values their values in the same
	// order.
	Shape  *Shape
	Values []string

	// expected says that events of the shape have come before.
	expected bool
}

// The fields of an event, as indexes of fieldKeys, in the order in which most clients
// write them.
const (
	fieldName = iota
	fieldValue
	fieldAttributes
	fieldHost
	fieldTime
	noField
)

// fieldKeys are the fields' names as they stand in the JSON.
var fieldKeys = [...]string{`"name":`, `"value":`, `"attributes":`, `"host":`, `"time":`}

// fieldOf returns the field called name, or noField.
func fieldOf(name []byte) int {
	for field, key := range fieldKeys {
		if key[1:len(key)-len(`":`)] == string(name) {
			return field
		}
	}
	return noField
}
