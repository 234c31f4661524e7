package events

import (
	"slices"

	"github.com/signalbox-ci/signalbox/metric"
)

// What sends events writes all of one name alike: the same attributes in the same
// order, and in most of them what it wrote the last time. So the parser expects just
// that, and compares; only where it was mistaken it has to find out.

// A Shape is how events of a name are written. The Decoder keeps those that it has
// seen, as long as there is room.
type Shape struct {
	metric.EventType // in the order in which they are written

	// keys are the attributes' names as they stand in the JSON: in quotes, and with the
	// colon. Empty for one that is not written plainly.
	keys []string

	// latest are the attributes' values in the latest event, those that were written
	// plainly as strings; empty for the others.
	latest []string

	// What a Tally knows of it: what its events go to, and whether their name is
	// known there. emit is nil until it is prepared.
	emit  func(*metric.Event, []string)
	known bool
}

const (
	// maxShapeAttributes is how many attributes the shapes that are kept may have in
	// all, with one more for each shape: several times what a CI system's events have.
	// It bounds what the shapes take up at about a megabyte.
	maxShapeAttributes = 4096

	// maxWays is how many shapes events of one name may have. One that has more is not
	// worth guessing at.
	maxWays = 4
)

// shapes are the shapes that a parser has seen. The zero value is ready to use.
type shapes struct {
	byName     map[string][]*Shape // of the shapes of a name the latest comes first
	attributes int                 // as maxShapeAttributes counts them
	guessed    *Shape              // the shape of the latest event
}

// guess is the shape that an event of the name probably has, or nil.
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

// keep keeps a new shape and returns it, or nil if it is not worth that.
func (ss *shapes) keep(name string, attributes []string) *Shape {
	isLong := func(text string) bool { return len(text) > maxTextBytes }
	size := 1 + len(attributes)
	if len(ss.byName[name]) == maxWays || isLong(name) || slices.ContainsFunc(attributes, isLong) || size > maxShapeAttributes {
		return nil
	}
	if ss.byName == nil || ss.attributes+size > maxShapeAttributes {
		// Starting over is cheaper than knowing which are in use.
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

// isPlain reports whether JSON may write the text as it is.
func isPlain(text string) bool {
	for _, c := range []byte(text) {
		if c < ' ' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}
