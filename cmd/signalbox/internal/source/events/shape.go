package events

import (
	"slices"

	"github.com/signalbox-ci/signalbox/metric"
)

// Clients write all events with the same name in the same way: they have the same
// attributes in the same order, mostly with the same values as the previous event.
// Therefore the parser compares the input with the previous event of the same name, and
// parses only the differences.

// A Shape is the name of an event and the names of its attributes, in the order in
// which they are written. The Decoder keeps the shapes of events that it has decoded,
// up to a limit.
type Shape struct {
	metric.EventType // with the attributes in the order in which they are written

	// keys are the names of the attributes as written in JSON: in quotes, with the
	// colon. A name that needs escapes has an empty key.
	keys []string

	// latest are the values of the attributes in the latest event. A value is empty
	// here unless it was a string without escapes.
	latest []string

	// emit and prefetch are the functions that the Sink of the Tally prepared for the
	// shape, or nil.
	emit     func(*metric.Event, []string, *metric.Outcome)
	prefetch func([][]string)

	held bool // whether the Decoder holds events for which prefetch was not called
}

const (
	// maxShapeAttributes is the maximum number of attributes in all kept shapes, where
	// each shape counts as one more. It is several times the number that the events of
	// a CI system have, and limits the memory for shapes to about a megabyte.
	maxShapeAttributes = 4096

	// maxShapesPerName is the maximum number of shapes for one name. With more, guesses
	// would usually be wrong.
	maxShapesPerName = 4
)

// shapes are the shapes that a parser keeps. The zero value is ready to use.
type shapes struct {
	byName     map[string][]*Shape // the latest shape first
	attributes int                 // counted as for maxShapeAttributes
	guessed    *Shape              // the shape of the latest event
}

// guess returns the shape that an event with the name probably has. It returns nil if
// no shape with the name is kept.
func (ss *shapes) guess(name []byte) *Shape {
	if ss.guessed == nil || ss.guessed.Name != string(name) {
		ss.guessed = nil
		if candidates := ss.byName[string(name)]; len(candidates) > 0 {
			ss.guessed = candidates[0]
		}
	}
	return ss.guessed
}

// find returns the shape with the name and attributes, or nil.
func (ss *shapes) find(name string, attributes []string) *Shape {
	candidates := ss.byName[name]
	for i, s := range candidates {
		if slices.Equal(s.Attributes, attributes) {
			candidates[0], candidates[i] = s, candidates[0]
			ss.guessed = s
			return s
		}
	}
	return nil
}

// keep adds a shape and returns it. It returns nil if the name has too many shapes, or
// if the shape is too large.
func (ss *shapes) keep(name string, attributes []string) *Shape {
	isLong := func(text string) bool { return len(text) > maxTextBytes }
	size := 1 + len(attributes)
	if len(ss.byName[name]) == maxShapesPerName || isLong(name) || slices.ContainsFunc(attributes, isLong) || size > maxShapeAttributes {
		return nil
	}
	if ss.byName == nil || ss.attributes+size > maxShapeAttributes {
		// Starting over is cheaper than tracking which shapes are in use.
		*ss = shapes{byName: make(map[string][]*Shape)}
	}
	s := &Shape{
		EventType: metric.EventType{Name: name, Attributes: slices.Clone(attributes)},
		keys:      make([]string, len(attributes)),
		latest:    make([]string, len(attributes)),
	}
	for i, attribute := range attributes {
		if isPlain(attribute) {
			s.keys[i] = `"` + attribute + `":`
		}
	}
	ss.byName[name] = append([]*Shape{s}, ss.byName[name]...)
	ss.attributes += size
	ss.guessed = s
	return s
}

// isPlain reports whether text needs no escapes in JSON.
func isPlain(text string) bool {
	for _, c := range []byte(text) {
		if c < ' ' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}
