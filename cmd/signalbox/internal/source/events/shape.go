package events

import (
	"slices"

	"github.com/signalbox-ci/signalbox/metric"
)

// A sender writes all events with the same name alike: the same attributes in the same
// order, mostly with the values of the previous event. So the parser compares the input
// with what it expects, and parses only what differs.

// A Shape describes how events with a name are written. The Decoder keeps the shapes of
// the events that it has decoded, within a limit.
type Shape struct {
	metric.EventType // attributes in the order in which they are written

	// keys are the names of the attributes as written in JSON: in quotes, with the
	// colon. A name that needs escapes has an empty key.
	keys []string

	// latest are the values of the attributes in the latest event. Values that were not
	// strings without escapes are empty.
	latest []string

	// These fields belong to the Tally: emit is the function that the Sink prepared for
	// the shape, or nil; known reports whether the Sink knows the name.
	emit  func(*metric.Event, []string)
	known bool
}

const (
	// maxShapeAttributes is the maximum number of attributes in all shapes that are
	// kept, where each shape counts as one more. It is several times what the events of
	// a CI system have, and limits the memory for shapes to about a megabyte.
	maxShapeAttributes = 4096

	// maxWays is the maximum number of shapes for one name. With more, guessing the
	// shape is not worthwhile.
	maxWays = 4
)

// shapes are the shapes that a parser keeps. The zero value is ready to use.
type shapes struct {
	byName     map[string][]*Shape // latest first
	attributes int                 // as maxShapeAttributes counts them
	guessed    *Shape              // the shape of the latest event
}

// guess returns the shape that an event with the name probably has, or nil.
func (ss *shapes) guess(name []byte) *Shape {
	if ss.guessed == nil || ss.guessed.Name != string(name) {
		ss.guessed = nil
		if ways := ss.byName[string(name)]; len(ways) > 0 {
			ss.guessed = ways[0]
		}
	}
	return ss.guessed
}

// find returns the shape with the name and attributes, or nil.
func (ss *shapes) find(name string, attributes []string) *Shape {
	ways := ss.byName[name]
	for i, s := range ways {
		if slices.Equal(s.Attributes, attributes) {
			ways[0], ways[i] = s, ways[0]
			ss.guessed = s
			return s
		}
	}
	return nil
}

// keep keeps a new shape and returns it, or returns nil if there are too many.
func (ss *shapes) keep(name string, attributes []string) *Shape {
	isLong := func(text string) bool { return len(text) > maxTextBytes }
	size := 1 + len(attributes)
	if len(ss.byName[name]) == maxWays || isLong(name) || slices.ContainsFunc(attributes, isLong) || size > maxShapeAttributes {
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
