package payload

import (
	"encoding/json"
	"reflect"
	"strings"
	"sync"

	"github.com/signalbox-ci/signalbox/cmd/signalbox/internal/source/jsonscan"
)

// Most of a payload is not used: of a GitHub job, a decoder reads a tenth. To skip the
// rest with encoding/json, which checks every byte twice, takes most of the time of a
// delivery. So encoding/json gets only the members that it stores.

// members are the names of the members of an object that are stored in a struct, each
// with the members of its own object; nil if its value is used as a whole.
type members map[string]members

// selectMembers returns the JSON object without the members that json.Unmarshal would
// not store in the struct that v points to. It returns the body unchanged if it is not
// an object, or damaged.
func selectMembers(body []byte, v any) []byte {
	s := selection{body: body}
	s.scan.Reset(body)
	if s.scan.Peek() != '{' || s.object(membersOf(reflect.TypeOf(v))) != nil || s.scan.End() != nil {
		return body
	}
	return s.selected
}

// A selection is the state of selectMembers.
type selection struct {
	body     []byte
	scan     jsonscan.Scanner
	selected []byte
}

// object selects members of the object that comes next.
func (s *selection) object(wanted members) error {
	separator := byte('{')
	err := s.scan.Members(func() error {
		name, err := s.scan.Key()
		if err != nil {
			return err
		}
		nested, ok := wanted[string(name)]
		if !ok {
			return s.scan.SkipValue()
		}
		s.selected = append(append(append(s.selected, separator, '"'), name...), '"', ':')
		separator = ','
		if s.scan.Peek() == '{' && nested != nil {
			return s.object(nested)
		}
		start := s.scan.Pos
		err = s.scan.SkipValue()
		s.selected = append(s.selected, s.body[start:s.scan.Pos]...)
		return err
	})
	if separator == '{' {
		s.selected = append(s.selected, '{')
	}
	s.selected = append(s.selected, '}')
	return err
}

var knownMembers sync.Map // of reflect.Type to members

// membersOf returns the members that are stored in a type, or nil if it is neither a
// struct nor a pointer to one, or decodes itself. Their names in tags must need no
// escapes.
func membersOf(t reflect.Type) members {
	if known, ok := knownMembers.Load(t); ok {
		return known.(members)
	}
	stored := members(nil)
	if structure := structOf(t); structure != nil {
		stored = members{}
		for _, f := range reflect.VisibleFields(structure) {
			if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" {
				stored[name] = membersOf(f.Type)
			}
		}
	}
	knownMembers.Store(t, stored)
	return stored
}

// structOf returns the struct that objects are stored in, or nil.
func structOf(t reflect.Type) reflect.Type {
	if t.Kind() != reflect.Pointer {
		t = reflect.PointerTo(t)
	}
	if t.Elem().Kind() != reflect.Struct || t.Implements(reflect.TypeFor[json.Unmarshaler]()) {
		return nil
	}
	return t.Elem()
}
