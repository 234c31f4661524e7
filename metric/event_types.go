package metric

import (
	"fmt"

	"code.cloudfoundry.org/lager/v3"
)

// eventTypes holds every event type of this package. It is complete once the package's
// variables are initialized.
var eventTypes []EventType

// An eventTypeID identifies one of eventTypes: its index plus 1. 0 is not an event
// type.
type eventTypeID int

// define adds an event type to eventTypes. Only initializers of package variables may
// call it.
func define(name string, attributes ...string) eventTypeID {
	eventTypes = append(eventTypes, EventType{Name: name, Attributes: attributes})
	return eventTypeID(len(eventTypes))
}

// An eventTable holds the event types of a typed call that has several, indexed by the
// constants that select them.
type eventTable struct {
	selector string // name for such a constant in errors, such as "collector"
	events   []eventTypeID
}

// at returns the event type that a constant selects. If there is none, it logs an error
// and returns 0.
func (t eventTable) at(logger lager.Logger, constant int) eventTypeID {
	if uint(constant) >= uint(len(t.events)) {
		orDiscard(logger).Error("unknown-event", fmt.Errorf("%w: got %s %d, expected one of 0 to %d",
			ErrFailedToEmit, t.selector, constant, len(t.events)-1))
		return 0
	}
	return t.events[constant]
}
