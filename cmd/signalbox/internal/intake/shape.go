package intake

import (
	"slices"

	"github.com/signalbox-ci/signalbox/metric"
)

// What sends events writes all of one name alike: the same attributes in the same
// order, and in most of them what it wrote the last time. So the parser expects
// just that, and compares; only where it was mistaken it has to find out.

// A Shape is how events of a name are written. The Decoder keeps those that it has
// seen, as long as there is room.
type Shape struct {
	metric.EventType // in the order in which they are written

	// keys are the attributes' names as they stand in the JSON: in quotes, and
	// with the colon. Empty for one that is not written plainly.
	keys []string

	// latest are the attributes' values in the latest event, those that were
	// written plainly as strings; empty for the others.
	latest []string

	other *Shape // another way of writing events of the name

	// What a Tally knows of it: what its events go to, and whether their name is
	// known there. emit is nil until it is prepared.
	emit  func(*Event)
	known bool
}

const (
	// maxShapes is how many shapes are kept: several times what a CI system
	// has events.
	maxShapes = 1024

	// maxWays is how many shapes an event of one name may have. One that has
	// more is not worth guessing at.
	maxWays = 4
)

// shapes are the shapes that a parser has seen. The zero value is ready to use.
type shapes struct {
	byName  map[string]*Shape
	count   int
	guessed *Shape // the shape of the latest event
}

// guess is the shape that an event of the name probably has, or nil.
func (ss *shapes) guess(name []byte) *Shape {
	if ss.guessed == nil || ss.guessed.Name != string(name) {
		ss.guessed = ss.byName[string(name)]
	}

	return ss.guessed
}

// find returns the shape with the name and attributes, or nil, and how many others
// the name has.
func (ss *shapes) find(name string, attributes []string) (s *Shape, others int) {
	for s = ss.byName[name]; s != nil; s = s.other {
		if slices.Equal(s.Attributes, attributes) {
			ss.guessed = s
			return s, others
		}
		others++
	}

	return nil, others
}

// keep keeps a new shape and returns it, or nil if it is not worth that.
func (ss *shapes) keep(name string, attributes []string, others int) *Shape {
	isLong := func(text string) bool { return len(text) > maxTextBytes }
	if others == maxWays || isLong(name) || slices.ContainsFunc(attributes, isLong) {
		return nil
	}
	if ss.byName == nil || ss.count == maxShapes {
		// Starting over is cheaper than knowing which are in use.
		*ss = shapes{byName: make(map[string]*Shape)}
	}
	s := &Shape{
		EventType: metric.EventType{Name: name, Attributes: slices.Clone(attributes)},
		keys:      make([]string, len(attributes)),
		latest:    make([]string, len(attributes)),
		other:     ss.byName[name],
	}
	for i, attribute := range attributes {
		if isPlain(attribute) {
			s.keys[i] = `"` + attribute + `":`
		}
	}
	ss.byName[name], ss.guessed = s, s
	ss.count++

	return s
}

// isPlain tells whether JSON may write the text as it is.
func isPlain(text string) bool {
	for _, c := range []byte(text) {
		if c < ' ' || c == '"' || c == '\\' {
			return false
		}
	}

	return true
}
