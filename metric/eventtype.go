package metric

import (
	"fmt"

	"code.cloudfoundry.org/lager/v3"
)

// eventTypes holds every event type of this package. It is complete once the
// package's variables are initialised.
var eventTypes []EventType

// An eventType stands for one of the eventTypes: its index plus one. The zero
// is no event type.
type eventType int

// define adds to eventTypes. It is for the initialisation of package variables.
func define(name string, attributes ...string) eventType {
	eventTypes = append(eventTypes, EventType{Name: name, Attributes: attributes})
	return eventType(len(eventTypes))
}

// An eventTable holds the event types of a typed call that has several, by the
// constant that chooses among them.
type eventTable struct {
	chooser string // what the constants are, for errors
	events  []eventType
}

// at returns the event type of a constant, or zero, and an error in the log,
// for a value that is not one.
func (t eventTable) at(logger lager.Logger, constant int) eventType {
	if uint(constant) >= uint(len(t.events)) {
		logger.Error("unknown-event", fmt.Errorf("%w: %s %d, expected one of 0 to %d",
			ErrFailedToEmit, t.chooser, constant, len(t.events)-1))
		return 0
	}
	return t.events[constant]
}
